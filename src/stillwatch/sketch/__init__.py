"""Sketch: what is remembered of an exchange. One file per thing; Arrow batch in, columns out.

A member has `OPENS` (the canonical columns that it opens; no others are read), `NEEDS` (those of them without all of
which it gives nothing), `columns(batch, work)` and a module docstring that says what is kept and what is not.
No text leaves this room: only hashes, fingerprints and counts do.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from stillwatch.kit.fingerprint import Scratch, scratch


class Spare:
    """Room for fingerprints before it is known how many there are; the same for every batch."""

    def __init__(self) -> None:
        self._room = np.empty(0, np.uint32)

    def take(self, size: int) -> npt.NDArray[np.uint32]:
        """Give room for so many; what stood there before is overwritten."""
        if size > len(self._room):
            self._room = np.empty(size + size // 4, np.uint32)
        return self._room


class Work(NamedTuple):
    """Working memory of one thread."""

    text: Scratch
    spare: Spare


def work() -> Work:
    """Allocate the working memory of one thread."""
    return Work(text=scratch(), spare=Spare())


Columns = dict[str, npt.NDArray[Any]]
"""Columns by name, one row per exchange; a ragged column is two, `x` (flat values) and `x#` (counts)."""
