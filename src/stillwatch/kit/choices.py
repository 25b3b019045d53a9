"""The exact law of a sum of independent random choices, each among a few known integers.

Two tests of this house reduce to it: a tracer audit (each weight is added or not, with probability gamma)
and twin serving (one of k scores was picked uniformly). Because the terms are integers and their law is
known, the tail probability is exact, not an approximation, and anybody can recompute it.

- `ln_tail`: exact upper tail, by inverting the exponentially tilted characteristic function on a lattice. The
  error is rounding of floats: about 1e-8 of the value, also far out in the tail.
- `ln_chernoff`: a bound that needs no inversion, `min over t of exp(K(t) - t s)`.
- `ln_saddlepoint`: Lugannani & Rice 1980 with the continuity correction of Daniels 1987; an approximation.
- `ln_e`: an e-value, a mixture of `exp(t s - K(t))` over a fixed grid of t.
- `quantise`: turn real weights into the integers that make all this exact.

Source for inversion with tilting: Imhof 1961; Keich 2005 (sFFT: exact p-values far in the tail).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from stillwatch.kit.jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Side = Literal["upper", "lower", "both"]

STEPS_PER_SD = 500
"""How fine `quantise` makes weights, at least: lattice steps in one standard deviation of the sum."""

EVIDENCE_GRID = tuple(float(z) for z in np.geomspace(0.5, 32.0, 13))
"""Tilts of the e-value in units of one standard deviation: from weak to overwhelming effects."""


@dataclass(frozen=True, eq=False)
class Choices:
    """Independent terms; term i takes value `values[i, j]` with probability `chances[j]`, `counts[i]` times.

    Args:
        values: shape (n, k), integers.
        chances: shape (k,), positive, adding up to 1.
        counts: shape (n,), how many independent copies of each term there are.
    """

    values: Ints
    chances: Floats
    counts: Ints

    def __post_init__(self) -> None:
        n, k = self.values.shape
        if self.chances.shape != (k,) or self.counts.shape != (n,):
            raise ValueError("`values` (n, k), `chances` (k,) and `counts` (n,) do not fit together")
        if (self.chances <= 0).any() or abs(float(self.chances.sum()) - 1.0) > 1e-12:
            raise ValueError("`chances` must be positive and add up to 1")

    @classmethod
    def coins(cls, weights: NDArray[np.integer[Any]], gamma: float) -> Choices:
        """Each weight is added with probability `gamma`, otherwise nothing."""
        kinds, counts = np.unique(weights[weights != 0].astype(np.int64), return_counts=True)
        values = np.stack([np.zeros_like(kinds), kinds], axis=1)
        return cls(values, np.array([1.0 - gamma, gamma]), counts.astype(np.int64))

    @classmethod
    def uniform(cls, values: NDArray[np.integer[Any]]) -> Choices:
        """Each row, shape (n, k), gives one of its k values, all equally likely."""
        n, k = values.shape
        return cls(values.astype(np.int64), np.full(k, 1.0 / k), np.ones(n, dtype=np.int64))

    @cached_property
    def mean(self) -> float:
        """Mean of the sum."""
        return float(self.counts @ (self.values @ self.chances))

    @cached_property
    def sd(self) -> float:
        """Standard deviation of the sum."""
        centred = self.values - (self.values @ self.chances)[:, None]
        return math.sqrt(float(self.counts @ (centred**2 @ self.chances)))

    @cached_property
    def largest(self) -> int:
        """Largest value that the sum can take."""
        return int(self.counts @ self.values.max(axis=1))

    @cached_property
    def mirrored(self) -> Choices:
        """The law of minus the sum."""
        return Choices(-self.values, self.chances, self.counts)

    def cumulants(self, t: float) -> tuple[float, float, float]:
        """Give K(t) = ln E exp(t S) and its first two derivatives."""
        tilt = t * self.values
        top = tilt.max(axis=1, keepdims=True)
        mass = np.exp(tilt - top) * self.chances
        total = mass.sum(axis=1, keepdims=True)
        share = mass / total
        mean = (share * self.values).sum(axis=1)
        spread = (share * (self.values - mean[:, None]) ** 2).sum(axis=1)
        k = float(self.counts @ (np.log(total[:, 0]) + top[:, 0]))
        return k, float(self.counts @ mean), float(self.counts @ spread)

    def saddle(self, s: float) -> float:
        """Find t >= 0 with K'(t) = s; infinity from the largest value on, 0 below the mean."""
        if s <= self.mean:
            return 0.0
        if s >= self.largest:
            return math.inf
        low, high = 0.0, 1.0 / self.sd
        while self.cumulants(high)[1] < s:
            low, high = high, 2.0 * high
            if high > 1e6:
                return math.inf
        t = 0.5 * (low + high)
        for _ in range(100):
            _, mean, spread = self.cumulants(t)
            low, high = (t, high) if mean < s else (low, t)
            step = t + (s - mean) / spread if spread > 0 else math.inf
            new = step if low < step < high else 0.5 * (low + high)
            if abs(new - t) <= 1e-10 * t:
                return new
            t = new
        return t


