"""What peers told proposes groups and lets in nobody by itself: every bit is the log's own."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest
from tests.hunt.test_join import pool
from tests.share.conftest import a_case, an_entry

from stillwatch.errors import UsageError
from stillwatch.hunt import told
from stillwatch.hunt.decide import PEERS, Decided, _pointed_at, _told
from stillwatch.hunt.join import Joined, join
from stillwatch.judge.examine import TOLD_SHARE, Told, _gain
from stillwatch.judge.pointed import pointed
from stillwatch.model.traces import Traces
from stillwatch.share.compose import compose
from stillwatch.share.exchange import Exchange, Imported
from stillwatch.share.leads import Lead


def joined(town: Any, traces: Traces, *pointed: Told, fdr: float = 0.05) -> Joined:
    closely = lambda linked: town.closely(sample=np.flatnonzero(~linked).astype(np.int32))  # noqa: E731
    return join(traces, fdr, closely, told=pointed)


def pointing(members: Any, *aside: str, label: str = "Other Lab") -> Told:
    return Told(members=np.array(sorted(members), np.int32), aside=frozenset(aside), label=label)


def pairs(town: Any) -> Traces:
    """A gang of twelve of whom no five hold one thing: no view of one's own proposes them."""
    return town.traces(payment=pool(values=3), ip=pool(base=70, values=3), device=pool(base=300, values=4))


def test_a_gang_that_no_view_proposes_is_found_when_a_peer_points_at_it(town: Any) -> None:
    traces = pairs(town)
    assert joined(town, traces).settled == []
    found = joined(town, traces, pointing(town.gang, "repertoire"))
    (group,) = found.settled
    assert group.members.tolist() == town.gang.tolist()
    (line,) = _told(found, group)
    assert (line.view, line.bits) == (PEERS, 0.0)
    assert "Other Lab points at 12 owners, of whom 12 are in the group, and proposed it" in line.because


def test_three_who_hold_together_are_left_to_a_person_and_in_no_finding(town: Any) -> None:
    traces, out = pairs(town), Decided()
    found = joined(town, traces, pointing([0, 3, 6, 9, 40, 45], "repertoire"))  # four share a purse
    assert found.settled == []
    _pointed_at(traces, found, out)
    (one,) = out.undecided
    assert one.accounts.tolist() == [0, 3, 6, 9]
    assert one.missing.startswith("5 owners (there are 4): Other Lab points at them, and most are tied by ")
    assert out.drafts == []


def test_strangers_at_whom_a_peer_points_are_left_alone(town: Any) -> None:
    for seed in range(20):
        some = np.random.default_rng(seed).choice(town.others, 12, replace=False)
        assert joined(town, pairs(town), pointing(some)).settled == []


def test_what_they_were_looked_up_by_does_not_weigh_them(town: Any) -> None:
    found = joined(town, pairs(town), pointing(town.gang, "payment", "network", "signup"))
    assert found.proposals.total[-1] == 0
    assert found.settled == []


def test_a_flood_of_pointing_costs_ones_own_findings_a_third_of_a_bit(town: Any) -> None:
    traces = town.traces(payment=pool(), ip=pool(base=7), device=pool(base=3, values=1))
    rng = np.random.default_rng(0)
    flood = [pointing(rng.choice(town.others, 8, replace=False), label=f"peer {n}") for n in range(told.MOST)]
    (group,) = joined(town, traces, *flood).settled
    assert group.members.tolist() == town.gang.tolist()
    assert _told(joined(town, traces, *flood), group) == []


@pytest.mark.parametrize(("own", "pointed"), [(100, 1), (100, 100), (3, 60), (0, 4), (7, 0)])
def test_the_error_budget_is_laid_and_not_made_larger(own: int, pointed: int) -> None:
    weights = np.exp2(_gain(own, pointed))
    assert weights.mean() == pytest.approx(1.0)
    if own and pointed:
        assert weights[own:].sum() >= TOLD_SHARE * (own + pointed) - 1e-9
    else:
        assert (weights == 1).all()


class Fixed:
    """A view that gives everybody the bits that a test says."""

    def __init__(self, bits: dict[int, float]) -> None:
        self.bits = bits
        self.view, self.sight = SimpleNamespace(CAP=20.0, ADMITS=True, LATE=False, WITHIN=""), self

    def admit(self, members: Any, candidates: Any) -> Any:
        return np.array([self.bits.get(int(one), -1.0) for one in candidates])


MEMBERS, NOBODY = np.arange(12, dtype=np.int32), np.zeros(200, bool)


def let_in(looks: Any, *told: Told, members: Any = MEMBERS, taken: Any = NOBODY) -> dict[str, list[int]]:
    return {name: held.tolist() for name, held in pointed(looks, members, told, taken).items()}


