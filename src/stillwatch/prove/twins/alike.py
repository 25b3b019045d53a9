"""Text only: how much more alike is the suspect's reply to one twin than to another?

The suspect is asked the same prompt, a few times. Each reply shares with each twin some runs of words; rare runs say
more. The score of a twin is what the replies share with it, by log inverse frequency among all twins, relative to how
much there was to share. Any score is valid; this one is cheap and needs no model.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from stillwatch.prove.lineage.tokens import words

RUNS = (1, 2, 3, 4)
"""Lengths of the runs of words compared."""


def runs(text: str) -> set[tuple[int, ...]]:
    """Give the different runs of one to four words of a text."""
    ids = words(text).tolist()
    return {tuple(ids[i : i + n]) for n in RUNS for i in range(len(ids) - n + 1)}


def scores(twins: Mapping[str, Sequence[str]], replies: Mapping[str, Sequence[str]]) -> dict[str, list[float]]:
    """Score each request's twins against the suspect's replies to its prompt.

    Args:
        twins: samples by request id.
        replies: the suspect's replies by request id; requests without one are left out.

    Cost: linear in the text.
    """
    cut = {name: [runs(sample) for sample in samples] for name, samples in twins.items()}
    seen: Counter[tuple[int, ...]] = Counter()
    for samples in cut.values():
        for one in samples:
            seen.update(one)
    total = sum(len(samples) for samples in cut.values())
    rarity = {run: math.log((1 + total) / count) * len(run) ** 0.5 for run, count in seen.items()}
    found = {}
    for name, samples in cut.items():
        heard = [runs(reply) for reply in replies.get(name, ()) if reply.strip()]
        if heard:
            found[name] = [sum(_shared(sample, reply, rarity) for reply in heard) / len(heard) for sample in samples]
    return found


def _shared(
    sample: set[tuple[int, ...]], reply: set[tuple[int, ...]], rarity: Mapping[tuple[int, ...], float]
) -> float:
    whole = sum(rarity[run] for run in sample)
    return sum(rarity[run] for run in sample & reply) / whole if whole > 0 else 0.0
