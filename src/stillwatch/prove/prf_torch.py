"""The coins of `prf` on any torch device, bit for bit the same; needs the extra `[audit]`.

torch has no full unsigned 64-bit arithmetic: its signed 64-bit addition wraps in the same way, and a rotation
masks off the sign that an arithmetic shift drags in.
"""

from __future__ import annotations

import torch

from stillwatch.prove.prf import MAX_WINDOW, Domain, Words

_INIT = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)


def pack_windows(tokens: torch.Tensor) -> torch.Tensor:
    """Turn windows of token ids, shape (n, h), oldest first, into window words, shape (n,), int64.

    Raises:
        ValueError: when h is not in 1..4.
    """
    if tokens.ndim != 2 or not 1 <= tokens.shape[1] <= MAX_WINDOW:
        raise ValueError(f"windows have shape (n, 1..{MAX_WINDOW}), got {tuple(tokens.shape)}")
    ids = tokens.to(torch.int64)
    last = ids[:, -1]
    if ids.shape[1] == 1:
        return last
    recent = last | (ids[:, -2] << 32)
    if ids.shape[1] == 2:
        return recent
    older = ids[:, -3]
    if ids.shape[1] == 4:
        older = older | (ids[:, -4] << 32)
    return _siphash((0, 0), recent, older)


def vocabulary_lanes(key: Words, windows: torch.Tensor, size: int, *, layer: int = 0, window: int = 1) -> torch.Tensor:
    """Give the lanes of every token id below `size` for each window: shape (n, size), int32."""
    tag = _signed((layer << 32) | (window << 40) | (int(Domain.GREEN) << 48))
    blocks = torch.arange((size + 3) // 4, dtype=torch.int64, device=windows.device) | tag
    value = _siphash(key, windows[:, None], blocks[None, :])
    parts = torch.stack([value, value >> 16, value >> 32, value >> 48], dim=-1) & 0xFFFF
    return parts.flatten(1)[:, :size].to(torch.int32)


def owner_lanes(key: Words, windows: torch.Tensor, *, window: int = 1) -> torch.Tensor:
    """Give one lane per window, the same for all its tokens: it decides whose coin the window uses."""
    tag = _signed((window << 40) | (int(Domain.OWNER) << 48))
    word = torch.full((1,), tag, dtype=torch.int64, device=windows.device)
    return (_siphash(key, windows, word) & 0xFFFF).to(torch.int32)


def _signed(value: int) -> int:
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value


def _siphash(key: Words, word0: torch.Tensor, word1: torch.Tensor) -> torch.Tensor:
    """SipHash-2-4 of the 16-byte messages (word0, word1), broadcast."""
    like = torch.zeros(torch.broadcast_shapes(word0.shape, word1.shape), dtype=torch.int64, device=word0.device)
    v0, v1, v2, v3 = (like + _signed(k ^ c) for k, c in zip((key[0], key[1], key[0], key[1]), _INIT, strict=True))
    for word in (word0, word1, like + (16 << 56)):
        v3 = v3 ^ word
        for _ in range(2):
            v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        v0 = v0 ^ word
    v2 = v2 ^ 0xFF
    for _ in range(4):
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    return v0 ^ v1 ^ v2 ^ v3


def _round(
    v0: torch.Tensor, v1: torch.Tensor, v2: torch.Tensor, v3: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
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


def _rotate(x: torch.Tensor, by: int) -> torch.Tensor:
    return (x << by) | ((x >> (64 - by)) & ((1 << by) - 1))
