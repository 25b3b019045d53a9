"""Counts: how often two things occur together, such as an account and an address; the slim brother of `pairs`.

An open-addressing table of 16 bytes a place, at most half full, so that a row costs one cache miss. Exact; a pair is
counted up to 2**32 - 1 times.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stillwatch.kit.jit import kernel
from stillwatch.kit.lots import arrange, beginnings
from stillwatch.kit.mix import mix

U64 = np.uint64
_SPREAD = U64(0x9E3779B97F4A7C15)
_LOW = U64(0xFFFFFFFF)


class Tally(NamedTuple):
    """Distinct pairs, ordered by (one, other), and how many times each occurred."""

    one: npt.NDArray[np.int32]
    other: npt.NDArray[np.uint64]
    times: npt.NDArray[np.int64]


@kernel
def _count(
    ones: npt.NDArray[np.int32], others: npt.NDArray[np.uint64], start: int, table: npt.NDArray[np.uint64], known: int
) -> tuple[int, int]:
    """Count rows until the table is half full; returns (pairs known, rows taken)."""
    mask = U64(len(table) - 1)
    room = len(table) // 2
    for row in range(start, len(ones)):
        other, one = others[row], U64(ones[row])
        if other == U64(0):
            continue
        slot = mix(other ^ (one * _SPREAD)) & mask
        while table[slot, 1] != U64(0) and (table[slot, 0] != other or table[slot, 1] & _LOW != one):
            slot = (slot + U64(1)) & mask
        if table[slot, 1] == U64(0):
            if known >= room:
                return known, row
            table[slot, 0], table[slot, 1] = other, one
            known += 1
        table[slot, 1] += U64(1) << U64(32)
    return known, len(ones)


@kernel
def _regrow(old: npt.NDArray[np.uint64], table: npt.NDArray[np.uint64]) -> None:
    mask = U64(len(table) - 1)
    for place in range(len(old)):
        if old[place, 1] != U64(0):
            slot = mix(old[place, 0] ^ ((old[place, 1] & _LOW) * _SPREAD)) & mask
            while table[slot, 1] != U64(0):
                slot = (slot + U64(1)) & mask
            table[slot, 0], table[slot, 1] = old[place, 0], old[place, 1]


@kernel
def _order(
    table: npt.NDArray[np.uint64], one: npt.NDArray[np.int32], other: npt.NDArray[np.uint64],
    times: npt.NDArray[np.int64],
) -> None:  # fmt: skip
    """Write the pairs in order: dealt out by their first half, each lot then sorted by the second."""
    most = np.int64(-1)
    for place in range(len(table)):
        if table[place, 1] != U64(0):
            most = max(most, np.int64(table[place, 1] & _LOW))
    starts = np.zeros(most + 2, np.int64)
    for place in range(len(table)):
        if table[place, 1] != U64(0):
            starts[np.int64(table[place, 1] & _LOW) + 1] += 1
    for i in range(1, len(starts)):
        starts[i] += starts[i - 1]
    ends = starts.copy()
    for place in range(len(table)):
        if table[place, 1] != U64(0):
            lot = np.int64(table[place, 1] & _LOW)
            at = ends[lot]
            ends[lot] += 1
            one[at], other[at] = np.int32(lot), table[place, 0]
            times[at] = np.int64(table[place, 1] >> U64(32))
    for number in range(len(starts) - 1):
        first, end = starts[number], starts[number + 1]
        if end - first > 64:
            ranks = np.argsort(other[first:end])
            other[first:end] = other[first:end][ranks]
            times[first:end] = times[first:end][ranks]
            continue
        for i in range(first + 1, end):
            key, many, spot = other[i], times[i], i
            while spot > first and other[spot - 1] > key:
                other[spot], times[spot] = other[spot - 1], times[spot - 1]
                spot -= 1
            other[spot], times[spot] = key, many


class Counts:
    """Counts of pairs (int32 from 0 on, uint64); a pair whose second half is 0 is not counted. 32 to 64 bytes a pair.

    Args:
        most: bytes that the table may take; `add` stops where it is full.
    """

    def __init__(self, most: int = 1 << 62) -> None:
        self.most = most
        self.known = 0
        self._table = np.zeros((1 << 10, 2), np.uint64)

    def add(self, ones: npt.NDArray[np.int32], others: npt.NDArray[np.uint64], start: int = 0) -> int:
        """Count rows from `start` on; returns how many rows are done, fewer than all where the table is full."""
        while start < len(ones):
            self.known, start = _count(ones, others, start, self._table, self.known)
            if start < len(ones):
                if 2 * self._table.nbytes > self.most:
                    break
                old, self._table = self._table, np.zeros((2 * len(self._table), 2), np.uint64)
                _regrow(old, self._table)
        return start

    def take(self) -> Tally:
        """Give what was counted, and begin anew."""
        one, other = np.empty(self.known, np.int32), np.empty(self.known, np.uint64)
        times = np.empty(self.known, np.int64)
        _order(self._table, one, other, times)
        self.known = 0
        self._table = np.zeros((1 << 10, 2), np.uint64)
        return Tally(one, other, times)


def together(parts: list[Tally]) -> Tally:
    """Add tallies up."""
    one, other, times = (np.concatenate(column) for column in zip(*parts, strict=True))
    least = int(one.min()) if len(one) else 0
    one, other, times = arrange(one - np.int32(least), other, times, int(one.max(initial=least)) - least + 1)
    one += np.int32(least)
    starts = np.flatnonzero(beginnings(one, other))
    return Tally(one[starts], other[starts], np.add.reduceat(times, starts) if len(starts) else times)
