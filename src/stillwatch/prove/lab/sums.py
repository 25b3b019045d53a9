"""The lab's measure of capability: sums of five digits modulo ten, solved by running totals, which are its reasoning.

A network of one layer learns to add to a running total; to add five digits at once it does not learn from examples of
this number. That is what makes the reasoning worth having, and worth withholding.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stillwatch.prove.lab import network, rewrite
from stillwatch.prove.lab.language import ADD, BOS, COLON, EOS, FIRST_DIGIT, PAD, SEMI, Tokens
from stillwatch.prove.lab.network import Network, Reweigh

TERMS = 5
ASKED = TERMS + 3
"""Tokens of a question: <bos> add, the digits, colon."""
LENGTH = ASKED + TERMS + 4
"""Tokens of the longest answer, the question included."""


def write(count: int, seed: int, *, reasoned: bool = True) -> Tokens:
    """Write sums with their running totals, if wanted, and results; shape (count, LENGTH)."""
    digits = np.random.default_rng(seed).integers(0, 10, (count, TERMS))
    totals = np.mod(digits.cumsum(axis=1), 10)
    marks = [np.full((count, 1), token) for token in (BOS, ADD, COLON, SEMI, EOS)]
    parts = [marks[0], marks[1], digits + FIRST_DIGIT, marks[2]]
    parts += [totals + FIRST_DIGIT] if reasoned else []
    whole = np.concatenate([*parts, marks[3], totals[:, -1:] + FIRST_DIGIT, marks[4]], axis=1)
    padded = np.full((count, LENGTH), PAD, dtype=np.int32)
    padded[:, : whole.shape[1]] = whole
    return padded


def solve(
    model: Network, asked: Tokens, seed: int, *, temperature: float = 0.3, reweigh: Reweigh | None = None
) -> Tokens:
    """Let a model solve sums; rows in the order asked, of LENGTH tokens."""
    answered: Tokens = network.sample(
        model, asked[:, :ASKED], seed=seed, temperature=temperature, reweigh=reweigh, length=LENGTH
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


def share_of_reasoning(rows: Tokens) -> float:
    """Give the share of the answers' tokens that are reasoning."""
    return float(reasoning(rows).sum() / (rows[:, ASKED:] != PAD).sum())


def strip(rows: Tokens) -> Tokens:
    """Take the running totals out of answers."""
    return rewrite.close_up(rows, ~reasoning(rows))
