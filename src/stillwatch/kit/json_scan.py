"""Scan: where a value of JSON ends, 64 bytes at a time, without reading what it says.

Quotes, backslashes and brackets are told apart as bit masks (Langdale and Lemire 2019, "Parsing Gigabytes of JSON per
Second"). Of objects and lists that are leapt over, only quotes and brackets have to fit. Every scan ends at the line
feed that ends its line, at the latest, and looks at no more than 64 bytes after it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stillwatch.kit.jit import beyond_number64, load_byte, load_u64, marks64, ones, part, trailing_zeros

TEXT, NULL, NUMBER, FLAG, OBJECT, ARRAY = 1, 2, 4, 8, 16, 32
"""Kinds of value, as bits."""

ESCAPED, HIGH = 1, 2
"""What is said of a text: it has backslashes; it has bytes above ASCII."""

U64 = np.uint64
_ALL, _ZERO, _ONE = ~U64(0), U64(0), U64(1)
_NULL, _TRUE, _FALSE = (U64(int.from_bytes(word, "little")) for word in (b"null", b"true", b"false"))


class Spot(NamedTuple):
    """A value: the byte after it, its kind, and what is said of its text; kind 0 where it is broken."""

    end: int
    kind: int
    said: int


@part
def place_of(bit: np.uint64) -> int:
    """Tell the place of the lowest bit that is set."""
    return int(np.int64(trailing_zeros(bit)))


@part
def line_end(address: np.uint64, at: int) -> int:
    """Find the line feed that ends a line; there must be one."""
    while True:
        feed = marks64(address, U64(at))[5]
        if feed != _ZERO:
            return at + place_of(feed)
        at += 64


@part
def last_feed(address: np.uint64, begin: int, stop: int) -> int:
    """Find the last line feed before a place; one before `begin` where there is none."""
    at = stop - 1
    while at >= begin and load_byte(address, U64(at)) != U64(0x0A):
        at -= 1
    return at


@part
def blank_end(address: np.uint64, at: int) -> int:
    """Leap over white space, but not over the end of the line."""
    while True:
        byte = load_byte(address, U64(at))
        if byte != U64(0x20) and byte != U64(0x09) and byte != U64(0x0D):
            return at
        at += 1


@part
def _escaped(slash: np.uint64, ahead: np.uint64) -> tuple[np.uint64, np.uint64]:
    """Tell which bytes are escaped, and whether the first one after them is; `ahead` says so of the first of them."""
    escaped, rest = ahead, slash & ~ahead
    ahead = _ZERO
    while rest != _ZERO:
        bit = rest & (~rest + _ONE)
        escaped |= bit << _ONE
        ahead = bit >> U64(63)
        rest &= ~(bit | (bit << _ONE))
    return escaped, ahead


@part
def text_end(address: np.uint64, at: int) -> tuple[int, int]:
    """Find the quote that ends a text; -1 where there is none, or a control character before it.

    Args:
        at: the first byte after the quote that begins it.
    """
    said, ahead = 0, _ZERO
    while True:
        quote, slash, _, _, control, _, high = marks64(address, U64(at))
        if slash | ahead != _ZERO:
            escaped, ahead = _escaped(slash, ahead)
            quote &= ~escaped
        ends = quote | control
        below = (ends & (~ends + _ONE)) - _ONE  # all ones where nothing ends
        if slash & below != _ZERO:
            said |= ESCAPED
        if high & below != _ZERO:
            said |= HIGH
        if ends != _ZERO:
            place = place_of(ends)
            return -1 if control >> U64(place) & _ONE else at + place, said
        at += 64


@part
def escapes_fit(address: np.uint64, at: int, end: int) -> bool:
    """Tell whether each backslash between two places begins an escape that JSON knows; halves of pairs are not told."""
    while at < end:
        if load_byte(address, U64(at)) != U64(0x5C):
            at += 1
            continue
        letter = load_byte(address, U64(at + 1))
        if letter == U64(0x75):
            for place in range(at + 2, at + 6):
                digit = load_byte(address, U64(place))
                lowered = digit | U64(0x20)
                if not (U64(0x30) <= digit <= U64(0x39) or U64(0x61) <= lowered <= U64(0x66)):
                    return False
        elif letter not in (0x22, 0x5C, 0x2F, 0x62, 0x66, 0x6E, 0x72, 0x74):
            return False
        at += 2
    return True


@part
def closing(address: np.uint64, at: int) -> int:
    """Find the byte after an object or a list that begins at a place; -1 where quotes or brackets do not fit."""
    bracket = load_byte(address, U64(at))
    at += 1
    depth, inside, ahead = 1, _ZERO, _ZERO  # inside: all ones where a text goes on from the bytes before
    while True:
        quote, slash, opened, closed, control, feed, _ = marks64(address, U64(at))
        if slash | ahead != _ZERO:
            escaped, ahead = _escaped(slash, ahead)
            quote &= ~escaped
        text = quote ^ (quote << _ONE)
        text ^= text << U64(2)
        text ^= text << U64(4)
        text ^= text << U64(8)
        text ^= text << U64(16)
        text ^= text << U64(32)
        text ^= inside
        opened &= ~text
        closed &= ~text
        wrong = control & text | feed
        if int(np.int64(ones(closed))) >= depth:
            both = opened | closed
            while both != _ZERO:
                bit = both & (~both + _ONE)
                both ^= bit
                depth += 1 if closed & bit == _ZERO else -1
                if depth == 0:
                    end = at + place_of(bit)
                    fits = wrong & (bit - _ONE) == _ZERO and load_byte(address, U64(end)) == bracket + U64(2)
                    return end + 1 if fits else -1
        else:
            depth += int(np.int64(ones(opened))) - int(np.int64(ones(closed)))
        if wrong != _ZERO:
            return -1
        inside = _ZERO - (text >> U64(63))
        at += 64


@part
def _is_end(byte: np.uint64) -> bool:
    ends: bool = byte <= U64(0x20) or byte == U64(0x2C) or byte == U64(0x7D) or byte == U64(0x5D)  # type: ignore[assignment]
    return ends


@part
def value_end(address: np.uint64, at: int) -> Spot:
    """Tell the value that begins at a place."""
    byte = load_byte(address, U64(at))
    if byte == U64(0x22):
        end, said = text_end(address, at + 1)
        return Spot(end + 1, TEXT if end >= 0 else 0, said)
    if byte == U64(0x7B) or byte == U64(0x5B):
        end = closing(address, at)
        return Spot(end, 0 if end < 0 else OBJECT if byte == U64(0x7B) else ARRAY, 0)
    if byte == U64(0x6E) or byte == U64(0x74) or byte == U64(0x66):
        word = load_u64(address, U64(at))
        size = 5 if byte == U64(0x66) else 4
        word &= _ALL >> U64(64 - 8 * size)
        good = word in (_NULL, _TRUE, _FALSE) and _is_end(load_byte(address, U64(at + size)))
        return Spot(at + size, 0 if not good else NULL if byte == U64(0x6E) else FLAG, 0)
    end = at
    while True:
        beyond = beyond_number64(address, U64(end))
        if beyond != _ZERO:
            end += place_of(beyond)
            break
        end += 64
    return Spot(end, NUMBER if end > at and _is_end(load_byte(address, U64(end))) else 0, 0)
