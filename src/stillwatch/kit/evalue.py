"""E-values: evidence that may be multiplied, averaged and looked at whenever one likes.

An e-value is a number >= 0 whose mean is at most 1 when the null holds, so that `P(e >= 1/alpha) <= alpha`
(Markov). Everything here works on natural logarithms, since real evidence overflows a float; `bits` are
logarithms to base 2.

- `ebh`: which of many hypotheses to reject so that the false-discovery rate stays below alpha, under **any**
  dependence. Source: Wang & Ramdas 2022, "False discovery rate control with e-values".
- `mix`: a weighted average of e-values is an e-value, whatever their dependence.
- `Looks`: one e-value and one p-value out of several looks at growing data, valid however one stops.
- `MeanBet`: an e-process for the mean of bounded values. Source: Waudby-Smith & Ramdas 2024, "Estimating
  means of bounded random variables by betting".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

LN2 = math.log(2.0)


def ebh(e: ArrayLike, alpha: float, *, log: bool = False) -> NDArray[np.bool_]:
    """Reject hypotheses by their e-values at false-discovery rate `alpha` (e-BH).

    With K hypotheses sorted by falling e-value, reject the first k*, where k* is the largest k whose k-th
    e-value is at least K / (alpha k). The expected share of true nulls among the rejected is at most `alpha`
    under any dependence between the e-values.

    Args:
        e: shape (K,), one e-value per hypothesis (>= 0; infinity is allowed).
        alpha: the false-discovery rate to keep, in (0, 1].
        log: when true, `e` holds natural logarithms of e-values.

    Returns:
        Shape (K,), true where the hypothesis is rejected; ties at the threshold are rejected together.

    Raises:
        ValueError: when alpha is outside (0, 1], an e-value is negative, or anything is not a number.

    Cost:
        One sort.

    Example:
        >>> ebh([100.0, 1.0, 30.0], alpha=0.05).tolist()
        [True, False, True]
    """
    if not 0.0 < alpha <= 1.0:
        raise ValueError(f"`alpha` is {alpha}, expected a number in (0, 1]")
    ln_e = _as_log(e, log=log)
    total = ln_e.size
    if total == 0:
        return np.zeros(0, dtype=np.bool_)
    ranks = np.arange(1, total + 1)
    falling = -np.sort(-ln_e)
    passes = np.flatnonzero(falling >= math.log(total / alpha) - np.log(ranks) - 1e-12)
    if passes.size == 0:
        return np.zeros(total, dtype=np.bool_)
    rejected: NDArray[np.bool_] = ln_e >= falling[passes[-1]]
    return rejected


def _as_log(e: ArrayLike, *, log: bool) -> NDArray[np.float64]:
    values = np.asarray(e, dtype=np.float64).ravel()
    if np.isnan(values).any():
        raise ValueError("an e-value is not a number")
    if log:
        return values
    if (values < 0).any():
        raise ValueError("an e-value is negative")
    with np.errstate(divide="ignore"):
        return np.log(values)


def mix(ln_e: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Average e-values given by their natural logarithms; returns the logarithm of the average.

    Args:
        ln_e: shape (n,).
        weights: shape (n,), >= 0, adding up to at most 1 (the rest is thrown away); equal when left out.

    Raises:
        ValueError: when there is nothing to mix, or the weights are negative or add up to more than 1.
    """
    values = np.asarray(ln_e, dtype=np.float64).ravel()
    if values.size == 0:
        raise ValueError("no e-value to mix")
    shares = np.full(values.size, 1.0 / values.size) if weights is None else np.asarray(weights, dtype=np.float64)
    if (shares < 0).any() or shares.sum() > 1.0 + 1e-9:
        raise ValueError("weights must be >= 0 and add up to at most 1")
    with np.errstate(divide="ignore"):
        return log_sum_exp(values + np.log(shares))


def log_sum_exp(values: ArrayLike) -> float:
    """Add numbers given by their natural logarithms, without overflow."""
    array = np.asarray(values, dtype=np.float64)
    top = float(array.max(initial=-math.inf))
    if not math.isfinite(top):
        return top
    return top + math.log(float(np.exp(array - top).sum()))


