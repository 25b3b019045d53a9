"""Words: their hashes, eight at a time; of words of more than 16 bytes one at a time."""

from __future__ import annotations

from typing import Final

import numpy as np

from stillwatch.kit import wide
from stillwatch.kit.desk import Scratch
from stillwatch.kit.jit import load_u64, part, trailing_zeros
from stillwatch.kit.wide import hash8

U64 = np.uint64
_K1: Final = U64(wide.K1)
_K2: Final = U64(wide.K2)
_K3: Final = U64(wide.K3)
_ONE, _ZERO = U64(1), U64(0)


@part
def _word(address: np.uint64, start: int, end: int) -> np.uint64:
    """Hash one word of a folded text."""
    length = end - start
    head = load_u64(address, U64(start)) & (~_ZERO >> U64(64 - 8 * min(length, 8)))
    rest = load_u64(address, U64(start + 8)) & (~_ZERO >> U64(64 - 8 * min(max(length - 8, 1), 8)))
    rest = rest if length > 8 else _ZERO
    hashed = (head ^ U64(length)) * _K1
    hashed ^= (rest ^ (hashed >> U64(32))) * _K2
    if length > 16:
        at = start + 16
        while at + 8 < end:
            hashed = (hashed ^ load_u64(address, U64(at))) * _K2
            hashed ^= hashed >> U64(29)
            at += 8
        hashed = (hashed ^ load_u64(address, U64(end - 8))) * _K3
    hashed = (hashed ^ (hashed >> U64(32))) * _K3
    return hashed ^ (hashed >> U64(29))


@part
def hash_eight(work: Scratch, first: int) -> np.uint64:
    """Hash eight words of the folded text from word `first` on; beyond the last are empty ones.

    Their hashes go to `hashes`, and to `slotted` as tokens of a frame, where those that begin with a digit are slots.

    Returns:
        which of them begin with a digit, bit i for word i.
    """
    plain, place = U64(work.plain.ctypes.data), U64(8 * first)
    hashes, slotted = U64(work.hashes.ctypes.data), U64(work.slotted.ctypes.data)
    long, digits = hash8(plain, U64(work.edges.ctypes.data) + place, hashes + place, slotted + place)
    while long != _ZERO:
        lane = trailing_zeros(long)
        word = U64(first) + lane
        long &= long - _ONE
        hashed = _word(plain, work.edges[U64(2) * word], work.edges[U64(2) * word + _ONE])
        work.hashes[word] = hashed
        if (digits >> lane) & _ONE == _ZERO:
            work.slotted[word] = hashed
    return digits
