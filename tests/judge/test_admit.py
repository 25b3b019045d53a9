"""Reach: the short ways in which groups are settled come to what the long ones come to."""

from __future__ import annotations

from collections.abc import Mapping
from math import log2
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from stillwatch.hunt.join import Joined, join
from stillwatch.judge import admit, gather
from stillwatch.judge.look import CORE, SLACK_BITS, STRANGERS, TIE_BITS, Look
from stillwatch.judge.screen import Screen
from stillwatch.model.view import Most

DAY_MS = 86_400_000
EVERYBODY_STAYS: Any = {
    name: SimpleNamespace(view=SimpleNamespace(CAP=24.0, ADMITS=True), sight=SimpleNamespace(most=Most))
    for name in ("one", "two")
}
"""Two views that could give anybody anything."""


def drawn(town: Any, seed: int) -> Joined:
    """Two gangs with purses, machines and addresses of their own, among owners who share some of all by chance."""
    rng = np.random.default_rng(seed)
    gang = np.where(np.arange(town.owners) < 24, np.arange(town.owners) // 12, -1)

    def of(pool: int, own: int) -> Any:
        everybody = rng.zipf(1.6, (town.owners, 3)).clip(max=pool)
        mine = rng.integers(0, own, town.owners)
        return lambda owner: [
            *(everybody[owner] + 1000).tolist(),
            *([10 * gang[owner] + int(mine[owner]) + 1] if gang[owner] >= 0 and rng.random() < 0.8 else []),
        ]

    created = town.begin - rng.integers(1, 90, town.owners) * DAY_MS
    closed = np.where(rng.random(town.owners) < 0.1, created + 20 * DAY_MS, 0)
    crowd = town.crowd(created_at=created, closed_at=closed)
    traces = town.traces(
        crowd, payment=of(90, 2), ip=of(120, 3), prefix=of(60, 2), device=of(150, 2), ja4=of(8, 2), family=of(40, 3)
    )
    hours = town.held(lambda owner: (rng.integers(0, 60, 20) + 100 * (gang[owner] + 2)).tolist())
    adopted = town.begin + rng.integers(0, 9 * DAY_MS, (town.owners, 2))
    closely = town.closely(
        hours=hours, adopted=adopted, models=np.array([1, 2], np.uint64),
        released=np.array([town.begin + 3 * DAY_MS, town.begin + 5 * DAY_MS]),
    )  # fmt: skip
    return join(traces, 0.05, lambda _: closely)


def plainly(
    looks: Mapping[str, Look], members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32], owners: int
) -> npt.NDArray[np.bool_]:
    """The rule of membership, with every view asked about everybody."""
    bits = {name: np.minimum(look.sight.admit(members, candidates), look.view.CAP) for name, look in looks.items()}
    views, total = np.zeros(len(candidates), int), np.zeros(len(candidates))
    for name, look in looks.items():
        known = bits.get(look.view.WITHIN, np.zeros(len(candidates)))
        total += np.maximum(bits[name] - np.maximum(known, 0.0), 0.0)
        views += (bits[name] >= TIE_BITS) & (known < TIE_BITS) & look.view.ADMITS
    lacks = admit._lacks(looks, members, bits)
    inside: npt.NDArray[np.bool_] = (views >= 2) & (total + lacks >= log2(owners / (STRANGERS * len(members))))
    return inside


@pytest.mark.parametrize("seed", range(3))
def test_who_stays_is_the_same_whether_everybody_is_weighed_or_only_who_is_within_reach(seed: int, town: Any) -> None:
    looks = drawn(town, seed).looks
    assert {"pivot", "succession", "rhythm", "network", "repertoire"} <= set(looks)
    everybody = np.arange(town.owners, dtype=np.int32)
    let_in = 0
    for members in [np.arange(12, dtype=np.int32), np.arange(6, 30, dtype=np.int32), *town.strangers(12, 9, seed)]:
        short = admit.staying(looks, members, everybody, town.owners)
        assert short.tolist() == plainly(looks, members, everybody, town.owners).tolist()
        let_in += int(short.sum())
    assert let_in >= 12


@pytest.mark.parametrize("seed", range(3))
def test_no_view_gives_more_than_its_reach(seed: int, town: Any) -> None:
    everybody = np.arange(town.owners, dtype=np.int32)
    for name, look in drawn(town, seed).looks.items():
        for members in [np.arange(12, dtype=np.int32), *town.strangers(8, 15, seed)]:
            over = look.sight.admit(members, everybody) - look.sight.reach(members, everybody)
            assert over.max() <= admit.SLACK_BITS, name


@pytest.mark.parametrize("seed", range(2))
def test_a_view_that_tells_at_once_tells_what_it_would_tell_later(seed: int, town: Any) -> None:
    everybody, told = np.arange(town.owners, dtype=np.int32), 0
    for look in drawn(town, seed).looks.values():
        for members in [np.arange(12, dtype=np.int32), *town.strangers(4, 15, seed)]:
            for candidates in (everybody, members):
                if look.sight.tells(members, candidates):
                    reach, exact = look.sight.reach(members, candidates), look.sight.admit(members, candidates)
                    assert reach.tolist() == exact.tolist()
                    told += 1
    assert told > 20


