"""Several: how many different values stand under each of many labels, exactly.

A table of millions of values costs a miss of the cache for each, and as much again whenever it grows. So values are
dealt out by their label as they come, in order and without looking at them, and told apart at the end, one label after
the other, in a table that stays in the cache; a label of very many values is first dealt out by their bits.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from stillwatch.kit.jit import kernel, load_i64
from stillwatch.kit.lots import deal

U64 = np.uint64
_SPREAD = U64(0x9E3779B97F4A7C15)
SMALL: Final = 1 << 13
"""Values of one label that are told apart at once: a table of 128 kB."""
HEAPS: Final = 256


class Lots(NamedTuple):
    """Rows of a piece dealt out by their labels: those of label n are `rows[starts[n]:starts[n + 1]]`, in order."""

    rows: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]


def deal_out(labels: npt.NDArray[np.int32], count: int) -> Lots:
    """Deal rows out by their labels, which are from 0 to below `count`."""
    starts = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(labels, minlength=count), out=starts[1:])
    return Lots(deal(labels, starts), starts)


@kernel
def _enter(
    address: np.uint64, first: int, end: int, table: npt.NDArray[np.uint64], size: int, out: npt.NDArray[np.uint64],
    at: int,
) -> int:  # fmt: skip
    """Write the values that the table does not know yet to `out`, from `at` on; returns where it ends."""
    mask = U64(size - 1)
    for i in range(first, end):
        value = U64(load_i64(address, i))
        if value == U64(0):
            continue
        slot = (value * _SPREAD >> U64(20)) & mask
        while table[slot] != U64(0) and table[slot] != value:
            slot = (slot + U64(1)) & mask
        if table[slot] == U64(0):
            table[slot] = value
            out[at] = value
            at += 1
    return at


@kernel
def _room(table: npt.NDArray[np.uint64], many: int) -> tuple[npt.NDArray[np.uint64], int]:
    """Clear as much of a table as so many values need, at most half full; a larger one where it is too small."""
    size = 16
    while size < 2 * many:
        size *= 2
    if size > len(table):
        table = np.zeros(size, np.uint64)
    table[:size] = 0
    return table, size


@kernel
def _heaps(
    addresses: npt.NDArray[np.uint64], bounds: npt.NDArray[np.int64], label: int, many: int
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """Deal the values of one label out by their bits."""
    starts = np.zeros(HEAPS + 1, np.int64)
    for part in range(len(addresses)):
        for i in range(bounds[part, label], bounds[part, label + 1]):
            starts[np.int64(U64(load_i64(addresses[part], i)) * _SPREAD >> U64(56)) + 1] += 1
    for heap in range(HEAPS):
        starts[heap + 1] += starts[heap]
    ends = starts.copy()
    dealt = np.empty(many, np.uint64)
    for part in range(len(addresses)):
        for i in range(bounds[part, label], bounds[part, label + 1]):
            value = U64(load_i64(addresses[part], i))
            place = np.int64(value * _SPREAD >> U64(56))
            dealt[ends[place]] = value
            ends[place] += 1
    return dealt, starts


@kernel
def _tell_apart(
    addresses: npt.NDArray[np.uint64], bounds: npt.NDArray[np.int64], out: npt.NDArray[np.uint64]
) -> npt.NDArray[np.int64]:
    """Write the distinct values of every label to `out`; returns where those of each begin, and the end.

    Args:
        addresses: where the values of each part begin, which stand by their labels.
        bounds: where the values of each label begin in each part, and the end.
    """
    labels = bounds.shape[1] - 1
    starts = np.zeros(labels + 1, np.int64)
    table = np.zeros(2 * SMALL, np.uint64)
    for label in range(labels):
        many, at = 0, starts[label]
        for part in range(len(addresses)):
            many += bounds[part, label + 1] - bounds[part, label]
        if many > SMALL:
            dealt, heaps = _heaps(addresses, bounds, label, many)
            for heap in range(HEAPS):
                table, size = _room(table, heaps[heap + 1] - heaps[heap])
                at = _enter(U64(dealt.ctypes.data), heaps[heap], heaps[heap + 1], table, size, out, at)
        elif many:
            table, size = _room(table, many)
            for part in range(len(addresses)):
                at = _enter(addresses[part], bounds[part, label], bounds[part, label + 1], table, size, out, at)
        starts[label + 1] = at
    return starts


class Several:
    """Counts the distinct values under each label; 0 is no value. Exact. 8 bytes for each value that was noted.

    >>> several = Several(2)
    >>> several.note(np.array([0, 1, 1, 1], np.int32), np.array([7, 7, 9, 9], np.uint64))
    >>> several.counts().tolist()
    [1, 2]
    """

    def __init__(self, labels: int) -> None:
        self.labels = labels
        self.size = 0
        """Bytes that the values take."""
        self._parts: list[tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]] = []

    def note(self, labels: npt.NDArray[np.int32] | Lots, values: npt.NDArray[np.uint64]) -> None:
        """Note values with their labels; dealt out already, where several columns of the same rows are noted."""
        lots = labels if isinstance(labels, Lots) else deal_out(labels, self.labels)
        self._keep(values[lots.rows], lots.starts)

    def _keep(self, values: npt.NDArray[np.uint64], starts: npt.NDArray[np.int64]) -> None:
        if len(values):
            self._parts.append((values, starts))
            self.size += values.nbytes

    def fold(self) -> None:
        """Forget what was noted more than once; takes as much memory again while it works."""
        if len(self._parts):
            self._keep(*self.take())

    def take(self) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
        """Give the distinct values by their labels, with where those of each label begin, and begin anew."""
        parts: list[Any] = self._parts or [(np.zeros(0, np.uint64), np.zeros(self.labels + 1, np.int64))]
        out = np.empty(sum(len(values) for values, _ in parts), np.uint64)
        addresses = np.array([values.ctypes.data for values, _ in parts], np.uint64)
        starts = _tell_apart(addresses, np.stack([bounds for _, bounds in parts]), out)
        self._parts, self.size = [], 0
        return out[: starts[-1]].copy() if starts[-1] < len(out) // 2 else out[: starts[-1]], starts

    def counts(self) -> npt.NDArray[np.int64]:
        """Tell how many distinct values each label has."""
        self.fold()
        return np.diff(self._parts[0][1]) if self._parts else np.zeros(self.labels, np.int64)