def bits(ln_e: float) -> float:
    """Turn a natural logarithm into bits."""
    return ln_e / LN2


@dataclass(slots=True)
class Looks:
    """Several looks at growing data, joined into one anytime-valid e-value and p-value.

    Look j (from 1) has a weight w_j fixed before the data, the weights add up to at most 1. Each look brings
    an e-value and a p-value that would be valid had it been the only look. Then `sum_{j<=J} w_j e_j` only
    grows with J and its final mean is at most 1, so it may be stopped at any J; and `min_j p_j / w_j` is a
    p-value by the union bound. Nothing is assumed about the dependence between looks: the same secret may be
    used in all of them. What must hold is that the data of a later look do not depend on the secret when the
    null holds; to stop or to go on because of an earlier look is allowed, to choose *other questions* because
    of it is not.

    Args:
        weights: one per look, in order. Equal weights suit a known number of looks.
    """

    weights: Sequence[float]
    _ln_terms: list[float] = field(default_factory=list)
    _p: float = 1.0

    def __post_init__(self) -> None:
        if not self.weights or min(self.weights) < 0 or sum(self.weights) > 1.0 + 1e-9:
            raise ValueError("weights of looks must be >= 0 and add up to at most 1")

    @classmethod
    def equal(cls, count: int) -> Looks:
        """Spend the same on each of `count` looks."""
        return cls([1.0 / count] * count)

    @property
    def taken(self) -> int:
        """How many looks were taken."""
        return len(self._ln_terms)

    def add(self, ln_e: float, p: float = 1.0) -> None:
        """Take the next look.

        Raises:
            ValueError: when every look that has a weight is already taken.
        """
        if self.taken >= len(self.weights):
            raise ValueError(f"all {len(self.weights)} looks are taken")
        weight = self.weights[self.taken]
        self._ln_terms.append(ln_e + math.log(weight) if weight > 0 else -math.inf)
        if weight > 0:
            self._p = min(self._p, p / weight)

    @property
    def ln_e(self) -> float:
        """The anytime-valid evidence so far, natural logarithm; -inf before the first look."""
        return log_sum_exp(self._ln_terms) if self._ln_terms else -math.inf

    @property
    def p(self) -> float:
        """The anytime-valid p-value so far."""
        return min(1.0, self._p)


class MeanBet:
    """An e-process against `mean <= m` for values in [low, high], by betting.

    Each value x multiplies the wealth of every fixed stake by `1 + stake (x - m)`; the e-process is the
    average wealth over a grid of stakes, a mixture and therefore valid without tuning. The values may depend
    on each other as long as each has conditional mean <= m under the null.

    Args:
        m: the largest mean that the null allows.
        low: smallest possible value, below m.
        high: largest possible value, above m.
        stakes: how many stakes the grid has.

    Example:
        >>> bet = MeanBet(0.5)
        >>> for _ in range(20):
        ...     bet.add(1.0)
        >>> bet.ln_e > 9
        True
    """

    def __init__(self, m: float, *, low: float = 0.0, high: float = 1.0, stakes: int = 40) -> None:
        if not low < m < high:
            raise ValueError(f"`m` is {m}, expected a number between {low} and {high}")
        self.m, self.low, self.high = m, low, high
        # No stake risks everything: the largest keeps 1/stakes of the wealth at the worst value.
        self._stakes = (np.arange(stakes) + 0.5) / stakes / (m - low)
        self._ln_wealth = np.zeros(stakes)
        self.ln_e = 0.0
        self.ln_e_max = 0.0

    def add(self, x: float) -> float:
        """Take one value; returns the evidence now, as a natural logarithm.

        Raises:
            ValueError: when x is outside [low, high].
        """
        if not self.low <= x <= self.high:
            raise ValueError(f"value {x} lies outside [{self.low}, {self.high}]")
        self._ln_wealth += np.log1p(self._stakes * (x - self.m))
        self.ln_e = log_sum_exp(self._ln_wealth) - math.log(self._ln_wealth.size)
        self.ln_e_max = max(self.ln_e_max, self.ln_e)
        return self.ln_e
