"""Items: how often the members of a group meet on the same item of a frame, against how often outsiders do."""

from __future__ import annotations

from dataclasses import dataclass
from math import lgamma, log
from typing import Final

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


def meetings(
    closely: Closely, members: npt.NDArray[np.int32], order: npt.NDArray[np.int64] | None = None
) -> list[Meeting]:
    """Count the meetings of some owners, frame by frame; frames whose pool outsiders do not show are left out.

    Args:
        order: what sorts `closely.item_family`, for whoever asks often.

    Cost: one sort of the items of the frames that the members use.
    """
    owner, family, item = closely.item_owner, closely.item_family, closely.item
    if order is None:
        order = np.argsort(family, kind="stable")
    inside = np.isin(owner, members)
    found = []
    for name in np.unique(family[inside]).tolist():
        here = order[slice(*np.searchsorted(family, (name, name + 1), sorter=order))]
        mine = inside[here]
        own, others = here[mine], here[~mine]
        if len(np.unique(owner[others])) < LEAST_OUTSIDE:
            continue
        pairs_in, met_in = _pairs(item[own])
        pairs_out, met_out = _pairs(item[others])
        if met_out >= LEAST_MET:
            found.append(Meeting(family=name, met=met_in, expected=met_out / pairs_out * pairs_in))
    return found


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


def _pairs(items: npt.NDArray[np.uint64]) -> tuple[float, float]:
    """Count all pairs of rows, and the pairs on one item."""
    counts = np.unique(items, return_counts=True)[1].astype(np.float64)
    every = float(counts.sum())
    return every * (every - 1) / 2, float((counts * (counts - 1) / 2).sum())
