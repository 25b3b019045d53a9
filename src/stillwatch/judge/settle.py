"""Settle a group: grow it from its proposal until it rests, and drop the blocks that only vouch for themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stillwatch.judge.admit import KIN, ROUNDS, few_stay, joined, kinship, staying
from stillwatch.judge.examine import Told
from stillwatch.judge.look import LEAST, Look
from stillwatch.judge.pointed import close, core
from stillwatch.kit import groups as sets
from stillwatch.kit.union import find, join_all

Looks = Mapping[str, Look]
Owners = npt.NDArray[np.int32]
Prune = Callable[[Looks, Owners, Owners, int], Owners]
"""Drops members: of the looks, the members, the seed, and how many owners there are."""


@dataclass(frozen=True, slots=True)
class Grown:
    """What a seed has grown to."""

    members: npt.NDArray[np.int32]
    relied: npt.NDArray[np.int32]
    """Owners who were members at any time. While none of them is taken, whoever else is changes nothing: each candidate
    is weighed against the members alone, so that one who was not let in was as good as not there."""


def settle(
    looks: Mapping[str, Look], seed: npt.NDArray[np.int32], owners: int, taken: npt.NDArray[np.bool_], *,
    chain: bool = False, told: Callable[[Owners], None] = lambda _: None,
) -> Grown:  # fmt: skip
    """Grow a group from a seed until it rests, then prune it; owners that are `taken` stay where they are.

    What an owner lacks is not asked while a group grows: a few can tell little of what most have.

    Args:
        chain: whether the seed is one that is settled by itself where nothing grows from it.
        told: is told the members at the start and whenever they change, and may stop it all by an exception.
    """
    members = seed[~taken[seed]]
    relied = [members]
    told(members)
    if few_stay(looks, members, owners):
        members = members[:0]
    for _ in range(ROUNDS):
        if len(members) < LEAST:
            break
        candidates = _around(looks, members, taken)
        kept = candidates[staying(looks, members, candidates, owners, least=LEAST, lacking=False)]
        if np.array_equal(kept, members):
            break
        members = kept
        relied.append(members)
        told(members)
    members = _pruned(looks, members, seed, owners)
    if len(members) < LEAST and chain:
        members = settle_chain(looks, seed, taken)
    return Grown(members, np.concatenate(relied))


def settle_told(
    looks: Mapping[str, Look], told: Told, owners: int, taken: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int32]:
    """Settle a group that a peer points at: who of it holds together, and whom these let in.

    Its owners were named before this log was looked at, so that a stranger among them could be one of so many only,
    and need not stand out from the whole log, neither to come in nor to stay. Whoever is not pointed at comes in as
    everywhere else.
    """
    held = core(looks, told, taken, LEAST)
    members = held
    for _ in range(ROUNDS if len(held) >= LEAST else 0):
        others = np.setdiff1d(_around(looks, members, taken), members).astype(np.int32)
        fresh = others[staying(looks, members, others, owners)]
        if not len(fresh):
            break
        members = sets.union(members, fresh)

    def tied(looks: Looks, members: Owners, seed: Owners, owners: int) -> Owners:
        stay = staying(looks, members, members, owners)
        mine = np.isin(members, seed)
        stay[mine] |= close(looks, members, members[mine], told, taken)
        return members[stay]

    return _pruned(looks, members, held, owners, tied)


def settle_chain(
    looks: Mapping[str, Look], chain: npt.NDArray[np.int32], taken: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int32]:
    """Settle a chain that has passed: who of it shows, besides what chains him, what the others show.

    It has passed by other views than those that chain it, so what is asked of each of its owners is only whether he
    hangs on it by chance: he stands out among the owners of the chain, not from the whole log. Nobody else comes in.
    """
    pool = chain[~taken[chain]]
    members = pool
    for _ in range(ROUNDS):
        if len(members) < LEAST:
            break
        kept = pool[staying(looks, members, pool, len(pool))]
        if np.array_equal(kept, members):
            break
        members = kept
    return members


def _around(
    looks: Mapping[str, Look], members: npt.NDArray[np.int32], taken: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int32]:
    """Find the owners who may belong to a group, its members included; not those that are taken."""
    near = [look.sight.near(members) for look in looks.values() if look.view.JOINS]
    near += [look.sight.followers(members) for look in looks.values()]
    candidates = sets.union(members, *near)
    return candidates[~taken[candidates]]


def _tied(looks: Looks, members: Owners, _seed: Owners, owners: int) -> Owners:
    """Keep those whom the others let in, all things told."""
    return members[staying(looks, members, members, owners, least=LEAST)]


def _pruned(looks: Looks, members: Owners, seed: Owners, owners: int, tied: Prune = _tied) -> Owners:
    """Drop blocks that vouch for themselves, and then who lacks too much, until the group rests."""
    for _ in range(ROUNDS):
        before = len(members)
        for prune in (_without_neighbours, _one_hand, tied):
            if len(members) >= LEAST:
                members = prune(looks, members, seed, owners)
        if len(members) == before or len(members) < LEAST:
            break
    return members


def _one_hand(
    looks: Mapping[str, Look], members: npt.NDArray[np.int32], seed: npt.NDArray[np.int32], owners: int
) -> npt.NDArray[np.int32]:
    """Drop the blocks that only soft views tie to the rest.

    A block hangs together by hard evidence (one purse, one machine, one conversation) by itself, and must not vouch
    for itself, nor may two that came in together vouch for each other: it is weighed against the block that the seed
    lies in, those that this has let in, and whoever is in no block. What ties a large block to them must be more than
    the template or the rhythm that both happen to have: links that join people.
    """
    parent = np.arange(len(members), dtype=np.int32)
    for look in looks.values():
        if look.view.HARD and look.view.JOINS:
            join_all(parent, *look.sight.joints(members))
    block = find(parent)
    sizes = np.bincount(block, minlength=len(members))
    at_home = np.bincount(block[np.isin(members, seed)], minlength=len(members))
    home = int(np.argmax(at_home * (sizes >= 2)))
    others = [int(one) for one in np.flatnonzero(sizes >= 2) if one != home]
    keep = np.isin(block, others, invert=True)
    while others:
        rest = members[keep]
        if len(rest) < 2:
            return members
        asked = np.flatnonzero(np.isin(block, others))
        let_in = staying(looks, rest, members[asked], owners)
        large = sizes[block[asked]] >= LEAST
        if large.any():
            let_in[large] &= joined(looks, rest, members[asked[large]])
        shares = np.bincount(block[asked], weights=let_in, minlength=len(members)) / np.maximum(sizes, 1)
        kin = [one for one in others if shares[one] >= KIN]
        if not kin:
            break
        keep |= np.isin(block, kin)
        others = [one for one in others if one not in kin]
    return members[keep]


def _without_neighbours(
    looks: Mapping[str, Look], members: npt.NDArray[np.int32], seed: npt.NDArray[np.int32], owners: int
) -> npt.NDArray[np.int32]:
    """Drop large blocks of neighbours whom nothing but a template ties to the rest.

    An office that works from the same public rubrics as a campaign comes in whole as soon as one of its people does:
    each of them is tied to the template by what he asks, and to the group by his own colleagues. So a block behind
    one address must be let in by the others, as a block behind one purse must.
    """
    parent, crossing = np.arange(len(members), dtype=np.int32), []
    for look in looks.values():
        if look.view.JOINS and not look.view.HARD:
            join_all(parent, *look.sight.joints(members))
        elif look.view.JOINS:
            crossing.append(look.sight.joints(members))
    block = find(parent)
    sizes = np.bincount(block, minlength=len(members))
    tied = np.zeros(len(members), bool)
    for left, right in crossing:
        beyond = block[left] != block[right]
        tied[left[beyond]] = tied[right[beyond]] = True
    tied_share = np.bincount(block, weights=tied, minlength=len(members)) / np.maximum(sizes, 1)
    home = int(np.argmax(np.bincount(block[np.isin(members, seed)], minlength=len(members))))
    keep = np.ones(len(members), bool)
    for other in np.flatnonzero((sizes >= LEAST) & (tied_share < KIN)).tolist():
        mine = block == other
        rest = members[~mine & keep]
        if other != home and len(rest) >= LEAST:
            keep[mine] = kinship(looks, rest, members[mine], owners) >= KIN
    return members[keep]
