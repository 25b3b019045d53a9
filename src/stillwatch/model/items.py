"""Items: how often the members of a group meet on the same item of a frame, against how often they should by chance.

Two owners meet when both ask one item. Who draws from a pool meets whoever else draws from it, members and outsiders
alike. Say that members draw item i with probability q_i and outsiders with p_i: pairs of members meet at the rate
sum q_i², pairs of outsiders at sum p_i², and a member meets an outsider at sum p_i q_i. By Cauchy and Schwarz

    sum q_i² >= (sum p_i q_i)² / sum p_i²

whatever q is. So a group whose items nobody else asks is expected to meet nowhere, and proves nothing by not doing so:
every product's questions are its own. Only who meets outsiders on the pool and not his fellows has divided it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import lgamma, log
from typing import Final

import numpy as np
import numpy.typing as npt

from stillwatch.kit.lots import deal
from stillwatch.model.traces import Closely

LEAST_OUTSIDE: Final = 8
"""Outsiders who must use a frame for its pool of items to be known."""
LEAST_MET: Final = 3
"""Meetings, of outsiders among themselves and with members, from which their rates are believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """How often pairs of members met on one item of a frame, and how often they should have at the least."""

    family: int
    met: float
    expected: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """All rows of one frame: how often each item was asked, and by how many owners how often."""

    items: npt.NDArray[np.uint64]
    asked: npt.NDArray[np.int32]
    rows: int
    met: float
    owners: int
    squares: float


class Items:
    """The items that owners asked, for whoever asks often how the members of groups meet on them.

    Cost: to deal all items out by their frames; then a group costs what its members asked, and a frame one sort, once.
    """

    def __init__(self, closely: Closely) -> None:
        every = (closely.item_owner, closely.item_family, closely.item)
        if (every[0][1:] < every[0][:-1]).any():
            order = np.argsort(every[0], kind="stable")
            every = (every[0][order], every[1][order], every[2][order])
        self._owner, self._family, self._item = every
        self._starts = _starts(self._owner)
        self._frame_starts = _starts(self._family)
        self._by_frame = deal(self._family, self._frame_starts).astype(np.int32)
        self._frames: dict[int, _Frame] = {}

    def meetings(self, members: npt.NDArray[np.int32]) -> list[Meeting]:
        """Count meetings frame by frame; frames of which the members share no pool with outsiders are left out."""
        rows = self._rows(np.unique(members))
        rows = rows[np.argsort(self._family[rows], kind="stable")]
        names, starts = np.unique(self._family[rows], return_index=True)
        found = [
            self._meeting(name, own) for name, own in zip(names.tolist(), np.split(rows, starts[1:]), strict=False)
        ]
        return [one for one in found if one is not None]

    def _meeting(self, name: int, own: npt.NDArray[np.int64]) -> Meeting | None:
        frame = self._frame(name)
        askers, squares = _squares(self._owner[own])
        if frame.owners - askers < LEAST_OUTSIDE:
            return None
        others = frame.rows - len(own)
        pairs_in = (float(len(own)) ** 2 - squares) / 2
        pairs_out = (float(others) ** 2 - (frame.squares - squares)) / 2
        items, asked = np.unique(self._item[own], return_counts=True)
        beyond = frame.asked[np.searchsorted(frame.items, items)] - asked
        across = float((asked * beyond).sum())
        met_in = _pairs(asked)
        met_out = frame.met - (_pairs(asked + beyond) - _pairs(beyond))
        if met_out < LEAST_MET or across < LEAST_MET or not pairs_in or not pairs_out:
            return None
        rate = (across / (len(own) * others)) ** 2 / (met_out / pairs_out)
        return Meeting(family=name, met=met_in, expected=rate * pairs_in)

    def _rows(self, members: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
        asked = members[members < len(self._starts) - 1]
        low, counts = self._starts[asked], self._starts[asked + 1] - self._starts[asked]
        within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
        rows: npt.NDArray[np.int64] = np.repeat(low, counts) + within
        return rows

    def _frame(self, name: int) -> _Frame:
        if name not in self._frames:
            here = self._by_frame[self._frame_starts[name] : self._frame_starts[name + 1]]
            items, asked = np.unique(self._item[here], return_counts=True)
            owners, squares = _squares(self._owner[here])
            self._frames[name] = _Frame(
                items=items,
                asked=asked.astype(np.int32),
                rows=len(here),
                met=_pairs(asked),
                owners=owners,
                squares=squares,
            )
        return self._frames[name]


def _starts(values: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Tell where the rows of each value begin when they stand in order, and the end."""
    starts = np.zeros(int(values.max(initial=-1)) + 2, np.int64)
    np.cumsum(np.bincount(values, minlength=len(starts) - 1), out=starts[1:])
    return starts


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


def _pairs(counts: npt.NDArray[np.int64]) -> float:
    """Count the pairs of rows on one item, summed over items."""
    return float((counts * (counts - 1)).sum()) / 2


def _squares(owners: npt.NDArray[np.int32]) -> tuple[int, float]:
    """Count the owners of some rows, and the pairs of rows of one owner: nobody asks an item twice here."""
    counts = np.unique(owners, return_counts=True)[1].astype(np.float64)
    return len(counts), float((counts * counts).sum())
