"""Codes: equal values of a column under one number, so that each is read once."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from stillwatch.kit.jit import kernel, lean, load_u64, part
from stillwatch.kit.json_plan import same

U64 = np.uint64
_ALL, _ZERO = ~U64(0), U64(0)
_K1: Final = U64(0x9E3779B97F4A7C15)
_K2: Final = U64(0xC2B2AE3D27D4EB4F)


@part
def _spread(address: np.uint64, start: int, end: int) -> np.uint64:
    hashed = U64(end - start) * _K1
    at = start
    while at < end:
        word = load_u64(address, U64(at))
        if end - at < 8:
            word &= _ALL >> U64(64 - 8 * (end - at))
        hashed = (hashed ^ word) * _K2
        hashed ^= hashed >> U64(29)
        at += 8
    return hashed ^ (hashed >> U64(32))


@lean
def code(
    data: npt.NDArray[np.uint8],
    places: npt.NDArray[np.int32],
    table: npt.NDArray[np.int32],
    codes: npt.NDArray[np.int32],
    firsts: npt.NDArray[np.int32],
) -> int:
    """Give each value a number, that of the first one that holds the same bytes; give how many there are.

    Args:
        places: first byte and byte after of each value; a byte after of 0 is no value, and has the number 0.
        table: zeros, as many as a power of two, at least twice as many as there are values.
        codes: of each value its number, from 1 by first sight.
        firsts: of each number the place where its value was first seen.
    """
    address = U64(data.ctypes.data)
    mask = len(table) - 1
    found = 0
    for i in range(len(places)):
        start, end = int(places[i, 0]), int(places[i, 1])
        codes[i] = 0
        if end == 0:
            continue
        place = int(np.int64(_spread(address, start, end))) & mask
        while True:
            number = int(table[place])
            if number == 0:
                found += 1
                codes[i] = table[place] = found
                firsts[found] = i
                break
            first = int(firsts[number])
            begun, ended = int(places[first, 0]), int(places[first, 1])
            if ended - begun == end - start and same(address, begun, address, start, end - start):
                codes[i] = number
                break
            place = (place + 1) & mask
    return found


@kernel
def combine(
    one: npt.NDArray[np.int32],
    other: npt.NDArray[np.int32],
    table: npt.NDArray[np.int32],
    out: npt.NDArray[np.int32],
    firsts: npt.NDArray[np.int32],
) -> int:
    """Number the pairs of two columns of numbers, from 0 by first sight; give how many there are.

    Args:
        table: zeros, as many as a power of two, at least twice as many as there are pairs.
        firsts: of each number the place where its pair was first seen.
    """
    mask = U64(len(table) - 1)
    found = 0
    for i in range(len(one)):
        key = (U64(one[i]) * _K1 ^ U64(other[i])) * _K2
        place = np.int64((key ^ (key >> U64(32))) & mask)
        while True:
            number = table[place] - 1
            if number < 0:
                number = found
                firsts[found] = i
                found += 1
                table[place] = found
                break
            if one[firsts[number]] == one[i] and other[firsts[number]] == other[i]:
                break
            place = np.int64(U64(place + 1) & mask)
        out[i] = number
    return found
