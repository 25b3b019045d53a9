"""Items: how often the members of a group meet on the same item of a frame, against how often outsiders do."""

from __future__ import annotations

from dataclasses import dataclass
from math import lgamma, log
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from stillwatch.model.traces import Closely

LEAST_OUTSIDE: Final = 8
"""Outsiders who must use a frame for its pool of items to be known."""
LEAST_MET: Final = 3
"""Meetings of outsiders from which their rate is believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """How often pairs of members met on one item of a frame, and how often pairs of outsiders as many would have."""

    family: int
    met: float
    expected: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """All rows of one frame: how often its items were asked, and by how many owners."""

    items: npt.NDArray[np.uint64]
    asked: npt.NDArray[np.int64]
    rows: int
    met: float
    owners: int


class Items:
    """The items that owners asked, for whoever asks often how the members of groups meet on them.

    Cost: two sorts of all items; then a group costs what its members asked, and each frame one sort, once.
    """

    def __init__(self, closely: Closely) -> None:
        self._owner, self._family, self._item = closely.item_owner, closely.item_family, closely.item
        self._by_owner = np.argsort(self._owner, kind="stable")
        self._by_family = np.argsort(self._family, kind="stable")
        self._owners, self._families = self._owner[self._by_owner], self._family[self._by_family]
        self._frames: dict[int, _Frame] = {}

    def meetings(self, members: npt.NDArray[np.int32]) -> list[Meeting]:
        """Count the meetings of some owners, frame by frame; frames whose pool outsiders do not show are left out."""
        rows = self._rows(np.unique(members))
        rows = rows[np.argsort(self._family[rows], kind="stable")]
        names, starts = np.unique(self._family[rows], return_index=True)
        found = []
        for name, own in zip(names.tolist(), np.split(rows, starts[1:]), strict=False):
            frame = self._frame(name)
            if frame.owners - len(np.unique(self._owner[own])) < LEAST_OUTSIDE:
                continue
            items, asked = np.unique(self._item[own], return_counts=True)
            every = frame.asked[np.searchsorted(frame.items, items)]
            met_out = frame.met - float((_pairs(every) - _pairs(every - asked)).sum())
            if met_out >= LEAST_MET:
                rate = met_out / float(_pairs(np.int64(frame.rows - len(own))))
                expected = rate * float(_pairs(np.int64(len(own))))
                found.append(Meeting(family=name, met=float(_pairs(asked).sum()), expected=expected))
        return found

    def _rows(self, members: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
        low = np.searchsorted(self._owners, members)
        counts = np.searchsorted(self._owners, members, side="right") - low
        within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
        rows: npt.NDArray[np.int64] = self._by_owner[np.repeat(low, counts) + within]
        return rows

    def _frame(self, name: int) -> _Frame:
        if name not in self._frames:
            here = self._by_family[slice(*np.searchsorted(self._families, (name, name + 1)))]
            items, asked = np.unique(self._item[here], return_counts=True)
            self._frames[name] = _Frame(
                items=items, asked=asked, rows=len(here), met=float(_pairs(asked).sum()),
                owners=len(np.unique(self._owner[here])),
            )  # fmt: skip
        return self._frames[name]


def meetings(closely: Closely, members: npt.NDArray[np.int32]) -> list[Meeting]:
    """Do as `Items.meetings`, for whoever asks once."""
    return Items(closely).meetings(members)


SLACK: Final = 0.5
"""Groups of outsiders differ among themselves in how often they meet, by more than a Poisson count does: who shares
a week's exercises meets less often than who shares them over a month. Only below this share of the expected is a list
divided."""


def deficit_bits(met: float, expected: float) -> float:
    """Weigh a Poisson count below SLACK of its mean: log2 of an e-value, a gamma prior with mean a quarter of that."""
    expected *= SLACK
    if expected <= met or expected <= 0:
        return 0.0
    shape, rate = 0.5, 2.0  # rate multiplier ~ Gamma(1/2, 2): mean 1/4
    nats = shape * log(rate) - lgamma(shape) + lgamma(shape + met) - (shape + met) * log(rate + expected) + expected
    return max(nats / log(2.0), 0.0)


def _pairs(counts: Any) -> Any:
    """Count the pairs among so many."""
    return counts * (counts - 1) / 2
