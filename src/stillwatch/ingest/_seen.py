"""Seen: which exchanges a dataset holds already, at 8 bytes each.

Ids are kept as keyed 64-bit hashes in a few sorted runs. A hit is a suspicion and is checked against the
dataset itself, so that a chance agreement loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Hashes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
_FEW: Final = 8


class Seen:
    """A set of ids that can be asked and added to by the column."""

    def __init__(self) -> None:
        self._runs: list[Hashes] = []

    def add(self, own: Hashes) -> None:
        """Add a column of ids, by their hashes."""
        if not own.size:
            return
        self._runs.append(np.sort(own))
        while len(self._runs) > 1 and (len(self._runs) > _FEW or self._runs[-2].size < 2 * self._runs[-1].size):
            last = self._runs.pop()
            self._runs[-1] = np.sort(np.concatenate([self._runs[-1], last]))

    def suspects(self, own: Hashes) -> tuple[Mask, Mask]:
        """Tell of each id whether it may have been added before, and whether it may stand twice in here."""
        found, ordered = np.zeros(own.size, np.bool_), np.sort(own)
        for run in self._runs:
            met = ordered[run[np.minimum(np.searchsorted(run, ordered), run.size - 1)] == ordered]
            if met.size:
                found |= np.isin(own, met)
        twice = repeated(own) if (ordered[1:] == ordered[:-1]).any() else np.zeros(own.size, np.bool_)
        return found, twice


def hashes(ids: pa.Array | pa.ChunkedArray) -> Hashes:
    """Hash a column of ids by Python's keyed hash, which is the same within one process only."""
    texts: Iterable[str] = ids.to_pylist()
    return np.fromiter(map(hash, texts), np.int64, len(ids))


def repeated(values: Hashes) -> Mask:
    """Tell which values stand more than once."""
    order = np.argsort(values, kind="stable")
    same = values[order][1:] == values[order][:-1]
    told = np.zeros(values.size, np.bool_)
    told[order[1:][same]] = True
    told[order[:-1][same]] = True
    return told
