"""Memory: hand back to the system what a stage has freed.

Allocators keep what was freed for the next request, scattered over many arenas: a stage's peak would stand as the floor
of the next. Where the C library is not GNU's, it keeps to its own ways.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import pyarrow as pa


def _trimmer() -> Callable[[int], int] | None:
    try:
        found: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (OSError, TypeError, AttributeError):
        return None
    return found


_TRIM = _trimmer()


def give_back() -> None:
    """Hand freed memory back; some 20 ms for each GB, so between stages and not inside of them."""
    pa.default_memory_pool().release_unused()
    if _TRIM is not None:
        _TRIM(0)
