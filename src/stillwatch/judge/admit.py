"""Admit owners to a group: by handover, or by ties in two views that beat the odds against a stranger.

Once a group has passed, membership is estimation. What a candidate has in common with the members counts for him, and
what he lacks of it against him. Bounds that the views give at little cost spare most candidates the exact answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import log2
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from stillwatch.judge.look import CORE, SLACK_BITS, STRANGERS, TIE_BITS, WHOLE, Look

ROUNDS: Final = 6
"""Times at most that a group grows or is pruned until it rests."""
MOST: Final = 0.5
"""Share of the members who are tied in a view, from which whoever is not lacks something ..."""
SURELY: Final = 0.95
"""... and share of what the members have in common that is expected of another one."""
SOFTLY: Final = 2.0
"""Bits that whoever is tied by soft views alone must show besides."""
KIN: Final = 0.3
"""Share of the smaller of two groups that the larger must let in for both to be one operation."""


def staying(
    looks: Mapping[str, Look], members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32], owners: int,
    least: int = 1, *, lacking: bool = True,
) -> npt.NDArray[np.bool_]:  # fmt: skip
    """Tell which candidates the members let in: by handover, or by ties in two views and enough bits in all.

    What a candidate lacks is set against his ties, unless `lacking` is off.

    Only those are weighed who could get in by the bounds that the views give at little cost; where they are fewer than
    `least`, nobody is let in.
    """
    need = _needed(owners, members)
    could, reach = _within_reach(looks, members, candidates, need)
    inside = np.zeros(len(candidates), bool)
    if len(could) >= least:
        inside[could] = _let_in(looks, members, candidates[could], reach, need, least, lacking)
    return inside


def few_stay(looks: Mapping[str, Look], members: npt.NDArray[np.int32], owners: int) -> bool:
    """Tell whether fewer than CORE of a seed let each other in: it is not worth to look who else belongs to it.

    As `staying`, without the bounds of the views that are as quickly asked.
    """
    if len(members) < CORE:
        return True
    views = [looks[name] for name in _order(looks)]
    caps = np.array([look.view.CAP for look in views])[:, None]
    reach = [look.sight.reach(members, members) if look.view.LATE else np.full(len(members), np.inf) for look in views]
    within = np.minimum(np.stack(reach), caps) + SLACK_BITS
    let_in = _let_in(looks, members, members, within, _needed(owners, members), CORE, lacking=False)
    return int(np.count_nonzero(let_in)) < CORE


def kinship(
    looks: Mapping[str, Look], large: npt.NDArray[np.int32], small: npt.NDArray[np.int32], owners: int, *, joined: bool
) -> float:
    """Tell the share of a smaller group that a larger one lets in; with `joined`, that a joining view ties to it."""
    tied = np.ones(len(small), bool)
    if joined:
        tied[:] = False
        for look in looks.values():
            if look.view.JOINS:
                tied |= capped(look, large, small) >= TIE_BITS
        if tied.mean() < KIN:  # whoever stays of them are too few already
            return 0.0
    return float((staying(looks, large, small, owners) & tied).mean())


def capped(look: Look, members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    capped: npt.NDArray[np.float64] = np.minimum(look.sight.admit(members, candidates), look.view.CAP)
    return capped


def bound(look: Look, members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    bound: npt.NDArray[np.float64] = np.minimum(look.sight.reach(members, candidates), look.view.CAP) + SLACK_BITS
    return bound


def _needed(owners: int, members: npt.NDArray[np.int32]) -> float:
    """Tell how many bits let an owner in."""
    return log2(max(owners / (STRANGERS * max(len(members), 1)), 1.0))


def _order(looks: Mapping[str, Look]) -> list[str]:
    """Order the views: handover lets in by itself, and late views are dear to ask."""
    return sorted(looks, key=lambda name: (name != WHOLE, looks[name].view.LATE, -looks[name].view.CAP))


def _within_reach(
    looks: Mapping[str, Look], members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32], need: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Find the candidates who get in if each view gives all that it can, and what that is, a row for each view."""
    views = [looks[name].view for name in _order(looks)]
    reach = np.stack([looks[name].sight.reach(members, candidates) for name in _order(looks)])
    reach = np.minimum(reach, np.array([view.CAP for view in views])[:, None]) + SLACK_BITS
    ties = np.count_nonzero((reach >= TIE_BITS) & np.array([view.ADMITS for view in views])[:, None], axis=0)
    hopeful = (ties >= 2) & (np.maximum(reach, 0.0).sum(axis=0) >= need)
    if WHOLE in looks:
        hopeful |= reach[0] >= looks[WHOLE].view.CAP
    could = np.flatnonzero(hopeful)
    return could, reach[:, could]


