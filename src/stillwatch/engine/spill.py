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
from stillwatch.kit.codes import Seen
from stillwatch.kit.counts import Counts, Tally, together

U64 = np.uint64
PIECE_ROWS: Final = 1 << 20
"""Pairs that are added up at once, about."""
PARTS: Final = 64
"""Files among which keys are dealt out; one at a time is read again."""


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
    """Counts distinct keys under labels as `kit.codes.Seen` does, within a limit.

    Raises:
        ResourceError: when the disk is full.
    """

    def __init__(self, labels: int, limit: Limit) -> None:
        self._labels = labels
        self._limit = limit
        self._seen = Seen(labels)
        self._name = f"keys-{next(_names)}"
        self._spilled = False

    def note(self, keys: npt.NDArray[np.uint64], labels: npt.NDArray[np.int32]) -> None:
        """Note keys with their labels; a key stands under one label only, and 0 is no key."""
        self._seen.note(keys, labels)
        if self._seen.size > self._limit.table:
            self._spill()

    def _spill(self) -> None:
        """Deal the keys out among files, by bits that the table does not sort by."""
        keys, labels = self._seen.take()
        part = (keys * U64(0xC2B2AE3D27D4EB4F) >> U64(58)).astype(np.int64)
        order = np.argsort(part, kind="stable")
        ends = np.cumsum(np.bincount(part, minlength=PARTS))
        for number, mine in enumerate(np.split(order, ends[:-1])):
            _write(self._limit.directory / f"{self._name}-{number}.keys", keys[mine], "ab")
            _write(self._limit.directory / f"{self._name}-{number}.labels", labels[mine], "ab")
        self._spilled = True

    def close(self) -> npt.NDArray[np.int64]:
        """Tell how many distinct keys each label has, and forget them."""
        if not self._spilled:
            return self._seen.counts
        self._spill()
        counts = np.zeros(self._labels, np.int64)
        for number in range(PARTS):
            files = [self._limit.directory / f"{self._name}-{number}.{what}" for what in ("keys", "labels")]
            part = Seen(self._labels)
            part.note(np.fromfile(files[0], np.uint64), np.fromfile(files[1], np.int32))
            counts += part.counts
            for file in files:
                file.unlink()
        return counts
