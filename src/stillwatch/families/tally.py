"""Tally: how often each fingerprint occurs, in a table of saturating bytes.

The many fingerprints that occur once cost a byte or less. A collision in the table can only make a fingerprint seem
more frequent, never less. The table is far larger than any cache, so that to count a fingerprint at once would cost a
way to memory for each: every thread deals them out by slices of the table first, and a slice is counted into when many
wait for it. Where memory is short the table is filled part by part, a pass over the fingerprints for each.
"""

from __future__ import annotations

from threading import Lock
from typing import Final

import numpy as np
import numpy.typing as npt

from stillwatch.kit.jit import kernel

SUPPORT: Final = 8
"""Exchanges in which a fingerprint must occur to be heavy. A campaign of 50 accounts with two exchanges each
has 100; below some 8 a family says nothing that could be tested."""
MOST_BITS: Final = 29
"""Places are at most 2**MOST_BITS."""
SLICE_BITS: Final = 18
"""A slice of the table fits the second cache of a core beside other things."""
HELD: Final = 1 << 16
"""Fingerprints that wait for one slice in all threads together: they take as much memory as the table, and each way to
memory serves several of them."""

U64 = np.uint64


@kernel
def _deal(
    marks: npt.NDArray[np.uint32], start: int, shift: int, first: int, size: int, held: npt.NDArray[np.uint32],
    waiting: npt.NDArray[np.uint64],
) -> tuple[int, int]:  # fmt: skip
    """Deal fingerprints out until a slice has as many as it holds; returns (fingerprints dealt, that slice).

    Places before `first` wrap around, and so lie beyond the last slice, as those do that come after. A slice has
    2**size places.
    """
    slices, room = U64(len(waiting) - 1), U64(held.shape[1])
    for i in range(start, len(marks)):
        place = np.uint32((marks[i] >> shift) - first)
        piece = min(U64(place >> size), slices)
        held[piece, waiting[piece]] = place
        waiting[piece] += U64(piece < slices)
        if waiting[piece] == room:
            return i + 1, int(np.int64(piece))
    return len(marks), -1


@kernel
def _count(table: npt.NDArray[np.uint8], places: npt.NDArray[np.uint32]) -> None:
    for i in range(len(places)):
        table[places[i]] = min(int(table[places[i]]) + 1, 255)


@kernel
def _count_weighted(
    table: npt.NDArray[np.uint8],
    shift: int,
    marks: npt.NDArray[np.uint32],
    counts: npt.NDArray[np.uint16],
    weights: npt.NDArray[np.int64],
) -> None:
    at = 0
    for row in range(len(counts)):
        for _ in range(counts[row]):
            slot = marks[at] >> shift
            table[slot] = min(int(table[slot]) + int(weights[row]), 255)
            at += 1


@kernel
def _enough(table: npt.NDArray[np.uint8], support: int, bits: npt.NDArray[np.uint8]) -> None:
    """Note in one bit for each place of the table whether enough was counted there."""
    for i in range(len(bits)):
        byte = 0
        for bit in range(8):
            byte |= int(table[8 * i + bit] >= support) << bit
        bits[i] = byte


class Tally:
    """Which fingerprints may occur often enough, and which certainly do not.

    Args:
        expected: how many fingerprints will be counted, with repetitions; sizes the table.
        bits: the table's size is at most 2**bits bytes. Where the fingerprints need a larger one it is filled part by
            part, a first pass for each of `parts`: in a table that is too small nearly all would be taken for heavy.
        support: exchanges in which a fingerprint must occur.
        threads: how many will count at a time, each by a `hand` of its own.
    """

    def __init__(self, expected: int, *, bits: int = 29, support: int = SUPPORT, threads: int = 1) -> None:
        needed = min(MOST_BITS, max(16, int(expected).bit_length() - 1))  # two in a place: one in a thousand deceives
        bits = min(bits, needed)
        self.parts = 1 << (needed - bits)
        self.part = 0
        self.table = np.zeros(1 << bits, np.uint8)
        self.shift = 32 - needed
        self.support = support
        self.threads = threads
        self.lock = Lock()
        self.bits = np.zeros((1 << needed) // 8, np.uint8)
        """One bit for each place: whether enough was counted there. Complete after the last part."""

    def hand(self) -> Hand:
        """Make what one thread counts by, for the part at hand."""
        return Hand(self)

    def weigh(
        self, marks: npt.NDArray[np.uint32], counts: npt.NDArray[np.uint16], weights: npt.NDArray[np.int64]
    ) -> None:
        """Count the fingerprints of texts that stand for many exchanges each; these are counted in one part."""
        _count_weighted(self.table, self.shift, marks, counts, weights)

    def next_part(self) -> None:
        """End the pass over a part of the places: of each is kept whether enough was counted there."""
        size = len(self.table) // 8
        _enough(self.table, self.support, self.bits[self.part * size : (self.part + 1) * size])
        self.part += 1
        self.table = np.zeros(len(self.table) if self.part < self.parts else 0, np.uint8)


class Hand:
    """One thread's share in counting a part."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._size = min(len(tally.table).bit_length() - 1, SLICE_BITS)
        slices = len(tally.table) >> self._size
        self._held = np.empty((slices + 1, max(HELD // tally.threads, 1 << 12)), np.uint32)
        self._waiting = np.zeros(slices + 1, np.uint64)

    def note(self, marks: npt.NDArray[np.uint32]) -> None:
        """Count fingerprints, now or when enough of them wait."""
        first = self._tally.part * len(self._tally.table)
        dealt = 0
        while dealt < len(marks):
            dealt, full = _deal(marks, dealt, self._tally.shift, first, self._size, self._held, self._waiting)
            if full >= 0:
                self._empty(full)

    def close(self) -> None:
        """Count what waits, and let the memory go."""
        for piece in range(len(self._waiting) - 1):
            self._empty(piece)
        self._held = np.zeros((0, 0), np.uint32)

    def _empty(self, piece: int) -> None:
        with self._tally.lock:
            _count(self._tally.table, self._held[piece, : int(self._waiting[piece])])
        self._waiting[piece] = 0
