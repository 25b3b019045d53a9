"""Intent: whether what is asked looks like the making of training data. Read per family, never per request.

Each family has a vector of statistics, mostly of structure: does a prompt ever come twice, does anybody follow
up, how long is the answer for its question, are the same things asked in another order, how many samples are
drawn. For each kind of extraction a few of them are ranked among the *control families* of the same log (those
of owners whom nothing links), and the ranks are joined as in Fisher's method; the family's best kind is its
score. The score is ranked among the scores of the controls, which were made in the same way, so

    bits = -log2 of the share of control families that look at least as much like extraction

is a conformal p-value, whatever the statistics' distribution: by coincidence, a family reaches b bits with
probability 2**-b. A word list is one statistic among them, on exemplars, and cannot carry a kind alone.

Sources: Vovk, Gammerman and Shafer 2005 (conformal p-values); Fisher 1932.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from stillwatch.judge.exemplars import READ
from stillwatch.judge.tally import FIELDS
from stillwatch.kit.scripts import SCRIPTS

KINDS: Final[dict[str, tuple[str, ...]]] = {
    "reasoning": ("says_reasoning", "steps", "sentences", "ratio", "reasoned", "single", "novelty"),
    "rationale": ("brings_answer", "says_reasoning", "single", "novelty"),
    "rubric": ("says_rubric", "verdict", "swapped", "cold", "brings_answer", "single"),
    "order_swap": ("swapped", "verdict", "says_rubric"),
    "sampling": ("repeats", "sampled", "single"),
    "task_sweep": ("novelty", "single", "ratio", "sentences"),
    "languages": ("languages", "novelty", "single", "ratio"),
    "trajectory": ("tool_ends", "called", "novelty", "turns"),
    "rewriting": ("rewrites", "says_rewriting", "single", "novelty"),
    "hidden": ("leak", "says_hidden", "single"),
    "log_probabilities": ("logprobs", "single", "novelty"),
}
"""The statistics that speak for each kind of extraction; a kind counts only where its first one stands out."""

TARGETS: Final = {
    "reasoning": "reasoning", "rationale": "reasoning", "rubric": "reward_model", "order_swap": "reward_model",
    "sampling": "sampling", "task_sweep": "general_tasks", "languages": "multilingual",
    "trajectory": "agentic_coding", "rewriting": "censorship_safe_rewriting", "hidden": "hidden_reasoning",
    "log_probabilities": "log_probabilities",
}  # fmt: skip
"""What a kind of extraction is after."""

SENTENCES: Final = {
    "reasoning": "asks for reasoning, with long answers in steps to prompts that never repeat",
    "rationale": "hands over an answer that the model gave before, and asks for the reasons behind it",
    "rubric": "has candidates graded against a rubric",
    "order_swap": "asks the same comparison again in the other order",
    "sampling": "draws many answers to the same prompt",
    "task_sweep": "goes through tasks one by one, none twice, and never comes back to an answer",
    "languages": "asks the same kind of thing in many scripts",
    "trajectory": "records trajectories of tool use that never continue one project",
    "rewriting": "has statements said again in other words, one by one",
    "hidden": "makes the model give away its instructions or its hidden reasoning",
    "log_probabilities": "asks for log-probabilities",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What a family looks like."""

    bits: float
    kinds: list[str]
    """Kinds that stand out, the strongest first."""
    because: str


STATISTICS: Final = tuple(sorted({name for names in KINDS.values() for name in names}))


