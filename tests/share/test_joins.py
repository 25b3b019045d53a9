"""One's own bulletin and a peer's about one operation are joined by a person, and never by themselves."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.share.conftest import FAMILY, a_case, an_entry

from stillwatch.errors import ShareError
from stillwatch.model.bulletin import Bulletin, Range
from stillwatch.share.compose import compose
from stillwatch.share.exchange import Imported
from stillwatch.share.joins import Joins, propose
from stillwatch.share.joint import by_week, joint
from stillwatch.share.leads import Lead
from stillwatch.share.log import Log

AT = datetime(2026, 5, 20, tzinfo=UTC)
OWN_NET = ("203.0.113.0/24", "198.51.100.0/24")


def a_bulletin(producer: str, *nets: str, egress: bool = False, **change: Any) -> Bulletin:
    ranges = [Range(value=net, accounts=5, frequency=0.0, shared_egress=egress, valid_until=date(2026, 5, 31))
              for net in nets]  # fmt: skip
    made = compose(an_entry(), a_case(an_entry()), producer=producer, ranges=ranges)
    return msgspec.structs.replace(made, **change)


def told(bulletin: Bulletin, leads: int = 0) -> Imported:
    found = [Lead(account=f"a{n}", bits=5.0, by=["203.0.113.0/24"], exchanges=9, weeks={"2026-W20": 9})
             for n in range(leads)]  # fmt: skip
    return Imported(bulletin=bulletin, digest="", peer="b", at=AT, leads=found)


def test_what_has_networks_or_families_in_common_is_proposed_and_not_joined() -> None:
    mine = a_bulletin("Example Lab", *OWN_NET, families=[FAMILY])
    theirs = a_bulletin("Other Lab", OWN_NET[0], "192.0.2.0/24", families=[msgspec.structs.replace(FAMILY, id="f-x")])
    (one,) = propose([mine], [told(theirs)], [])
    assert (one.own, one.told, one.producer) == (mine.id, theirs.id, "Other Lab")
    assert one.because == [
        "1 network in common, of 2 and 2: 203.0.113.0/24",
        f"family {FAMILY.id} has 12 of 12 fingerprints of f-x",
    ]
    assert len(joint([mine], [told(theirs)], [], "Example Lab")) == 2


@pytest.mark.parametrize(
    "theirs",
    [
        a_bulletin("Other Lab", "192.0.2.0/24", "AS64500"),
        a_bulletin("Other Lab", *OWN_NET, egress=True),
        a_bulletin("Other Lab", *OWN_NET, first_seen=date(2026, 7, 1), last_seen=date(2026, 7, 9)),
        a_bulletin("Other Lab", *OWN_NET, revoked=True),
        a_bulletin("Other Lab", families=[msgspec.structs.replace(FAMILY, epoch="2026-W21")]),
        a_bulletin("Other Lab", families=[msgspec.structs.replace(FAMILY, marks=["f" * 16])]),
    ],
)
def test_what_has_nothing_telling_in_common_is_not(theirs: Bulletin) -> None:
    mine = a_bulletin("Example Lab", *OWN_NET, "AS64500", families=[FAMILY])
    assert propose([mine], [told(theirs)], []) == []


def test_what_a_person_joined_is_one_operation_until_it_is_parted(tmp_path: Path) -> None:
    mine, theirs = a_bulletin("Example Lab", *OWN_NET), a_bulletin("Other Lab", *OWN_NET)
    held = [told(theirs, leads=7)]
    joins = Joins(tmp_path)
    assert joins.join(mine.id, theirs.id, "Ada", AT) == joins.join(mine.id, theirs.id, "Bo", AT)
    assert propose([mine], held, joins.all()) == []
    (one,) = joint([mine], held, [], "Example Lab", joins.all())
    assert one.joined == [theirs.id]
    assert [(side.organisation, side.how) for side in one.sides] == [
        ("Example Lab", "found it"), ("Other Lab", "found it")
    ]  # fmt: skip
    assert by_week([one])["2026-W19"] == {"Example Lab": 860, "Other Lab": 860}
    gone = [told(msgspec.structs.replace(theirs, revoked=True))]
    assert [bool(one.revoked) for one in joint([mine], gone, [], "Example Lab", joins.all())] == [False, True]
    joins.part(mine.id, theirs.id, "Ada", AT)
    assert len(joint([mine], held, [], "Example Lab", joins.all())) == 2
    with pytest.raises(ShareError, match="not joined"):
        joins.part(mine.id, theirs.id, "Ada", AT)
    assert [line.did for line in Log(tmp_path).lines()] == ["joined", "parted"]


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "joins.json").write_text("{")
    with pytest.raises(ShareError, match="the joins are damaged"):
        Joins(tmp_path).all()
