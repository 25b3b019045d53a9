"""Bundles: heavy fingerprints that occur in the same exchanges belong to one frame.

Two fingerprints whose sets of exchanges have a Jaccard index of at least ALIKE are bundled. Candidates come
from equal lanes of their sketches (locality-sensitive hashing on *fingerprints*, of which there are thousands
to millions, never on pairs of exchanges); each is compared with the leaders of its bucket only, so that the
work is linear. Phrases that many frames share have sets unlike each of them, and glue nothing.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from stillwatch.families.heavy import EMPTY, LANES
from stillwatch.kit.jit import kernel
from stillwatch.kit.union import find, join

ALIKE: Final = 0.6
"""Least Jaccard index of the exchanges of two fingerprints of one frame. In one frame it is near 1; two frames
that share a paragraph stay below 0.5 as long as neither is nearly all of the other."""
BANDS: Final = 8
"""Lanes that are used as buckets: two sets with an index of 0.6 share a bucket with probability 0.999."""
LEADERS: Final = 12
LEAST: Final = 3
"""Fingerprints of a usable frame: fewer are phrases."""


@kernel
def alike(lanes: npt.NDArray[np.uint32], one: int, two: int) -> float:
    """Estimate the Jaccard index of two sets from their sketches."""
    same, either = 0, 0
    for lane in range(LANES):
        first, second = lanes[one, lane], lanes[two, lane]
        if first != EMPTY or second != EMPTY:
            either += 1
            same += first == second
    return same / either if either else 0.0


@kernel
def _bucket(
    order: npt.NDArray[np.int64], lane: int, lanes: npt.NDArray[np.uint32], parent: npt.NDArray[np.int32]
) -> None:
    leaders = np.empty(LEADERS, np.int64)
    known = 0
    last = EMPTY
    for i in range(len(order)):
        item = order[i]
        value = lanes[item, lane]
        if value == EMPTY:
            continue
        if value != last:
            known, last = 0, value
        placed = False
        for j in range(known):
            if alike(lanes, leaders[j], item) >= ALIKE:
                join(parent, int(leaders[j]), int(item))
                placed = True
                break
        if not placed and known < LEADERS:
            leaders[known] = item
            known += 1


def bundles(lanes: npt.NDArray[np.uint32], rows: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int32], int]:
    """Bundle heavy fingerprints into frames.

    Args:
        lanes: sketch of each fingerprint's exchanges, shape (n, LANES).
        rows: exchanges of each fingerprint.

    Returns:
        the bundle of each fingerprint (-1 for one that is in no usable frame), and the number of bundles.
        Bundles are numbered by their first fingerprint, so the numbers do not depend on the order of the rows.
    """
    parent = np.arange(len(lanes), dtype=np.int32)
    for lane in range(min(BANDS, LANES)):
        # the most frequent leads: by lane value, then by falling count, then by number
        key = (lanes[:, lane].astype(np.uint64) << np.uint64(32)) | (
            np.uint64(0xFFFFFFFF) - np.minimum(rows, 0xFFFFFFFF).astype(np.uint64)
        )
        _bucket(np.argsort(key, kind="stable"), lane, lanes, parent)
    roots = find(parent)
    sizes = np.bincount(roots, minlength=len(parent))
    usable = np.flatnonzero(sizes >= LEAST)
    number = np.full(len(parent), -1, np.int32)
    number[usable] = np.arange(len(usable), dtype=np.int32)
    return number[roots], len(usable)
