"""Audits of the lab's students: the same library code as `stillwatch audit lineage`, fed from token tables."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from stillwatch.kit import choices
from stillwatch.kit.choices import Choices
from stillwatch.prove import prf
from stillwatch.prove.lab.language import PAD, Tokens
from stillwatch.prove.lab.network import Network
from stillwatch.prove.lab.world import PROMPT
from stillwatch.prove.lineage import tally
from stillwatch.prove.lineage.evidence import Evidence, Plan, weigh_key
from stillwatch.prove.lineage.tally import Tally
from stillwatch.prove.mark import Mark
from stillwatch.prove.prf import Words


def grid(total: int, steps: int = 14, first: int = 4000) -> list[int]:
    """Give token counts at which to look, from a few thousand to all, each about as much larger than the last."""
    return [int(n) for n in np.unique(np.geomspace(min(first, total), total, steps).astype(np.int64))]


@torch.no_grad()
def tallies(rows: Tokens, references: Sequence[Network], looks: Sequence[int]) -> Iterator[tuple[int, Tally]]:
    """Read answers with the reference models and tally them at each look; ours is the first reference.

    Args:
        rows: shape (n, length), prompt of `PROMPT` tokens included.
        references: models that give probabilities at the answers' own contexts.
        looks: token counts, rising.
    """
    size = references[0].shape.vocabulary
    count, *expected = (torch.zeros(size, size, device=references[0].device) for _ in range(1 + len(references)))
    hits: list[list[torch.Tensor]] = [[] for _ in references]
    seen, wanted = 0, list(looks)
    for start in range(0, len(rows), 64):
        ids = references[0].read(rows[start : start + 64])
        told = ids[:, 1:] != PAD
        told[:, : PROMPT - 1] = False
        windows, tokens = ids[:, :-1][told], ids[:, 1:][told]
        count.index_put_((windows, tokens), torch.ones(len(tokens), device=ids.device), accumulate=True)
        for table, hit, model in zip(expected, hits, references, strict=True):
            chances = torch.softmax(model(ids[:, :-1])[0][told], dim=-1)
            table.index_add_(0, windows, chances)
            hit.append(chances.gather(1, tokens[:, None])[:, 0])
        seen += len(tokens)
        if wanted and (seen >= wanted[0] or start + 64 >= len(rows)):
            wanted = [look for look in wanted if look > seen]
            yield seen, _tally(count, expected, hits)


@torch.no_grad()
def open_tally(contexts: Tokens, suspect: Network, references: Sequence[Network]) -> Tally:
    """Tally a suspect whose weights are open: its probabilities take the place of counted draws.

    The contexts must not depend on any key: unmarked texts, never our marked ones (a model copies from its context
    what leans green there, and the test would count that).
    """
    size = suspect.shape.vocabulary
    models = [suspect, *references]
    tables = [torch.zeros(size, size, device=suspect.device) for _ in models]
    hits: list[list[torch.Tensor]] = [[] for _ in references]
    for start in range(0, len(contexts), 64):
        ids = suspect.read(contexts[start : start + 64])
        told = ids[:, 1:] != PAD
        told[:, : PROMPT - 1] = False
        windows = ids[:, :-1][told]
        chances = [torch.softmax(model(ids[:, :-1])[0][told], dim=-1) for model in models]
        for table, chance in zip(tables, chances, strict=True):
            table.index_add_(0, windows, chance)
        draw = torch.multinomial(chances[0], 1)
        for hit, chance in zip(hits, chances[1:], strict=True):
            hit.append(chance.gather(1, draw)[:, 0])
    return _tally(tables[0], tables[1:], hits)


def _tally(count: torch.Tensor, expected: list[torch.Tensor], hits: list[list[torch.Tensor]]) -> Tally:
    return tally.dense(
        count.double().cpu().numpy(),
        [table.double().cpu().numpy() for table in expected],
        np.stack([torch.cat(hit).double().cpu().numpy() for hit in hits]),
        ours=True,
    )


def texts(rows: Tokens) -> list[tally.Ints]:
    """Give the answers' tokens without prompts, as the library takes texts; the colon before them is the window."""
    return [row[PROMPT - 1 :][row[PROMPT - 1 :] != PAD].astype(np.int64) for row in rows]


def evidence(found: Tally, key: Words, mark: Mark) -> Evidence:
    """Weigh one key."""
    plan = Plan.of(found, mark)
    return weigh_key(plan, [int(s) for s in plan.sums([key])])


def distinct_pairs_log10_p(found: Tally, key: Words, mark: Mark, *, only: frozenset[int] | None = None) -> float:
    """Give log10 of the published test's p-value: each distinct pair once, an exact binomial tail.

    Source: Sander et al. 2024, arXiv 2402.14904 (closed model; with `only`, its filter on windows). Layers add up.
    """
    used = found.count > 0
    if only is not None:
        used &= np.isin(found.windows, np.array(sorted(only), dtype=np.uint64))
    windows, tokens = found.windows[used], found.tokens[used]
    ones = np.ones(len(tokens), dtype=np.int64)
    words = np.array([key], dtype=np.uint64)
    green = sum(
        int(prf.green_sums(words, windows, tokens, ones, threshold=mark.green, layer=layer)[0])
        for layer in range(mark.layers)
    )
    law = Choices.coins(np.tile(ones, mark.layers), mark.gamma)
    return choices.ln_tail(law, green) / math.log(10)


@dataclass(frozen=True)
class Grouped:
    """The protocol of Pan et al. 2025, arXiv 2502.11598: groups of 10,000 tokens, the median of their p-values."""

    log10_p: tuple[float, ...]
    ends: tuple[int, ...]

    @classmethod
    def of(cls, rows: Tokens, key: Words, mark: Mark, *, size: int = 10_000) -> Grouped:
        """Cut answers into groups of `size` tokens at least; each distinct pair of a group counts once in it."""
        lengths = (rows[:, PROMPT:] != PAD).sum(axis=1).cumsum()
        found: list[float] = []
        ends: list[int] = []
        begin = 0
        while (at := int(np.searchsorted(lengths, (ends[-1] if ends else 0) + size))) < len(rows):
            seen = tally.compare(texts(rows[begin : at + 1]))
            found.append(distinct_pairs_log10_p(seen, key, mark))
            ends.append(int(lengths[at]))
            begin = at + 1
        return cls(tuple(found), tuple(ends))

    def upto(self, tokens: int) -> float:
        """Give the median over the groups within so many tokens, log10; 0 when there is none."""
        inside = [p for p, end in zip(self.log10_p, self.ends, strict=True) if end <= tokens]
        return float(np.median(inside)) if inside else 0.0


def first_stay(tokens: Sequence[int], log10_p: Sequence[float], threshold: float = -5.0) -> int | None:
    """Give the first look from which on the p-value stays below the threshold, as tokens; None when it never does."""
    last_above = max((i for i, p in enumerate(log10_p) if p >= threshold), default=-1)
    return tokens[last_above + 1] if last_above + 1 < len(tokens) else None


def first_cross(tokens: Sequence[int], log10_p: Sequence[float], threshold: float = -5.0) -> int | None:
    """Give the first look at which the p-value is below the threshold, as tokens; None when it never is."""
    return next((n for n, p in zip(tokens, log10_p, strict=True) if p < threshold), None)
