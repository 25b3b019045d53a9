"""Intent: whether what is asked looks like the making of training data. Read per family, never per request.

Each family has a vector of statistics, mostly of structure: does a prompt ever come twice, does anybody follow
up, how long is the answer, are the same things asked in the other order, how many samples are drawn. A kind of
extraction is a *signature*: a product of ramps over a few statistics, so that one of them missing is enough to
end it, and no word list carries a kind alone. A family's score is that of its best signature. The score is
ranked among the scores of the *control families* of the same log (of owners whom nothing links), so

    bits = -log2 of the share of control families that look at least as much like extraction

is a conformal p-value: whatever the ramps are, a family like the controls reaches b bits with probability 2**-b.

Source: Vovk, Gammerman and Shafer 2005, "Algorithmic learning in a random world" (conformal p-values). The
ramps are policy, set on the tuning seeds of the practice ground and on half of the categories of public prompts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from stillwatch.judge.exemplars import READ
from stillwatch.judge.tally import FIELDS
from stillwatch.kit.scripts import SCRIPTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of extraction: its signature, what it is after, and the sentence that says it."""

    ramps: Mapping[str, tuple[float, float]]
    """Statistic → (where it begins to count, where it counts fully)."""
    target: str
    says: str


_SWEEP: Final = {"novelty": (0.6, 0.95), "single": (0.6, 0.95), "coverage": (5.0, 13.0)}

KINDS: Final[dict[str, Kind]] = {
    "reasoning": Kind(
        ramps={"says_reasoning": (-1.0, 2.0), "worked": (0.1, 0.6), **_SWEEP},
        target="reasoning",
        says="gets long answers in steps to prompts that never repeat and that nobody follows up",
    ),
    "solutions": Kind(
        ramps={
            "worked": (0.1, 0.6),
            "argues": (0.2, 0.6),
            "novelty": (0.6, 0.95),
            "single": (0.6, 0.95),
            "coverage": (8.0, 12.5),
        },
        target="reasoning",
        says="gets thousands of long answers that argue, to prompts that never repeat and that nobody follows up",
    ),
    "rationale": Kind(
        ramps={"brings_answer": (0.2, 0.6), "says_reasoning": (0.0, 2.0), "novelty": (0.5, 0.9), "single": (0.6, 0.95)},
        target="reasoning",
        says="hands over an answer that the model gave before, and asks for the reasons behind it",
    ),
    "rubric": Kind(
        ramps={"says_rubric": (0.5, 1.5), "verdict": (0.3, 0.8), **_SWEEP},
        target="reward_model",
        says="has candidates graded against a rubric, one after the other",
    ),
    "order_swap": Kind(
        ramps={"swapped": (0.2, 0.4), "single": (0.6, 0.95), "coverage": (5.0, 8.0)},
        target="reward_model",
        says="asks the same comparison again in the other order",
    ),
    "sampling": Kind(
        ramps={"samples": (1.2, 2.5), "single": (0.6, 0.95), "coverage": (4.0, 9.0), "sentences": (1.0, 2.5)},
        target="sampling",
        says="draws many answers to each of many prompts",
    ),
    "languages": Kind(
        ramps={"languages": (1.2, 2.2), "worked": (0.1, 0.6), **_SWEEP},
        target="multilingual",
        says="asks for worked answers in one script after another",
    ),
    "trajectory": Kind(
        ramps={"tool_ends": (0.3, 0.6), "contexts": (0.3, 0.9), "talks": (4.0, 7.0)},
        target="agentic_coding",
        says="records runs of tool calls, each in a project of its own that is never taken up again",
    ),
    "rewriting": Kind(
        ramps={"says_rewriting": (0.2, 1.0), **_SWEEP},
        target="censorship_safe_rewriting",
        says="has statements said again in other words, one by one",
    ),
    "hidden": Kind(
        ramps={"given_away": (0.0, 0.4), "forces": (0.3, 1.2), "attempts": (4.0, 8.0)},
        target="hidden_reasoning",
        says="makes the model give away its instructions or its hidden reasoning",
    ),
    "log_probabilities": Kind(
        ramps={"logprobs": (0.3, 0.8), **_SWEEP},
        target="log_probabilities",
        says="asks for log-probabilities on prompts that never repeat",
    ),
    "divided": Kind(
        ramps={"hands": (1.5, 5.0), "novelty": (0.8, 0.98), "single": (0.8, 0.98), "coverage": (6.0, 13.0)},
        target="general_tasks",
        says="goes through one list of tasks with many hands, none of them twice, and never comes back to an answer",
    ),
}
"""Every kind of extraction that is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What a family looks like."""

    bits: float
    score: float
    """Of its best signature, 0 to 1."""
    kinds: list[str]
    """Kinds that stand out, the strongest first."""
    because: str
    alike: dict[str, float] = field(default_factory=dict)
    """Score on each signature when the volume is not asked for: whether it is of that kind, however little of it."""
    rivals: dict[str, int] = field(default_factory=dict)
    """Control families that look at least as much like each signature."""


NOTHING: Final = Read(bits=0.0, score=0.0, kinds=[], because="looks like ordinary use")

WITHHELD: Final = 0.3
"""Share of a family's answers that refuse, from which one that reads like what an assistant is told gives it away:
whoever has such texts written is not refused."""
STATISTICS: Final = tuple(sorted({name for kind in KINDS.values() for name in kind.ramps}))


