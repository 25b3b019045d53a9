"""Shards: owners that divide one list of items among themselves.

It confirms only. Outsiders who fill the same frames from the same pool of items meet each other's items by chance;
a group that divides a list meets its own less often than that. Where the pool has no outsiders it is silent.

Looks the same when innocent: one team that divides its evaluation, openly.
Cost: one sort of the items of the owners looked at. Source: Poisson deficit as a gamma-mixture e-value.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import lgamma, log

import numpy as np
import numpy.typing as npt

from stillwatch.kit.groups import Groups
from stillwatch.link._late import LateSight
from stillwatch.model.traces import Closely, Traces
from stillwatch.model.view import Sight

NEEDS = ("messages",)
CAP = 16.0
HARD = True
LATE = True
ADMITS = False
JOINS = False
INNOCENT = "one team that divides its evaluation, openly"

LEAST_OUTSIDE = 8
"""Outsiders who must use a frame for its pool to be known."""


@dataclass(frozen=True, slots=True)
class ShardsSight(LateSight):
    """Counts the items that members share, against what outsiders share in the same frames."""

    closely: Closely
    order: npt.NDArray[np.int64] = field(init=False)
    """Items, ordered by their frames."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "order", np.argsort(self.closely.item_family, kind="stable"))

    def weigh(self, groups: Groups) -> npt.NDArray[np.float64]:
        """Weigh the deficit of shared items in each group."""
        return np.array([self._bits(*self._meetings(members)) for members in groups])

    def admit(self, members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
        """Let nobody in."""
        del members  # who divides a list with the group cannot be told from one owner's items
        return np.zeros(len(candidates))

    def because(self, members: npt.NDArray[np.int32]) -> str:
        """Tell how many items were asked by two members, and how many would be by chance."""
        met, expected = self._meetings(members)
        return f"members met on {met:.0f} items where outsiders who fill the same frames would on {expected:.0f}"

    def _meetings(self, members: npt.NDArray[np.int32]) -> tuple[float, float]:
        """Count pairs of members on one item, and the pairs expected from outsiders' meetings, frame by frame."""
        owner, family, item = self.closely.item_owner, self.closely.item_family, self.closely.item
        inside = np.isin(owner, members)
        met = expected = 0.0
        for name in np.unique(family[inside]).tolist():
            here = self.order[slice(*np.searchsorted(family, (name, name + 1), sorter=self.order))]
            mine = inside[here]
            own, others = here[mine], here[~mine]
            if len(np.unique(owner[others])) < LEAST_OUTSIDE:
                continue
            pairs_in, met_in = _pairs(item[own])
            pairs_out, met_out = _pairs(item[others])
            if met_out >= 3:
                met += met_in
                expected += met_out / pairs_out * pairs_in
        return met, expected

    @staticmethod
    def _bits(met: float, expected: float) -> float:
        """Weigh a Poisson count below its mean: a gamma prior on the rate with mean a quarter of it."""
        if expected <= met or expected <= 0:
            return 0.0
        shape, rate = 0.5, 2.0  # rate multiplier ~ Gamma(1/2, 2): mean 1/4
        nats = shape * log(rate) - lgamma(shape) + lgamma(shape + met) - (shape + met) * log(rate + expected) + expected
        return max(nats / log(2.0), 0.0)


def _pairs(items: npt.NDArray[np.uint64]) -> tuple[float, float]:
    """Count all pairs of rows, and the pairs on one item."""
    counts = np.unique(items, return_counts=True)[1].astype(np.float64)
    every = counts.sum()
    return every * (every - 1) / 2, float((counts * (counts - 1) / 2).sum())


def look(traces: Traces) -> Sight | None:
    """Look at the items of the owners that are looked at closely."""
    if traces.closely is None or len(traces.closely.item) == 0:
        return None
    return ShardsSight(traces.closely)
