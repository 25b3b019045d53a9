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


def meetings(
    closely: Closely, members: npt.NDArray[np.int32], order: npt.NDArray[np.int64] | None = None
) -> list[Meeting]:
    """Count the meetings of some owners, frame by frame; those of which they share no pool with outsiders are left out.

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
        pairs_in = _pairs(owner[own])
        pairs_out = _pairs(owner[others])
        met_in, met_out, across = _met(item[own], item[others])
        if met_out >= LEAST_MET and across >= LEAST_MET and pairs_in and pairs_out:
            rate = (across / (len(own) * len(others))) ** 2 / (met_out / pairs_out)
            found.append(Meeting(family=name, met=met_in, expected=rate * pairs_in))
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


def _pairs(owners: npt.NDArray[np.int32]) -> float:
    """Count the pairs of rows of different owners: nobody asks an item twice here."""
    counts = np.unique(owners, return_counts=True)[1].astype(np.float64)
    return (float(counts.sum()) ** 2 - float((counts * counts).sum())) / 2


def _met(own: npt.NDArray[np.uint64], others: npt.NDArray[np.uint64]) -> tuple[float, float, float]:
    """Count the pairs on one item: of members, of outsiders, and of one with the other."""
    items, inverse = np.unique(np.concatenate([own, others]), return_inverse=True)
    inside = np.bincount(inverse[: len(own)], minlength=len(items)).astype(np.float64)
    beyond = np.bincount(inverse[len(own) :], minlength=len(items)).astype(np.float64)
    within, without = (counts @ (counts - 1) / 2 for counts in (inside, beyond))
    return float(within), float(without), float(inside @ beyond)
