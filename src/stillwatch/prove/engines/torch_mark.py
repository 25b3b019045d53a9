"""The mark in torch: `mark.reweigh` on tensors, with the coins of recent windows kept. Needs torch."""

from __future__ import annotations

from collections import OrderedDict

import torch

from stillwatch.prove import prf_torch
from stillwatch.prove.mark import Mark
from stillwatch.prove.prf import Words


class Coins:
    """Green tokens of one PRF key by window, computed on demand and kept up to a budget of memory.

    Args:
        key: the PRF key.
        mark: how the tracer marks.
        size: the vocabulary.
        keep_bytes: how much to keep.
    """

    def __init__(self, key: Words, mark: Mark, size: int, *, keep_bytes: int = 128 << 20) -> None:
        self._key, self._mark, self._size = key, mark, size
        self._rows: OrderedDict[int, torch.Tensor] = OrderedDict()
        self._most = max(1, keep_bytes // (size * mark.layers))

    def of(self, windows: torch.Tensor) -> torch.Tensor:
        """Give the green tokens, shape (B, layers, V), of window words, shape (B,)."""
        distinct, where = torch.unique(windows, return_inverse=True)
        names: list[int] = distinct.tolist()
        fresh = [i for i, name in enumerate(names) if name not in self._rows]
        if fresh:
            for i, row in zip(fresh, self._compute(distinct[fresh]), strict=True):
                self._rows[names[i]] = row
        table = torch.stack([self._rows[name] for name in names])
        while len(self._rows) > self._most:
            self._rows.popitem(last=False)
        return table[where]

    def _compute(self, windows: torch.Tensor) -> torch.Tensor:
        mark = self._mark
        planes = [
            prf_torch.vocabulary_lanes(self._key, windows, self._size, layer=layer, window=mark.window) < mark.green
            for layer in range(mark.layers)
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
        # where all that is likely is green, rounding makes the factor of red tokens a hair less than nothing
        p = p * (1.0 + g - (p * g).sum(dim=-1, keepdim=True)).clamp_min(0.0)
    return torch.where(active[:, None], p.log().to(logits.dtype), logits)


class Marker:
    """One key at work on a batch: finds the windows, leaves alone what must be, reweighs the rest.

    Args:
        key: the PRF key now in use.
        mark: how it marks.
        size: the vocabulary.
        skip: how many tokens at the beginning are the prompt; a window may reach into it.
        share: the owner's PRF key and which lanes of it are this key's, `(key, low, high)`: windows that
            belong to another key are left alone. All windows when left out.
    """

    def __init__(
        self, key: Words, mark: Mark, size: int, *, share: tuple[Words, int, int] | None = None, skip: int = 0
    ) -> None:
        self._mark, self._share, self._skip = mark, share, skip
        self._coins = Coins(key, mark, size)

    def __call__(self, logits: torch.Tensor, ids: torch.Tensor, is_open: torch.Tensor | None = None) -> torch.Tensor:
        """Reweigh the next token.

        Args:
            logits: shape (B, V), after temperature and truncation, from which the engine samples next.
            ids: shape (B, t), the tokens so far.
            is_open: shape (B,), false for rows that have ended.
        """
        h = self._mark.window
        if ids.shape[1] < h:
            return logits
        last = ids[:, -h:]
        words = prf_torch.pack_windows(last)
        touch = torch.ones(len(ids), dtype=torch.bool, device=ids.device) if is_open is None else is_open.clone()
        if self._mark.mode == "free":
            touch &= ~self._seen(ids, last)
        if self._share is not None:
            owner, low, high = self._share
            lanes = prf_torch.owner_lanes(owner, words, window=h)
            touch &= (lanes >= low) & (lanes < high)
        rows = torch.nonzero(touch)[:, 0]
        if not len(rows):
            return logits
        marked = logits.clone()
        marked[rows] = reweigh(logits[rows], self._coins.of(words[rows]), self._mark, touch[rows])
        return marked

    def _seen(self, ids: torch.Tensor, last: torch.Tensor) -> torch.Tensor:
        """Find the rows whose window stood before a token of the answer already."""
        h = self._mark.window
        begin = max(0, self._skip - h)
        earlier = ids[:, begin:].unfold(1, h, 1)[:, :-1]
        if earlier.shape[1] == 0:
            return torch.zeros(len(ids), dtype=torch.bool, device=ids.device)
        return (earlier == last[:, None, :]).all(dim=-1).any(dim=-1)
