"""Texts of JSON, cut out of a buffer into one Arrow-like column: without quotes, escapes read."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from stillwatch.kit.jit import copy64, kernel, lean, load_byte, part, trailing_zeros

MARGIN: Final = 128
"""Bytes that must be readable and writable after the last text: texts are copied 64 bytes at a time."""

U64 = np.uint64


@part
def _hex(address: np.uint64, at: int) -> int:
    """Read four hexadecimal digits; -1 where they are none."""
    told = 0
    for place in range(4):
        byte = int(np.int64(load_byte(address, U64(at + place))))
        if 0x30 <= byte <= 0x39:
            digit = byte - 0x30
        elif 0x41 <= (byte & 0xDF) <= 0x46:
            digit = (byte & 0xDF) - 0x37
        else:
            return -1
        told = told * 16 + digit
    return told


@part
def _utf8(out: npt.NDArray[np.uint8], at: int, point: int) -> int:
    if point < 0x80:
        out[at] = point
        return at + 1
    if point < 0x800:
        out[at], out[at + 1] = 0xC0 | (point >> 6), 0x80 | (point & 0x3F)
        return at + 2
    if point < 0x10000:
        out[at], out[at + 1], out[at + 2] = 0xE0 | (point >> 12), 0x80 | ((point >> 6) & 0x3F), 0x80 | (point & 0x3F)
        return at + 3
    out[at], out[at + 1] = 0xF0 | (point >> 18), 0x80 | ((point >> 12) & 0x3F)
    out[at + 2], out[at + 3] = 0x80 | ((point >> 6) & 0x3F), 0x80 | (point & 0x3F)
    return at + 4


_LETTERS: Final = (0x22, 0x5C, 0x2F, 0x62, 0x66, 0x6E, 0x72, 0x74)
_MEANT: Final = (0x22, 0x5C, 0x2F, 0x08, 0x0C, 0x0A, 0x0D, 0x09)


@lean
def room(places: npt.NDArray[np.int32]) -> int:
    """Count the bytes that the texts of some places take at most."""
    told = 0
    for i in range(len(places)):
        start = int(places[i, 0])
        told += int(places[i, 1]) - (start if start >= 0 else -1 - start)
    return told


@kernel
def texts(
    data: npt.NDArray[np.uint8],
    extra: npt.NDArray[np.uint8],
    places: npt.NDArray[np.int32],
    out: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int32],
    bad: npt.NDArray[np.bool_],
    valid: npt.NDArray[np.uint8],
    empty: bool,
) -> int:
    """Write texts, without quotes and escapes, one after the other; count those that are none.

    Args:
        extra: texts as they are; a place of (-1 - first, after) is in here.
        out: room for all of them and `MARGIN` more; `extra` has as many bytes after its last text.
        bad: set where an escape means nothing, or where a text begins inside of a character.
        valid: zeros; the bit of each text that is one is set.
        empty: a text without a letter is one; a place of 0 never is.
    """
    address, target, other = U64(data.ctypes.data), U64(out.ctypes.data), U64(extra.ctypes.data)
    written = 0
    for i in range(len(places)):
        offsets[i] = written
        if places[i, 0] < 0:
            at, end = -1 - int(places[i, 0]), int(places[i, 1])
            for place in range(at, end, 64):
                copy64(other, U64(place), target, U64(written + place - at))
            written += end - at
            continue
        at, end = int(places[i, 0]) + 1, int(places[i, 1]) - 1
        if end <= at:
            continue
        if load_byte(address, U64(at)) & U64(0xC0) == U64(0x80):
            bad[i] = True
        while at < end:
            slashes = copy64(address, U64(at), target, U64(written))
            plain = int(np.int64(trailing_zeros(slashes)))
            step = min(plain, end - at)
            written += step
            at += step
            if plain == 64 or at >= end:
                continue
            letter = int(np.int64(load_byte(address, U64(at + 1))))
            if letter == 0x75:
                point = _hex(address, at + 2) if at + 6 <= end else -1
                at += 6
                if 0xD800 <= point < 0xDC00:
                    low = -1
                    if at + 6 <= end and load_byte(address, U64(at)) == U64(0x5C):
                        low = _hex(address, at + 2) if load_byte(address, U64(at + 1)) == U64(0x75) else -1
                    point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00) if 0xDC00 <= low < 0xE000 else -1
                    at += 6
                elif 0xDC00 <= point < 0xE000:
                    point = -1
                if point < 0:
                    bad[i] = True
                    break
                written = _utf8(out, written, point)
                continue
            meant = -1
            for k in range(len(_LETTERS)):
                if letter == _LETTERS[k]:
                    meant = _MEANT[k]
            if meant < 0:
                bad[i] = True
                break
            out[written] = meant
            written += 1
            at += 2
    offsets[len(places)] = written
    none = 0
    for i in range(len(places)):
        if places[i, 1] != 0 and (empty or offsets[i + 1] > offsets[i]):
            valid[i >> 3] |= 1 << (i & 7)
        else:
            none += 1
    return none


@lean
def first_said(
    data: npt.NDArray[np.uint8],
    places: npt.NDArray[np.int32],
    slots: npt.NDArray[np.int64],
    lines: int,
    out: npt.NDArray[np.int32],
) -> bool:
    """Choose of each line the first of some slots whose text is not empty; false where anything but text stands.

    Args:
        places: of each slot and line the place of its value, with its quotes; a byte after of 0 is none.
        out: of each line the place chosen, 0 for none.
    """
    address = U64(data.ctypes.data)
    for line in range(lines):
        out[line, 0] = out[line, 1] = 0
        for k in range(len(slots)):
            start, end = places[slots[k], line, 0], places[slots[k], line, 1]
            if end == 0:
                continue
            if load_byte(address, U64(start)) != U64(0x22):
                return False
            if end - start > 2:
                out[line, 0], out[line, 1] = start, end
                break
    return True
