"""Admit owners to a group: by handover, or by ties in two views that beat the odds against a stranger.

Once a group has passed, membership is estimation. What a candidate has in common with the members counts for him, and
what he lacks of it against him. Bounds that the views give at little cost spare most candidates the exact answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log2
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from stillwatch.judge.look import CORE, SLACK_BITS, STRANGERS, TIE_BITS, WHOLE, Look
from stillwatch.model.view import View

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
    could, reach, told = _within_reach(looks, members, candidates, need)
    inside = np.zeros(len(candidates), bool)
    if len(could) >= least:
        inside[could] = _let_in(looks, members, candidates[could], reach, told, need, least, lacking)
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
    let_in = _let_in(looks, members, members, within, {}, _needed(owners, members), CORE, lacking=False)
    return int(np.count_nonzero(let_in)) < CORE


def kinship(
    looks: Mapping[str, Look], large: npt.NDArray[np.int32], small: npt.NDArray[np.int32], owners: int
) -> float:
    """Tell the share of a smaller group that a larger one lets in and that a joining view ties to it."""
    tied = joined(looks, large, small)
    if tied.mean() < KIN:  # whoever stays of them are too few already
        return 0.0
    return float((staying(looks, large, small, owners) & tied).mean())


def joined(
    looks: Mapping[str, Look], members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32]
) -> npt.NDArray[np.bool_]:
    """Tell which candidates a view that joins people ties to the members."""
    tied = np.zeros(len(candidates), bool)
    for look in looks.values():
        if look.view.JOINS:
            tied |= capped(look, members, candidates) >= TIE_BITS
    return tied


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
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], dict[str, npt.NDArray[np.float64]]]:
    """Find the candidates who get in if each view gives all that it can, and what that is, a row for each view.

    What is told by that already, not only bounded, comes by the names of the views. Views that tie nobody are asked
    last: of nearly all it is clear by then that two ties are beyond them.
    """
    asked = sorted(looks, key=lambda name: (name != WHOLE, not looks[name].view.ADMITS, looks[name].view.LATE))
    ties_left, bits_left = _left([looks[name].view for name in asked])
    could, those = np.arange(len(candidates)), candidates
    ties, most, whole = np.zeros(len(could), np.int8), np.zeros(len(could)), np.zeros(len(could), bool)
    reach: dict[str, npt.NDArray[np.float64]] = {}
    exact = []
    for place, name in enumerate(asked):
        view, sight = looks[name].view, looks[name].sight
        bits = np.minimum(sight.reach(members, those), view.CAP)
        if sight.tells(members, those):
            exact.append(name)
        if view.ADMITS:
            ties += bits >= TIE_BITS - SLACK_BITS
        if name == WHOLE:
            whole |= bits >= view.CAP - SLACK_BITS
        most += np.maximum(bits, 0.0) + SLACK_BITS
        reach[name] = bits
        open_ = whole | (ties + ties_left[place] >= 2) & (most + bits_left[place] >= need)
        if 2 * np.count_nonzero(open_) < len(could) or name == asked[-1]:
            could, those = could[open_], those[open_]
            ties, most, whole = ties[open_], most[open_], whole[open_]
            reach = {name: bits[open_] for name, bits in reach.items()}
    told = {name: reach[name] for name in exact}
    return could, np.stack([reach[name] for name in _order(looks)]) + SLACK_BITS, told


def _left(views: Sequence[View]) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float64]]:
    """Tell in how many views after each one could be tied, and what these could give at the most."""
    ties = np.array([view.ADMITS for view in views], np.int8)
    caps = np.array([view.CAP + SLACK_BITS for view in views])
    return _of_the_rest(ties), _of_the_rest(caps)


def _let_in(
    looks: Mapping[str, Look], members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32],
    reach: npt.NDArray[np.float64], told: Mapping[str, npt.NDArray[np.float64]], need: float, least: int,
    lacking: bool,
) -> npt.NDArray[np.bool_]:  # fmt: skip
    """Do as `staying`, and weigh everybody. A view looks only at those of whom it could decide.

    Views that are dear to ask, as late ones are, come last. Where what is lacked is not asked, whoever is in after some
    views is in.

    Args:
        told: what some views give each candidate; these are not asked again.
    """
    order = _order(looks)
    admits = np.array([looks[name].view.ADMITS for name in order])[:, None]
    ties, most = _of_the_rest((reach >= TIE_BITS) & admits), _of_the_rest(np.maximum(reach, 0.0))
    inside = np.zeros(len(candidates), bool)
    rest = np.arange(len(candidates))
    views, total = np.zeros(len(rest), np.int64), np.zeros(len(rest))
    seen: dict[str, npt.NDArray[np.float64]] = {}
    for place, name in enumerate(order):
        look = looks[name]
        bits = told[name][rest] if name in told else capped(look, members, candidates[rest])
        known = seen.get(look.view.WITHIN, np.zeros(len(rest)))
        total = total + np.maximum(bits - np.maximum(known, 0.0), 0.0)
        views = views + ((bits >= TIE_BITS) & (known < TIE_BITS) & look.view.ADMITS)
        seen[name] = bits
        sure = bits >= look.view.CAP if name == WHOLE else np.zeros(len(rest), bool)
        if not lacking:
            sure = sure | (views >= 2) & (total >= need)
        inside[rest[sure]] = True
        open_ = ~sure & (views + ties[place, rest] >= 2) & (total + most[place, rest] >= need)
        rest, views, total = rest[open_], views[open_], total[open_]
        seen = {name: bits[open_] for name, bits in seen.items()}
        if not len(rest) or np.count_nonzero(inside) + len(rest) < least:
            break
    if lacking and len(rest):
        total = total + _lacks(looks, members, seen)
    inside[rest] = total >= need
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
        linked = np.zeros(len(members), bool)
        for side in looks[name].sight.joints(members):
            linked[side] = True
        tied = int(np.count_nonzero(linked)) / len(members)
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
