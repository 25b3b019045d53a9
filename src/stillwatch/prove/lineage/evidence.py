"""The exact test: do the weights of green pairs add up to more than coins would?

Given the suspect's text T and weights A that are a function of T (and of references, and of other keys),
but not of key k: if the suspect never saw text made with key k, then T does not depend on k's coins, so
that given T the coins of all pairs are independent, green with probability gamma each. `S_k = sum of A
over green pairs` then has an exactly known law (`kit.choices`), whatever the suspect is and whatever else
it learnt from. That gives, per key, an exact p-value and an e-value; keys are independent of each other,
so e-BH over keys bounds the share of wrong attributions even when the suspect did learn from another
campaign's key.

Several coins of one key (layers of mode `free`, epochs) are independent planes: their sums add, their laws
join.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stillwatch.kit import choices
from stillwatch.kit.choices import Choices
from stillwatch.kit.evalue import mix
from stillwatch.prove import prf
from stillwatch.prove.lineage import weigh
from stillwatch.prove.lineage.tally import Floats, Ints, Tally
from stillwatch.prove.mark import Mark
from stillwatch.prove.prf import Words

SIDES = (0.75, 0.25)
"""Weights of an excess and of a deficit in the e-value: a deficit is what over-neutralising leaves behind."""


@dataclass(frozen=True)
class Plan:
    """One kind of key against one tally: integer weights and the law of their sum, the same for all of its keys.

    Attributes:
        tally: what the suspect wrote.
        mark: how the keys mark.
        weights: shape (layers, n), integers.
        law: of the sum over one epoch.
    """

    tally: Tally
    mark: Mark
    weights: NDArray[np.int64]
    law: Choices
    strength: float

    @classmethod
    def of(cls, tally: Tally, mark: Mark, *, only: NDArray[np.bool_] | None = None) -> Plan:
        """Weigh the pairs for keys that mark in one way.

        Args:
            tally: what the suspect wrote; its windows must have the mark's length.
            mark: how the keys mark.
            only: shape (n,), the pairs whose window belongs to these keys; all when left out.

        Raises:
            ValueError: when the windows have another length.
        """
        if tally.window != mark.window:
            raise ValueError(f"the tally has windows of {tally.window} tokens, the mark of {mark.window}")
        chosen = np.ones(len(tally.count), dtype=np.bool_) if only is None else only
        base = weigh.weights(tally) * chosen
        depth = layer_weights(mark)
        real = depth[:, None] * base[None, :]
        whole = choices.quantise(real.ravel(), mark.gamma).reshape(real.shape)
        scale = _scale(real, whole)
        pull = float((depth**2).sum() * (weigh.importance(tally) * tally.expected * chosen).sum())
        return cls(tally, mark, whole, Choices.coins(whole.ravel(), mark.gamma), scale * pull)

    def sums(self, keys: Sequence[Words]) -> Ints:
        """Give the weight of green pairs under each PRF key, shape (K,)."""
        words = np.array(keys, dtype=np.uint64).reshape(len(keys), 2)
        total = np.zeros(len(keys), dtype=np.int64)
        for layer, row in enumerate(self.weights):
            used = row != 0
            total += prf.green_sums(
                words, self.tally.windows[used], self.tally.tokens[used], row[used],
                threshold=self.mark.green, layer=layer, window=self.mark.window,
            )  # fmt: skip
        return total

    def lift(self, s: float, epochs: int = 1) -> tuple[float, float]:
        """Estimate how much likelier green words are than they should be, with the half width of its 95 % interval.

        A lift of 0.01 says that the suspect writes green pairs 1 % more often, relative to red ones, than
        without our mark; a model that repeats our marked answers word for word reaches the mark's full
        lift (2 to 20).
        """
        if self.strength <= 0:
            return 0.0, math.inf
        spread = self.mark.gamma * (1 - self.mark.gamma) * self.strength * epochs
        return (s - self.law.mean * epochs) / spread, 1.96 * self.law.sd * math.sqrt(epochs) / spread


def layer_weights(mark: Mark) -> Floats:
    """Give how much each layer's coin counts: the tournament's later rounds find fewer tokens to choose from."""
    weights: Floats = 1.0 / (1.0 + np.arange(mark.layers) / 8.0)
    return weights


def _scale(real: Floats, whole: NDArray[np.int64]) -> float:
    norm = float((real**2).sum())
    return float((real * whole).sum()) / norm if norm > 0 else 0.0


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What one key's sum says.

    Attributes:
        ln_e: evidence that the suspect depends on the key, natural logarithm, two-sided.
        ln_p: exact one-sided p-value that green is too frequent, natural logarithm.
        ln_p_both: exact two-sided p-value.
        lift, lift_error: effect with the half width of its 95 % interval.
        sigmas: distance from the mean in standard deviations, for plots; not a z-test.
    """

    ln_e: float
    ln_p: float
    ln_p_both: float
    lift: float
    lift_error: float
    sigmas: float

    @property
    def deficit(self) -> bool:
        """Whether green is too rare rather than too frequent: the trace of a mark that was pushed out too far."""
        return self.sigmas < 0


