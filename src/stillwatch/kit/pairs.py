"""Pairs: how often two things occur together, such as an account and an address; counted as rows stream by."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from stillwatch.kit.jit import kernel
from stillwatch.kit.mix import mix

U64 = np.uint64
_SPREAD = U64(0x9E3779B97F4A7C15)


class Counted(NamedTuple):
    """Distinct pairs, ordered by (one, other): how many times, the sum of amounts, the first and the last time."""

    one: npt.NDArray[np.int32]
    other: npt.NDArray[np.uint64]
    times: npt.NDArray[np.int64]
    amount: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]


@kernel
def _add(
    ones: npt.NDArray[np.int32],
    others: npt.NDArray[np.uint64],
    amounts: npt.NDArray[np.int64],
    times: npt.NDArray[np.int64],
    start: int,
    table: npt.NDArray[np.int32],
    one: npt.NDArray[np.int32],
    other: npt.NDArray[np.uint64],
    count: npt.NDArray[np.int64],
    amount: npt.NDArray[np.int64],
    first: npt.NDArray[np.int64],
    last: npt.NDArray[np.int64],
    known: int,
) -> tuple[int, int]:
    """Add rows until the table is half full; returns (pairs known, rows taken)."""
    mask = U64(len(table) - 1)
    room = min(len(one), len(table) // 2)
    for row in range(start, len(ones)):
        if others[row] == U64(0):
            continue
        if known >= room:
            return known, row
        slot = mix(others[row] ^ (U64(ones[row]) * _SPREAD)) & mask
        while table[slot] >= 0 and (one[table[slot]] != ones[row] or other[table[slot]] != others[row]):
            slot = (slot + U64(1)) & mask
        place = table[slot]
        if place < 0:
            place = known
            table[slot] = known
            one[place], other[place] = ones[row], others[row]
            first[place] = last[place] = times[row]
            known += 1
        count[place] += 1
        amount[place] += amounts[row]
        first[place] = min(first[place], times[row])
        last[place] = max(last[place], times[row])
    return known, len(ones)


@kernel
def _rehash(
    table: npt.NDArray[np.int32], one: npt.NDArray[np.int32], other: npt.NDArray[np.uint64], known: int
) -> None:
    mask = U64(len(table) - 1)
    for place in range(known):
        slot = mix(other[place] ^ (U64(one[place]) * _SPREAD)) & mask
        while table[slot] >= 0:
            slot = (slot + U64(1)) & mask
        table[slot] = place


class Pairs:
    """Counts of pairs (int32, uint64); a pair whose second half is 0 is not counted. Some 60 bytes a pair."""

    def __init__(self, size: int = 1 << 14) -> None:
        self._known = 0
        self._table = np.full(2 * size, -1, np.int32)
        self._fields: list[npt.NDArray[Any]] = [
            np.zeros(size, np.int32), np.zeros(size, np.uint64), *(np.zeros(size, np.int64) for _ in range(4)),
        ]  # fmt: skip

    def add(
        self,
        ones: npt.NDArray[np.int32],
        others: npt.NDArray[np.uint64],
        times: npt.NDArray[np.int64],
        amounts: npt.NDArray[np.int64] | None = None,
    ) -> None:
        """Count rows."""
        weighed = np.zeros(len(ones), np.int64) if amounts is None else amounts
        start = 0
        while start < len(ones):
            one, other, *sums = self._fields
            self._known, start = _add(
                ones, others, weighed, times, start, self._table, one, other,
                sums[0], sums[1], sums[2], sums[3], self._known,
            )  # fmt: skip
            if start < len(ones):
                self._grow()

    def _grow(self) -> None:
        size = 2 * len(self._fields[0])
        self._fields = [np.concatenate([field, np.zeros(size - len(field), field.dtype)]) for field in self._fields]
        self._table = np.full(2 * size, -1, np.int32)
        _rehash(self._table, self._fields[0], self._fields[1], self._known)

    def close(self) -> Counted:
        """End the counting."""
        fields = [field[: self._known] for field in self._fields]
        order = np.lexsort((fields[1], fields[0]))
        return Counted(*(field[order] for field in fields))
