"""Assign: the frames that an exchange contains.

An exchange contains a frame when it has at least half of the frame's fingerprints, and no fewer than LEAST:
containment and not likeness, so that a slot of any length does no harm. The frames are ordered by how much
text they explain in the log, fingerprints found times exchanges that have the frame: a template comes before the
items that were put into it, although an item may be longer, and before a phrase that others use too.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from stillwatch.families.bundle import LEAST
from stillwatch.kit.jit import kernel

KEPT: Final = 4
"""Frames kept of one text."""
CONTAINED: Final = 0.5
_SEEN: Final = 64


@kernel
def assign(
    codes: npt.NDArray[np.int32],
    counts: npt.NDArray[np.uint16],
    bundle: npt.NDArray[np.int32],
    sizes: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    out: npt.NDArray[np.int32],
) -> None:
    """Write the frames of each text to `out`, shape (texts, KEPT), best first, -1 for none.

    Args:
        codes: heavy number of every fingerprint of the texts, -1 for light ones.
        counts: fingerprints of each text.
        bundle: bundle of each heavy fingerprint, -1 for none.
        sizes: fingerprints in each bundle.
        rows: exchanges that have each bundle.
    """
    seen = np.empty(_SEEN, np.int32)
    hits = np.empty(_SEEN, np.int64)
    at = 0
    for text in range(len(counts)):
        known = 0
        for _ in range(counts[text]):
            code = codes[at]
            at += 1
            if code < 0 or bundle[code] < 0:
                continue
            name = bundle[code]
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
                explains = hits[i] * rows[seen[i]]
                if best < 0 or explains > most or (explains == most and seen[i] < seen[best]):
                    best, most = i, explains
            if best < 0:
                break
            out[text, rank] = seen[best]
            hits[best] = -1
