"""Hashes of short texts, such as identifiers: 64 bits each, keyed, many at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.kit.arrow import texts, whole
from stillwatch.kit.jit import kernel, load_byte, load_u64
from stillwatch.kit.mix import mix

U64 = np.uint64
_K1 = U64(0x9E3779B97F4A7C15)
_K2 = U64(0xC2B2AE3D27D4EB4F)


@kernel
def _few(address: np.uint64, start: int, end: int) -> np.uint64:
    """Read fewer than eight bytes at the beginning of a buffer."""
    rest = U64(0)
    for at in range(end - 1, start - 1, -1):
        rest = (rest << U64(8)) | load_byte(address, U64(at))
    return rest


@kernel
def hash_bytes(address: np.uint64, start: int, end: int, key: np.uint64) -> np.uint64:
    """Hash the bytes from `start` to `end` of a buffer that begins at `address`; reads nothing after them."""
    hashed = key ^ (U64(end - start) * _K1)
    at = start
    while at + 8 <= end:
        hashed = (hashed ^ load_u64(address, U64(at))) * _K2
        hashed ^= hashed >> U64(29)
        at += 8
    if at < end:
        left = U64(8 * (end - at))
        # the eight bytes up to the end, less those before `at`
        rest = load_u64(address, U64(end - 8)) >> (U64(64) - left) if end >= 8 else _few(address, at, end)
        hashed = (hashed ^ rest) * _K2
    hashed = mix(hashed)
    return hashed if hashed != U64(0) else U64(1)


@kernel
def hash_all(
    data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], key: np.uint64, out: npt.NDArray[np.uint64]
) -> None:
    """Hash every text; 0 for an empty one."""
    address = U64(data.ctypes.data)
    for i in range(len(offsets) - 1):
        if offsets[i] < offsets[i + 1]:
            out[i] = hash_bytes(address, offsets[i], offsets[i + 1], key)


@kernel
def pair(first: npt.NDArray[np.uint64], second: npt.NDArray[np.uint64], out: npt.NDArray[np.uint64]) -> None:
    """Hash two columns of hashes into one; 0 where either is 0."""
    for i in range(len(out)):
        if first[i] != U64(0) and second[i] != U64(0):
            out[i] = mix(first[i] * _K1 ^ mix(second[i]))


def hash_column(column: Any, key: int = 0) -> npt.NDArray[np.uint64]:
    """Hash a column of strings or integers: 0 for null and for the empty text.

    A dictionary column costs one hash for each distinct value.
    """
    array = whole(column)
    if pa.types.is_dictionary(array.type):
        values = hash_column(array.dictionary, key)
        if len(values) == 0:
            return np.zeros(len(array), np.uint64)
        indices = pc.fill_null(array.indices, 0).to_numpy(zero_copy_only=False)
        found: npt.NDArray[np.uint64] = values[indices]
        if array.null_count:
            found[~array.is_valid().to_numpy(zero_copy_only=False)] = 0
        return found
    if not (pa.types.is_string(array.type) or pa.types.is_large_string(array.type)):
        array = array.cast(pa.large_string())
    opened = texts(array)
    out = np.zeros(len(array), np.uint64)
    hash_all(opened.data, opened.offsets, U64(key), out)
    return out