def statistics(
    tallies: npt.NDArray[np.float64], distinct: npt.NDArray[np.int64], unordered: npt.NDArray[np.int64],
    read: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:  # fmt: skip
    """Make the statistics of families out of their sums.

    Args:
        tallies: shape (families, tally.SIZE).
        distinct: distinct last user turns; `unordered`: the same without regard to the order of the words.
        read: shape (families, len(READ)).

    Returns:
        shape (families, len(STATISTICS)); larger always speaks for extraction.
    """
    of = {name: tallies[:, i] for i, name in enumerate(FIELDS)}
    rows = np.maximum(of["rows"], 1.0)
    scripts = tallies[:, len(FIELDS) : len(FIELDS) + len(SCRIPTS)]
    share = scripts / np.maximum(scripts.sum(axis=1, keepdims=True), 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = -np.nansum(np.where(share > 0, share * np.log2(share), 0.0), axis=1)
    table = {
        "novelty": np.minimum(distinct / rows, 1.0),
        "repeats": np.log2(np.maximum(rows / np.maximum(distinct, 1), 1.0)),
        "swapped": np.clip(1.0 - unordered / np.maximum(distinct, 1), 0.0, 1.0),
        "single": 1.0 - np.minimum(of["follow_up"] / np.maximum(of["opening"], 1.0), 1.0),
        "ratio": of["log_ratio"] / np.maximum(of["answered"], 1.0),
        "turns": np.log2(1.0 + rows / np.maximum(of["opening"], 1.0)),
        "languages": spread,
        **{name: of[name] / rows for name in ("sampled", "logprobs", "cold", "reasoned", "called", "tool_ends")},
        **{name: read[:, i] for i, name in enumerate(READ)},
    }
    return np.stack([table[name] for name in STATISTICS], axis=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """The control families of a log: their statistics, and the scores that these give them."""

    values: npt.NDArray[np.float64]
    """Each column sorted, shape (controls, statistics)."""
    scores: npt.NDArray[np.float64]
    """Scores of the controls, each ranked among the others; ascending."""

    def __len__(self) -> int:
        return len(self.values)


def controls(values: npt.NDArray[np.float64]) -> Controls:
    """Take statistics of control families as the yardstick."""
    ranked = np.sort(values, axis=0)
    scores = np.sort(_scores(values, ranked, own=1).max(axis=1)) if len(values) else np.zeros(0)
    return Controls(values=ranked, scores=scores)


def _scores(values: npt.NDArray[np.float64], ranked: npt.NDArray[np.float64], own: int) -> npt.NDArray[np.float64]:
    """Score each kind: mean of -log p over its statistics, 0 where its first statistic does not stand out."""
    count = len(ranked)
    beyond = np.stack(
        [count - np.searchsorted(ranked[:, i], values[:, i], side="left") for i in range(values.shape[1])], axis=1
    )
    surprise = -np.log2((beyond - own + 1.0) / (count - own + 1.0))
    place = {name: i for i, name in enumerate(STATISTICS)}
    out = np.zeros((len(values), len(KINDS)))
    for k, names in enumerate(KINDS.values()):
        joined = surprise[:, [place[name] for name in names]]
        out[:, k] = np.where(joined[:, 0] >= 1.0, joined.sum(axis=1) / np.sqrt(len(names)), 0.0)
    return out


def weigh(values: npt.NDArray[np.float64], against: Controls) -> list[Read]:
    """Weigh families against the controls; shape of `values`: (families, statistics)."""
    if len(against) == 0 or len(values) == 0:
        return [Read(bits=0.0, kinds=[], because="there are no control families to compare with") for _ in values]
    scores = _scores(values, against.values, own=0)
    best = scores.max(axis=1)
    beyond = len(against) - np.searchsorted(against.scores, best, side="left")
    bits = -np.log2((beyond + 1.0) / (len(against) + 1.0))
    names = list(KINDS)
    found = []
    for row, score in enumerate(scores):
        order = [k for k in np.argsort(-score) if score[k] > 0 and score[k] >= 0.6 * best[row]][:3]
        kinds = [names[k] for k in order]
        told = SENTENCES[kinds[0]] if kinds else "looks like ordinary use"
        found.append(
            Read(
                bits=float(bits[row]),
                kinds=kinds,
                because=f"{told}; {int(beyond[row])} of {len(against)} control families look as much like it",
            )
        )
    return found
