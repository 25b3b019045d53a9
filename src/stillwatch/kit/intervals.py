"""Intervals: exact confidence limits for a share, from counts alone.

Clopper & Pearson 1934: the limits are quantiles of beta distributions, so coverage is never below the level asked
for. The incomplete beta function is DLMF 8.17.22, a continued fraction evaluated by Lentz's method; 15 digits are
reached in a few dozen terms for counts up to 10^9.
"""

from __future__ import annotations

from math import exp, lgamma, log, log1p
from typing import Final

_TINY: Final = 1e-300
_TERMS: Final = 10_000
_HALVINGS: Final = 80


def clopper_pearson(hits: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Give exact two-sided limits for the share of hits; (0, 1) when there were no trials.

    Raises:
        ValueError: when `hits` is not between 0 and `trials`, or `level` not between 0 and 1.

    Example:
        >>> [round(limit, 4) for limit in clopper_pearson(0, 20)]
        [0.0, 0.1684]
    """
    if not 0 <= hits <= trials or not 0 < level < 1:
        raise ValueError(f"no interval for {hits} of {trials} at level {level}")
    if trials == 0:
        return 0.0, 1.0
    tail = (1 - level) / 2
    low = 0.0 if hits == 0 else beta_quantile(tail, hits, trials - hits + 1)
    high = 1.0 if hits == trials else beta_quantile(1 - tail, hits + 1, trials - hits)
    return low, high


def upper_limit(hits: int, trials: int, level: float = 0.95) -> float:
    """Give the exact one-sided upper limit for the share of hits."""
    if not 0 <= hits <= trials or not 0 < level < 1:
        raise ValueError(f"no limit for {hits} of {trials} at level {level}")
    return 1.0 if hits == trials else beta_quantile(level, hits + 1, trials - hits)


def beta_quantile(p: float, a: float, b: float) -> float:
    """Invert the incomplete beta function by bisection."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if beta_cdf(middle, a, b) < p:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def beta_cdf(x: float, a: float, b: float) -> float:
    """Give the regularised incomplete beta function I_x(a, b)."""
    if x <= 0.0 or x >= 1.0:
        return float(x > 0.0)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(x, a, b) / a
    return 1.0 - front * _fraction(1.0 - x, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    """Evaluate the continued fraction of I_x(a, b) by Lentz's method."""
    c, d = 1.0, 1.0 - (a + b) * x / (a + 1)
    d = 1.0 / (d if abs(d) > _TINY else _TINY)
    value = d
    for m in range(1, _TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1.0 + term * d
            c = 1.0 + term / c
            d = 1.0 / (d if abs(d) > _TINY else _TINY)
            c = c if abs(c) > _TINY else _TINY
            value *= d * c
        if abs(d * c - 1.0) < 1e-15:
            break
    return value
