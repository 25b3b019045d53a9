"""Seen: which exchanges a dataset holds already, at 8 bytes each.

Ids are kept as keyed 64-bit hashes in a few sorted runs. A hit is a suspicion and is checked against the
dataset itself, so that a chance agreement loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
import pyarrow as pa

_FEW: Final = 8


class Seen:
    """A set of ids that can be asked and added to by the column."""

    def __init__(self) -> None:
        self._runs: list[np.ndarray] = []

    def add(self, ids: pa.Array | pa.ChunkedArray) -> None:
        """Add a column of ids."""
        if not len(ids):
            return
        self._runs.append(np.sort(hashes(ids)))
        while len(self._runs) > 1 and (len(self._runs) > _FEW or self._runs[-2].size < 2 * self._runs[-1].size):
            last = self._runs.pop()
            self._runs[-1] = np.sort(np.concatenate([self._runs[-1], last]), kind="stable")

    def suspects(self, ids: pa.Array | pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
        """Tell of each id whether it may have been added before, and whether it may stand twice in here."""
        own = hashes(ids)
        found = np.zeros(own.size, bool)
        for run in self._runs:
            place = np.minimum(np.searchsorted(run, own), run.size - 1)
            found |= run[place] == own
        return found, repeated(own)


def hashes(ids: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """Hash a column of ids by Python's keyed hash, which is the same within one process only."""
    texts: Iterable[str] = ids.to_pylist()
    return np.fromiter(map(hash, texts), np.int64, len(ids))


def repeated(values: np.ndarray) -> np.ndarray:
    """Tell which values stand more than once."""
    order = np.argsort(values, kind="stable")
    same = values[order][1:] == values[order][:-1]
    told = np.zeros(values.size, bool)
    told[order[1:][same]] = True
    told[order[:-1][same]] = True
    return told