def quantise(weights: Floats, gamma: float, *, steps_per_sd: float | None = None) -> Ints:
    """Round real weights to integers so that the sum's standard deviation is about `steps_per_sd` steps.

    Left out, that is 500, or twice the root of the number of weights if that is more, so that an ordinary weight has
    several steps of its own. The rounded weights *are* the test statistic from then on, so nothing is approximate
    about its law.

    Returns:
        Integers of the same shape; all zero when all weights are.
    """
    sd = math.sqrt(gamma * (1.0 - gamma) * float((weights.astype(np.float64) ** 2).sum()))
    if sd == 0.0:
        return np.zeros(weights.shape, dtype=np.int64)
    if steps_per_sd is None:
        steps_per_sd = max(STEPS_PER_SD, 2.0 * math.sqrt(weights.size))
    rounded: Ints = np.rint(weights * (steps_per_sd / sd)).astype(np.int64)
    return rounded


def ln_chernoff(law: Choices, s: float) -> float:
    """Bound ln P(S >= s) from above, for certain: min over t >= 0 of K(t) - t s."""
    if s > law.largest:
        return -math.inf
    t = law.saddle(s)
    if t == 0.0:
        return 0.0
    if math.isinf(t):
        return _ln_chance_of_largest(law)
    return min(0.0, law.cumulants(t)[0] - t * s)


def _ln_chance_of_largest(law: Choices) -> float:
    top = law.values == law.values.max(axis=1, keepdims=True)
    return float(law.counts @ np.log(top @ law.chances))


def ln_saddlepoint(law: Choices, s: float) -> float:
    """Approximate ln P(S >= s) by Lugannani and Rice, with the continuity correction for integers.

    Returns 0 at and below the mean's neighbourhood where the formula has its removable pole (use `ln_tail`).
    """
    if s > law.largest:
        return -math.inf
    t = law.saddle(s - 0.5)
    if t == 0.0:
        return 0.0
    if math.isinf(t):
        return _ln_chance_of_largest(law)
    k, _, spread = law.cumulants(t)
    w = math.sqrt(max(0.0, 2.0 * (t * (s - 0.5) - k)))
    u = 2.0 * math.sinh(0.5 * t) * math.sqrt(spread)
    if w < 1e-3:
        return 0.0
    ln_phi = -0.5 * w * w - 0.5 * math.log(2 * math.pi)
    mills = math.exp(_ln_normal_tail(w) - ln_phi)
    return min(0.0, ln_phi + math.log(max(1e-300, mills + 1.0 / u - 1.0 / w)))


