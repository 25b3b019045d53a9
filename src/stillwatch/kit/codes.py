"""Codes: dense numbers for 64-bit keys, in the order of their first sight.

An open-addressing table with linear probing, kept at most half full. Cost: one cache miss for each key.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stillwatch.kit.jit import kernel

U64 = np.uint64
_SPREAD = U64(0x9E3779B97F4A7C15)


@kernel
def _encode(
    keys: npt.NDArray[np.uint64],
    table: npt.NDArray[np.uint64],
    codes: npt.NDArray[np.int32],
    known: int,
    out: npt.NDArray[np.int32],
    fresh: npt.NDArray[np.int64],
) -> int:
    mask = U64(len(table) - 1)
    found = 0
    for i in range(len(keys)):
        key = keys[i]
        slot = (key * _SPREAD >> U64(20)) & mask
        while codes[slot] >= 0 and table[slot] != key:
            slot = (slot + U64(1)) & mask
        if codes[slot] < 0:
            table[slot] = key
            codes[slot] = known + found
            fresh[found] = i
            found += 1
        out[i] = codes[slot]
    return found


@kernel
def _lookup(
    keys: npt.NDArray[np.uint64],
    table: npt.NDArray[np.uint64],
    codes: npt.NDArray[np.int32],
    out: npt.NDArray[np.int32],
) -> None:
    mask = U64(len(table) - 1)
    for i in range(len(keys)):
        key = keys[i]
        slot = (key * _SPREAD >> U64(20)) & mask
        while codes[slot] >= 0 and table[slot] != key:
            slot = (slot + U64(1)) & mask
        out[i] = codes[slot]


class Codes:
    """Dense int32 codes for uint64 keys."""

    def __init__(self, expected: int = 1024) -> None:
        size = 1 << max(10, (2 * expected - 1).bit_length())
        self._table = np.zeros(size, np.uint64)
        self._codes = np.full(size, -1, np.int32)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def encode(self, keys: npt.NDArray[np.uint64]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
        """Give each key its code, making new ones; returns (codes, positions of keys seen for the first time)."""
        self._grow(len(keys))
        out = np.empty(len(keys), np.int32)
        fresh = np.empty(len(keys), np.int64)
        found = _encode(keys, self._table, self._codes, self._count, out, fresh)
        self._count += found
        return out, fresh[:found].copy()

    def lookup(self, keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.int32]:
        """Give each key its code, -1 for a key never seen."""
        out = np.empty(len(keys), np.int32)
        _lookup(keys, self._table, self._codes, out)
        return out

    def keys(self) -> npt.NDArray[np.uint64]:
        """All keys, in the order of their codes."""
        full = self._codes >= 0
        ordered = np.empty(self._count, np.uint64)
        ordered[self._codes[full]] = self._table[full]
        return ordered

    def _grow(self, coming: int) -> None:
        size = len(self._table)
        if 2 * (self._count + coming) <= size:
            return
        while size < 2 * (self._count + coming):
            size *= 2
        keys = self.keys()
        self._table = np.zeros(size, np.uint64)
        self._codes = np.full(size, -1, np.int32)
        scrap: Any = np.empty(len(keys), np.int32)
        _encode(keys, self._table, self._codes, 0, scrap, np.empty(len(keys), np.int64))
