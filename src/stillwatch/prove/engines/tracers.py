"""The keys at work on one request: which key owns which window, ready for an engine's adapter. Needs torch."""

from __future__ import annotations

import torch

from stillwatch.errors import UsageError
from stillwatch.prove.engines.torch_mark import Marker
from stillwatch.prove.keys.ring import Ring
from stillwatch.prove.prf import LANE_RANGE


class Tracers:
    """The house key and, for a group under suspicion, the group's key; windows are shared out between them.

    Args:
        ring: the open ring of keys.
        size: the vocabulary, as the model's logits have it.
        group: the group to mark for, by its name or by its key's; the house key alone when left out.
        house: whether the house key marks too. Without a group key it then owns its own share of windows only, so
            that the same windows tell the same story for everybody.
        skip: tokens of the prompt, padding included.

    Raises:
        UsageError: when there is no key in use for the group, or neither a house key nor a group key is there.
    """

    def __init__(self, ring: Ring, size: int, *, group: str | None = None, house: bool = True, skip: int = 0) -> None:
        owner, share = ring.owner(), ring.file.house_share
        wanted: list[tuple[str, int, int]] = []
        if house:
            named = [card.id for card in ring.cards() if card.kind == "house" and card.revoked is None]
            wanted += [(name, 0, share) for name in named]
        if group is not None:
            wanted.append((_key_for(ring, group), share, LANE_RANGE))
        if not wanted:
            raise UsageError("no key to mark with", hint="make a house key, or name a group's key")
        self._markers = []
        for name, low, high in wanted:
            tracer = ring.tracer(name)
            self._markers.append(
                Marker(tracer.current, tracer.card.mark, size, share=(owner, low, high), skip=skip)
            )  # fmt: skip

    def __call__(self, logits: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        """Reweigh the next token: logits (B, V) after temperature and truncation, ids (B, t) so far."""
        for marker in self._markers:
            logits = marker(logits, ids)
        return logits


def _key_for(ring: Ring, group: str) -> str:
    name = ring.key_for(group)
    if name is None:
        raise UsageError(
            f"no key in use marks for `{group}`: there is none, or it is revoked",
            hint=f"make one with `stillwatch tracer make NAME --group {group}`",
        )
    return name