@pytest.mark.parametrize("seed", range(2))
def test_groups_settle_alike_on_one_thread_and_on_several(seed: int, town: Any) -> None:
    seen = drawn(town, seed)
    alike = [
        [
            (one.members.tolist(), one.weights, one.seeds, {name: bits.tolist() for name, bits in one.ties.items()})
            for one in gather.gather(seen.looks, seen.proposals, np.zeros(town.owners, bool), threads)
        ]
        for threads in (1, 2, 4)
    ]
    assert alike[0]
    assert alike[0] == alike[1] == alike[2]


@pytest.mark.parametrize("seed", range(3))
def test_kinship_is_the_same_for_one_group_and_for_all_at_once(seed: int, town: Any) -> None:
    looks = drawn(town, seed).looks
    gang = np.arange(12, dtype=np.int32)
    found = [gang[:7], gang[7:], np.arange(12, 24, dtype=np.int32), *town.strangers(5, 8, seed)]
    for large in range(len(found)):
        kin = gather._kin(looks, found, large, town.owners)
        for small in {one for one in range(len(found)) if len(found[one]) <= len(found[large])} - {large}:
            assert kin[small] == admit.kinship(looks, found[large], found[small], town.owners)
    assert gather._kin(looks, found, 0, town.owners)[1] >= admit.KIN


@pytest.mark.parametrize("seed", range(3))
def test_a_proposal_is_passed_over_only_where_no_two_of_it_could_stay(seed: int, town: Any) -> None:
    looks = {name: look for name, look in drawn(town, seed).looks.items() if not look.view.LATE}
    gang = np.arange(12, dtype=np.int32)
    every = [gang, gang[:5], *town.strangers(30, 8, seed), *(np.union1d(gang[:3], one) for one in town.strangers(9, 6))]
    proposals = gather.sets.of([one.astype(np.int32) for one in every])
    order = np.arange(len(every))
    home = np.full(town.owners, -1)
    screen = Screen(looks, np.zeros(town.owners, bool))
    left, at = set(), -1
    while (at := screen.next_open(proposals, order, at + 1, home, 0)[0]) < len(order):
        left.add(at)
    stay = [int(admit.staying(looks, one, one, town.owners).sum()) for one in proposals]
    assert {number for number, many in enumerate(stay) if many >= CORE} <= left
    assert 0 in left
    assert len(left) < len(every) / 2


@pytest.mark.parametrize("seed", range(2))
def test_no_view_gives_more_than_it_says_at_first(seed: int, town: Any) -> None:
    everybody = np.arange(town.owners, dtype=np.int32)
    for name, look in drawn(town, seed).looks.items():
        most = look.sight.most()
        if most.columns or most.framed or most.woken is not None:
            continue
        for members in [np.arange(12, dtype=np.int32), *town.strangers(4, 15, seed)]:
            assert (look.sight.admit(members, everybody) <= most.each + SLACK_BITS).all(), name


def next_open(every: Any, order: Any, home: Any) -> tuple[int, list[tuple[int, int]]]:
    return Screen(EVERYBODY_STAYS, np.zeros(len(home), bool)).next_open(every, np.array(order), 0, home, 2)


def test_proposals_at_home_in_settled_groups_are_passed_over() -> None:
    home = np.array([0, 0, 1, -1, -1, -1])
    every = gather.sets.of([np.array(one, np.int32) for one in ([0, 1, 3, 4], [1, 2], [2, 3, 4], [3, 4, 5])])
    assert next_open(every, [0, 1, 2, 3], home) == (2, [(0, 0), (0, 1)])
    assert next_open(every, [1, 0], home) == (2, [(0, 1), (0, 0)])


class Shown:
    """A view in which some members are tied to each other, and candidates show what a test says."""

    def __init__(self, tied: int, *bits: float, hard: bool = False) -> None:
        self.tied, self.bits = np.arange(tied, dtype=np.int32), np.array(bits)
        self.sight, self.view = self, SimpleNamespace(HARD=hard)

    def joints(self, _: Any) -> Any:
        return self.tied[:-1], self.tied[1:]


def test_what_nobody_has_nobody_lacks_and_the_worst_lack_counts_once() -> None:
    members = np.arange(10, dtype=np.int32)
    looks: Any = {"payment": Shown(6, -3.8, 2.0), "network": Shown(4, -3.8, -3.8), "signup": Shown(0, -3.8, -3.8)}
    lacks = admit._lacks(looks, members, {name: one.bits for name, one in looks.items()})
    assert lacks.tolist() == pytest.approx([-3.8, log2(1 - 0.4 * admit.SURELY)])


def test_among_members_tied_by_hard_evidence_soft_ties_alone_weigh_less() -> None:
    members = np.arange(10, dtype=np.int32)
    for tied, lack in ((6, -admit.SOFTLY), (4, 0.0)):
        looks: Any = {"payment": Shown(tied, 0.0, 3.0, hard=True), "network": Shown(9, 5.0, 5.0)}
        lacks = admit._lacks(looks, members, {name: one.bits for name, one in looks.items()})
        assert lacks.tolist() == [lack, 0.0]
