"""Odds: e-values for counts against a known chance."""

from __future__ import annotations

from math import lgamma
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from stillwatch.kit.jit import kernel

_LN2: Final = float(np.log(2.0))


@kernel
def _log_gammas(values: npt.NDArray[np.float64], out: npt.NDArray[np.float64]) -> None:
    for i in range(len(values)):
        out[i] = lgamma(values[i])


def _log_gamma(values: Any) -> npt.NDArray[np.float64]:
    flat = np.atleast_1d(np.asarray(values, np.float64))
    out = np.empty(len(flat))
    _log_gammas(flat, out)
    return out


def surplus_bits(
    hits: npt.NDArray[np.float64], trials: int | npt.NDArray[np.float64], chance: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Weigh whether more of the trials hit than by chance: log2 of a beta-binomial e-value, at least 0.

    Under the null each trial hits with probability `chance`; the alternative is the Jeffreys mixture over all
    probabilities, so the expectation under the null is one. A deficit weighs nothing.

    Source: Kass and Raftery 1995 for the mixture; Grünwald, de Heide and Koolen 2024 for e-values.
    """
    p = np.clip(chance, 1e-12, 1.0 - 1e-9)
    misses = trials - hits
    mixture = _log_gamma(hits + 0.5) + _log_gamma(misses + 0.5) - _log_gamma(trials + 1.0) - 2.0 * lgamma(0.5)
    bits = (mixture - hits * np.log(p) - misses * np.log1p(-p)) / _LN2
    weighed: npt.NDArray[np.float64] = np.where(hits > p * trials, np.maximum(bits, 0.0), 0.0)
    return weighed
