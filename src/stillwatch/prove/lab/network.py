"""A small transformer, its training and its sampling: teacher and student of the lab. Needs torch."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from stillwatch.prove.lab.language import EOS, PAD, Tokens

Reweigh = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(logits (B, V), tokens so far (B, t), rows still open (B,)) -> logits: a tracer, or nothing."""


@dataclass(frozen=True)
class Shape:
    """Size of a model."""

    vocabulary: int
    width: int = 64
    depth: int = 2
    heads: int = 4
    context: int = 64


class Block(nn.Module):
    """Attention and a feed-forward layer, both with a normalised input."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        d = shape.width
        self.heads = shape.heads
        self.before, self.between = nn.LayerNorm(d), nn.LayerNorm(d)
        self.qkv, self.out = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.wide, self.narrow = nn.Linear(d, 4 * d), nn.Linear(4 * d, d)

    def forward(self, x: Tensor, past: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Any]:
        b, t, d = x.shape
        q, k, v = self.qkv(self.before(x)).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        if past is not None:
            k, v = torch.cat([past[0], k], dim=2), torch.cat([past[1], v], dim=2)
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=past is None and t > 1)
        x = x + self.out(mixed.transpose(1, 2).reshape(b, t, d))
        return x + self.narrow(functional.gelu(self.wide(self.between(x)))), (k, v)


class Network(nn.Module):
    """A causal language model over word ids, with tied embeddings."""

    def __init__(self, shape: Shape, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.shape = shape
        self.words = nn.Embedding(shape.vocabulary, shape.width)
        self.places = nn.Embedding(shape.context, shape.width)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.depth))
        self.last = nn.LayerNorm(shape.width)
        nn.init.normal_(self.words.weight, std=0.05)
        nn.init.normal_(self.places.weight, std=0.05)

    @property
    def device(self) -> torch.device:
        """Where the model lies."""
        found: torch.device = self.words.weight.device
        return found

    def read(self, rows: Tokens) -> Tensor:
        """Bring token ids to where the model lies."""
        return torch.from_numpy(rows.astype(np.int64)).to(self.device)

    def forward(self, ids: Tensor, past: list[Any] | None = None) -> tuple[Tensor, list[Any]]:
        """Give logits (B, T, V) and the cache to go on from."""
        start = past[0][0].shape[2] if past else 0
        x = self.words(ids) + self.places(torch.arange(start, start + ids.shape[1], device=ids.device))
        kept = []
        for i, block in enumerate(self.blocks):
            x, cache = block(x, past[i] if past else None)
            kept.append(cache)
        return self.last(x) @ self.words.weight.T, kept


def device() -> str:
    """Give where the lab computes: on a GPU if there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def train(
    model: Network,
    rows: Tokens,
    *,
    seed: int,
    epochs: int = 1,
    batch: int = 32,
    rate: float = 3e-3,
    tell: Callable[[int, int], None] | None = None,
    loss_of: Callable[[Tensor, Tensor], Tensor] | None = None,
) -> float:
    """Train on rows of context + 1 tokens, padding ignored; returns the last mean loss in nats per token.

    Args:
        model: what is trained.
        rows: shape (n, context + 1).
        seed: of the order.
        epochs: passes over the rows.
        batch: rows in a step.
        rate: the highest learning rate.
        tell: hears of steps done and of all steps.
        loss_of: gives the loss of logits (B, T, V) on ids (B, T + 1); the surprise at the next token when left out.
    """
    model.train()
    optimiser = torch.optim.AdamW(model.parameters(), rate, weight_decay=0.01, betas=(0.9, 0.98), fused=True)
    order = np.random.default_rng(seed)
    steps = epochs * (len(rows) // batch)
    step, losses = 0, []
    for _ in range(epochs):
        shuffled = order.permutation(len(rows))
        for start in range(0, len(rows) - batch + 1, batch):
            for group in optimiser.param_groups:
                warm = min(1.0, (step + 1) / max(1, steps // 20))
                group["lr"] = rate * warm * (0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * step / steps)))
            ids = model.read(rows[shuffled[start : start + batch]])
            logits, _ = model(ids[:, :-1])
            loss = (loss_of or _surprise)(logits, ids)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            losses.append(loss.item())
            step += 1
            if tell and step % 50 == 0:
                tell(step, steps)
    return float(np.mean(losses[-50:])) if losses else math.nan


def _surprise(logits: Tensor, ids: Tensor) -> Tensor:
    return functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), ids[:, 1:].reshape(-1), ignore_index=PAD)


@torch.no_grad()
def sample(
    model: Network,
    prompts: Tokens,
    *,
    seed: int,
    length: int = 64,
    temperature: float = 1.0,
    reweigh: Reweigh | None = None,
    batch: int = 512,
) -> Tokens:
    """Answer prompts of one length, shape (n, p); returns (n, length) padded after EOS.

    Args:
        model: whose answers.
        prompts: token ids without padding.
        seed: of the sampling.
        length: tokens per answer, prompt included.
        temperature: of the sampling.
        reweigh: a tracer's hand on the logits, applied after the temperature.
        batch: rows at a time.
    """
    model.eval()
    generator = torch.Generator("cpu").manual_seed(seed)  # the same draws wherever the model lies
    done = []
    for start in range(0, len(prompts), batch):
        ids = model.read(prompts[start : start + batch])
        is_open = torch.ones(len(ids), dtype=torch.bool, device=ids.device)
        logits, past = model(ids)
        while True:
            scores = logits[:, -1] / temperature
            scores[:, PAD] = -torch.inf
            if reweigh is not None:
                scores = reweigh(scores, ids, is_open)
            heap = torch.softmax(scores, dim=-1).cumsum(dim=-1)
            draw = torch.rand(len(ids), 1, generator=generator, device="cpu").to(heap.device) * heap[:, -1:]
            token = torch.searchsorted(heap, draw, right=True)[:, 0].clamp_(max=scores.shape[-1] - 1)
            token[~is_open] = PAD
            ids = torch.cat([ids, token[:, None]], dim=1)
            is_open &= token != EOS
            if ids.shape[1] >= length or not bool(is_open.any()):
                break
            logits, past = model(token[:, None], past)
        padded = torch.zeros(len(ids), length, dtype=torch.int64, device=ids.device)
        padded[:, : ids.shape[1]] = ids
        done.append(padded.cpu().numpy().astype(np.int32))
    return np.concatenate(done) if done else np.zeros((0, length), dtype=np.int32)


@torch.no_grad()
def log_likelihood(model: Network, rows: Tokens, *, skip: int = 1, batch: int = 256) -> NDArray[np.float64]:
    """Give each row's log-probability of its tokens from `skip` on, in nats, and padding ignored; shape (n,)."""
    model.eval()
    out = []
    for start in range(0, len(rows), batch):
        ids = model.read(rows[start : start + batch])
        logits, _ = model(ids[:, :-1])
        each = -functional.cross_entropy(logits.transpose(1, 2), ids[:, 1:], ignore_index=PAD, reduction="none")
        out.append(each[:, skip - 1 :].sum(dim=1).double().cpu().numpy())
    return np.concatenate(out) if out else np.zeros(0)


def save(model: Network, path: str) -> None:
    """Write a model's weights."""
    torch.save(
        {"shape": vars(model.shape), "state": {name: part.cpu() for name, part in model.state_dict().items()}}, path
    )


def load(path: str) -> Network:
    """Read a model's weights."""
    kept = torch.load(path, weights_only=True)
    model = Network(Shape(**kept["shape"]), seed=0)
    model.load_state_dict(kept["state"])
    return model