def _ln_normal_tail(w: float) -> float:
    if w < 30.0:
        return math.log(0.5 * math.erfc(w / math.sqrt(2.0)))
    return -0.5 * w * w - math.log(w * math.sqrt(2 * math.pi)) + math.log1p(-1.0 / w**2)


@kernel
def _lattice(values: Ints, share: Floats, counts: Ints, s: int, size: int, out_re: Floats, out_im: Floats) -> None:
    """Characteristic function of the tilted law, times exp(-i theta s), at theta_j = 2 pi j / size."""
    n, k = values.shape
    for j in range(out_re.size):
        modulus = 0.0
        turn = 0.0
        for i in range(n):
            re = 0.0
            im = 0.0
            for m in range(k):
                # The angle is reduced as an integer, so that large values lose no precision.
                angle = 2.0 * math.pi * ((j * values[i, m]) % size) / size
                re += share[i, m] * math.cos(angle)
                im += share[i, m] * math.sin(angle)
            square = re * re + im * im
            if square <= 0.0:
                modulus = -1e9
                break
            modulus += 0.5 * counts[i] * math.log(square)
            turn += counts[i] * math.atan2(im, re)
            if modulus < -80.0:
                break
        if modulus < -80.0:
            out_re[j] = 0.0
            out_im[j] = 0.0
            continue
        turn -= 2.0 * math.pi * ((j * s) % size) / size
        out_re[j] = math.exp(modulus) * math.cos(turn)
        out_im[j] = math.exp(modulus) * math.sin(turn)


def _masses(law: Choices, t: float, s: int) -> Floats:
    """Give P_t(S = s + x) for x in -size/2 .. size/2 - 1, in FFT order, under the law tilted by t."""
    tilt = t * law.values
    share = np.exp(tilt - tilt.max(axis=1, keepdims=True)) * law.chances
    share /= share.sum(axis=1, keepdims=True)
    mean = (share * law.values).sum(axis=1)
    spread = (share * (law.values - mean[:, None]) ** 2).sum(axis=1) * law.counts
    order = np.argsort(-spread)
    sd = math.sqrt(float(spread.sum()))
    away = abs(float(law.counts @ mean) - s)
    size = 1 << max(6, math.ceil(math.log2(2.0 * (away + 24.0 * sd + 64.0))))
    half = size // 2 + 1
    re, im = np.zeros(half), np.zeros(half)
    _lattice(law.values[order], share[order], law.counts[order], int(s), size, re, im)
    masses: Floats = np.fft.irfft(re - 1j * im, n=size)
    return masses


