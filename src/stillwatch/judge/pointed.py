"""Let in those at whom a peer points: few are looked at, so an owner need not stand out from the whole log.

Who sends a template that a peer found in a campaign, and in no ordinary customer's traffic, is hardly ever a stranger.
Out of a network of the campaign strangers come too, so whoever was looked up by networks must be RARE besides.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from stillwatch.judge.admit import KIN, ROUNDS, capped
from stillwatch.judge.examine import Told
from stillwatch.judge.look import LEAST, TIE_BITS, Look
from stillwatch.kit import groups as sets

NULL: Final = 1000
"""Owners at whom a peer does not point, among whom those are ranked at whom he does."""
TOLD_STRANGERS: Final = 0.05
"""Expected share of strangers among whom the pointing of a peer lets in."""
RARE: Final = 0.01
"""Share of strangers who show as much as an owner who was looked up by networks."""
FEW: Final = 3
"""Owners who hold together at the least, to be shown to a person."""
VOUCHED: Final = 0.5
"""Share of a group at which a peer must point by a template, and of those at whom he points, to have told of it."""


def pointed(
    looks: Mapping[str, Look], members: npt.NDArray[np.int32], told: Sequence[Told], taken: npt.NDArray[np.bool_]
) -> dict[str, npt.NDArray[np.int32]]:
    """Let in owners at whom a peer points together with members; tells whose pointing it was.

    It needs ties in two views of one's own, as for anybody. What the pointing changes is how many are looked at: so few
    that an owner need not stand out from the whole log.
    """
    about = [one for one in _distinct(told) if np.isin(one.members, members).sum() >= max(2, KIN * len(one.members))]
    found: dict[str, npt.NDArray[np.int32]] = {}
    for _ in range(ROUNDS if about else 0):
        before = len(members)
        for one in about:
            pool = one.members[~taken[one.members] & ~np.isin(one.members, members)]
            rare = RARE if one.broad else 1.0
            fresh = pool[close(looks, members, pool, one, taken, len(about), rare)] if len(pool) else pool
            if len(fresh):
                found[one.label] = sets.union(found.get(one.label, fresh), fresh)
                members = sets.union(members, fresh)
        if len(members) == before:
            break
    return found


def close(
    looks: Mapping[str, Look], members: npt.NDArray[np.int32], pool: npt.NDArray[np.int32], told: Told,
    taken: npt.NDArray[np.bool_], ways: int = 1, rare: float = 1.0, *, lacking: bool = True,
) -> npt.NDArray[np.bool_]:  # fmt: skip
    """Tell who of those at whom a peer points belongs to the members, so that few strangers are among them.

    An owner needs ties in two views, of which one may be that by which he was looked up. What the others show of him is
    ranked among strangers of this log. How many of the pool are strangers is estimated by those of whom nothing else is
    shown (Storey 2002), so that pointing at a crowd lets in nobody; the expected number of them that come in is at most
    TOLD_STRANGERS of the members.

    Args:
        taken: owners who are no strangers: declared, or in a group.
        ways: in how many ways peers point at the members.
        rare: share of strangers at the most who show as much as an owner does.
        lacking: whether what an owner lacks is set against what he shows.
    """
    strangers = _strangers(told, taken)
    tied, shown = _besides(looks, members, pool, told.aside, lacking)
    null = np.sort(_besides(looks, members, strangers, told.aside, lacking)[1])
    among = len(null) - np.searchsorted(null, shown, side="left") + 1
    quiet = max(int((null <= 0).sum()), 1) / max(len(null), 1)
    least = min(float(len(pool)), (int((shown <= 0).sum()) + 1) / quiet)
    share = among / (len(null) + 1)
    expected = least * ways * share
    close: npt.NDArray[np.bool_] = tied & (shown > 0) & (share <= rare) & (expected <= TOLD_STRANGERS * len(members))
    return close


def core(
    looks: Mapping[str, Look], told: Told, taken: npt.NDArray[np.bool_], least: int, rare: float = 1.0
) -> npt.NDArray[np.int32]:
    """Find who of those at whom a peer points holds together by ties of one's own; fewer than `least` hold nothing."""
    pool = told.members[~taken[told.members]]
    held = pool
    for _ in range(ROUNDS):
        if len(held) < least:
            break
        kept = pool[close(looks, held, pool, told, taken, rare=rare)]
        if np.array_equal(kept, held):
            break
        held = kept
    return held


