"""Walk: where in lines of JSON the wanted fields stand, without making an object of anything.

Of each line three bit masks are made, 64 bytes at a time: quotes that begin or end a text, brackets that open, brackets
that close, both outside texts (Langdale and Lemire 2019, "Parsing Gigabytes of JSON per Second"). Then the fields that
a plan names are found by their keys; whatever else stands there is leapt over by its masks.

What is guaranteed: of a line that is read, every place told is that of the field asked for, the last one where a key
comes twice. Of objects and lists that are leapt over, only quotes and brackets have to fit. Anything unusual (an escape
in a key, a value of a kind not foreseen, brackets that do not fit, control characters in a text) is left to a careful
reader, with a mark on the line. Cost: one pass, some 3 GB/s where most is leapt over.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from stillwatch.kit.jit import copy64, kernel, load_byte, load_u64, marks64, part, trailing_zeros

TEXT, NULL, NUMBER, FLAG, OBJECT, ARRAY = 1, 2, 4, 8, 16, 32
"""Kinds of value, as bits."""

SLOW: Final = 1
"""The mark of a line that is left to a careful reader."""

MARGIN: Final = 128
"""Bytes that must be readable after the last line that is read: marks are made and texts copied 64 bytes at a time."""

U64 = np.uint64
_ALL, _ZERO, _ONE = ~U64(0), U64(0), U64(1)
_K1: Final = U64(0x9E3779B97F4A7C15)
_K2: Final = U64(0xC2B2AE3D27D4EB4F)
_NULL, _TRUE, _FALSE = (U64(int.from_bytes(word, "little")) for word in (b"null", b"true", b"false"))
_DEEP: Final = 16
KEY_SLOTS: Final = 1024


class Plan(NamedTuple):
    """What is wanted, as tables. A context is an object whose keys are looked at.

    Attributes:
        keys: the keys, one after the other, padded; `key_starts` and `key_sizes` tell where; `key_slots` finds them.
        entries: for each context and key the number of its entry, -1 for a key to leap over.
        slot: of each entry where its place is kept, -1 for nowhere.
        into: of each entry the context inside of it, -1 for none.
        many: the entry holds a list of such contexts.
        kinds: of each entry the kinds of value that it may have.
        blame: of each entry the marks set on the line for another kind.
        row_blame: of each entry, the same for the row of a list.
        table: of each context the table that its places go to: 0 for lines, 1 and 2 for the rows of lists.
        coded: of each table and slot, whether equal values are given one number.
    """

    keys: npt.NDArray[np.uint8]
    key_starts: npt.NDArray[np.int64]
    key_sizes: npt.NDArray[np.int64]
    key_slots: npt.NDArray[np.int32]
    entries: npt.NDArray[np.int32]
    slot: npt.NDArray[np.int32]
    into: npt.NDArray[np.int32]
    many: npt.NDArray[np.bool_]
    kinds: npt.NDArray[np.int32]
    blame: npt.NDArray[np.int32]
    row_blame: npt.NDArray[np.int32]
    table: npt.NDArray[np.int32]
    coded: npt.NDArray[np.bool_]


class Found(NamedTuple):
    """What was found; reused for every walk. Places are (first byte, byte after) with the quotes of texts, 0 for none.

    Attributes:
        lines: of each line its number, first byte, byte after, and marks.
        highs: whether a line has bytes above ASCII.
        places: of each line and slot its place.
        rows: of each row of a list the line that it belongs to, its table, its place and its marks.
        row_places: of each row and slot its place.
        codes: by slot and line the numbers of values, from 1 by first sight; 0 for none.
        firsts: by slot and number, the line where a value was first seen.
        numbers: of each slot how many numbers were given.
        counts: how many lines, and how many rows, there are, and the number of the next line.
    """

    lines: npt.NDArray[np.int32]
    highs: npt.NDArray[np.bool_]
    places: npt.NDArray[np.int32]
    rows: npt.NDArray[np.int32]
    row_places: npt.NDArray[np.int32]
    codes: npt.NDArray[np.int32]
    row_codes: npt.NDArray[np.int32]
    firsts: npt.NDArray[np.int32]
    row_firsts: npt.NDArray[np.int32]
    numbers: npt.NDArray[np.int32]
    row_numbers: npt.NDArray[np.int32]
    counts: npt.NDArray[np.int64]
    hashes: npt.NDArray[np.int32]
    row_hashes: npt.NDArray[np.int32]
    quotes: npt.NDArray[np.uint64]
    opens: npt.NDArray[np.uint64]
    closes: npt.NDArray[np.uint64]
    stack: npt.NDArray[np.int32]


def room(slots: int, row_slots: int, lines: int = 2048, rows: int = 16_384, longest: int = 1 << 22) -> Found:
    """Make room for what a walk finds.

    Args:
        lines: at most so many lines in one walk; `rows` likewise.
        longest: bytes of the longest line that is read.
    """
    words = longest // 64 + 2
    return Found(
        lines=np.zeros((lines, 4), np.int32),
        highs=np.zeros(lines, np.bool_),
        places=np.zeros((lines, slots, 2), np.int32),
        rows=np.zeros((rows, 5), np.int32),
        row_places=np.zeros((rows, row_slots, 2), np.int32),
        codes=np.zeros((slots, lines), np.int32),
        row_codes=np.zeros((row_slots, rows), np.int32),
        firsts=np.zeros((slots, lines + 1), np.int32),
        row_firsts=np.zeros((row_slots, rows + 1), np.int32),
        numbers=np.zeros(slots, np.int32),
        row_numbers=np.zeros(row_slots, np.int32),
        counts=np.zeros(3, np.int64),
        hashes=np.zeros((slots, 2 * lines), np.int32),
        row_hashes=np.zeros((row_slots, 2 * rows), np.int32),
        quotes=np.zeros(words, np.uint64),
        opens=np.zeros(words, np.uint64),
        closes=np.zeros(words, np.uint64),
        stack=np.zeros((_DEEP, 3), np.int32),
    )


class _Spot(NamedTuple):
    """A value: its first byte, the byte after it, its kind; kind 0 where it is broken."""

    start: int
    end: int
    kind: int


@part
def _find(bits: npt.NDArray[np.uint64], at: int) -> int:
    """Find the first mark at a place or after it; the masks end with a word of ones."""
    word = at >> 6
    rest = bits[word] & (_ALL << U64(at & 63))
    while rest == _ZERO:
        word += 1
        rest = bits[word]
    return (word << 6) + int(np.int64(trailing_zeros(rest)))


@part
def _closing(opens: npt.NDArray[np.uint64], closes: npt.NDArray[np.uint64], at: int, words: int) -> int:
    """Find the bracket that closes the one at a place; -1 where there is none."""
    depth = 1
    word = (at + 1) >> 6
    mask = _ALL << U64((at + 1) & 63)
    while word < words:
        close = closes[word] & mask
        both = (opens[word] & mask) | close
        mask = _ALL
        while both != _ZERO:
            bit = both & (~both + _ONE)
            both ^= bit
            if close & bit == _ZERO:
                depth += 1
                continue
            depth -= 1
            if depth == 0:
                return (word << 6) + int(np.int64(trailing_zeros(bit)))
        word += 1
    return -1


@part
def _mask_line(address: np.uint64, begin: int, stop: int, found: Found) -> tuple[int, int, int]:
    """Make the masks of the line that begins at a place.

    Returns:
        The length of the line, -1 where it goes on too close to the end of the buffer; its words; and 1 for control
        characters in texts, 2 for bytes above ASCII, 4 for backslashes.
    """
    quotes, opens, closes = found.quotes, found.opens, found.closes
    inside = _ZERO  # all ones where a text goes on from the word before
    escaped = _ZERO
    word = 0
    odd = 0
    at = begin
    while at + 64 <= stop and word < len(quotes) - 1:
        quote, slash, opened, closed, control, feed, high = marks64(address, U64(at))
        below = _ALL
        if feed != _ZERO:
            below = (feed & (~feed + _ONE)) - _ONE
        if slash != _ZERO or escaped != _ZERO:
            rest = slash & ~escaped
            ahead = _ZERO
            while rest != _ZERO:
                bit = rest & (~rest + _ONE)
                escaped |= bit << _ONE
                ahead = bit >> U64(63)
                rest &= ~(bit | (bit << _ONE))
            quote &= ~escaped
            escaped = ahead
        quote &= below
        text = quote ^ (quote << _ONE)
        text ^= text << U64(2)
        text ^= text << U64(4)
        text ^= text << U64(8)
        text ^= text << U64(16)
        text ^= text << U64(32)
        text ^= inside
        quotes[word] = quote
        opens[word] = opened & ~text & below
        closes[word] = closed & ~text & below
        if control & text & below != _ZERO:
            odd |= 1
        if high & below != _ZERO:
            odd |= 2
        if slash & below != _ZERO:
            odd |= 4
        inside = _ZERO - (text >> U64(63))
        word += 1
        if feed != _ZERO:
            length = at - begin + int(np.int64(trailing_zeros(feed)))
            quotes[word] = _ALL
            return length, word, odd
        at += 64
    return -1, word, odd


@part
def _blank(address: np.uint64, at: int, stop: int) -> int:
    """Leap over white space."""
    while at < stop:
        byte = load_byte(address, U64(at))
        if byte != U64(0x20) and byte != U64(0x09) and byte != U64(0x0D):
            break
        at += 1
    return at


@part
def _value(address: np.uint64, base: int, at: int, size: int, words: int, found: Found) -> _Spot:
    """Tell the value that begins at a place of a line."""
    byte = load_byte(address, U64(base + at))
    if byte == U64(0x22):
        end = _find(found.quotes, at + 1)
        return _Spot(at, end + 1, TEXT if end < size else 0)
    if byte == U64(0x7B) or byte == U64(0x5B):
        end = _closing(found.opens, found.closes, at, words)
        if end < 0 or load_byte(address, U64(base + end)) != byte + U64(2):
            return _Spot(at, at, 0)
        return _Spot(at, end + 1, OBJECT if byte == U64(0x7B) else ARRAY)
    end, odd = at, False
    while end < size:
        other = load_byte(address, U64(base + end))
        if other <= U64(0x20) or other == U64(0x2C) or other == U64(0x7D) or other == U64(0x5D):
            break
        digit = other - U64(0x30) < U64(10)
        odd |= not (digit or (other | U64(0x20)) == U64(0x65) or U64(0x2B) <= other <= U64(0x2E))
        end += 1
    if byte == U64(0x6E) or byte == U64(0x74) or byte == U64(0x66):
        word = load_u64(address, U64(base + at)) & (_ALL >> U64(24 if end - at == 5 else 32))
        if word == _NULL and end - at == 4:
            return _Spot(at, end, NULL)
        good = (word == _TRUE and end - at == 4) or (word == _FALSE and end - at == 5)
        return _Spot(at, end, FLAG if good else 0)
    return _Spot(at, end, 0 if odd or end == at else NUMBER)


@part
def key_hash(address: np.uint64, at: int, size: int) -> np.uint64:
    """Hash a key of at least one byte by its size and its first bytes."""
    head = load_u64(address, U64(at)) & (_ALL >> U64(64 - 8 * min(max(size, 1), 8)))
    last = load_u64(address, U64(at + max(size - 8, 0))) if size > 8 else _ZERO
    hashed = (head ^ (U64(size) << U64(56))) * _K1 ^ last * _K2
    return hashed ^ (hashed >> U64(29))


@part
def _key(address: np.uint64, at: int, size: int, plan: Plan) -> int:
    """Find a key by its bytes; -1 for one that nobody asks for."""
    if size < 1:
        return -1
    keys = U64(plan.keys.ctypes.data)
    slot = np.int64(key_hash(address, at, size) & U64(KEY_SLOTS - 1))
    while True:
        key = plan.key_slots[slot]
        if key < 0:
            return -1
        if plan.key_sizes[key] == size:
            begin = plan.key_starts[key]
            same = True
            place = 0
            while place + 8 <= size:
                if load_u64(address, U64(at + place)) != load_u64(keys, U64(begin + place)):
                    same = False
                    break
                place += 8
            if same and place < size:
                mask = _ALL >> U64(64 - 8 * (size - place))
                differing = load_u64(address, U64(at + place)) ^ load_u64(keys, U64(begin + place))
                same = differing & mask == _ZERO
            if same:
                return int(key)
        slot = (slot + 1) & (KEY_SLOTS - 1)


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


@part
def _same(address: np.uint64, one: int, other: int, size: int) -> bool:
    at = 0
    while at < size:
        differing = load_u64(address, U64(one + at)) ^ load_u64(address, U64(other + at))
        if size - at < 8:
            differing &= _ALL >> U64(64 - 8 * (size - at))
        if differing != _ZERO:
            return False
        at += 8
    return True


@part
def _number(
    address: np.uint64,
    places: npt.NDArray[np.int32],
    row: int,
    slot: int,
    hashes: npt.NDArray[np.int32],
    firsts: npt.NDArray[np.int32],
    numbers: npt.NDArray[np.int32],
) -> int:
    """Give a value its number: that of the first row that holds the same bytes."""
    start, end = places[row, slot, 0], places[row, slot, 1]
    if end == 0:
        return 0
    mask = hashes.shape[1] - 1
    place = np.int64(_spread(address, start, end) & U64(mask))
    while True:
        number = hashes[slot, place]
        if number == 0:
            numbers[slot] += 1
            number = numbers[slot]
            hashes[slot, place] = number
            firsts[slot, number] = row
            return int(number)
        first = firsts[slot, number]
        size = end - start
        if places[first, slot, 1] - places[first, slot, 0] == size and _same(
            address, places[first, slot, 0], start, size
        ):
            return int(number)
        place = (place + 1) & mask


@part
def _has_slash(address: np.uint64, start: int, end: int) -> bool:
    found = False
    for at in range(start, end):
        found |= load_byte(address, U64(at)) == U64(0x5C)
    return found


@part
def _walk_line(
    address: np.uint64, base: int, size: int, words: int, odd: int, line: int, plan: Plan, found: Found
) -> int:
    """Find the fields of one line; gives its marks, -1 where there is no more room for rows."""
    stack, rows, places, row_places = found.stack, found.rows, found.places, found.row_places
    at = _blank(address, base, base + size) - base
    if at >= size or load_byte(address, U64(base + at)) != U64(0x7B):
        return SLOW
    at += 1
    depth, context, row, listed, fresh = 0, 0, 0, 0, True
    marks = 0
    while True:
        at = _blank(address, base + at, base + size) - base
        if at >= size:
            return SLOW
        byte = load_byte(address, U64(base + at))
        if byte == (U64(0x5D) if listed else U64(0x7D)):
            at += 1
            fresh = False
            depth -= 1
            if depth < 0:
                break
            context, row, listed = stack[depth, 0], stack[depth, 1], stack[depth, 2]
            continue
        if not fresh:
            if byte != U64(0x2C):
                return SLOW
            at = _blank(address, base + at + 1, base + size) - base
            if at >= size:
                return SLOW
            byte = load_byte(address, U64(base + at))
        fresh = False
        if listed:
            spot = _value(address, base, at, size, words, found)
            if spot.kind == 0:
                return SLOW
            row = int(found.counts[1])
            if row >= len(rows):
                return -1
            found.counts[1] += 1
            rows[row, 0], rows[row, 1] = line, plan.table[context]
            rows[row, 2], rows[row, 3] = base + spot.start, base + spot.end
            rows[row, 4] = 0
            row_places[row, :, :] = 0
            if spot.kind != OBJECT:
                rows[row, 4] = SLOW
                at = spot.end
                continue
            if depth + 1 >= _DEEP:
                return SLOW
            stack[depth, 0], stack[depth, 1], stack[depth, 2] = context, row, 1
            depth += 1
            listed, fresh = 0, True
            at = spot.start + 1
            continue
        if byte != U64(0x22):
            return SLOW
        first = at + 1
        last = _find(found.quotes, first)
        if last >= size:
            return SLOW
        at = _blank(address, base + last + 1, base + size) - base
        if at >= size or load_byte(address, U64(base + at)) != U64(0x3A):
            return SLOW
        at = _blank(address, base + at + 1, base + size) - base
        if at >= size:
            return SLOW
        spot = _value(address, base, at, size, words, found)
        if spot.kind == 0:
            return SLOW
        at = spot.end
        key = _key(address, base + first, last - first, plan)
        if key < 0:
            if odd & 4 and _has_slash(address, base + first, base + last):
                return SLOW
            continue
        entry = plan.entries[context, key]
        if entry < 0:
            continue
        own = plan.table[context] != 0
        if spot.kind & plan.kinds[entry] == 0:
            marks |= plan.blame[entry]
            if marks & SLOW:
                return SLOW
            if own:
                rows[row, 4] |= plan.row_blame[entry]
        slot, inner = plan.slot[entry], plan.into[entry]
        if slot >= 0:
            start, end = (0, 0) if spot.kind == NULL else (base + spot.start, base + spot.end)
            if own:
                row_places[row, slot, 0], row_places[row, slot, 1] = start, end
            else:
                if inner >= 0 and places[line, slot, 1] != 0:
                    return SLOW  # the same object twice: the last one would have to undo what the first one told
                places[line, slot, 0], places[line, slot, 1] = start, end
        if inner >= 0 and spot.kind == (ARRAY if plan.many[entry] else OBJECT):
            if depth + 1 >= _DEEP:
                return SLOW
            stack[depth, 0], stack[depth, 1], stack[depth, 2] = context, row, 0
            depth += 1
            context, fresh = inner, True
            listed = 1 if plan.many[entry] else 0
            at = spot.start + 1
    at = _blank(address, base + at, base + size) - base
    return marks if at == size else SLOW


@kernel
def walk(data: npt.NDArray[np.uint8], begin: int, stop: int, number: int, plan: Plan, found: Found, fresh: bool) -> int:
    """Find the wanted fields of lines, one after the other, as many as there is room for.

    Args:
        begin: where the first line begins; the last one ends before `stop`. Bytes after that may be looked at.
        number: the number of the first line.
        fresh: forget what was found before; else more of the same buffer is added to it.

    Returns:
        The place of the first line that was not looked at: for lack of room, or because the data end less than
        `MARGIN` bytes after it.
    """
    address = U64(data.ctypes.data)
    lines, places = found.lines, found.places
    if fresh:
        found.counts[0] = found.counts[1] = 0
        found.hashes[:] = 0
        found.row_hashes[:] = 0
        found.numbers[:] = 0
        found.row_numbers[:] = 0
    at = begin
    while at < stop and found.counts[0] < len(lines):
        size, words, odd = _mask_line(address, at, len(data) - 64, found)
        if size < 0:
            break
        if _blank(address, at, at + size) == at + size:
            at += size + 1
            number += 1
            continue
        line, before = int(found.counts[0]), found.counts[1]
        places[line, :, :] = 0
        marks = SLOW if odd & 1 else _walk_line(address, at, size, words, odd, line, plan, found)
        if marks < 0:
            found.counts[1] = before
            if line > 0:
                break
            marks = SLOW
        if marks & SLOW:
            found.counts[1] = before
            places[line, :, :] = 0
        lines[line, 0], lines[line, 1], lines[line, 2], lines[line, 3] = number, at, at + size, marks
        found.highs[line] = odd & 2 != 0
        for slot in range(places.shape[1]):
            if plan.coded[0, slot]:
                found.codes[slot, line] = _number(
                    address, places, line, slot, found.hashes, found.firsts, found.numbers
                )
        for row in range(before, found.counts[1]):
            for slot in range(found.row_places.shape[1]):
                if plan.coded[1, slot]:
                    found.row_codes[slot, row] = _number(
                        address, found.row_places, row, slot, found.row_hashes, found.row_firsts, found.row_numbers
                    )
        found.counts[0] += 1
        at += size + 1
        number += 1
    found.counts[2] = number
    return at


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


@kernel
def texts(
    data: npt.NDArray[np.uint8],
    extra: npt.NDArray[np.uint8],
    places: npt.NDArray[np.int32],
    out: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int32],
    bad: npt.NDArray[np.bool_],
) -> None:
    """Write texts, without quotes and escapes, one after the other; a place of 0 is an empty text.

    Args:
        extra: texts as they are; a place of (-1 - first, after) is in here.
        out: room for all of them and `MARGIN` more; `extra` has as many bytes after its last text.
        bad: set where an escape means nothing, or where a text begins inside of a character.
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


