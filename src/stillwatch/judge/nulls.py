"""Nulls: the same log with its links cut, and groups of people who have nothing to do with each other.

Two ways to look at what a hunt would say where there is nothing to find. *Permutation*: what owners hold is dealt out
anew among owners of one stratum, each view's columns by themselves, so that every value keeps its number of holders and
every stratum its habits (an office, a campus, a carrier stays what it is), and inside a stratum no two views agree but
by chance. *Matched groups*: owners drawn at random, each in the stratum and at the activity of a member of a real
proposal; their values stay their own, and so do the honest correlations between columns that a permutation destroys.

Source: Good 2005, "Permutation, parametric and bootstrap tests of hypotheses", ch. 3 (restricted permutation).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from stillwatch.kit.held import Held
from stillwatch.model.traces import Traces

TOGETHER: Final = (
    ("ip", "prefix"), ("ja4", "user_agent"), ("payment", "payment_bin"), ("device", "created_hour", "created_day"),
    ("phone",), ("family",),
)  # fmt: skip
"""Columns that one view looks at, and that move together."""
POPULAR: Final = 20
"""Owners from which a network is a stratum of its own."""
QUARTERS: Final = 4
LEVELS: Final = 6
"""Levels of activity among which members of matched groups are drawn."""


def strata(traces: Traces, hour: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]:
    """Number the strata of owners: network by plan by time of day.

    Args:
        traces: of the log.
        hour: hour of the day, UTC, around which each owner is active.

    Returns:
        stratum of each owner, from 0 without gaps; a network of fewer than 20 owners is like any other small one.
    """
    crowd = traces.crowd
    first = np.zeros(crowd.owners, np.int64)
    first[crowd.owner[::-1]] = np.arange(len(crowd.owner))[::-1]
    quarter = (hour * QUARTERS / 24).astype(np.int64) % QUARTERS
    held = traces.held.get("prefix")
    network = np.zeros(crowd.owners, np.int64) if held is None else _main_value(held)
    parts = np.stack([network, crowd.facts.plan[first].astype(np.int64), quarter])
    return np.unique(parts, axis=1, return_inverse=True)[1].reshape(-1).astype(np.int32)


def _main_value(held: Held) -> npt.NDArray[np.int64]:
    """Find the popular value that each unit uses most, plus one; 0 for none."""
    popular = np.diff(held.holder_offsets) >= POPULAR
    unit = np.repeat(np.arange(held.units), np.diff(held.offsets))
    weight = np.where(popular[held.values], held.weights, 0.0)
    order = np.lexsort((weight, unit))
    last = order[np.flatnonzero(np.diff(unit[order], append=-1))]
    out = np.zeros(held.units, np.int64)
    out[unit[last]] = np.where(weight[last] > 0, held.values[last].astype(np.int64) + 1, 0)
    return out


def without(traces: Traces, owners: npt.NDArray[np.int32]) -> Traces:
    """Leave some owners out of all tables: a log as it is without them."""
    keep = np.ones(traces.crowd.owners, bool)
    keep[owners] = False
    return replace(traces, held={name: held.only(keep) for name, held in traces.held.items()}, handovers=None)


def permuted(traces: Traces, stratum: npt.NDArray[np.int32], rng: np.random.Generator) -> Traces:
    """Deal out anew, inside strata, what owners hold. Handovers are left out: they are no coincidence."""
    held: dict[str, Held] = {}
    together = [tuple(name for name in columns if name in traces.held) for columns in TOGETHER]
    rest = set(traces.held) - {name for columns in together for name in columns}
    for columns in [*together, *((name,) for name in sorted(rest))]:
        to = _within(stratum, rng)
        held |= {name: traces.held[name].moved(to) for name in columns}
    return replace(traces, held=held, handovers=None)


def _within(stratum: npt.NDArray[np.int32], rng: np.random.Generator) -> npt.NDArray[np.int32]:
    """Draw a permutation that keeps everybody in his stratum."""
    ordered = np.argsort(stratum, kind="stable")
    dealt = np.lexsort((rng.random(len(stratum)), stratum))
    to = np.empty(len(stratum), np.int32)
    to[ordered] = dealt
    return to


def matched(
    like: Sequence[npt.NDArray[np.int32]],
    stratum: npt.NDArray[np.int32],
    activity: npt.NDArray[np.int64],
    leave_out: npt.NDArray[np.bool_],
    rng: np.random.Generator,
) -> list[npt.NDArray[np.int32]]:
    """Draw for each group one of strangers, each at the stratum and the activity of a member.

    Args:
        like: the groups to be matched.
        stratum: stratum of each owner.
        activity: exchanges of each owner.
        leave_out: owners who are never drawn: those who are linked indeed.
        rng: the source of chance.

    Returns:
        groups without repetition; a member for whom there is no match is left out.
    """
    level = np.minimum(np.log10(np.maximum(activity, 1)) * 2, LEVELS - 1).astype(np.int64)
    cell = stratum.astype(np.int64) * LEVELS + level
    free = np.flatnonzero(~leave_out)
    order = free[np.argsort(cell[free], kind="stable")]
    cells = cell[order]
    drawn = []
    for members in like:
        low = np.searchsorted(cells, cell[members])
        high = np.searchsorted(cells, cell[members], side="right")
        there = high > low
        low, high = low[there], high[there]
        drawn.append(np.unique(order[low + (rng.random(len(low)) * (high - low)).astype(np.int64)]).astype(np.int32))
    return drawn
