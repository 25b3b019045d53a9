"""The mark in torch: `mark.reweigh` on tensors, with the coins of recent windows kept."""

from __future__ import annotations

from collections import OrderedDict

import torch

from stillwatch.prove import prf_torch
from stillwatch.prove.mark import Mark
from stillwatch.prove.prf import Words


class Coins:
    """Green tokens of one tracer plane by window, computed on demand and kept up to a budget of memory.

    Args:
        keys: the key words of the plane.
        mark: how the tracer marks.
        size: the vocabulary.
        keep_bytes: how much to keep.
    """

    def __init__(self, keys: Words, mark: Mark, size: int, *, keep_bytes: int = 128 << 20) -> None:
        self._keys, self._mark, self._size = keys, mark, size
        self._rows: OrderedDict[int, torch.Tensor] = OrderedDict()
        self._most = max(1, keep_bytes // (size * mark.layers))

    def of(self, windows: torch.Tensor) -> torch.Tensor:
        """Give the green tokens, shape (B, layers, V), of window words, shape (B,)."""
        distinct, where = torch.unique(windows, return_inverse=True)
        names: list[int] = distinct.tolist()
        fresh = [i for i, name in enumerate(names) if name not in self._rows]
        if fresh:
            made = self._compute(distinct[fresh])
            for i, row in zip(fresh, made, strict=True):
                self._rows[names[i]] = row
        table = torch.stack([self._rows[name] for name in names])
        while len(self._rows) > self._most:
            self._rows.popitem(last=False)
        return table[where]

    def _compute(self, windows: torch.Tensor) -> torch.Tensor:
        planes = [
            prf_torch.vocabulary_lanes(self._keys, windows, self._size, layer=layer, window=self._mark.window)
            < self._mark.green
            for layer in range(self._mark.layers)
        ]
        return torch.stack(planes, dim=1)


def reweigh(logits: torch.Tensor, green: torch.Tensor, mark: Mark, touch: torch.Tensor) -> torch.Tensor:
    """Apply a mark to one step; see `mark.reweigh` for shapes."""
    p = torch.softmax(logits.float(), dim=-1)
    entropy = torch.special.entr(p).sum(dim=-1)
    active = touch & (entropy >= mark.min_entropy)
    if mark.mode == "bias":
        return logits + mark.delta * (green[:, 0] & active[:, None]).to(logits.dtype)
    for layer in range(mark.layers):
        g = green[:, layer].to(p.dtype)
        p = p * (1.0 + g - (p * g).sum(dim=-1, keepdim=True))
    return torch.where(active[:, None], p.log().to(logits.dtype), logits)
