"""Trail: what came next in the lines before, so that what comes again is compared and not read.

One program writes its records with the same keys in the same order, many of them with the same values: nulls, names of
models, a price list of several kilobytes. A step of the trail is a key in its object, with all that stands between the
value before it and its own (`, "model": `). It knows the 64 bytes that were last seen there, which two steps came after
it, and of objects and lists that nobody wants a few that stood there.

What is guaranteed: bytes that are equal to bytes that were read before in the same object mean the same. So a trail
changes how fast lines are read and never what is read. Its memory is fixed; where it is full it learns no more.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from stillwatch.kit.jit import copy64, differs64, part, trailing_zeros
from stillwatch.kit.json_plan import key_hash

U64 = np.uint64
_ZERO = U64(0)
STEPS: Final = 1024
WAYS: Final = 16
KEPT: Final = 1 << 20
SEEN: Final = 64
LEAST, MOST = 96, 32_768
"""Bytes of an object or a list that is kept to be compared."""
KEY, END, KIND, ENTRY, CONTEXT, NEXT, OTHER, LAST, FILLED, TRUST = range(10)
"""Of a step: bytes up to its value, and up to the end of the value last seen, 0 for none remembered; the kind of that
value; its entry in the plan; its object; the steps that came after it; of the objects kept which one came last, and how
many there are; and how often they came again, less how often another one did."""
_TRUSTED: Final = 64


class Trail(NamedTuple):
    """What was learned.

    Attributes:
        seen: of each step the bytes last seen there.
        steps: of each step what the names of columns say.
        heads: of each object the two steps that came first.
        slots: finds a step by its bytes.
        ways: of each step the places in `kept` of what stood there.
        counts: how many steps and bytes are kept.
    """

    seen: npt.NDArray[np.uint8]
    steps: npt.NDArray[np.int64]
    heads: npt.NDArray[np.int32]
    slots: npt.NDArray[np.int32]
    ways: npt.NDArray[np.int32]
    kept: npt.NDArray[np.uint8]
    counts: npt.NDArray[np.int64]


def trail(contexts: int) -> Trail:
    """Make an empty trail for a plan of so many objects."""
    return Trail(
        seen=np.zeros((STEPS + 1) * SEEN, np.uint8),
        steps=np.zeros((STEPS, 10), np.int64),
        heads=np.full((contexts, 2), -1, np.int32),
        slots=np.full(4 * STEPS, -1, np.int32),
        ways=np.zeros((STEPS, WAYS, 2), np.int32),
        kept=np.zeros(KEPT + 2 * SEEN, np.uint8),
        counts=np.zeros(2, np.int64),
    )


@part
def alike(address: np.uint64, at: int, step: int, trail: Trail) -> int:
    """Count the bytes that are what was last seen at a step."""
    return int(np.int64(trailing_zeros(differs64(address, U64(at), U64(trail.seen.ctypes.data), U64(step * SEEN)))))


@part
def learned(address: np.uint64, at: int, value: int, context: int, entry: int, trail: Trail) -> int:
    """Find or make the step whose bytes lead from a place to a value; -1 where it cannot be kept."""
    size = value - at
    if size >= SEEN:
        return -1
    steps, slots = trail.steps, trail.slots
    slot = (np.int64(key_hash(address, at, size) & U64(0x7FFFFFFF)) + 977 * context) & (4 * STEPS - 1)
    while slots[slot] >= 0:
        step = int(slots[slot])
        if steps[step, KEY] == size and steps[step, CONTEXT] == context and alike(address, at, step, trail) >= size:
            return step
        slot = (slot + 1) & (4 * STEPS - 1)
    step = int(trail.counts[0])
    if step >= STEPS:
        return -1
    trail.counts[0] += 1
    slots[slot] = step
    copy64(address, U64(at), U64(trail.seen.ctypes.data), U64(step * SEEN))
    steps[step, KEY], steps[step, END], steps[step, ENTRY], steps[step, CONTEXT] = size, 0, entry, context
    steps[step, NEXT] = steps[step, OTHER] = -1
    steps[step, TRUST] = _TRUSTED
    return step


@part
def follow(before: int, step: int, context: int, trail: Trail) -> None:
    """Remember that a step came after another, or first where there is none."""
    steps, heads = trail.steps, trail.heads
    if before >= 0:
        if steps[before, NEXT] != step:
            steps[before, OTHER] = steps[before, NEXT]
            steps[before, NEXT] = step
    elif heads[context, 0] != step:
        heads[context, 1] = heads[context, 0]
        heads[context, 0] = step


@part
def remember(address: np.uint64, at: int, end: int, kind: int, step: int, trail: Trail) -> None:
    """Remember the value of a step, where it is short."""
    if end - at >= SEEN:
        trail.steps[step, END] = 0
        return
    copy64(address, U64(at), U64(trail.seen.ctypes.data), U64(step * SEEN))
    trail.steps[step, END], trail.steps[step, KIND] = end - at, kind


@part
def _equal(address: np.uint64, at: int, kept: np.uint64, start: int, size: int) -> bool:
    place = 0
    while place < size:
        differing = differs64(address, U64(at + place), kept, U64(start + place))
        if differing != _ZERO and int(np.int64(trailing_zeros(differing))) < size - place:
            return False
        place += 64
    return True


@part
def repeated(address: np.uint64, at: int, step: int, trail: Trail) -> int:
    """Tell the bytes of an object or list that stood at this step before; 0 for none."""
    steps, ways = trail.steps, trail.ways
    if steps[step, TRUST] < 0:
        return 0
    kept = U64(trail.kept.ctypes.data)
    way = int(steps[step, LAST])
    for _ in range(steps[step, FILLED]):
        start, size = int(ways[step, way, 0]), int(ways[step, way, 1])
        if _equal(address, at, kept, start, size):
            steps[step, LAST] = way
            steps[step, TRUST] = min(steps[step, TRUST] + 1, _TRUSTED)
            return size
        way = way + 1 if way + 1 < steps[step, FILLED] else 0
    steps[step, TRUST] -= 1
    return 0


@part
def keep(address: np.uint64, at: int, size: int, step: int, trail: Trail) -> None:
    """Keep an object or a list, to be compared with what comes at this step."""
    steps = trail.steps
    start, way = int(trail.counts[1]), int(steps[step, FILLED])
    if steps[step, TRUST] < 0 or way >= WAYS or not LEAST <= size <= MOST or start + size > KEPT:
        return
    for place in range(0, size, 64):
        copy64(address, U64(at + place), U64(trail.kept.ctypes.data), U64(start + place))
    trail.counts[1] += size
    trail.ways[step, way, 0], trail.ways[step, way, 1] = start, size
    steps[step, FILLED], steps[step, LAST] = way + 1, way
