"""The lab's measure of capability: sums modulo ten, solved by running totals. Those totals are its reasoning."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stillwatch.prove.lab import language, network, rewrite
from stillwatch.prove.lab.language import COLON, PAD, SEMI, Tokens
from stillwatch.prove.lab.network import Network, Reweigh

LENGTH = 24
"""Tokens of the longest answer, the question included."""


def questions(count: int, seed: int) -> Tokens:
    """Write sums with their running totals and results; what is asked ends at the colon."""
    return language.write("north", count, seed, sums=1.0)


def solve(
    model: Network, asked: Tokens, seed: int, *, temperature: float = 0.3, reweigh: Reweigh | None = None
) -> Tokens:
    """Let a model solve sums; rows in the order asked, `LENGTH` tokens long."""
    answered = np.zeros((len(asked), LENGTH), dtype=np.int32)
    ends = (asked == COLON).argmax(axis=1)
    for end in np.unique(ends):
        rows = ends == end
        answered[rows] = network.sample(
            model, asked[rows, : end + 1], seed=seed, temperature=temperature, reweigh=reweigh, length=LENGTH
        )
    return answered


def right(answered: Tokens, asked: Tokens) -> float:
    """Give the share of answers with the right result."""
    return float((result(answered) == result(asked)).mean())


def result(rows: Tokens) -> Tokens:
    """Give the token after the first semicolon of each row, or -1."""
    mark = rows == SEMI
    place = np.where(mark.any(axis=1), mark.argmax(axis=1) + 1, 0)
    taken = rows[np.arange(len(rows)), np.minimum(place, rows.shape[1] - 1)]
    return np.where(mark.any(axis=1), taken, -1).astype(np.int32)


def reasoning(rows: Tokens) -> NDArray[np.bool_]:
    """Find the tokens between colon and semicolon."""
    begun = (rows == COLON).cumsum(axis=1) > 0
    over = (rows == SEMI).cumsum(axis=1) > 0
    found: NDArray[np.bool_] = begun & ~over & (rows != COLON) & (rows != PAD)
    return found


def strip(rows: Tokens) -> Tokens:
    """Take the running totals out of answers."""
    return rewrite.close_up(rows, ~reasoning(rows))
