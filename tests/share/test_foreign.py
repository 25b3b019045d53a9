"""What a public authority tells in STIX of its own is taken in, in shadow, as far as it can be looked for."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.errors import ShareError
from stillwatch.share import foreign
from stillwatch.share.answers import sighting
from stillwatch.share.exchange import Exchange
from stillwatch.share.leads import Seen

AGENCY = "Example Cyber Agency"
TODAY = date(2026, 5, 20)
stix2 = pytest.importorskip("stix2")


def bundle(**change: Any) -> dict[str, Any]:
    """An advisory as an authority writes it with stix2, by the library's own classes."""
    agency = stix2.Identity(name=change.pop("maker", AGENCY), identity_class="organization")
    technique = stix2.AttackPattern(
        name="Extract AI Model",
        external_references=[{"source_name": "mitre-atlas", "external_id": "AML.T0024.002"}],
    )
    fields = {"created_by_ref": agency.id, "pattern_type": "stix", "valid_from": "2026-05-01T00:00:00Z"}
    indicators = [
        stix2.Indicator(pattern=pattern, valid_until="2026-06-01T00:00:00Z", **fields)
        for pattern in (
            "[ipv4-addr:value ISSUBSET '203.0.113.0/24']", "[autonomous-system:number = 64500]",
            "[ipv4-addr:value = '198.51.100.7']", "[domain-name:value = 'example.org']",
        )
    ]  # fmt: skip
    about = {
        "name": "Fraudulent network provider", "description": "Sells access to models.", "created_by_ref": agency.id,
        "first_seen": "2026-04-01T00:00:00Z", "confidence": 85, "object_marking_refs": [stix2.TLP_GREEN.id],
    }  # fmt: skip
    main = stix2.Campaign(**{**about, **change})
    made = stix2.Bundle(agency, technique, *indicators, main, stix2.TLP_GREEN)
    return dict(json.loads(made.serialize()))


def taken(told: dict[str, Any]) -> foreign.Taken:
    return foreign.read(json.dumps(told).encode(), AGENCY)


def seen() -> list[Seen]:
    rows = [Seen(account=f"in-{n}", day=TODAY, ip="203.0.113.9", asn=64501) for n in range(6)]
    return rows + [Seen(account=f"out-{n}", day=TODAY, ip="192.0.2.1", asn=64501) for n in range(60)]


def test_networks_techniques_marking_and_likelihood_are_read_and_the_rest_is_said() -> None:
    (one,) = taken(bundle()).bulletins
    assert [held.value for held in one.ranges] == ["203.0.113.0/24", "AS64500"]
    assert (one.atlas, one.marking, one.probability, one.confidence) == (["AML.T0024.002"], "green", 85, 30)
    assert one.first_seen == date(2026, 4, 1)
    left = taken(bundle()).left
    assert len(left) == 2  # the single address, and the domain
    assert all("neither one network" in told for told in left)


def test_it_runs_in_shadow_is_looked_for_and_answered_about_the_authoritys_own_object(tmp_path: Path) -> None:
    told = bundle()
    got, exchange = taken(told), Exchange(tmp_path)
    (outcome,) = exchange.take(got.bulletins, "agency", AGENCY, got.about)
    assert outcome.became == "new", outcome
    (looked,) = exchange.look(seen, None, TODAY)
    assert {lead.account for lead in looked.leads} == {f"in-{n}" for n in range(6)}
    (campaign,) = (one for one in told["objects"] if one["type"] == "campaign")
    back = sighting(looked, "Example Lab", datetime(2026, 5, 20, tzinfo=UTC))
    assert back[-1]["sighting_of_ref"] == campaign["id"]
    assert exchange.take(got.bulletins, "agency", AGENCY, got.about)[0].became == "same"


def test_a_revocation_of_the_authority_undoes_it(tmp_path: Path) -> None:
    told, exchange = bundle(), Exchange(tmp_path)
    first = taken(told)
    exchange.take(first.bulletins, "agency", AGENCY, first.about)
    exchange.look(seen, None, TODAY)
    (campaign,) = (one for one in told["objects"] if one["type"] == "campaign")
    campaign |= {"revoked": True, "modified": "2030-01-01T00:00:00.000Z"}
    again = taken(told)
    (outcome,) = exchange.take(again.bulletins, "agency", AGENCY, again.about)
    assert (outcome.became, outcome.undone) == ("revoked", 6)


def test_nobody_speaks_in_the_authoritys_name() -> None:
    with pytest.raises(ShareError, match="`created_by_ref` is not `Example Cyber Agency`"):
        taken(bundle(maker="Mallory"))


def test_what_is_unmarked_is_held_narrowly_and_what_is_personal_is_left_out() -> None:
    told = bundle(description="Ask jane@example.com.", object_marking_refs=[])
    got = taken(told)
    assert (got.bulletins[0].marking, got.bulletins[0].description) == ("amber+strict", "")
    assert any("`description` holds what looks personal" in one for one in got.left)


def test_a_damaged_object_is_left_out_by_name() -> None:
    told = bundle()
    (campaign,) = (one for one in told["objects"] if one["type"] == "campaign")
    del campaign["name"]
    got = taken(told)
    assert got.bulletins == []
    assert f"{campaign['id']}: `name` is missing or wrong" in got.left


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused_and_never_crash(data: bytes) -> None:
    with pytest.raises(ShareError):
        foreign.read(data, AGENCY)
