"""Lookup: a hash table of 64-bit keys as two plain arrays, which can be mapped from a file.

Keys are well-mixed hashes already (never 0, which means an empty place). A key may stand more than once, for several
values; whoever looks walks on until the first empty place. At most half of the places are taken, so that a walk is
short. Cost: one or two cache misses a look, 12 bytes a place.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stillwatch.kit.jit import kernel

U64 = np.uint64


class Table(NamedTuple):
    """Places: `keys` (uint64, 0 for empty) and `values` (int32), both as long as a power of two."""

    keys: npt.NDArray[np.uint64]
    values: npt.NDArray[np.int32]


@kernel
def _fill(
    keys: npt.NDArray[np.uint64],
    values: npt.NDArray[np.int32],
    out_keys: npt.NDArray[np.uint64],
    out_values: npt.NDArray[np.int32],
) -> None:
    mask = U64(len(out_keys) - 1)
    for i in range(len(keys)):
        place = keys[i] & mask
        while out_keys[place] != U64(0):
            place = (place + U64(1)) & mask
        out_keys[place] = keys[i]
        out_values[place] = values[i]


def build(keys: npt.NDArray[np.uint64], values: npt.NDArray[np.int32]) -> Table:
    """Build a table; keys that are 0 become 1."""
    places = 1 << max(int(2 * len(keys)).bit_length(), 3)
    table = Table(np.zeros(places, np.uint64), np.full(places, -1, np.int32))
    _fill(np.maximum(keys.astype(np.uint64), U64(1)), values.astype(np.int32), table.keys, table.values)
    return table


@kernel
def first(keys: npt.NDArray[np.uint64], values: npt.NDArray[np.int32], key: np.uint64) -> int:
    """Give the first value of a key, -1 for none."""
    mask = U64(len(keys) - 1)
    place = key & mask
    while keys[place] != U64(0):
        if keys[place] == key:
            return int(values[place])
        place = (place + U64(1)) & mask
    return -1


@kernel
def every(
    keys: npt.NDArray[np.uint64], values: npt.NDArray[np.int32], key: np.uint64, out: npt.NDArray[np.int32]
) -> int:
    """Write all values of a key to `out`, as many as it holds; returns how many."""
    mask = U64(len(keys) - 1)
    place = key & mask
    found = 0
    while keys[place] != U64(0):
        if keys[place] == key and found < len(out):
            out[found] = values[place]
            found += 1
        place = (place + U64(1)) & mask
    return found
