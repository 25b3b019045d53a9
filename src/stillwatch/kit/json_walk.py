"""Walk: where in lines of JSON the wanted fields stand, without making an object of anything.

The fields that a plan names are found by their keys; whatever else stands there is leapt over. What came before in the
same place is compared and not read again (`json_trail`).

What is guaranteed: of a line that is read, every place told is that of the field asked for, the last one where a key
comes twice. Of objects and lists that are leapt over, only quotes and brackets have to fit. Anything unusual (an escape
in a key, a value of a kind not foreseen, brackets that do not fit, control characters in a text) is left to a careful
reader, with a mark on the line. Cost: one pass, several GB/s where most is leapt over.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from stillwatch.kit import json_trail
from stillwatch.kit.jit import lean, load_byte, part
from stillwatch.kit.json_plan import Plan, find_key
from stillwatch.kit.json_scan import (
    ARRAY,
    ESCAPED,
    HIGH,
    NULL,
    OBJECT,
    Spot,
    blank_end,
    escapes_fit,
    last_feed,
    line_end,
    text_end,
    value_end,
)
from stillwatch.kit.json_trail import END, ENTRY, KEY, KIND, NEXT, OTHER, Trail

SLOW: Final = 1
"""The mark of a line that is left to a careful reader."""

MARGIN: Final = 128
"""Bytes that must be readable after the last line that is read: it is looked at 64 bytes at a time."""

U64 = np.uint64
_DEEP: Final = 16
_NOWHERE, _OF_LINE, _OF_ROW, _ROW = 0, 1, 2, 3


class Found(NamedTuple):
    """What was found; reused for every walk. Places are (first byte, byte after) with the quotes of texts, 0 for none.

    Attributes:
        lines: of each line its number, first byte, byte after, and marks.
        highs: whether a wanted text of a line has bytes above ASCII.
        places: of each slot and line its place.
        rows: of each row of a list the line that it belongs to, its table, its place and its marks.
        row_places: of each slot and row its place.
        counts: how many lines, and how many rows, there are, and the number of the next line.
        stack: of the objects and lists around a place what is needed to go on after them.
    """

    lines: npt.NDArray[np.int32]
    highs: npt.NDArray[np.bool_]
    places: npt.NDArray[np.int32]
    rows: npt.NDArray[np.int32]
    row_places: npt.NDArray[np.int32]
    counts: npt.NDArray[np.int64]
    stack: npt.NDArray[np.int32]


def room(slots: int, row_slots: int, lines: int = 2048, rows: int = 16_384) -> Found:
    """Make room for what a walk finds: at most so many lines, and rows, in one walk."""
    return Found(
        lines=np.zeros((lines, 4), np.int32),
        highs=np.zeros(lines, np.bool_),
        places=np.zeros((slots, lines, 2), np.int32),
        rows=np.zeros((rows, 5), np.int32),
        row_places=np.zeros((row_slots, rows, 2), np.int32),
        counts=np.zeros(3, np.int64),
        stack=np.zeros((_DEEP, 6), np.int32),
    )


class _Key(NamedTuple):
    """A key: where its value begins, -1 where it is broken, and its entry."""

    value: int
    entry: int


@part
def _read_key(address: np.uint64, at: int, context: int, plan: Plan) -> _Key:
    """Read a key, from its quote to its value."""
    if load_byte(address, U64(at)) != U64(0x22):
        return _Key(-1, -1)
    end, said = text_end(address, at + 1)
    if end < 0:
        return _Key(-1, -1)
    key = find_key(address, at + 1, end - at - 1, plan)
    if key < 0 and said & ESCAPED:
        return _Key(-1, -1)
    colon = blank_end(address, end + 1)
    if load_byte(address, U64(colon)) != U64(0x3A):
        return _Key(-1, -1)
    return _Key(blank_end(address, colon + 1), -1 if key < 0 else int(plan.entries[context, key]))


@part
def _foreseen(address: np.uint64, at: int, before: int, context: int, trail: Trail) -> tuple[int, int]:
    """Tell the step that is made from a place, and how many bytes are those last seen there; -1 for none."""
    steps = trail.steps
    step = int(steps[before, NEXT]) if before >= 0 else int(trail.heads[context, 0])
    if step >= 0:
        count = json_trail.alike(address, at, step, trail)
        if count >= steps[step, KEY]:
            return step, count
    step = int(steps[before, OTHER]) if before >= 0 else int(trail.heads[context, 1])
    if step >= 0:
        count = json_trail.alike(address, at, step, trail)
        if count >= steps[step, KEY]:
            json_trail.follow(before, step, context, trail)
            return step, count
    return -1, 0


@part
def _leapt(address: np.uint64, at: int, step: int, trail: Trail) -> Spot:
    """Leap over an object or a list that nobody looks into."""
    if step >= 0:
        size = json_trail.repeated(address, at, step, trail)
        if size > 0:
            return Spot(at + size, OBJECT if load_byte(address, U64(at)) == U64(0x7B) else ARRAY, 0)
    spot = value_end(address, at)
    if step >= 0 and spot.kind != 0:
        json_trail.keep(address, at, spot.end - at, step, trail)
    return spot


@part
def _close(found: Found, depth: int, line: int, row: int, end: int) -> None:
    """Note where the object or list ends that is left at a depth."""
    target, slot = found.stack[depth, 4], found.stack[depth, 5]
    if target == _OF_LINE:
        found.places[slot, line, 1] = end
    elif target == _OF_ROW:
        found.row_places[slot, row, 1] = end
    elif target == _ROW:
        found.rows[row, 3] = end


@part
def _open(found: Found, depth: int, context: int, row: int, listed: int, step: int, target: int, slot: int) -> None:
    """Note what is needed to go on after an object or a list."""
    stack = found.stack
    stack[depth, 0], stack[depth, 1], stack[depth, 2], stack[depth, 3] = context, row, listed, step
    stack[depth, 4], stack[depth, 5] = target, slot


@part
def _forget(places: npt.NDArray[np.int32], line: int) -> None:
    for slot in range(len(places)):
        places[slot, line, 0] = places[slot, line, 1] = 0


@part
def _new_row(found: Found, line: int, table: int, start: int) -> int:
    """Begin a row of a list; -1 where there is no more room."""
    row = int(found.counts[1])
    if row >= len(found.rows):
        return -1
    found.counts[1] += 1
    found.rows[row, 0], found.rows[row, 1], found.rows[row, 2] = line, table, start
    found.rows[row, 3], found.rows[row, 4] = 0, 0
    _forget(found.row_places, row)
    return row


@part
def _walk_line(address: np.uint64, at: int, line: int, plan: Plan, found: Found, trail: Trail) -> tuple[int, int]:
    """Find the fields of one line; gives its marks, -1 where there is no more room for rows, and where it ends."""
    stack, rows, places, row_places = found.stack, found.rows, found.places, found.row_places
    at = blank_end(address, at)
    if load_byte(address, U64(at)) != U64(0x7B):
        return SLOW, at
    at += 1
    depth, context, row, listed, fresh, step, marks = 0, 0, 0, 0, True, -1, 0
    high = 0
    while True:
        byte = load_byte(address, U64(at))
        if byte <= U64(0x20):
            at = blank_end(address, at)
            byte = load_byte(address, U64(at))
        if byte == (U64(0x5D) if listed else U64(0x7D)):
            at += 1
            depth -= 1
            if depth < 0:
                break
            _close(found, depth, line, row, at)
            context, row, listed, step = stack[depth, 0], stack[depth, 1], stack[depth, 2], stack[depth, 3]
            fresh = False
            continue
        if not fresh and byte != U64(0x2C):
            return SLOW, at
        if listed:
            if not fresh:
                at = blank_end(address, at + 1)
            fresh = False
            row = _new_row(found, line, plan.table[context], at)
            if row < 0:
                return -1, at
            if load_byte(address, U64(at)) == U64(0x7B):
                if depth + 1 >= _DEEP:
                    return SLOW, at
                _open(found, depth, context, row, 1, -1, _ROW, 0)
                depth += 1
                listed, fresh, step = 0, True, -1
                at += 1
                continue
            spot = value_end(address, at)
            if spot.kind == 0:
                return SLOW, at
            rows[row, 3], rows[row, 4] = spot.end, SLOW
            at = spot.end
            continue
        before = -1 if fresh else step
        step, count = _foreseen(address, at, before, context, trail) if fresh or step >= 0 else (-1, 0)
        if step >= 0:
            value, entry = at + int(trail.steps[step, KEY]), int(trail.steps[step, ENTRY])
        else:
            key = _read_key(address, at if fresh else blank_end(address, at + 1), context, plan)
            if key.value < 0:
                return SLOW, at
            value, entry = key.value, key.entry
            step = json_trail.learned(address, at, value, context, entry, trail)
            if step >= 0 and (fresh or before >= 0):
                json_trail.follow(before, step, context, trail)
        fresh = False
        first = load_byte(address, U64(value))
        if first <= U64(0x20):  # the step is known from a record with less white space
            value = blank_end(address, value)
            first = load_byte(address, U64(value))
        inner = -1 if entry < 0 else int(plan.into[entry])
        if inner >= 0 and first == (U64(0x5B) if plan.many[entry] else U64(0x7B)):
            if depth + 1 >= _DEEP:
                return SLOW, at
            slot, target = int(plan.slot[entry]), _NOWHERE
            if slot >= 0 and plan.table[context] != 0:
                target = _OF_ROW
                row_places[slot, row, 0] = value
            elif slot >= 0:
                if places[slot, line, 1] != 0:
                    return SLOW, at  # the same object twice: the last one would have to undo what the first one told
                target = _OF_LINE
                places[slot, line, 0] = value
            _open(found, depth, context, row, 0, step, target, slot)
            depth += 1
            context, fresh, step = inner, True, -1
            listed = 1 if plan.many[entry] else 0
            at = value + 1
            continue
        if step >= 0 and 0 < trail.steps[step, END] < count:
            spot = Spot(at + int(trail.steps[step, END]), int(trail.steps[step, KIND]), 0)
        else:
            spot = (
                _leapt(address, value, step, trail)
                if first == U64(0x7B) or first == U64(0x5B)
                else value_end(address, value)
            )
            if spot.kind == 0:
                return SLOW, at
            unread = entry < 0 or plan.slot[entry] < 0  # of a text that is wanted, whoever reads it sees
            if spot.said & ESCAPED and unread and not escapes_fit(address, value + 1, spot.end - 1):
                return SLOW, at
            high |= spot.said
            if step >= 0 and spot.said & HIGH == 0:
                json_trail.remember(address, at, spot.end, spot.kind, step, trail)
        at = spot.end
        if entry < 0:
            continue
        own = plan.table[context] != 0
        if spot.kind & plan.kinds[entry] == 0:
            marks |= plan.blame[entry]
            if marks & SLOW:
                return SLOW, at
            if own:
                rows[row, 4] |= plan.row_blame[entry]
        slot = plan.slot[entry]
        if slot >= 0:
            start, after = (0, 0) if spot.kind == NULL else (value, spot.end)
            if own:
                row_places[slot, row, 0], row_places[slot, row, 1] = start, after
            else:
                if inner >= 0 and places[slot, line, 1] != 0:
                    return SLOW, at
                places[slot, line, 0], places[slot, line, 1] = start, after
    found.highs[line] = high & HIGH != 0
    at = blank_end(address, at)
    return marks if load_byte(address, U64(at)) == U64(0x0A) else SLOW, at


@lean
def walk(
    data: npt.NDArray[np.uint8],
    begin: int,
    stop: int,
    first: int,
    plan: Plan,
    found: Found,
    trail: Trail,
    fresh: bool,
) -> int:
    """Find the wanted fields of lines, one after the other, as many as there is room for.

    Args:
        begin: where the first line begins; the last one ends before `stop`. Bytes after that may be looked at.
        first: the number of the first line.
        trail: what was learned of lines before, by the same plan.
        fresh: forget what was found before; else more of the same buffer is added to it.

    Returns:
        The place of the first line that was not looked at: for lack of room, or because the data end less than
        `MARGIN` bytes after it.
    """
    address = U64(data.ctypes.data)
    lines, places = found.lines, found.places
    if fresh:
        found.counts[0] = found.counts[1] = 0
    at = begin
    last = last_feed(address, begin, min(stop, len(data) - MARGIN + 1))
    while at <= last and found.counts[0] < len(lines):
        end = blank_end(address, at)
        if load_byte(address, U64(end)) == U64(0x0A):
            at = end + 1
            first += 1
            continue
        line, before = int(found.counts[0]), found.counts[1]
        _forget(places, line)
        marks, end = _walk_line(address, at, line, plan, found, trail)
        if marks < 0:
            found.counts[1] = before
            if line > 0:
                break
            marks = SLOW
        if marks & SLOW:
            end = line_end(address, end)
            found.counts[1] = before
            _forget(places, line)
            found.highs[line] = False
        lines[line, 0], lines[line, 1], lines[line, 2], lines[line, 3] = first, at, end, marks
        found.counts[0] += 1
        at = end + 1
        first += 1
    found.counts[2] = first
    return at
