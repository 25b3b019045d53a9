"""What a tracer does to one sampling step, in numpy: the reference for every engine.

Two modes, one coin: `green` is a boolean per (layer, token), each true with probability gamma, from `prf`.

- `bias`: add `delta` to the logits of green tokens. Stronger, and it changes the distribution of answers: only for
  groups under an order.
- `free`: `p'(v) = p(v) (1 + g(v) - sum_u p(u) g(u))`, once per layer. Averaged over the secret coins p' is exactly
  p, so one answer has exactly the distribution it would have had; a window that already occurred in the answer
  is left alone, so that this holds for the answer as a whole. (It is a two-player tournament between draws, as in
  SynthID-Text, Dathathri et al. 2024, with our coin.) What does change is the *joint* distribution of many
  answers under one key: the same window leans the same way each time. Without that nothing could be inherited.

Positions whose entropy is below `min_entropy` nats are skipped in both modes: there is nothing to choose, and a
forced choice would be a wrong answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stillwatch.prove.prf import LANE_RANGE, MAX_WINDOW

Mode = Literal["bias", "free"]
Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Mark:
    """How a tracer marks.

    Attributes:
        mode: `bias` or `free`.
        window: how many preceding tokens choose the coins, 1 to 4. One transfers best through distillation.
        green: share of green tokens in 1/65536, so that gamma is exactly known.
        delta: what `bias` adds to green logits.
        layers: how many coins per token `free` plays with, 1 to 30.
        min_entropy: nats below which a position is left alone.
    """

    mode: Mode = "free"
    window: int = 1
    green: int = LANE_RANGE // 4
    delta: float = 2.0
    layers: int = 1
    min_entropy: float = 0.3

    def __post_init__(self) -> None:
        if self.mode not in ("bias", "free"):
            raise ValueError(f"`mode` is `{self.mode}`, expected `bias` or `free`")
        if not 1 <= self.window <= MAX_WINDOW:
            raise ValueError(f"`window` is {self.window}, expected 1 to {MAX_WINDOW}")
        if not 0 < self.green < LANE_RANGE:
            raise ValueError(f"`green` is {self.green}, expected 1 to {LANE_RANGE - 1}")
        if not 1 <= self.layers <= 30 or (self.mode == "bias" and self.layers != 1):
            raise ValueError(f"`layers` is {self.layers}, expected 1 to 30, and 1 with `bias`")
        if self.mode == "bias" and not 0.0 < self.delta <= 20.0:
            raise ValueError(f"`delta` is {self.delta}, expected a number in (0, 20]")
        if not 0.0 <= self.min_entropy < 100.0:
            raise ValueError(f"`min_entropy` is {self.min_entropy}, expected nats >= 0")

    @property
    def gamma(self) -> float:
        """The chance that a token is green."""
        return self.green / LANE_RANGE


def reweigh(logits: Floats, green: NDArray[np.bool_], mark: Mark, touch: NDArray[np.bool_]) -> Floats:
    """Apply a mark to one step.

    Args:
        logits: shape (B, V); -inf where a token is excluded.
        green: shape (B, layers, V).
        mark: how to mark.
        touch: shape (B,), false for rows that are to be left alone.

    Returns:
        New logits, shape (B, V), up to a constant per row.
    """
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -np.where(p > 0, p * np.log(p), 0.0).sum(axis=1)
    active = touch & (entropy >= mark.min_entropy)
    if mark.mode == "bias":
        lifted: Floats = logits + mark.delta * (green[:, 0] & active[:, None])
        return lifted
    for layer in range(mark.layers):
        g = green[:, layer].astype(np.float64)
        p = p * np.maximum(0.0, 1.0 + g - (p * g).sum(axis=1, keepdims=True))
    with np.errstate(divide="ignore"):
        return np.where(active[:, None], np.log(p), logits)
