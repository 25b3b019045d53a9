"""Contained: which of many known frames one text contains, in one compiled pass.

The text is sketched as in a hunt, each fingerprint is hashed under the key, and the frames that hold it are counted. A
frame is contained when at least half of its kept fingerprints are there, and no fewer than LEAST: the rule of the hunt,
on the same sample. Cost: some 10 microseconds for a text of 500 bytes, whatever the number of frames.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from stillwatch.kit.fingerprint import FRAME, MOST, TURN, Scratch, sketch_text, smallest
from stillwatch.kit.jit import kernel
from stillwatch.kit.siphash import siphash

U64 = np.uint64
LEAST: Final = 3
"""Fingerprints of a frame that must be there at the least; all of them where it has fewer."""
KEPT: Final = 4
"""Frames told of one text."""
_SEEN: Final = 64


class Frames(NamedTuple):
    """Known frames: a `lookup.Table` of keyed fingerprints to frame numbers, and how many each frame has."""

    keys: npt.NDArray[np.uint64]
    values: npt.NDArray[np.int32]
    sizes: npt.NDArray[np.uint16]
    k0: np.uint64
    k1: np.uint64


@kernel
def contained(
    text: npt.NDArray[np.uint8],
    length: int,
    salt: np.uint64,
    work: Scratch,
    frames: Frames,
    out: npt.NDArray[np.int32],
) -> int:
    """Write the frames that a text contains to `out`, best first; returns how many.

    Args:
        text: UTF-8, `length` bytes of it.
        salt: of the kind of text, as in the hunt: 0 for turns, that of `sketch.system` for system texts.
        out: shape (KEPT,).
    """
    _, _, _, _, found = sketch_text(text, 0, length, work, FRAME, salt)
    names = np.empty(_SEEN, np.int32)
    hits = np.zeros(_SEEN, np.int32)
    known = 0
    mask = U64(len(frames.keys) - 1)
    found = min(found, MOST)
    for i in range(found):
        mark = work.marks[i] & U64(0xFFFFFFFF)
        again = False
        for j in range(i):
            if (work.marks[j] & U64(0xFFFFFFFF)) == mark:
                again = True
                break
        if again:
            continue
        key = siphash(mark, frames.k0, frames.k1)
        key = key if key != U64(0) else U64(1)
        place = key & mask
        while frames.keys[place] != U64(0):
            if frames.keys[place] == key:
                name = frames.values[place]
                at = -1
                for j in range(known):
                    if names[j] == name:
                        at = j
                        break
                if at >= 0:
                    hits[at] += 1
                elif known < _SEEN:
                    names[known], hits[known] = name, 1
                    known += 1
            place = (place + U64(1)) & mask
    told = 0
    while told < KEPT:
        best = -1
        for j in range(known):
            size = int(frames.sizes[names[j]])
            if hits[j] >= min(LEAST, size) and 2 * hits[j] >= size and (best < 0 or hits[j] > hits[best]):
                best = j
        if best < 0:
            break
        out[told] = names[best]
        hits[best] = 0
        told += 1
    return told


@kernel
def lanes(text: npt.NDArray[np.uint8], length: int, work: Scratch, out: npt.NDArray[np.uint32]) -> int:
    """Write the smallest fingerprints of an answer to `out`, as the hunt knows a turn again; returns its tokens."""
    exact, _, count, _, found = sketch_text(text, 0, length, work, TURN, U64(0))
    smallest(work, found, exact, out)
    return count
