"""Assign: the frames that an exchange contains.

An exchange contains a frame when it has at least half of the frame's fingerprints, and no fewer than LEAST:
containment and not likeness, so that a slot of any length does no harm. The frames are ordered by how many
exchanges have them: a template comes before the items that were put into it, although an item may be longer.
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
            for i in range(known):
                enough = hits[i] >= LEAST and hits[i] >= CONTAINED * sizes[seen[i]]
                if enough and (
                    best < 0
                    or rows[seen[i]] > rows[seen[best]]
                    or (rows[seen[i]] == rows[seen[best]] and seen[i] < seen[best])
                ):
                    best = i
            if best < 0:
                break
            out[text, rank] = seen[best]
            hits[best] = -1