def plan(
    contexts: list[dict[str, tuple[int, int, bool, int, int, int]]], tables: list[int], coded: npt.NDArray[np.bool_]
) -> Plan:
    """Make the tables of a plan.

    Args:
        contexts: of each context its keys, each with slot, context inside, many, kinds, blame and blame of the row.
        tables: of each context its table.
    """
    names = sorted({key.encode() for context in contexts for key in context})
    starts, padded = [], b""
    for name in names:
        starts.append(len(padded))
        padded += name + bytes(16 - len(name) % 8)
    keys = np.frombuffer(padded + bytes(64), np.uint8)
    sizes = np.array([len(name) for name in names], np.int64)
    slots = np.full(KEY_SLOTS, -1, np.int32)
    hashes = np.zeros(len(names), np.uint64)
    _hash_keys(keys, np.array(starts, np.int64), sizes, hashes)
    for number, hashed in enumerate(hashes):
        place = int(hashed) & (KEY_SLOTS - 1)
        while slots[place] >= 0:
            place = (place + 1) & (KEY_SLOTS - 1)
        slots[place] = number
    entries = np.full((len(contexts), max(len(names), 1)), -1, np.int32)
    told: list[tuple[int, int, bool, int, int, int]] = []
    for number, context in enumerate(contexts):
        for key, entry in context.items():
            entries[number, names.index(key.encode())] = len(told)
            told.append(entry)
    slot, into, many, kinds, blame, row_blame = zip(*told, strict=True)
    return Plan(
        keys=keys,
        key_starts=np.array(starts, np.int64),
        key_sizes=sizes,
        key_slots=slots,
        entries=entries,
        slot=np.array(slot, np.int32),
        into=np.array(into, np.int32),
        many=np.array(many, np.bool_),
        kinds=np.array(kinds, np.int32),
        blame=np.array(blame, np.int32),
        row_blame=np.array(row_blame, np.int32),
        table=np.array(tables, np.int32),
        coded=coded,
    )


@kernel
def _hash_keys(
    keys: npt.NDArray[np.uint8],
    starts: npt.NDArray[np.int64],
    sizes: npt.NDArray[np.int64],
    out: npt.NDArray[np.uint64],
) -> None:
    for i in range(len(starts)):
        out[i] = key_hash(U64(keys.ctypes.data), starts[i], sizes[i])