def _let_in(
    looks: Mapping[str, Look], members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32],
    reach: npt.NDArray[np.float64], need: float, least: int, lacking: bool,
) -> npt.NDArray[np.bool_]:  # fmt: skip
    """Do as `staying`, and weigh everybody. A view looks only at those of whom it could decide.

    Views that are dear to ask, as late ones are, come last.
    """
    order = _order(looks)
    admits = np.array([looks[name].view.ADMITS for name in order])[:, None]
    ties, most = _of_the_rest((reach >= TIE_BITS) & admits), _of_the_rest(np.maximum(reach, 0.0))
    whole = np.zeros(len(candidates), bool)
    views, total = np.zeros(len(candidates), np.int64), np.zeros(len(candidates))
    seen: dict[str, npt.NDArray[np.float64]] = {}
    rest = np.arange(len(candidates))
    for place, name in enumerate(order):
        bits = capped(looks[name], members, candidates[rest])
        other = looks[name].view.WITHIN
        known = seen[other][rest] if other in seen else np.zeros(len(rest))
        total[rest] += np.maximum(bits - np.maximum(known, 0.0), 0.0)
        views[rest] += (bits >= TIE_BITS) & (known < TIE_BITS) & looks[name].view.ADMITS
        seen[name] = np.zeros(len(candidates))
        seen[name][rest] = bits
        if name == WHOLE:
            whole = bits >= looks[name].view.CAP
        open_ = ~whole & (views + ties[place] >= 2) & (total + most[place] >= need)
        rest = rest[open_[rest]]
        if not len(rest) or np.count_nonzero(whole) + len(rest) < least:
            break
    inside = whole.copy()
    inside[rest] = total[rest] >= need
    if lacking and len(rest):
        inside[rest] = total[rest] + _lacks(looks, members, {name: bits[rest] for name, bits in seen.items()}) >= need
    return inside


def _lacks(
    looks: Mapping[str, Look], members: npt.NDArray[np.int32], bits: Mapping[str, npt.NDArray[np.float64]]
) -> npt.NDArray[np.float64]:
    """Weigh what candidates lack that the members have: bits of the view that speaks most against each, at most 0.

    A view in which less than half of the members are tied speaks against nobody for more than the share of those who
    show nothing in it themselves. And but one view speaks: an account that is clean in one way is often so in others.
    Where most members are tied by hard evidence, whom only soft views tie lacks SOFTLY besides: an office that works
    from the same rubric behind the same hosts shows just that.
    """
    worst = np.zeros(len(next(iter(bits.values()))))
    hard, soft = False, np.ones(len(worst), bool)
    for name, told in bits.items():
        left, right = looks[name].sight.joints(members)
        tied = len(np.union1d(left, right)) / len(members)
        least = log2(1.0 - SURELY * tied) if tied < MOST else -np.inf
        worst = np.minimum(worst, np.maximum(told, least))
        if looks[name].view.HARD:
            hard |= tied >= MOST
            soft &= told < TIE_BITS
    return worst - SOFTLY * soft if hard else worst


def _of_the_rest(each: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Sum for every view what the views after it give, column by column."""
    rest: npt.NDArray[Any] = np.cumsum(each[::-1], axis=0)[::-1] - each
    return rest
