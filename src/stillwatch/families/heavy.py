"""Heavy fingerprints: those that occur in at least SUPPORT exchanges, and a sketch of which ones.

Counting is done in a table of saturating bytes, so that the many fingerprints that occur once cost a byte or
less; the few that are heavy are then counted exactly. A collision in the table can only promote a fingerprint
to the exact count, never lose one.

Of the set of exchanges of each heavy fingerprint a one-permutation sketch is kept (Li, Owen and Zhang 2012),
without densification: the share of equal lanes among the non-empty ones estimates the Jaccard index.
"""

from __future__ import annotations

from concurrent.futures import Executor
from typing import Final

import numpy as np
import numpy.typing as npt

from stillwatch.kit.codes import Codes
from stillwatch.kit.jit import kernel
from stillwatch.kit.mix import mix

SUPPORT: Final = 8
"""Exchanges in which a fingerprint must occur to be heavy. A campaign of 50 accounts with two exchanges each
has 100; below some 8 a family says nothing that could be tested."""
LANES: Final = 16
EMPTY: Final = np.uint32(0xFFFFFFFF)

FILTER_BITS: Final = 22
"""Most fingerprints are light; a filter of half a megabyte tells it of nearly all of them."""

MOST_BITS: Final = 29
"""Places are at most 2**MOST_BITS."""

U64 = np.uint64


@kernel
def _count(
    table: npt.NDArray[np.uint8], shift: int, first: int, marks: npt.NDArray[np.uint32], half: int, halves: int,
    mine: npt.NDArray[np.uint32],
) -> None:  # fmt: skip
    """Count the fingerprints of a half whose places are from `first` on, as many as the table has."""
    taken = 0
    for i in range(len(marks)):  # first sorted out and then counted: a branch on a random bit is dear
        slot = np.uint32((marks[i] >> shift) - first)  # what lies before wraps around, and so lies beyond
        mine[taken] = slot
        taken += bool(slot < len(table)) and (halves == 1 or (marks[i] & np.uint32(1)) == half)
    for i in range(taken):
        table[mine[i]] = min(int(table[mine[i]]) + 1, 255)


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


@kernel
def _chosen(
    bits: npt.NDArray[np.uint8], shift: int, marks: npt.NDArray[np.uint32], half: int, halves: int,
    places: npt.NDArray[np.int32],
) -> int:  # fmt: skip
    """Find where the fingerprints stand that may be heavy; returns how many."""
    mine = 0
    for i in range(len(marks)):
        places[mine] = i
        mine += halves == 1 or (marks[i] & np.uint32(1)) == half
    found = 0
    for i in range(mine):
        place = places[i]
        places[found] = place
        slot = marks[place] >> shift
        found += (bits[slot >> 3] >> (slot & 7)) & 1
    return found


@kernel
def _mark(marks: npt.NDArray[np.uint32], bits: npt.NDArray[np.uint8]) -> None:
    """Note marks in a filter of 2**FILTER_BITS bits."""
    for i in range(len(marks)):
        slot = marks[i] >> (32 - FILTER_BITS)
        bits[slot >> 3] |= np.uint8(1) << np.uint8(slot & 7)


@kernel
def _maybe(
    marks: npt.NDArray[np.uint32], bits: npt.NDArray[np.uint8], places: npt.NDArray[np.int32],
    keys: npt.NDArray[np.uint64],
) -> int:  # fmt: skip
    """Find the marks that may be in the filter: where they stand, and their keys; returns how many."""
    found = 0
    for i in range(len(marks)):
        places[found], keys[found] = i, U64(marks[i]) + U64(1)
        slot = marks[i] >> (32 - FILTER_BITS)
        found += (bits[slot >> 3] >> (slot & 7)) & 1
    return found


@kernel
def _sketch(
    places: npt.NDArray[np.int32],
    counts: npt.NDArray[np.uint16],
    weights: npt.NDArray[np.int64],
    start: int,
    codes: npt.NDArray[np.int32],
    exact: npt.NDArray[np.int64],
    lanes: npt.NDArray[np.uint32],
) -> None:
    row = -1
    end = 0
    lane, value, weight = np.int64(0), np.uint32(0), np.int64(1)
    for i in range(len(places)):
        if places[i] >= end:
            while places[i] >= end:
                row += 1
                end += counts[row]
            hashed = mix(U64(start + row) + U64(0x5157))
            lane = np.int64(hashed & U64(LANES - 1))
            value = np.uint32((hashed >> U64(8)) & U64(0xFFFFFFFE))
            weight = weights[row] if len(weights) else np.int64(1)
        code = codes[i]
        exact[code] += weight
        if value < lanes[code, lane]:
            lanes[code, lane] = value