def statistics(
    tallies: npt.NDArray[np.float64],
    *,
    distinct: npt.NDArray[np.int64],
    unordered: npt.NDArray[np.int64],
    conversations: npt.NDArray[np.int64],
    contexts: npt.NDArray[np.int64],
    read: npt.NDArray[np.float64],
    turns: npt.NDArray[np.bool_],
    hands: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Make the statistics of families (or of whole traffics) out of their sums.

    Args:
        tallies: shape (families, tally.SIZE).
        distinct: distinct last user turns.
        unordered: distinct last user turns without regard to the order of their words.
        conversations: distinct first user turns.
        contexts: distinct system texts.
        read: what the exemplars say, shape (families, len(READ)).
        turns: families of user turns, not of system texts.
        hands: how many owners use each family, by the entropy of their exchanges (log2).

    Returns:
        shape (families, len(STATISTICS)); larger always speaks for extraction.
    """
    of = {name: tallies[:, i] for i, name in enumerate(FIELDS)}
    text = {name: read[:, i] for i, name in enumerate(READ)}
    rows = np.maximum(of["rows"], 1.0)
    opening = np.maximum(of["opening"], 1.0)
    scripts = tallies[:, len(FIELDS) : len(FIELDS) + len(SCRIPTS)]
    share = scripts / np.maximum(scripts.sum(axis=1, keepdims=True), 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = -np.nansum(np.where(share > 0, share * np.log2(share), 0.0), axis=1)
    long = np.clip((text["sentences"] - 1.5) / 2.0, 0.0, 1.0)
    talks = np.maximum(conversations, 1)
    refused = np.maximum(text["refuses"], of["refused"] / rows)
    leak = np.maximum(text["leak"], np.where(refused >= WITHHELD, text["instructed"], 0.0))
    table = {
        "novelty": np.minimum(distinct / (rows + of["follow_up"]), 1.0),
        "coverage": np.log2(np.maximum(distinct, 1.0)),
        "attempts": (np.log2(np.maximum(distinct, 1.0)) + np.log2(rows)) / 2.0,
        "samples": np.log2(np.maximum(rows / np.maximum(distinct, 1), 1.0)) + 1.5 * of["sampled"] / rows,
        "swapped": np.clip(1.0 - unordered / np.maximum(distinct, 1), 0.0, 1.0),
        "single": 1.0 - np.minimum(of["follow_up"] / opening, 1.0),
        "talks": np.log2(talks),
        "contexts": np.minimum(contexts / talks, 1.0),
        "hands": hands,
        "framed": turns.astype(np.float64),
        "languages": spread,
        "given_away": 2.0 * leak + 0.4 * refused,
        "forces": np.maximum(text["says_hidden"], 2.0 * refused * (leak > 0)),
        "worked": np.maximum(long, of["reasoned"] / rows) + 0.5 * text["steps"],
        **{name: of[name] / rows for name in ("sampled", "logprobs", "cold", "reasoned", "called", "tool_ends")},
        **text,
    }
    return np.stack([table[name] for name in STATISTICS], axis=1)


VOLUME: Final = ("coverage", "attempts", "talks", "hands")
"""Statistics that grow with how much there is."""


def scores(values: npt.NDArray[np.float64], *, volume: bool = True) -> npt.NDArray[np.float64]:
    """Score every family on every signature: shape (families, kinds), 0 to 1; `volume` as part of it or not."""
    place = {name: i for i, name in enumerate(STATISTICS)}
    out = np.ones((len(values), len(KINDS)))
    for k, kind in enumerate(KINDS.values()):
        for name, (low, high) in kind.ramps.items():
            if name in VOLUME and not volume:
                continue
            out[:, k] *= np.clip((values[:, place[name]] - low) / (high - low), 0.0, 1.0)
    return out


LIST: Final = "divided"
"""The kind that many hands show by being many: six people who ask once each look like it, and no single owner does."""
LIST_BITS: Final = 2.0
"""Bits of the view `shards` from which it counts: its hands would have met on their list, had each drawn from it."""


def weigh(
    values: npt.NDArray[np.float64], controls: npt.NDArray[np.float64], lists: npt.NDArray[np.bool_] | None = None
) -> list[Read]:
    """Weigh families against the control families of the log; both of shape (families, statistics).

    Args:
        lists: whose hands avoid each other on a list that others ask too; nobody's, where it is left out.
    """
    return against(values, scores(controls), lists)


def against(
    values: npt.NDArray[np.float64], controls: npt.NDArray[np.float64], lists: npt.NDArray[np.bool_] | None = None
) -> list[Read]:
    """Weigh families against the `scores` of control families."""
    names = list(KINDS)
    every, yard = np.sort(controls, axis=0), np.sort(controls.max(axis=1, initial=0.0))
    found = []
    alike, seen = scores(values, volume=False), scores(values)
    undivided = np.ones(len(values), bool) if lists is None else ~lists
    alike[undivided, names.index(LIST)] = seen[undivided, names.index(LIST)] = 0.0
    for number, row in enumerate(seen):
        best = float(row.max())
        beyond = len(yard) - int(np.searchsorted(yard, best, side="left"))
        bits = -float(np.log2((beyond + 1.0) / (len(yard) + 1.0))) if best > 0 else 0.0
        kinds = [names[k] for k in np.argsort(-row) if row[k] > 0 and row[k] >= 0.5 * best][:3]
        told = KINDS[kinds[0]].says if kinds else "looks like ordinary use"
        found.append(
            Read(
                bits=bits,
                score=best,
                kinds=kinds,
                because=f"{told}; {beyond} of {len(yard)} control families look as much like extraction",
                alike=dict(zip(names, alike[number].tolist(), strict=True)),
                rivals={name: len(every) - int(np.searchsorted(every[:, k], row[k])) for k, name in enumerate(names)},
            )
        )
    return found
