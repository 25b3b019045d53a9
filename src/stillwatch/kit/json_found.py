"""Found: what a walk over lines of JSON found, as arrays that are used again and again."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from stillwatch.kit.jit import lean, part

DEEP: Final = 16
"""Objects and lists that may stand in one another."""

_APART: Final = 8
"""Places of a slot that stay empty: slots a power of two apart would put each other out of the processor's cache."""

NOWHERE, OF_LINE, OF_ROW, ROW = 0, 1, 2, 3
"""What the end of an object or a list is kept for: nothing, a slot of the line, a slot of the row, the row itself."""


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
        places=np.zeros((slots, lines + _APART, 2), np.int32),
        rows=np.zeros((rows, 5), np.int32),
        row_places=np.zeros((row_slots, rows + _APART, 2), np.int32),
        counts=np.zeros(3, np.int64),
        stack=np.zeros((DEEP, 6), np.int32),
    )


@lean
def held(places: npt.NDArray[np.int32], lines: int, told: npt.NDArray[np.bool_]) -> None:
    """Tell of each slot whether it holds anything in some lines."""
    for slot in range(len(places)):
        told[slot] = False
        for line in range(lines):
            if places[slot, line, 1] != 0:
                told[slot] = True
                break


@part
def close(found: Found, depth: int, line: int, row: int, end: int) -> None:
    """Note where the object or list ends that is left at a depth."""
    target, slot = found.stack[depth, 4], found.stack[depth, 5]
    if target == OF_LINE:
        found.places[slot, line, 1] = end
    elif target == OF_ROW:
        found.row_places[slot, row, 1] = end
    elif target == ROW:
        found.rows[row, 3] = end


@part
def open_(found: Found, depth: int, context: int, row: int, listed: int, step: int, target: int, slot: int) -> None:
    """Note what is needed to go on after an object or a list."""
    stack = found.stack
    stack[depth, 0], stack[depth, 1], stack[depth, 2], stack[depth, 3] = context, row, listed, step
    stack[depth, 4], stack[depth, 5] = target, slot


@part
def forget(places: npt.NDArray[np.int32], line: int) -> None:
    for slot in range(len(places)):
        places[slot, line, 0] = places[slot, line, 1] = 0


@part
def new_row(found: Found, line: int, table: int, start: int) -> int:
    """Begin a row of a list; -1 where there is no more room."""
    row = int(found.counts[1])
    if row >= len(found.rows):
        return -1
    found.counts[1] += 1
    found.rows[row, 0], found.rows[row, 1], found.rows[row, 2] = line, table, start
    found.rows[row, 3], found.rows[row, 4] = 0, 0
    forget(found.row_places, row)
    return row
