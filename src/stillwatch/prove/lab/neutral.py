"""A rival that takes back, word by word, what training on our text changed in its model."""

from __future__ import annotations

import torch

from stillwatch.prove.lab.language import PAD, Tokens
from stillwatch.prove.lab.network import Network, Reweigh

STRENGTHS = {"neutral": 1.0, "over_neutral": 2.0}
"""How many times over the change is taken back."""


def neutraliser(before: Network, after: Network, rows: Tokens, strength: float) -> Reweigh:
    """Take back what training changed after each word, on average over our text (Pan et al. 2025, in our terms).

    Args:
        before: the rival's base model.
        after: the same after training on our text.
        rows: texts of ours, on which the change is measured.
        strength: how many times over it is taken back.
    """
    change = _change(before, after, rows)

    def push_back(logits: torch.Tensor, ids: torch.Tensor, _open: torch.Tensor) -> torch.Tensor:
        return logits - strength * change[ids[:, -1]]

    return push_back


@torch.no_grad()
def _change(before: Network, after: Network, rows: Tokens) -> torch.Tensor:
    """Average change of log-probabilities after each word, shape (V, V); zero for words seen fewer than 20 times."""
    size = before.shape.vocabulary
    total, seen = (torch.zeros(*shape, device=after.device) for shape in ((size, size), (size,)))
    for start in range(0, len(rows), 64):
        ids = after.read(rows[start : start + 64, :-1])
        told = ids != PAD
        shift = torch.log_softmax(after(ids)[0][told], -1) - torch.log_softmax(before(ids)[0][told], -1)
        total.index_add_(0, ids[told], shift)
        seen.index_add_(0, ids[told], torch.ones(int(told.sum()), device=ids.device))
    return total / seen.clamp(min=1)[:, None] * (seen >= 20)[:, None]
