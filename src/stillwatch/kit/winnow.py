"""Winnow: which shingles of a text are kept as its fingerprints (Schleimer, Wilkerson and Aiken 2003).

Of each window of shingles the smallest is kept. In texts of more than `2 * DENSE` windows the head and the tail are
winnowed in full; of the middle a part is kept that is chosen by value, so that containment between long texts is still
estimated without bias. Of a short text all shingles are kept besides, marked by a bit (`FINE`).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from stillwatch.kit.desk import BEFORE, MOST, Scratch
from stillwatch.kit.jit import part
from stillwatch.kit.wide import least8, narrow8, shingle8

SHINGLE: Final = 4
"""Tokens in one shingle."""
WINDOW: Final = 4
"""Shingles in one window: of each window the smallest is kept."""
SHORT: Final = 20
"""Shingles of a text of which all are kept besides: a question of ten words, of which half change, has few windows."""
FINE: Final = 2
"""Bit of the fingerprints of all shingles of a short text. Those of windows do without it, so the scales never mix:
a long text of the same frame has only those of windows."""
SHARED: Final = 3
"""Fingerprints that say something of a frame, at the least."""
DENSE: Final = 160
"""Windows at the head and tail of a long text (half of these at each end) that are kept at full density."""
LANES: Final = 4
"""Smallest fingerprints that stand for a turn."""

U64 = np.uint64
_ONE, _ZERO = U64(1), U64(0)


@part
def winnow(work: Scratch, length: int, salt: np.uint64, keep: np.uint64) -> int:
    """Keep the smallest shingle of each window in `work.marks`; returns how many.

    A shingle is a sum of rotated token hashes, already well mixed. Eight are made at a time, beyond the last as well.

    Args:
        length: tokens of the text.
        salt: keeps the fingerprints of different kinds of text apart.
        keep: bits of a fingerprint that are kept.
    """
    shingles = length - SHINGLE + 1
    if shingles <= 0:
        return 0
    tokens, values = U64(work.tokens.ctypes.data), U64(work.values.ctypes.data) + U64(8 * BEFORE)
    for first in range(0, shingles, 8):
        shingle8(tokens + U64(8 * first), salt, values + U64(8 * first))
    for after in range(WINDOW):
        work.values[BEFORE + shingles + after] = ~_ZERO
    windows = max(shingles - WINDOW + 1, 1)
    if windows > 2 * DENSE:
        return _thinned(work, windows, keep)
    smallest, kept = U64(work.smallest.ctypes.data), _ZERO
    for first in range(0, windows, 8):
        fresh = least8(values + U64(8 * first), smallest + U64(8 * first))
        if first == 0:
            fresh |= _ONE
        if windows - first < 8:
            fresh &= (_ONE << U64(windows - first)) - _ONE
        for window in range(first, first + 8):
            work.marks[kept] = work.smallest[U64(window)] & keep
            kept += fresh & _ONE
            fresh >>= _ONE
    return min(int(np.int64(kept)), MOST)


@part
def _thinned(work: Scratch, windows: int, keep: np.uint64) -> int:
    """Keep the head and the tail of a long text, and of its middle a part that is chosen by value."""
    values, smallest = U64(work.values.ctypes.data) + U64(8 * BEFORE), U64(work.smallest.ctypes.data)
    for first in range(0, windows, 8):
        least8(values + U64(8 * first), smallest + U64(8 * first))
    thin = _ZERO
    expected = (windows - DENSE) * 2 // (WINDOW + 1)
    while expected > DENSE // 2:
        expected >>= 1
        thin = (thin << _ONE) | _ONE
    last = ~_ZERO
    kept = 0
    for i in range(windows):
        value = work.smallest[i]
        edge = i < DENSE // 2 or i >= windows - DENSE // 2
        if value != last and (edge or ((value >> U64(40)) & thin) == _ZERO) and kept < MOST:
            work.marks[kept] = value & keep
            kept += 1
        last = value
    return kept


@part
def add_fine(work: Scratch, found: int, shingles: int) -> int:
    """Add all shingles of a short text, marked by a bit; returns how many fingerprints there are then."""
    if shingles > SHORT:
        return found
    for i in range(shingles):
        work.marks[found + i] = work.values[BEFORE + i] | U64(FINE)
    return found + shingles


@part
def copy_marks(work: Scratch, found: int, out: npt.NDArray[np.uint32], at: int) -> None:
    """Copy the fingerprints, as 32 bits each, to `out` from place `at` on, which has room for seven more."""
    source, target = U64(work.marks.ctypes.data), U64(out.ctypes.data) + U64(4 * at)
    for first in range(0, found, 8):
        narrow8(source + U64(8 * first), target + U64(4 * first))


@part
def smallest(work: Scratch, found: int, exact: np.uint64, out: npt.NDArray[np.uint32]) -> None:
    """Keep the `LANES` smallest distinct fingerprints of the last sketch in `out`, smallest first.

    A text too short for a shingle is known by its exact hash alone. Zero means none.
    """
    out[:] = 0
    if found == 0:
        out[0] = np.uint32(exact)
        return
    one = two = three = four = ~_ZERO
    for i in range(found):
        value = work.marks[i]
        if value >= four or value == one or value == two or value == three:
            continue
        if value < one:
            one, two, three, four = value, one, two, three
        elif value < two:
            two, three, four = value, two, three
        elif value < three:
            three, four = value, three
        else:
            four = value
    out[0] = np.uint32(one)
    if two != ~_ZERO:
        out[1] = np.uint32(two)
    if three != ~_ZERO:
        out[2] = np.uint32(three)
    if four != ~_ZERO:
        out[3] = np.uint32(four)


def telling(marks: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """Keep the fingerprints of a frame by which one text of any length shows it: those of one scale.

    Texts of any length have fingerprints of windows, so these are kept; but where they are less than a quarter of those
    of all shingles (of one text they are two fifths), the frame is of short texts in many wordings, which have few
    windows in common.
    """
    fine = (marks & np.uint32(FINE)) != 0
    windows = marks[~fine]
    kept: npt.NDArray[np.uint32] = windows if len(windows) >= SHARED and 4 * len(windows) >= fine.sum() else marks[fine]
    return kept