def test_pointing_lets_in_who_has_two_ties_of_ones_own_and_nobody_else() -> None:
    looks: Any = {
        "payment": Fixed({100: 3.0, 101: 9.0, 102: 3.0, 103: 3.0}), "network": Fixed({100: 3.5, 103: 3.5}),
        "repertoire": Fixed({100: 3.0, 101: 1.0, 102: 0.5, 104: 9.0}),
    }  # fmt: skip
    taken = NOBODY.copy()
    taken[103] = True
    one = pointing([*range(6), 100, 101, 102, 103, 104], "repertoire")
    assert let_in(looks, one, taken=taken) == {"Other Lab": [100]}  # 103 belongs to others
    elsewhere = pointing([100, 101, 102, 150, 151, 152], "repertoire")
    assert let_in(looks, elsewhere) == {}
    assert let_in(looks, one, members=MEMBERS[:2]) == {}  # too few of whom it points at are members


def test_what_many_strangers_show_lets_in_nobody() -> None:
    seen = dict.fromkeys(range(100, 200), 3.0)
    looks: Any = {"payment": Fixed(seen), "repertoire": Fixed(seen)}
    assert let_in(looks, pointing([*range(6), 100, 101], "repertoire")) == {}


def test_who_is_one_of_a_crowd_of_whom_nothing_is_shown_is_not_let_in() -> None:
    seen = dict.fromkeys((100, 101, 150, 160, 170), 3.0)  # some strangers show as much
    looks: Any = {"payment": Fixed(seen), "repertoire": Fixed(dict.fromkeys(range(100, 140), 5.0))}
    assert let_in(looks, pointing([*range(6), 100, 101], "repertoire")) == {"Other Lab": [100, 101]}
    many = Told(members=np.array([*range(12), *range(100, 140)], np.int32), aside=frozenset({"repertoire"}), label="O")
    assert let_in(looks, many) == {}


# -- from the share directory


def imported(leads: list[Lead], **change: Any) -> Imported:
    bulletin = compose(an_entry(), a_case(an_entry()), producer="Other Lab")
    at = datetime(2026, 5, 20, tzinfo=UTC)
    return Imported(**{"bulletin": bulletin, "digest": "", "peer": "b", "at": at, "leads": leads, **change})


def lead(number: int, *by: str) -> Lead:
    return Lead(account=f"a{number}", bits=5.0, by=list(by), exchanges=3)


def test_each_way_of_pointing_proposes_and_sets_its_own_view_aside(town: Any) -> None:
    leads = [lead(n, "f-0123456789ab") for n in range(6)]
    leads += [lead(n, "203.0.113.0/24", "AS64500") for n in range(6, 12)]
    leads += [lead(n, "AS64500") for n in range(20, 30)]
    leads += [lead(40, "exact:card"), Lead(account="elsewhere", bits=8.0, by=["f-0123456789ab"], exchanges=1)]
    found = {tuple(one.members.tolist()): one.aside for one in told.groups([imported(leads)], town.crowd())}
    assert found == {
        tuple(range(6)): {"repertoire"}, tuple(range(6, 12)): {"network"},
        (*range(6, 12), *range(20, 30)): {"network"}, (*range(12), 40): {"repertoire", "network", "payment"},
    }  # fmt: skip


def test_too_few_accounts_propose_nothing(town: Any) -> None:
    assert told.groups([imported([lead(n, "f-0123456789ab") for n in range(2)])], town.crowd()) == []
    assert told.groups([], town.crowd()) == []
    (few,) = told.groups([imported([lead(n, "f-0123456789ab") for n in range(4)])], town.crowd())
    assert joined(town, pairs(town), few).proposals.told == []  # they are shown to a person, and no group


def test_what_was_never_looked_for_or_does_not_lie_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no share directory"):
        told.read(tmp_path)
    exchange = Exchange(tmp_path)
    exchange.take([imported([]).bulletin], "b", "Other Lab")
    with pytest.raises(UsageError, match="none of the bulletins there was looked for"):
        told.read(tmp_path)
    name = exchange.all()[0].bulletin.id
    exchange.point(name, [f"a{n}" for n in range(6)], "card")
    assert told.used(tmp_path) == [name]
    exchange.hunted([name], "/cases/c")
    taken = msgspec.structs.replace(
        exchange.all()[0].bulletin, revoked=True, revoked_because="An error.", modified=datetime(2027, 1, 1, tzinfo=UTC)
    )
    (outcome,) = exchange.take([taken], "b", "Other Lab")
    assert (outcome.became, outcome.undone, outcome.cases) == ("revoked", 6, ["/cases/c"])
    assert told.read(tmp_path) == []
