"""What peers tell runs in shadow, is recomputed here, and is undone when it is revoked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from tests.share.conftest import RANGES, a_case, an_entry
from tests.share.test_families import FRAME, GROUP, published, words

from stillwatch.errors import ShareError
from stillwatch.model.bulletin import Bulletin
from stillwatch.share.answers import bundle, opinion, sighting
from stillwatch.share.compose import compose, revoke
from stillwatch.share.exchange import Exchange
from stillwatch.share.families import Matcher
from stillwatch.share.formats._objects import EXTENSION, schema
from stillwatch.share.leads import CAP_BITS, Seen

TODAY = date(2026, 5, 20)


@pytest.fixture
def told() -> Bulletin:
    """A bulletin with a family that can be matched."""
    family = published().family
    assert family is not None
    entry = an_entry()
    return compose(entry, a_case(entry), producer="Other Lab", families=[family], ranges=RANGES)


@pytest.fixture
def exchange(tmp_path: Path) -> Exchange:
    return Exchange(tmp_path / "share")


def traffic() -> Iterator[Seen]:
    """Six accounts with the family, two of them from a told range, and 60 honest ones, one of them from there too."""
    for n in range(6):
        prompt = FRAME.format(words(n, 10), words(n, 50))
        yield Seen(account=f"bad-{n}", day=TODAY, ip="203.0.113.9" if n < 2 else None, asn=64500, prompt=prompt)
    for n in range(60):
        yield Seen(account=f"good-{n}", day=TODAY, ip="198.51.100.7", asn=64500, prompt=words(9000 + n, 60))


def test_an_import_points_at_accounts_in_shadow_and_recomputes_the_bits_here(
    exchange: Exchange, told: Bulletin
) -> None:
    (outcome,) = exchange.take([told], "peer-b", "Other Lab")
    assert outcome.became == "new"
    (looked,) = exchange.look(traffic, GROUP, TODAY)
    assert [one.account for one in looked.leads] == ["bad-0", "bad-1", "bad-2", "bad-3", "bad-4", "bad-5"]
    assert all(one.shadow for one in looked.leads)
    assert looked.leads[0].bits > looked.leads[5].bits > 3
    assert max(one.bits for one in looked.leads) <= CAP_BITS


def test_shared_egress_alone_points_at_nobody(exchange: Exchange, told: Bulletin) -> None:
    exchange.take([msgspec.structs.replace(told, families=[], ranges=[RANGES[2]])], "peer-b", "Other Lab")
    assert exchange.look(traffic, GROUP, TODAY)[0].leads == []


def test_what_everybody_here_matches_says_nothing(exchange: Exchange, told: Bulletin) -> None:
    common = msgspec.structs.replace(RANGES[0], value="198.51.100.0/24")
    exchange.take([msgspec.structs.replace(told, families=[], ranges=[common])], "peer-b", "Other Lab")
    assert exchange.look(traffic, GROUP, TODAY)[0].leads == []


def test_a_range_that_has_run_out_is_not_looked_for(exchange: Exchange, told: Bulletin) -> None:
    exchange.take([msgspec.structs.replace(told, families=[])], "peer-b", "Other Lab")
    assert len(exchange.look(traffic, GROUP, date(2026, 5, 31))[0].leads) == 2
    assert exchange.look(traffic, GROUP, date(2026, 6, 1))[0].leads == []


def test_a_revocation_undoes_every_effect_and_is_for_good(exchange: Exchange, told: Bulletin) -> None:
    exchange.take([told], "peer-b", "Other Lab")
    exchange.look(traffic, GROUP, TODAY)
    assert len(exchange.leads()) == 6
    taken = revoke(told, told.modified + timedelta(1), "It was one customer.")
    (outcome,) = exchange.take([taken], "peer-b", "Other Lab")
    assert (outcome.became, outcome.undone) == ("revoked", 6)
    assert exchange.leads() == {}
    assert exchange.look(traffic, GROUP, TODAY) == []
    newer = msgspec.structs.replace(told, modified=told.modified + timedelta(9))
    assert exchange.take([newer], "peer-b", "Other Lab")[0].became == "refused"


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"producer": "Example Lab"}, "`producer`"),
        ({"note": "ask jane@example.com"}, "`note`: holds an e-mail"),
        ({"id": "../../../etc/passwd"}, "`id`"),
        ({"ranges": [msgspec.structs.replace(RANGES[0], value="203.0.113.7")]}, "`ranges.0.value`"),
    ],
)
def test_what_a_peer_may_not_say_is_refused_whole(
    exchange: Exchange, told: Bulletin, change: dict[str, object], rule: str
) -> None:
    (outcome,) = exchange.take([msgspec.structs.replace(told, **change)], "peer-b", "Other Lab")
    assert outcome.became == "refused"
    assert rule in outcome.because
    assert exchange.all() == []


def test_nothing_is_applied_twice_and_nothing_old_comes_back(exchange: Exchange, told: Bulletin) -> None:
    newer = msgspec.structs.replace(told, modified=told.modified + timedelta(1), note="More.")
    assert [exchange.take([one], "b", "Other Lab")[0].became for one in (told, told, newer, told)] == [
        "new", "same", "newer", "refused"
    ]  # fmt: skip
    assert exchange.all()[0].bulletin == newer


def test_another_producer_cannot_take_over_a_bulletin(exchange: Exchange, told: Bulletin) -> None:
    exchange.take([told], "peer-b", "Other Lab")
    stolen = msgspec.structs.replace(told, producer="Third Lab", modified=told.modified + timedelta(1))
    (outcome,) = exchange.take([stolen], "peer-c", "Third Lab")
    assert "another producer" in outcome.because


def test_a_sighting_goes_back_with_rounded_counts_and_no_names(exchange: Exchange, told: Bulletin) -> None:
    stix2 = pytest.importorskip("stix2")
    exchange.take([told], "peer-b", "Other Lab")
    (looked,) = exchange.look(traffic, GROUP, TODAY)
    objects = sighting(looked, "Example Lab", datetime(2026, 5, 20, tzinfo=UTC))
    parsed = stix2.parse({**objects[1]}, allow_custom=False)
    assert (parsed.type, parsed.count) == ("sighting", 6)
    own = objects[1]["extensions"][EXTENSION]
    assert (own["accounts"], own["weeks"]) == (6, [{"week": "2026-W21", "exchanges": 6}])
    validator = pytest.importorskip("stix2validator")
    told_ = bundle(objects)
    assert not validator.validate_string(told_.decode(), validator.ValidationOptions(silent=True)).errors
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator(schema()).validate(own)
    assert "bad-" not in str(objects)
    assert sighting(msgspec.structs.replace(looked, leads=looked.leads[:4]), "Example Lab", datetime.now(UTC)) == []


def test_who_disagrees_says_so_and_takes_nothing_back(told: Bulletin) -> None:
    stix2 = pytest.importorskip("stix2")
    now = datetime(2026, 5, 20, tzinfo=UTC)
    _, one = opinion(told, "Example Lab", "disagree", "The accounts are a course of ours.", now)
    assert stix2.parse(one, allow_custom=False).opinion == "disagree"
    with pytest.raises(ShareError, match="`note` holds an e-mail"):
        opinion(told, "Example Lab", "disagree", "ask jane@example.com", now)
    with pytest.raises(ShareError, match="no opinion"):
        opinion(told, "Example Lab", "maybe", "x", now)


def test_matchers_of_two_weeks_work_together(told: Bulletin) -> None:
    later = published(epoch="2026-W21").family
    assert later is not None
    assert len(Matcher([*told.families, later], GROUP).match(FRAME.format(words(1, 9), words(2, 9)))) == 2


def test_a_version_that_points_at_the_same_keeps_the_leads(exchange: Exchange, told: Bulletin) -> None:
    exchange.take([told], "peer-b", "Other Lab")
    (looked,) = exchange.look(traffic, GROUP, TODAY)
    exchange.hunted([told.id], "/cases/c")
    newer = msgspec.structs.replace(told, note="A remark.", modified=told.modified + timedelta(1))
    (outcome,) = exchange.take([newer], "peer-b", "Other Lab")
    assert (outcome.became, outcome.undone, outcome.cases) == ("newer", 0, [])
    held = exchange.find(told.id)
    assert (held.leads, held.looked_at, held.cases) == (looked.leads, looked.looked_at, ["/cases/c"])
    narrower = msgspec.structs.replace(newer, ranges=[], modified=told.modified + timedelta(2))
    (outcome,) = exchange.take([narrower], "peer-b", "Other Lab")
    assert (outcome.undone, outcome.cases) == (len(looked.leads), ["/cases/c"])
    assert exchange.find(told.id).leads == []


def test_a_dispute_needs_its_reason(told: Bulletin) -> None:
    with pytest.raises(ShareError, match="a dispute needs its reason"):
        opinion(told, "Example Lab", "disagree", " ", told.modified)
