"""Gather the settled groups: hard evidence first, each owner once, pieces of one operation joined."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from stillwatch.judge.admit import KIN, bound, capped, kinship, staying
from stillwatch.judge.ahead import Ahead, Told
from stillwatch.judge.examine import Proposals
from stillwatch.judge.kindred import kindred
from stillwatch.judge.look import CHAIN, LEAST, TIE_BITS, Look
from stillwatch.judge.pointed import pointed
from stillwatch.judge.screen import Screen
from stillwatch.judge.settle import Grown, settle, settle_told
from stillwatch.kit import groups as sets

LAST: Final = 3
"""What peers told is settled after all that one's own views proposed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A group whose members are settled."""

    members: npt.NDArray[np.int32]
    ties: dict[str, npt.NDArray[np.float64]]
    """Bits of each member in each view."""
    weights: dict[str, float]
    """What each view weighs of the whole group, capped."""
    total: float
    """The sum over the views that count: not those that look late, nor the one that proposed the group."""
    seed: int
    """The proposal that it grew from."""
    seeds: tuple[int, ...] = ()
    """All passing proposals that lie in it."""
    let_in: Mapping[str, npt.NDArray[np.int32]] = field(default_factory=dict)
    """Members whom the pointing of a peer let in, by whose it was."""


def gather(
    looks: Mapping[str, Look], proposals: Proposals, declared: npt.NDArray[np.bool_], threads: int = 1
) -> list[Settled]:
    """Settle the passing proposals, hard evidence first, then the strongest; then join what is one operation.

    A crowd that shares a template with a campaign would grow together with it if the template came first, so
    proposals by families come last. An owner belongs to the first group that he rests in; a proposal of which
    half lies in settled groups adds nothing. Declared owners hide nothing and are in no group. What is left when a
    proposal has settled must still weigh what the least of those that passed did: it may have passed by others.
    """
    with ThreadPoolExecutor(threads) as pool:
        return _gathered(looks, proposals, declared, pool, threads)


def _gathered(
    looks: Mapping[str, Look], proposals: Proposals, declared: npt.NDArray[np.bool_], pool: Executor, threads: int
) -> list[Settled]:
    owners = len(declared)
    ranks = {name: _rank(look) for name, look in looks.items()}
    rank = np.array([ranks.get(name, LAST) for name in proposals.by])
    shown = proposals.total + proposals.gain
    order = np.flatnonzero(proposals.passed)
    order = order[np.lexsort((-shown[order], rank[order]))]
    found: list[npt.NDArray[np.int32]] = []
    seeds: list[list[int]] = []
    home = np.full(owners, -1, np.int64)
    needed = float(shown[order].min(initial=np.inf))
    first = len(proposals.groups) - len(proposals.told)
    own = order[: np.count_nonzero(order < first)]  # what peers told comes last

    def grow(seed: int, taken: npt.NDArray[np.bool_], told: Told) -> Grown:
        return settle(looks, proposals.groups[seed], owners, taken, chain=proposals.by[seed] == CHAIN, told=told)

    screen = Screen(looks, declared)
    for seed, grown in Ahead(screen, proposals.groups, own, declared, home, seeds, grow, pool, threads):
        _keep(looks, proposals, seed, grown.members, needed, home, found, seeds)
    for seed in order[len(own) :].tolist():
        told = proposals.told[seed - first]
        free = home[told.members] < 0
        if np.count_nonzero(free) >= LEAST:  # its rest is looked at too: peers find one template in several operations
            members = settle_told(looks, told, owners, declared | (home >= 0))
            _keep(looks, proposals, seed, members, needed, home, found, seeds)
        elif not free.all():
            seeds[int(np.bincount(home[told.members[~free]]).argmax())].append(seed)
    drafts = []
    for one in _joined(looks, found, seeds, owners, pool):
        let_in = pointed(looks, found[one], proposals.told, declared | (home >= 0))
        members = sets.union(found[one], *let_in.values())
        home[members] = one
        more = kindred(looks, members, declared | (home >= 0))
        members = sets.union(members, more)
        home[more] = one
        drafts.append((members, tuple(seeds[one]), let_in))
    return list(pool.map(lambda draft: _settled(looks, proposals, *draft), drafts))


