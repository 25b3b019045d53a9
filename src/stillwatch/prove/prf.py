"""The keyed coin of every (window, token): SipHash-2-4, integers only.

A tracer needs one secret, reproducible coin per window of preceding tokens and next token. Here each (key,
window, token, layer) has a *lane*: 16 bits of a SipHash-2-4 value. A lane is uniform on 0..65535 and the
lanes of different (window, token, layer) are independent, as far as SipHash is a pseudo-random function; a
token is *green* when its lane is below a threshold. One SipHash call gives the lanes of four neighbouring
token ids, so that a whole vocabulary costs a quarter of a call per token.

The message hashed is two little-endian 64-bit words:

- word 0: the window. Up to two tokens are packed (last token in the low half); longer windows are first
  digested by SipHash under the all-zero key (public: it only folds, the second call is the keyed one).
- word 1: bits 0-31 token id divided by 4, 32-39 layer, 40-47 window length, 48-55 domain (what the coin is
  for).

The same integers come out of numpy, numba and torch (`prf_torch`), on any device: only 64-bit addition,
xor and rotation are used. Source: Aumasson & Bernstein 2012, "SipHash: a fast short-input PRF".
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import IntEnum
from typing import Any, ParamSpec, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from stillwatch.kit.jit import kernel

P = ParamSpec("P")
R = TypeVar("R")
U64 = NDArray[np.uint64]
LANE_RANGE = 65536
MAX_WINDOW = 4

_INIT = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
_LENGTH_16 = 16 << 56  # SipHash ends with a word that holds the message length in its top byte
_TWO, _SIXTEEN = np.uint64(2), np.uint64(16)


class Domain(IntEnum):
    """What a coin is used for; coins of different domains are independent."""

    GREEN = 0
    OWNER = 1


Words = tuple[int, int]
"""A 128-bit PRF key as two little-endian 64-bit words."""


def key_words(key: bytes) -> Words:
    """Split a 16-byte key into SipHash's two words.

    Raises:
        ValueError: when the key is not 16 bytes long.
    """
    if len(key) != 16:
        raise ValueError(f"a PRF key has 16 bytes, got {len(key)}")
    return int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")


def pack_windows(tokens: NDArray[np.integer[Any]]) -> U64:
    """Turn windows of token ids, shape (n, h), oldest first, into their 64-bit window words, shape (n,).

    Raises:
        ValueError: when h is not in 1..4 or an id does not fit 32 bits.
    """
    if tokens.ndim != 2 or not 1 <= tokens.shape[1] <= MAX_WINDOW:
        raise ValueError(f"windows have shape (n, 1..{MAX_WINDOW}), got {tokens.shape}")
    if tokens.size and (int(tokens.min()) < 0 or int(tokens.max()) >= 1 << 32):
        raise ValueError("token ids lie in 0..2**32-1")
    ids = tokens.astype(np.uint64)
    last = ids[:, -1]
    if ids.shape[1] == 1:
        return np.ascontiguousarray(last)
    recent: U64 = last | (ids[:, -2] << np.uint64(32))
    if ids.shape[1] == 2:
        return recent
    older = ids[:, -3].copy()
    if ids.shape[1] == 4:
        older |= ids[:, -4] << np.uint64(32)
    return _siphash((0, 0), recent, older)


def second_word(blocks: U64, *, layer: int, window: int, domain: Domain) -> U64:
    """Build word 1 of the message from token blocks (token id divided by 4)."""
    tag = np.uint64((layer << 32) | (window << 40) | (int(domain) << 48))
    word: U64 = blocks | tag
    return word


def lanes(
    key: Words, windows: U64, tokens: NDArray[np.integer[Any]], *, layer: int = 0, window: int = 1
) -> NDArray[np.uint16]:
    """Give the lane of each (window word, token id), both of shape (n,).

    Args:
        key: the two key words.
        windows: from `pack_windows`.
        tokens: token ids, same shape.
        layer: which of a tracer's independent coins.
        window: how many tokens the windows were packed from.
    """
    ids = tokens.astype(np.uint64)
    word = second_word(ids >> _TWO, layer=layer, window=window, domain=Domain.GREEN)
    shift = (ids & np.uint64(3)) * _SIXTEEN
    return (_siphash(key, windows, word) >> shift).astype(np.uint16)


def vocabulary_lanes(key: Words, windows: U64, size: int, *, layer: int = 0, window: int = 1) -> NDArray[np.uint16]:
    """Give the lanes of every token id below `size` for each window: shape (n, size)."""
    blocks = np.arange((size + 3) // 4, dtype=np.uint64)
    word = second_word(blocks, layer=layer, window=window, domain=Domain.GREEN)
    value = _siphash(key, windows[:, None], word[None, :])
    return value.astype("<u8").view("<u2").reshape(len(windows), -1)[:, :size].astype(np.uint16)


def owner_lanes(key: Words, windows: U64, *, window: int = 1) -> NDArray[np.uint16]:
    """Give one lane per window, the same for all its tokens: it decides whose coin the window uses."""
    zero = np.zeros(1, dtype=np.uint64)
    word = second_word(zero, layer=0, window=window, domain=Domain.OWNER)
    return _siphash(key, windows, word).astype(np.uint16)


def _siphash(key: Words, word0: U64, word1: U64) -> U64:
    """SipHash-2-4 of the 16-byte messages (word0, word1), broadcast; numpy."""
    k0, k1 = np.uint64(key[0]), np.uint64(key[1])
    shape = np.broadcast_shapes(word0.shape, word1.shape)
    v0, v1, v2, v3 = (np.full(shape, k ^ np.uint64(c)) for k, c in zip((k0, k1, k0, k1), _INIT, strict=True))
    for word in (word0, word1, np.uint64(_LENGTH_16)):
        v3 ^= word
        for _ in range(2):
            v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        v0 ^= word
    v2 ^= np.uint64(0xFF)
    for _ in range(4):
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    return v0 ^ v1 ^ v2 ^ v3


def _round(v0: U64, v1: U64, v2: U64, v3: U64) -> tuple[U64, U64, U64, U64]:
    v0 = v0 + v1
    v1 = _rotate(v1, 13) ^ v0
    v0 = _rotate(v0, 32)
    v2 = v2 + v3
    v3 = _rotate(v3, 16) ^ v2
    v0 = v0 + v3
    v3 = _rotate(v3, 21) ^ v0
    v2 = v2 + v1
    v1 = _rotate(v1, 17) ^ v2
    v2 = _rotate(v2, 32)
    return v0, v1, v2, v3


def _rotate(x: U64, by: int) -> U64:
    rotated: U64 = (x << np.uint64(by)) | (x >> np.uint64(64 - by))
    return rotated


def _inlined(function: Callable[P, R]) -> Callable[P, R]:
    """Compile into the caller's loop: only there can the compiler use the machine's vectors."""
    return cast("Callable[P, R]", numba.njit(inline="always")(function))


@_inlined
def _rotate_one(x: np.uint64, by: int) -> np.uint64:
    return (x << np.uint64(by)) | (x >> np.uint64(64 - by))


@_inlined
def _siphash_one(k0: np.uint64, k1: np.uint64, word0: np.uint64, word1: np.uint64) -> np.uint64:
    """Hash one 16-byte message, given as two words, by SipHash-2-4."""
    v0 = k0 ^ np.uint64(0x736F6D6570736575)
    v1 = k1 ^ np.uint64(0x646F72616E646F6D)
    v2 = k0 ^ np.uint64(0x6C7967656E657261)
    v3 = k1 ^ np.uint64(0x7465646279746573)
    length = np.uint64(1152921504606846976)  # 16 << 56
    for step in range(10):
        if step == 0:
            v3 ^= word0
        elif step == 2:
            v0 ^= word0
            v3 ^= word1
        elif step == 4:
            v0 ^= word1
            v3 ^= length
        elif step == 6:
            v0 ^= length
            v2 ^= np.uint64(0xFF)
        v0 += v1
        v1 = _rotate_one(v1, 13) ^ v0
        v0 = _rotate_one(v0, 32)
        v2 += v3
        v3 = _rotate_one(v3, 16) ^ v2
        v0 += v3
        v3 = _rotate_one(v3, 21) ^ v0
        v2 += v1
        v1 = _rotate_one(v1, 17) ^ v2
        v2 = _rotate_one(v2, 32)
    return v0 ^ v1 ^ v2 ^ v3


@kernel
def siphash(k0: int, k1: int, word0: int, word1: int) -> np.uint64:
    """Hash one 16-byte message by the compiled SipHash-2-4."""
    return _siphash_one(np.uint64(k0), np.uint64(k1), np.uint64(word0), np.uint64(word1))


@kernel
def _score(
    keys: U64,
    word0: U64,
    word1: U64,
    shift: U64,
    weights: NDArray[np.int64],
    threshold: np.uint64,
    out: NDArray[np.int64],
) -> None:
    for k in range(keys.shape[0]):
        k0, k1 = keys[k, 0], keys[k, 1]
        total = np.int64(0)
        for i in range(word0.size):
            lane = (_siphash_one(k0, k1, word0[i], word1[i]) >> shift[i]) & np.uint64(0xFFFF)
            total += weights[i] * np.int64(lane < threshold)
        out[k] = total


def green_sums(
    keys: U64,
    windows: U64,
    tokens: NDArray[np.integer[Any]],
    weights: NDArray[np.int64],
    *,
    threshold: int,
    layer: int = 0,
    window: int = 1,
) -> NDArray[np.int64]:
    """Add up integer weights over the green (window, token) pairs, for many keys at once; compiled.

    Args:
        keys: shape (K, 2), the two words of each key.
        windows: shape (n,), from `pack_windows`.
        tokens: shape (n,), token ids.
        weights: shape (n,).
        threshold: a pair is green when its lane is below this, 0..65536.
        layer: which of a tracer's independent coins.
        window: how many tokens the windows were packed from.

    Returns:
        Shape (K,): sum of the weights of the green pairs.

    Cost:
        About 5 ns per key and pair on one core with wide vectors; keys are spread over the cores.
    """
    ids = tokens.astype(np.uint64)
    word1 = second_word(ids >> _TWO, layer=layer, window=window, domain=Domain.GREEN)
    shift = (ids & np.uint64(3)) * _SIXTEEN
    out = np.zeros(len(keys), dtype=np.int64)
    if not len(keys) or not len(ids):
        return out
    fixed = (
        np.ascontiguousarray(windows, dtype=np.uint64),
        word1,
        shift,
        np.ascontiguousarray(weights, dtype=np.int64),
        np.uint64(threshold),
    )
    threads = min(os.cpu_count() or 1, len(keys))
    shares = np.array_split(np.ascontiguousarray(keys, dtype=np.uint64), threads)
    ends = np.cumsum([len(share) for share in shares])[:-1]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda share, part: _score(share, *fixed, part), shares, np.split(out, ends)))
    return out
