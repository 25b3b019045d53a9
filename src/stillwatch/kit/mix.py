"""Mix: spread the bits of a word, so that any few of them serve as a hash."""

from __future__ import annotations

import numpy as np

from stillwatch.kit.jit import kernel

U64 = np.uint64


@kernel
def mix(value: np.uint64) -> np.uint64:
    """Spread the bits of a word (the finaliser of SplitMix64)."""
    value = (value ^ (value >> U64(30))) * U64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> U64(27))) * U64(0x94D049BB133111EB)
    return value ^ (value >> U64(31))
