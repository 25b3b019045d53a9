"""Heavy fingerprints: those that occur in at least SUPPORT exchanges, and a sketch of which ones.

What may be heavy by its place in a `tally` is counted exactly, by as many collectors as there are threads; what they
found is put together at the end. Of the set of exchanges of each heavy fingerprint a one-permutation sketch is kept
(Li, Owen and Zhang 2012), without densification: the share of equal lanes among the non-empty ones estimates the
Jaccard index.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from stillwatch.families.tally import Tally
from stillwatch.kit.codes import Codes
from stillwatch.kit.jit import kernel
from stillwatch.kit.mix import mix

LANES: Final = 16
EMPTY: Final = np.uint32(0xFFFFFFFF)

FILTER_BITS: Final = 22
"""Most fingerprints are light; a filter of half a megabyte tells it of nearly all of them."""

U64 = np.uint64


@kernel
def _chosen(
    bits: npt.NDArray[np.uint8], shift: int, marks: npt.NDArray[np.uint32], places: npt.NDArray[np.int32],
    keys: npt.NDArray[np.uint64],
) -> int:  # fmt: skip
    """Find the fingerprints whose place in a filter is marked: where they stand, and their keys; returns how many."""
    found = U64(0)
    for i in range(len(marks)):
        places[found], keys[found] = i, U64(marks[i]) + U64(1)
        slot = marks[i] >> shift
        found += U64((bits[slot >> 3] >> (slot & 7)) & 1)
    return int(np.int64(found))


@kernel
def _mark(marks: npt.NDArray[np.uint32], bits: npt.NDArray[np.uint8]) -> None:
    """Note marks in a filter of 2**FILTER_BITS bits."""
    for i in range(len(marks)):
        slot = marks[i] >> (32 - FILTER_BITS)
        bits[slot >> 3] |= np.uint8(1) << np.uint8(slot & 7)


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


class Found(NamedTuple):
    """Heavy fingerprints of some texts: where they stand among all, and their numbers."""

    places: npt.NDArray[np.int32]
    codes: npt.NDArray[np.int32]


class _Collector:
    """What one thread counts exactly."""

    def __init__(self) -> None:
        self.codes = Codes(1 << 12)
        self.exact = np.zeros(1 << 12, np.int64)
        self.lanes = np.full((1 << 12, LANES), EMPTY, np.uint32)

    def grow(self) -> None:
        """Make room for all codes."""
        have, want = len(self.exact), len(self.codes)
        if want <= have:
            return
        size = max(2 * have, want)
        exact = np.zeros(size, np.int64)
        exact[:have] = self.exact
        lanes = np.full((size, LANES), EMPTY, np.uint32)
        lanes[:have] = self.lanes
        self.exact, self.lanes = exact, lanes


class Heavy:
    """The heavy fingerprints of one kind of text.

    Args:
        tally: all of its parts are counted.
        threads: how many collect at a time; the result is the same.
    """

    def __init__(self, tally: Tally, *, threads: int = 1) -> None:
        self._bits, self._shift = tally.bits, tally.shift
        self._support = tally.support
        self._collectors = [_Collector() for _ in range(threads)]
        self.marks = np.zeros(0, np.uint32)
        self.rows = np.zeros(0, np.int64)
        self.lanes = np.zeros((0, LANES), np.uint32)
        self._lookup = Codes()

    def sketch(
        self, marks: npt.NDArray[np.uint32], counts: npt.NDArray[np.uint16], weights: npt.NDArray[np.int64] | None,
        start: int, by: int = 0,
    ) -> None:  # fmt: skip
        """Count those exactly that may be heavy, and sketch the texts (numbered from `start`) that they occur in.

        Args:
            weights: how many exchanges each text stands for; None: one.
            by: the collector, which nobody else uses meanwhile.
        """
        weighed = weights if weights is not None else np.zeros(0, np.int64)
        places, keys = _room(len(marks))
        found = _chosen(self._bits, self._shift, marks, places, keys)
        mine = self._collectors[by]
        codes, _ = mine.codes.encode(keys[:found])
        mine.grow()
        _sketch(places[:found], counts, weighed, start, codes, mine.exact, mine.lanes)

    def close(self) -> None:
        """End the pass: keep the truly heavy ones, ordered by fingerprint; `marks`, `rows`, `lanes`."""
        marks = np.concatenate([(one.codes.keys() - U64(1)).astype(np.uint32) for one in self._collectors])
        rows = np.concatenate([one.exact[: len(one.codes)] for one in self._collectors])
        lanes = np.concatenate([one.lanes[: len(one.codes)] for one in self._collectors])
        self._collectors = []
        if len(marks):
            order = np.argsort(marks, kind="stable")
            ordered = marks[order]
            starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
            rows = np.add.reduceat(rows[order], starts)
            heavy = rows >= self._support
            self.marks, self.rows = ordered[starts[heavy]], rows[heavy]
            self.lanes = np.minimum.reduceat(lanes[order], starts)[heavy]
        self._bits, self._shift = np.zeros(1 << (FILTER_BITS - 3), np.uint8), 32 - FILTER_BITS
        _mark(self.marks, self._bits)
        self._lookup = Codes(len(self.marks))
        self._lookup.encode(self.marks.astype(np.uint64) + U64(1))

    def find(self, marks: npt.NDArray[np.uint32]) -> Found:
        """Find the heavy ones among some fingerprints, and number them; by any number of threads."""
        places, keys = _room(len(marks))
        found = _chosen(self._bits, self._shift, marks, places, keys)
        codes = self._lookup.lookup(keys[:found])
        heavy = codes >= 0
        return Found(places[:found][heavy], codes[heavy])

    def lookup(self, marks: npt.NDArray[np.uint32]) -> npt.NDArray[np.int32]:
        """Number each fingerprint among the heavy ones, -1 for a light one."""
        found = self.find(marks)
        codes = np.full(len(marks), -1, np.int32)
        codes[found.places] = found.codes
        return codes


def _room(size: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint64]]:
    """Make room for places and keys, and for one more that is written before it is known to be none."""
    return np.empty(size + 1, np.int32), np.empty(size + 1, np.uint64)
