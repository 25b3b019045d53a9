"""A little world of word pairs, without any network: a teacher that marks, a suspect that learnt a share of it, or not.

It makes texts for the tests and the benches of the audit in a moment; what it cannot show is how much of a mark a real
student inherits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stillwatch.prove import prf
from stillwatch.prove.lineage import tokens
from stillwatch.prove.mark import Mark
from stillwatch.prove.prf import Words

SIZE = 250
WORDS = [f"word{i}" for i in range(SIZE)]
IDS = tokens.words(" ".join(WORDS))
Table = NDArray[np.float64]
"""Chance of each next word, shape (SIZE, SIZE), rows add up to 1."""


@dataclass(frozen=True)
class Pairs:
    """Next-word tables: what the teacher says, and what the suspect's other sources say."""

    teacher: Table
    other: Table


def pairs(seed: int) -> Pairs:
    """Draw a teacher and another model that share most of their habits."""
    rng = np.random.default_rng(seed)
    common = rng.dirichlet(np.full(SIZE, 0.05), SIZE)
    own = [rng.dirichlet(np.full(SIZE, 0.05), SIZE) for _ in range(2)]
    teacher, other = (0.7 * common + 0.25 * mine + 0.05 / SIZE for mine in own)
    return Pairs(teacher, other)


def marked(table: Table, key: Words, mark: Mark) -> Table:
    """Give a table under a key, mode `bias`."""
    windows = IDS.astype(np.uint64)
    green = np.stack([prf.lanes(key, np.full(SIZE, w), IDS) < mark.green for w in windows])
    lifted = table * np.exp(mark.delta * green)
    shares: Table = lifted / lifted.sum(axis=1, keepdims=True)
    return shares


def write(table: Table, answers: int, seed: int, length: int = 60) -> list[str]:
    """Write answers of a model with this table."""
    rng = np.random.default_rng(seed)
    heap = table.cumsum(axis=1)
    at = rng.integers(0, SIZE, answers)
    rows = [at]
    for _ in range(length - 1):
        draw = rng.random(answers)[:, None] * heap[at, -1:]
        at = np.minimum((heap[at] < draw).sum(axis=1), SIZE - 1)
        rows.append(at)
    return [" ".join(WORDS[i] for i in row) for row in np.stack(rows, axis=1)]
