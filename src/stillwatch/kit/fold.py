"""Fold: write a text plainly, so that what reads the same is the same, and find where its words begin and end.

ASCII letters are lowered and all that is no word becomes a space, 64 bytes at a time; of other scripts each code point
is folded by a table (see `scripts`), and letters of scripts without spaces stand alone.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from stillwatch.kit.desk import Scratch
from stillwatch.kit.jit import load_u64, ones, part, trailing_zeros
from stillwatch.kit.scripts import CODE, LETTERLIKE, SCRIPT_SHIFT, SINGLE
from stillwatch.kit.wide import fold64, words64

U64 = np.uint64
_ONE: Final = U64(1)
_LOW7: Final = U64(0x7F7F7F7F7F7F7F7F)
_TABLE_SIZE: Final = 0x10000
_AT_ONCE: Final = 24
"""Edges of words in 64 bytes of common text: so many are written without looking how many there are."""

HIGH, QUOTES = 1, 2
"""What a text has: bytes above ASCII; marks that may open a span."""


@part
def _edges(words: np.uint64, before: np.uint64, at: int, edges: npt.NDArray[np.int32], found: int) -> int:
    """Write where words of 64 bytes begin and end; `before` tells whether the byte before belongs to one."""
    bits = words ^ ((words << _ONE) | before)
    after = found + int(np.int64(ones(bits)))
    place = U64(found)
    for i in range(_AT_ONCE):
        edges[place + U64(i)] = np.int32(at + np.int64(trailing_zeros(bits)))
        bits &= bits - _ONE
    place += U64(_AT_ONCE)
    while bits != U64(0):
        edges[place] = np.int32(at + np.int64(trailing_zeros(bits)))
        bits &= bits - _ONE
        place += _ONE
    return after


@part
def _first(bits: np.uint64, count: int) -> np.uint64:
    """Keep the first bits of a word."""
    return bits & ((_ONE << U64(count)) - _ONE) if count < 64 else bits


@part
def fold(text: npt.NDArray[np.uint8], start: int, length: int, work: Scratch) -> tuple[int, int]:
    """Fold ASCII into `plain` and find its words; nothing is read past the end of the buffer.

    Returns:
        what the text has, HIGH and QUOTES (with HIGH it is yet to be folded), and how many edges it has.
    """
    source, target = U64(text.ctypes.data) + U64(start), U64(work.plain.ctypes.data)
    high, quotes, before = U64(0), U64(0), U64(0)
    found = 0
    for at in range(0, length, 64):
        left = length - at
        if start + at + 64 <= len(text):
            words, above, marks = fold64(source + U64(at), target + U64(at))
        else:
            for i in range(at, length):
                work.plain[i] = text[start + i]
            words, above, marks = fold64(target + U64(at), target + U64(at))
        words = _first(words, left)
        high |= _first(above, left)
        quotes |= _first(marks, left)
        found = _edges(words, before, at, work.edges, found)
        before = words >> U64(63)
    work.edges[found] = length
    kinds = HIGH * (high != U64(0)) + QUOTES * (quotes != U64(0))
    return kinds, found + int(before)


@part
def cut(work: Scratch, written: int) -> int:
    """Find where the words of `plain` begin and end; returns how many edges there are."""
    target = U64(work.plain.ctypes.data)
    before = U64(0)
    found = 0
    for at in range(0, written, 64):
        words = _first(words64(target + U64(at)), written - at)
        found = _edges(words, before, at, work.edges, found)
        before = words >> U64(63)
    work.edges[found] = written
    return found + int(before)


@part
def _fold_ascii(text: npt.NDArray[np.uint8], start: int, length: int, plain: npt.NDArray[np.uint8]) -> None:
    """Lower ASCII letters and turn what is no word into spaces; branch-free, so that it is vectorised."""
    source = text[start : start + length]
    target = plain[:length]
    for i in range(length):
        byte = source[i]
        low = np.uint8(byte | np.uint8(0x20))
        letter = np.uint8(low - np.uint8(0x61)) < np.uint8(26)
        digit = np.uint8(byte - np.uint8(0x30)) < np.uint8(10)
        kept = low if letter else byte
        target[i] = kept if (letter | digit | (byte == np.uint8(0x5F))) else np.uint8(0x20)


@part
def fold_unicode(
    text: npt.NDArray[np.uint8],
    start: int,
    end: int,
    work: Scratch,
    spans: int,
) -> int:
    """Fold UTF-8 into `plain`, moving the spans along; returns the bytes written. Bad bytes separate."""
    plain, table, counts = work.plain, work.table, work.counts
    counts[:] = 0
    address = U64(text.ctypes.data)
    out = 0
    at = start
    edge = 0
    edges = 2 * spans
    while at < end:
        while edge < edges and work.spans[edge] <= at:
            work.spans[edge] = out
            edge += 1
        clear = edge == edges or work.spans[edge] >= at + 8
        if clear and at + 8 <= end and (load_u64(address, U64(at)) & ~_LOW7) == U64(0):
            _fold_ascii(text, at, 8, plain[out:])
            counts[1] += 5
            at += 8
            out += 8
            continue
        byte = int(text[at])
        if byte < 0x80:
            point, width = byte, 1
        elif 0xC2 <= byte < 0xE0 and at + 1 < end:
            point, width = ((byte & 0x1F) << 6) | (int(text[at + 1]) & 0x3F), 2
        elif 0xE0 <= byte < 0xF0 and at + 2 < end:
            point = ((byte & 0x0F) << 12) | ((int(text[at + 1]) & 0x3F) << 6) | (int(text[at + 2]) & 0x3F)
            width = 3
        elif 0xF0 <= byte < 0xF5 and at + 3 < end:
            point = (
                ((byte & 0x07) << 18)
                | ((int(text[at + 1]) & 0x3F) << 12)
                | ((int(text[at + 2]) & 0x3F) << 6)
                | (int(text[at + 3]) & 0x3F)
            )
            width = 4
        else:
            point, width = 0x20, 1
        at += width
        if point < 0x10000:
            entry = int(table[point])
        elif LETTERLIKE[0] <= point < LETTERLIKE[1]:
            entry = int(table[_TABLE_SIZE + point - LETTERLIKE[0]])
        elif 0x20000 <= point < 0x323B0:
            entry = point | SINGLE | (8 << SCRIPT_SHIFT)
        elif 0x1F000 <= point < 0x20000 or point >= 0xE0000:
            entry = 0
        else:
            entry = point | (11 << SCRIPT_SHIFT)
        if entry == 1:
            continue
        code = entry & CODE
        counts[entry >> SCRIPT_SHIFT] += 1
        if code == 0:
            plain[out] = 0x20
            out += 1
            continue
        single = (entry & SINGLE) != 0
        if single:
            plain[out] = 0x20
            out += 1
        if code < 0x80:
            plain[out] = code
            out += 1
        elif code < 0x800:
            plain[out] = 0xC0 | (code >> 6)
            plain[out + 1] = 0x80 | (code & 0x3F)
            out += 2
        elif code < 0x10000:
            plain[out] = 0xE0 | (code >> 12)
            plain[out + 1] = 0x80 | ((code >> 6) & 0x3F)
            plain[out + 2] = 0x80 | (code & 0x3F)
            out += 3
        else:
            plain[out] = 0xF0 | (code >> 18)
            plain[out + 1] = 0x80 | ((code >> 12) & 0x3F)
            plain[out + 2] = 0x80 | ((code >> 6) & 0x3F)
            plain[out + 3] = 0x80 | (code & 0x3F)
            out += 4
        if single:
            plain[out] = 0x20
            out += 1
    while edge < edges:
        work.spans[edge] = out
        edge += 1
    return out
