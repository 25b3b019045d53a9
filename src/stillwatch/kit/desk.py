"""Desk: what one thread works on while it sketches texts, made once and used again for every text."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

LONGEST: Final = 1 << 18
"""Bytes looked at in one text; what follows is not seen."""
MOST: Final = 256
"""Fingerprints kept of one text at the most."""
BEFORE: Final = 8
"""Where `values` begin: the one before the first is read as well, and a line of the cache has eight."""
LINE: Final = 64
"""Bytes in a line of the cache."""


class Scratch(NamedTuple):
    """Working memory of one thread; reused for every text."""

    plain: npt.NDArray[np.uint8]
    """The folded text."""
    edges: npt.NDArray[np.int32]
    """Where each word of it begins and ends."""
    hashes: npt.NDArray[np.uint64]
    """Hashes of the words."""
    slotted: npt.NDArray[np.uint64]
    """The same, with slots for those that begin with a digit."""
    tokens: npt.NDArray[np.uint64]
    """The tokens of which shingles are made."""
    values: npt.NDArray[np.uint64]
    """Shingles, from BEFORE on."""
    smallest: npt.NDArray[np.uint64]
    """The smallest of each window, until it is thinned or kept."""
    spans: npt.NDArray[np.int64]
    marks: npt.NDArray[np.uint64]
    """The fingerprints that are kept."""
    table: npt.NDArray[np.uint32]
    counts: npt.NDArray[np.int64]
    """Code points of each script."""
    wrapping: npt.NDArray[np.uint64]
    """Hashes of the keys in which gateways wrap a tool call, each at its own place."""


def lay(table: npt.NDArray[np.uint32]) -> Scratch:
    """Allocate the working memory of one thread, some 14 MB, for texts folded by a table."""
    return Scratch(
        plain=_room(2 * LONGEST + 256, np.uint8),
        edges=_room(2 * LONGEST + 512, np.int32),
        hashes=_room(LONGEST + 128, np.uint64),
        slotted=_room(LONGEST + 128, np.uint64),
        tokens=_room(LONGEST + 128, np.uint64),
        values=_room(LONGEST + 128, np.uint64),
        smallest=_room(LONGEST + 128, np.uint64),
        spans=_room(2 * 4096, np.int64),
        marks=_room(2 * MOST, np.uint64),
        table=table,
        counts=np.zeros(12, np.int64),
        wrapping=np.zeros(1024, np.uint64),
    )


def _room(size: int, dtype: Any) -> npt.NDArray[Any]:
    """Make an array that begins with a line of the cache: what is written across two lines is slow to read again."""
    raw = np.zeros(size * np.dtype(dtype).itemsize + LINE, np.uint8)
    start = -raw.ctypes.data % LINE
    return raw[start : start + size * np.dtype(dtype).itemsize].view(dtype)
