"""Assign: the frames that an exchange contains.

An exchange contains a frame when it has at least half of the frame's fingerprints of one scale, and LEAST of them:
containment and not likeness, so that a slot of any length does no harm. The frames are ordered by how much
text they explain in the log, fingerprints found times exchanges that have the frame: a template comes before the
items that were put into it, although an item may be longer, and before a phrase that others use too.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from stillwatch.families.bundle import LEAST
from stillwatch.families.heavy import Found
from stillwatch.kit.fingerprint import FINE
from stillwatch.kit.jit import kernel

KEPT: Final = 4
"""Frames kept of one text."""
CONTAINED: Final = 0.5
_SEEN: Final = 64


def scales(
    marks: npt.NDArray[np.uint32], bundle: npt.NDArray[np.int32], count: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Split every bundle b by scale: 2 b for fingerprints of windows, 2 b + 1 for all shingles of short texts.

    Returns:
        the half of each fingerprint (-1 for none), and how many fingerprints each half has.
    """
    scale = np.where(bundle >= 0, 2 * bundle + (marks & np.uint32(FINE) != 0), -1).astype(np.int32)
    return scale, np.bincount(scale[scale >= 0], minlength=2 * count)


@kernel
def assign(
    found: Found,
    counts: npt.NDArray[np.uint16],
    bundle: npt.NDArray[np.int32],
    sizes: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    out: npt.NDArray[np.int32],
) -> None:
    """Write the frames of each text to `out`, shape (texts, KEPT), best first, -1 for none.

    Args:
        found: the heavy fingerprints of the texts.
        counts: fingerprints of each text.
        bundle: half of a bundle that each heavy fingerprint is in, -1 for none; see `scales`.
        sizes: fingerprints in each half of a bundle.
        rows: exchanges that have each bundle.
    """
    seen = np.empty(_SEEN, np.int32)
    hits = np.empty(_SEEN, np.int64)
    at, end = 0, 0
    for text in range(len(counts)):
        known = 0
        end += counts[text]
        while at < len(found.places) and found.places[at] < end:
            name = bundle[found.codes[at]]
            at += 1
            if name < 0:
                continue
            place = -1
            for i in range(known):
                if seen[i] == name:
                    place = i
                    break
            if place >= 0:
                hits[place] += 1
            elif known < _SEEN:
                seen[known], hits[known] = name, 1
                known += 1
        for rank in range(KEPT):
            best = -1
            most = 0
            for i in range(known):
                enough = hits[i] >= LEAST and hits[i] >= CONTAINED * sizes[seen[i]]
                if not enough:
                    continue
                # of all shingles two in five stand for a window
                explains = hits[i] * (2 if seen[i] & 1 else 5) * rows[seen[i] >> 1]
                if best < 0 or explains > most or (explains == most and seen[i] < seen[best]):
                    best, most = i, explains
            if best < 0:
                break
            out[text, rank] = seen[best] >> 1
            for i in range(known):
                if seen[i] >> 1 == seen[best] >> 1:
                    hits[i] = -1