@dataclass(frozen=True, slots=True, kw_only=True)
class Thin:
    """Owners at whom a peer points, who hold together by ties of one's own and are no group: a lead for a person.

    Attributes:
        tied: views in which most of them are tied.
    """

    members: npt.NDArray[np.int32]
    told: Told
    tied: tuple[str, ...]


def thin(looks: Mapping[str, Look], told: Sequence[Told], taken: npt.NDArray[np.bool_]) -> list[Thin]:
    """Find what peers point at and what holds together, too few or too loosely to be a group; the largest first."""
    taken = taken.copy()
    found: list[Thin] = []
    for one in sorted(told, key=lambda one: (one.broad, -len(one.members))):
        held = core(looks, one, taken, FEW, RARE if one.broad else 1.0)
        if len(held) >= FEW:
            taken[held] = True
            bits = {name: capped(look, held, held) for name, look in looks.items() if look.view.ADMITS}
            most = [name for name in bits if (bits[name] >= TIE_BITS).mean() > 0.5]
            tied = sorted(most, key=lambda name: -float(bits[name].sum()))
            found.append(Thin(members=held, told=one, tied=tuple(tied)))
    return sorted(found, key=lambda one: -len(one.members))


def vouched(members: npt.NDArray[np.int32], told: Sequence[Told], grouped: npt.NDArray[np.bool_]) -> Told | None:
    """Give what a peer told of most of a group by a template of hardly anybody else here; it is no evidence.

    Args:
        grouped: owners who are in a group: one template may serve several operations.
    """
    for one in told:
        inside = int(np.isin(members, one.members).sum())
        alone = int((~grouped[one.members]).sum())
        if one.by_template and inside >= LEAST and inside >= VOUCHED * max(len(members), inside + alone):
            return one
    return None


def _strangers(told: Told, taken: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
    """Choose owners at whom it does not point; their numbers say nothing of them."""
    free = ~taken
    free[told.members] = False
    others = np.flatnonzero(free).astype(np.int32)
    return others[np.unique(np.linspace(0, len(others) - 1, min(NULL, len(others))).astype(np.int64))]


def _besides(
    looks: Mapping[str, Look], members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32],
    aside: Collection[str], lacking: bool,
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]:  # fmt: skip
    """Tell who has ties in two views, and the bits of those that are not aside, where one of these is a tie.

    What he lacks the most counts against them, as everywhere, unless `lacking` is off.
    """
    early = {name: look for name, look in looks.items() if not look.view.LATE}
    seen = {name: capped(look, members, candidates) for name, look in early.items()}
    views, fresh = np.zeros(len(candidates), np.int64), np.zeros(len(candidates), np.int64)
    total, lacks = np.zeros(len(candidates)), np.zeros(len(candidates))
    for name, bits in seen.items():
        view = early[name].view
        known = seen.get(view.WITHIN, np.zeros(len(candidates)))
        tie = (bits >= TIE_BITS) & (known < TIE_BITS) & view.ADMITS
        views += tie
        if name not in aside and view.WITHIN not in aside:
            fresh += tie
            total += np.maximum(bits - np.maximum(known, 0.0), 0.0)
            lacks = np.minimum(lacks, bits)
    return views >= 2, np.where(fresh > 0, np.maximum(total + lacks * lacking, 0.0), 0.0)


def _distinct(told: Sequence[Told]) -> list[Told]:
    """Take each set that peers point at once; where two ways give the same, the one that sets fewer views aside."""
    held = {one.members.tobytes(): one for one in sorted(told, key=lambda one: -len(one.aside))}
    return list(held.values())