class Heavy:
    """The heavy fingerprints of one kind of text.

    Args:
        expected: how many fingerprints will be counted, with repetitions; sizes the table.
        bits: the table's size is at most 2**bits bytes. Where the fingerprints need a larger one it is filled part by
            part, a first pass for each of `parts`: in a table that is too small nearly all would be taken for heavy.
        support: exchanges in which a fingerprint must occur.
        halves: 2 to work on two threads, each on its own half of the fingerprints; the result is the same.
    """

    def __init__(self, expected: int, *, bits: int = 29, support: int = SUPPORT, halves: int = 1) -> None:
        needed = min(MOST_BITS, max(16, int(expected).bit_length() - 1))  # two in a place: one in a thousand deceives
        bits = min(bits, needed)
        self.parts = 1 << (needed - bits)
        self._part = 0
        self.table = np.zeros(1 << bits, np.uint8)
        self.shift = 32 - needed
        self.support = support
        self.halves = halves
        self._codes = [Codes(1 << 12) for _ in range(halves)]
        self._exact = [np.zeros(1 << 12, np.int64) for _ in range(halves)]
        self._lanes = [np.full((1 << 12, LANES), EMPTY, np.uint32) for _ in range(halves)]
        self.marks = np.zeros(0, np.uint32)
        self.rows = np.zeros(0, np.int64)
        self.lanes = np.zeros((0, LANES), np.uint32)
        self._bits = np.zeros((1 << needed) // 8, np.uint8)
        self._lookup = Codes()
        self._filter = np.zeros(1 << (FILTER_BITS - 3), np.uint8)

    def count(
        self, marks: npt.NDArray[np.uint32], counts: npt.NDArray[np.uint16], weights: npt.NDArray[np.int64] | None,
        pool: Executor,
    ) -> None:  # fmt: skip
        """First pass: count fingerprints; `weights` says how many exchanges each text stands for (None: one).

        Texts with weights are counted in one part.
        """
        if weights is not None:
            _count_weighted(self.table, self.shift, marks, counts, weights)
            return

        def run(half: int) -> None:
            first = self._part * len(self.table)
            _count(self.table, self.shift, first, marks, half, self.halves, np.empty(len(marks) + 1, np.uint32))

        list(pool.map(run, range(self.halves)))

    def next_part(self) -> None:
        """End the first pass over a part of the places: of each is kept whether enough was counted there."""
        size = len(self.table) // 8
        _enough(self.table, self.support, self._bits[self._part * size : (self._part + 1) * size])
        self._part += 1
        self.table = np.zeros(len(self.table) if self._part < self.parts else 0, np.uint8)

    def sketch(
        self, marks: npt.NDArray[np.uint32], counts: npt.NDArray[np.uint16], weights: npt.NDArray[np.int64] | None,
        start: int, pool: Executor,
    ) -> None:  # fmt: skip
        """Second pass: count the chosen exactly and sketch the texts (numbered from `start`) that they occur in."""
        weighed = weights if weights is not None else np.zeros(0, np.int64)
        if len(self.table):
            self.next_part()

        def run(half: int) -> None:
            places = np.empty(len(marks) + 1, np.int32)
            found = _chosen(self._bits, self.shift, marks, half, self.halves, places)
            places = places[:found]
            codes, _ = self._codes[half].encode(marks[places].astype(np.uint64) + U64(1))
            self._room(half)
            _sketch(places, counts, weighed, start, codes, self._exact[half], self._lanes[half])

        list(pool.map(run, range(self.halves)))

    def _room(self, half: int) -> None:
        have, want = len(self._exact[half]), len(self._codes[half])
        if want <= have:
            return
        size = max(2 * have, want)
        exact = np.zeros(size, np.int64)
        exact[:have] = self._exact[half]
        lanes = np.full((size, LANES), EMPTY, np.uint32)
        lanes[:have] = self._lanes[half]
        self._exact[half], self._lanes[half] = exact, lanes

    def close(self) -> None:
        """End the second pass: keep the truly heavy ones, ordered by fingerprint; `marks`, `rows`, `lanes`."""
        marks = np.concatenate([(codes.keys() - U64(1)).astype(np.uint32) for codes in self._codes])
        rows = np.concatenate([e[: len(c)] for e, c in zip(self._exact, self._codes, strict=True)])
        lanes = np.concatenate([s[: len(c)] for s, c in zip(self._lanes, self._codes, strict=True)])
        heavy = np.flatnonzero(rows >= self.support)
        order = heavy[np.argsort(marks[heavy], kind="stable")]
        self.marks, self.rows, self.lanes = marks[order], rows[order], lanes[order]
        self._codes, self._exact, self._lanes = [], [], []
        self._bits = np.zeros(0, np.uint8)
        _mark(self.marks, self._filter)
        self._lookup = Codes(len(self.marks))
        self._lookup.encode(self.marks.astype(np.uint64) + U64(1))

    def lookup(self, marks: npt.NDArray[np.uint32]) -> npt.NDArray[np.int32]:
        """Number each fingerprint among the heavy ones, -1 for a light one."""
        places, keys = np.empty(len(marks) + 1, np.int32), np.empty(len(marks) + 1, np.uint64)
        found = _maybe(marks, self._filter, places, keys)
        codes = np.full(len(marks), -1, np.int32)
        codes[places[:found]] = self._lookup.lookup(keys[:found])
        return codes
