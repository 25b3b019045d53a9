"""SipHash-2-4 of one 64-bit word: a keyed hash quick enough for every request.

What is guaranteed: without the 128-bit key nobody can tell which word a hash stands for, nor make words that collide,
as far as SipHash holds. It is used where BLAKE2b, a microsecond a word, would cost more than all the rest.
Cost: some 15 ns a word. Source: Aumasson & Bernstein 2012, "SipHash: a fast short-input PRF".
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stillwatch.kit.jit import kernel

U64 = np.uint64
_V0, _V1, _V2, _V3 = U64(0x736F6D6570736575), U64(0x646F72616E646F6D), U64(0x6C7967656E657261), U64(0x7465646279746573)
_LENGTH = U64(8 << 56)
_END = U64(0xFF)


@kernel
def _round(v0: np.uint64, v1: np.uint64, v2: np.uint64, v3: np.uint64) -> tuple[np.uint64, ...]:
    v0 += v1
    v1 = (v1 << U64(13)) | (v1 >> U64(51))
    v1 ^= v0
    v0 = (v0 << U64(32)) | (v0 >> U64(32))
    v2 += v3
    v3 = (v3 << U64(16)) | (v3 >> U64(48))
    v3 ^= v2
    v0 += v3
    v3 = (v3 << U64(21)) | (v3 >> U64(43))
    v3 ^= v0
    v2 += v1
    v1 = (v1 << U64(17)) | (v1 >> U64(47))
    v1 ^= v2
    v2 = (v2 << U64(32)) | (v2 >> U64(32))
    return v0, v1, v2, v3


@kernel
def siphash(word: np.uint64, k0: np.uint64, k1: np.uint64) -> np.uint64:
    """Hash the eight bytes of a word, little-endian, under the key (k0, k1)."""
    v0, v1, v2, v3 = _V0 ^ k0, _V1 ^ k1, _V2 ^ k0, _V3 ^ k1
    v3 ^= word
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0 ^= word
    v3 ^= _LENGTH
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0 ^= _LENGTH
    v2 ^= _END
    for _ in range(4):
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    return v0 ^ v1 ^ v2 ^ v3


@kernel
def siphash_all(words: npt.NDArray[np.uint64], k0: np.uint64, k1: np.uint64, out: npt.NDArray[np.uint64]) -> None:
    """Hash every word; `out` has the shape of `words`."""
    for i in range(len(words)):
        out[i] = siphash(words[i], k0, k1)