def ln_tail(law: Choices, s: int) -> float:
    """Give ln P(S >= s), exact up to rounding.

    Args:
        law: the law of the sum under the null.
        s: the observed sum.

    Cost:
        Some 10 ms to 1 s: linear in the number of distinct terms; most frequencies are cut short.
    """
    if s > law.largest:
        return -math.inf
    if s <= -law.mirrored.largest:
        return 0.0
    if law.sd == 0.0:
        return 0.0
    t = law.saddle(s)
    if math.isinf(t):
        return _ln_chance_of_largest(law)
    if t * law.sd < 1e-3:
        t = 0.0
    masses = np.clip(_masses(law, t, s), 0.0, None)
    size = masses.size
    steps = np.arange(size // 2)
    if t == 0.0 and s < law.mean:
        below = float(masses[size // 2 :].sum())
        return math.log1p(-min(below, 1.0 - 1e-300))
    upper = float((masses[: size // 2] * np.exp(-t * steps)).sum())
    if upper <= 0.0:
        return ln_chernoff(law, s)
    return min(0.0, law.cumulants(t)[0] - t * s + math.log(upper))


def tail(law: Choices, s: int) -> float:
    """Give P(S >= s), exact up to rounding; 0 when it is below the smallest float."""
    return math.exp(ln_tail(law, s))


def ln_tails(law: Choices, sums: Ints) -> Floats:
    """Give ln P(S >= s) for many sums of one law; see `ln_both_tails`."""
    return ln_both_tails(law, sums)[0]


def ln_both_tails(law: Choices, sums: Ints) -> tuple[Floats, Floats]:
    """Give ln P(S >= s) and ln P(S <= s) for many sums of one law, at the cost of little more than one.

    Values above 1e-9 come from one untilted inversion (absolute error about 1e-14), smaller ones each from their own.
    """
    if law.sd == 0.0:
        return np.where(sums <= law.mean, 0.0, -np.inf), np.where(sums >= law.mean, 0.0, -np.inf)
    middle = round(law.mean)
    masses = np.clip(_masses(law, 0.0, middle), 0.0, None)
    size = masses.size
    ordered = np.concatenate([masses[size // 2 :], masses[: size // 2]])
    place = np.clip(sums - middle + size // 2, 0, size - 1)
    upper = _ln_or_far(np.cumsum(ordered[::-1])[::-1][place], law, sums)
    lower = _ln_or_far(np.cumsum(ordered)[place], law.mirrored, -sums)
    return upper, lower


def _ln_or_far(p: Floats, law: Choices, sums: Ints) -> Floats:
    """Give logarithms of tails, those below 1e-9 computed one by one."""
    ln_p: Floats = np.log(np.clip(p, 1e-300, 1.0))
    for i in np.flatnonzero(p < 1e-9):
        ln_p[i] = ln_tail(law, int(sums[i]))
    return ln_p


def tails(law: Choices, sums: Ints) -> Floats:
    """Give P(S >= s) for many sums of one law; see `ln_tails`."""
    p: Floats = np.exp(ln_tails(law, sums))
    return p


def ln_e(law: Choices, s: float, *, side: Side = "upper", grid: tuple[float, ...] = EVIDENCE_GRID) -> float:
    """Give the natural logarithm of an e-value against the null that S follows `law`.

    It is the average, over a grid of tilts fixed in units of the sum's standard deviation, of
    `exp(t s - K(t))`, each of which has mean exactly 1. `side="both"` averages both directions, so that a
    deficit (an over-neutralised student) counts as much as an excess.

    Args:
        law: the law of the sum under the null.
        s: the observed sum.
        side: which deviations speak against the null.
        grid: tilts in units of one standard deviation.
    """
    return float(ln_es(law, np.array([s]), side=side, grid=grid)[0])


def ln_es(
    law: Choices,
    sums: NDArray[np.integer[Any]] | Floats,
    *,
    side: Side = "upper",
    grid: tuple[float, ...] = EVIDENCE_GRID,
) -> Floats:
    """Give `ln_e` for many sums of one law at once; shape of `sums`."""
    if law.sd == 0.0:
        return np.zeros(np.shape(sums))
    signs = {"upper": (1.0,), "lower": (-1.0,), "both": (1.0, -1.0)}[side]
    tilts = [sign * z / law.sd for sign in signs for z in grid]
    terms = np.stack([t * np.asarray(sums, dtype=np.float64) - law.cumulants(t)[0] for t in tilts])
    top = terms.max(axis=0)
    result: Floats = top + np.log(np.exp(terms - top).mean(axis=0))
    return result


def ln_both(law: Choices, s: int) -> float:
    """Give the logarithm of the two-sided p-value: twice the smaller tail."""
    smaller = min(ln_tail(law, s), ln_tail(law.mirrored, -s))
    return min(0.0, smaller + math.log(2.0))


def join(*laws: Choices) -> Choices:
    """Give the law of the sum of independent sums that have the same chances.

    Raises:
        ValueError: when there is none, or their chances differ.
    """
    if not laws or any(not np.array_equal(law.chances, laws[0].chances) for law in laws):
        raise ValueError("only laws with the same chances can be joined")
    return Choices(
        np.concatenate([law.values for law in laws]),
        laws[0].chances,
        np.concatenate([law.counts for law in laws]),
    )
