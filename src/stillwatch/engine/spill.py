"""Spill: tables that grow with the traffic keep to a limit, and go on on disk beyond it.

What is counted in memory is put aside in order as soon as the table is full, and added up piece by piece at the end;
the result is the same. Files lie in the scratch of the hunt and go when they are read.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from stillwatch.engine.scratch import Limit, disk_trouble
from stillwatch.kit.counts import Counts, Tally, together
from stillwatch.kit.several import Lots, Several, deal_out

U64 = np.uint64
PIECE_ROWS: Final = 1 << 20
"""Pairs that are added up at once, about."""
SPILLED: Final = 1 << 18
"""Values that are dealt out and written at once: to do so takes six times the memory that they take."""
PARTS: Final = 64
"""Parts into which values are dealt out; one at a time is read again."""


_names = count()


def _write(path: Path, values: npt.NDArray[Any], mode: str = "wb") -> None:
    try:
        with path.open(mode) as file:
            values.tofile(file)
    except OSError as trouble:
        raise disk_trouble(trouble, path.parent) from trouble


class Pairing:
    """Counts pairs as `kit.counts` does, within a limit.

    Raises:
        ResourceError: when the disk is full.
    """

    def __init__(self, limit: Limit) -> None:
        self._limit = limit
        self._counts = Counts(limit.table)
        self._runs: list[tuple[Path, npt.NDArray[np.int32]]] = []

    def add(self, ones: npt.NDArray[np.int32], others: npt.NDArray[np.uint64]) -> None:
        """Count rows."""
        done = 0
        while (done := self._counts.add(ones, others, done)) < len(ones):
            self._spill()

    def _spill(self) -> None:
        run = self._counts.take()
        path = self._limit.directory / f"pairs-{next(_names)}.run"
        for column in (run.other, run.times):
            _write(path, column, "ab")
        self._runs.append((path, run.one))

    def close(self) -> Tally:
        """End the counting."""
        if not self._runs:
            return self._counts.take()
        self._spill()
        parts = list(self._merged())
        for path, _ in self._runs:
            path.unlink()
        self._runs = []
        return Tally(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def _merged(self) -> Iterator[Tally]:
        """Add up all runs, a range of first halves at a time."""
        every = sum(len(one) for _, one in self._runs)
        most = max(int(one[-1]) for _, one in self._runs if len(one))
        step = max(1, (most + 1) * PIECE_ROWS // max(every, 1))
        for low in range(0, most + 1, step):
            parts = []
            for path, one in self._runs:
                first, end = (int(place) for place in np.searchsorted(one, (low, low + step)))
                other = np.fromfile(path, np.uint64, end - first, offset=8 * first)
                times = np.fromfile(path, np.int64, end - first, offset=8 * (len(one) + first))
                parts.append(Tally(one[first:end], other, times))
            yield together(parts)


class Distinct:
    """Counts distinct values under labels as `kit.several` does, within a limit.

    Raises:
        ResourceError: when the disk is full.
    """

    def __init__(self, labels: int, limit: Limit) -> None:
        self._labels = labels
        self._limit = limit
        self._several = Several(labels)
        self._path = limit.directory / f"values-{next(_names)}.run"
        self._runs: list[tuple[int, npt.NDArray[np.int64]]] = []
        """Of each run on disk, where it begins, and where the values of each part begin in it."""

    def note(self, labels: npt.NDArray[np.int32] | Lots, values: npt.NDArray[np.uint64]) -> None:
        """Note values with their labels; 0 is no value."""
        self._several.note(labels, values)
        if self._several.size > self._limit.table:
            self._several.fold()
            if 2 * self._several.size > self._limit.table:
                self._spill()

    def _spill(self) -> None:
        """Write the values down, dealt out by bits, so that each part can be told apart by itself; some at a time."""
        values, starts = self._several.take()
        for first in range(0, len(values), SPILLED):
            some = values[first : first + SPILLED]
            labels = np.searchsorted(starts, np.arange(first, first + len(some)), side="right") - 1
            rows, ends = deal_out((some * U64(0xC2B2AE3D27D4EB4F) >> U64(58)).astype(np.int32), PARTS)
            begins = self._path.stat().st_size if self._runs else 0
            for column in (some[rows], labels[rows].astype(np.int32)):
                _write(self._path, column, "ab")
            self._runs.append((begins, ends))

    def close(self) -> npt.NDArray[np.int64]:
        """Tell how many distinct values each label has, and forget them."""
        if not self._runs:
            return self._several.counts()
        self._spill()
        counts = np.zeros(self._labels, np.int64)
        for number in range(PARTS):
            part = Several(self._labels)
            for values, labels in self._part(number):
                part.note(labels, values)
            counts += part.counts()
        self._path.unlink()
        self._runs = []
        return counts

    def _part(self, number: int) -> Iterator[tuple[npt.NDArray[np.uint64], npt.NDArray[np.int32]]]:
        """Read one part of every run again."""
        for begins, ends in self._runs:
            many, first = int(ends[number + 1] - ends[number]), int(ends[number])
            yield (
                np.fromfile(self._path, np.uint64, many, offset=begins + 8 * first),
                np.fromfile(self._path, np.int32, many, offset=begins + 8 * int(ends[-1]) + 4 * first),
            )