def _keep(
    looks: Mapping[str, Look], proposals: Proposals, seed: int, members: npt.NDArray[np.int32], needed: float,
    home: npt.NDArray[np.int64], found: list[npt.NDArray[np.int32]], seeds: list[list[int]],
) -> None:  # fmt: skip
    """Note a group that has settled, if it still weighs what the least of those that passed did."""
    if len(members) < LEAST:
        return
    early = {name: look for name, look in looks.items() if not look.view.LATE}
    if _total(early, _weigh(early, members), proposals.aside(seed)) + proposals.gain[seed] >= needed:
        home[members] = len(found)
        found.append(members)
        seeds.append([seed])


def _settled(
    looks: Mapping[str, Look], proposals: Proposals, members: npt.NDArray[np.int32], seeds: tuple[int, ...],
    let_in: Mapping[str, npt.NDArray[np.int32]],
) -> Settled:  # fmt: skip
    weights = _weigh(looks, members)
    return Settled(
        members=members,
        ties={name: capped(look, members, members) for name, look in looks.items()},
        weights=weights,
        total=_total(looks, weights, proposals.aside(seeds[0])),
        seed=seeds[0],
        seeds=seeds,
        let_in=let_in,
    )


def _weigh(looks: Mapping[str, Look], members: npt.NDArray[np.int32]) -> dict[str, float]:
    one = sets.of([members])
    return {name: min(float(look.sight.weigh(one)[0]), look.view.CAP) for name, look in looks.items()}


def _total(looks: Mapping[str, Look], weights: Mapping[str, float], aside: Collection[str]) -> float:
    """Add up as for a proposal: all views but those that proposed, and those that look late."""
    return sum(weights[name] for name, look in looks.items() if not look.view.LATE and name not in aside)


def _rank(look: Look) -> int:
    return 0 if look.view.HARD else 1 if look.view.JOINS else 2


def _joined(
    looks: Mapping[str, Look], found: list[npt.NDArray[np.int32]], seeds: list[list[int]], owners: int, pool: Executor
) -> list[int]:
    """Join groups of which one would let in a good part of the other: pieces of one operation; number those left.

    Whom a group would let in is asked once, and again when it has taken in all of those.
    """
    alive = list(range(len(found)))
    kin = dict(zip(alive, pool.map(lambda large: _kin(looks, found, large, owners), alive), strict=True))
    grown: dict[int, set[int]] = {one: set() for one in alive}
    changed = True
    while changed:
        changed = False
        for one in list(alive):
            grew = False
            for other in list(alive):
                if one >= other or one not in alive or other not in alive:
                    continue
                small, large = (one, other) if len(found[one]) <= len(found[other]) else (other, one)
                if large not in kin:
                    kin[large], grown[large] = _kin(looks, found, large, owners), set()
                if small in grown[large]:  # since its kin was asked
                    share = kinship(looks, found[large], found[small], owners)
                else:
                    share = float(kin[large][small])
                if share >= KIN:
                    found[one] = sets.union(found[one], found[other])
                    seeds[one] = seeds[one] + seeds[other]
                    alive.remove(other)
                    if large == other:
                        kin[one], grown[one] = kin[other], grown[other]
                    for others in grown.values():
                        others.add(one)
                    changed = True
                    grew = True
            if grew:
                kin.pop(one, None)
    return alive


def _kin(
    looks: Mapping[str, Look], found: list[npt.NDArray[np.int32]], large: int, owners: int
) -> npt.NDArray[np.float64]:
    """Tell the share of every group no larger than one that it lets in, as `kinship` does, all of them at once."""
    group = np.repeat(np.arange(len(found)), [len(members) for members in found])
    sizes = np.bincount(group)
    asked = np.flatnonzero((group != large) & (sizes <= sizes[large])[group])  # no group lets in a larger one
    everybody = np.concatenate(found)
    for bits_of in (bound, capped):  # whom the bounds leave out is not looked at
        tied = np.zeros(len(everybody), bool)
        for look in looks.values():
            if look.view.JOINS:
                tied[asked] |= bits_of(look, found[large], everybody[asked]) >= TIE_BITS
        asked = asked[(np.bincount(group, weights=tied) / sizes >= KIN)[group[asked]]]
    let_in = np.zeros(len(everybody), bool)
    let_in[asked] = staying(looks, found[large], everybody[asked], owners)
    share: npt.NDArray[np.float64] = np.bincount(group, weights=let_in & tied) / sizes
    return share