def weigh_key(plan: Plan, sums: Sequence[int]) -> Evidence:
    """Join the epochs of one key, one sum each, into its evidence.

    With several epochs the e-value is half the joint one and half the average of the single ones: a
    student may have learnt from one epoch only, or from all.
    """
    epochs = len(sums)
    law = choices.join(*[plan.law] * epochs) if epochs > 1 else plan.law
    total = int(sum(sums))
    ln_e = _two_sided(law, total)
    if epochs > 1:
        ln_e = mix([ln_e, *(_two_sided(plan.law, int(s)) for s in sums)], [0.5, *[0.5 / epochs] * epochs])
    upper = choices.ln_tail(law, total)
    lower = choices.ln_tail(law.mirrored, -total)
    lift, error = plan.lift(float(total), epochs)
    return Evidence(
        ln_e=ln_e,
        ln_p=upper,
        ln_p_both=min(0.0, min(upper, lower) + math.log(2.0)),
        lift=lift,
        lift_error=error,
        sigmas=(total - law.mean) / law.sd if law.sd else 0.0,
    )


def weigh_each(plan: Plan, sums: Ints) -> list[Evidence]:
    """Weigh many keys of one epoch each at once; the same as `weigh_key` on each."""
    if not len(sums):
        return []
    ln_e = _two_sided_all(plan.law, sums)
    upper, lower = choices.ln_both_tails(plan.law, sums)
    return [
        Evidence(
            ln_e=float(e),
            ln_p=float(up),
            ln_p_both=min(0.0, float(min(up, down)) + math.log(2.0)),
            lift=plan.lift(float(s))[0],
            lift_error=plan.lift(float(s))[1],
            sigmas=(float(s) - plan.law.mean) / plan.law.sd if plan.law.sd else 0.0,
        )
        for e, up, down, s in zip(ln_e, upper, lower, sums, strict=True)
    ]


def weigh_keys(plan: Plan, sums: Ints) -> tuple[Floats, Floats]:
    """Give ln e (two-sided) and the exact one-sided p-value of many keys of one epoch each, shapes (K,)."""
    return _two_sided_all(plan.law, sums), choices.tails(plan.law, sums)


def _two_sided_all(law: Choices, sums: Ints) -> Floats:
    ups = choices.ln_es(law, sums) + math.log(SIDES[0])
    downs = choices.ln_es(law, sums, side="lower") + math.log(SIDES[1])
    both: Floats = np.logaddexp(ups, downs)
    return both


def _two_sided(law: Choices, s: int) -> float:
    return float(_two_sided_all(law, np.array([s]))[0])


def decoys(count: int, seed: int) -> list[Words]:
    """Make PRF keys that nobody used: what they score is what chance scores."""
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, 2**64, (count, 2), dtype=np.uint64)
    return [(int(a), int(b)) for a, b in drawn]


def decoy_rank(plan: Plan, sums: Sequence[int], count: int, seed: int) -> tuple[int, float]:
    """Rank a key among decoys with as many epochs: an exact p-value that trusts nothing but the ranking.

    Returns:
        How many decoys scored at least as much, and the p-value `(1 + that) / (1 + count)`.
    """
    others = sum(
        (plan.sums(decoys(count, seed + epoch)) for epoch in range(len(sums))), np.zeros(count, dtype=np.int64)
    )
    above = int((others >= sum(sums)).sum())
    return above, (1 + above) / (1 + count)
