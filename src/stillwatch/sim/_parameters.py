"""Parameters: what an actor may be told, and the ranges that a seed draws from.

A third of every range is kept for report seeds (1000 and above): a detector tuned on seeds below 1000 has
never met a campaign of that size, rate or share.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from stillwatch.errors import UsageError

REPORT_SEED: Final = 1000
FEWEST: Final = 6  # a scaled count does not fall below what a campaign needs


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from `lo` to `hi`; the third named by `reserved` is drawn by report seeds only.

    Attributes:
        scaled: grows with the world's `--scale` (counts of accounts).
        log: drawn evenly on the logarithm.
    """

    lo: float
    hi: float
    whole: bool = True
    log: bool = False
    reserved: str = "high"
    scaled: bool = False

    def span(self, *, report: bool) -> tuple[float, float]:
        """Return the part of the range that a seed may draw from, on a scale from 0 to 1."""
        if report:
            return 0.0, 1.0
        return (0.0, 2 / 3) if self.reserved == "high" else (1 / 3, 1.0)

    def draw(self, rng: np.random.Generator, *, report: bool) -> float:
        """Draw a number."""
        low, high = self.span(report=report)
        share = rng.uniform(low, high)
        value = self.lo * (self.hi / self.lo) ** share if self.log else self.lo + (self.hi - self.lo) * share
        return round(value) if self.whole else value


@dataclass(frozen=True, slots=True)
class Fixed:
    """One value unless a world says otherwise."""

    value: Any
    scaled: bool = False


Parameter = Range | Fixed


def counts(lo: int, hi: int, *, reserved: str = "high") -> Range:
    """Range over a number of accounts, which `--scale` multiplies."""
    return Range(lo, hi, log=True, reserved=reserved, scaled=True)


def rates(lo: float, hi: float, *, reserved: str = "high") -> Range:
    """Range over requests or conversations per account and day."""
    return Range(lo, hi, whole=False, log=True, reserved=reserved)


def shares(lo: float, hi: float, *, reserved: str = "high") -> Range:
    """Range over a share of something."""
    return Range(lo, hi, whole=False, reserved=reserved)


def settle(
    actor: str,
    known: Mapping[str, Parameter],
    told: Mapping[str, Any],
    rng: np.random.Generator,
    *,
    report: bool,
    scale: float,
) -> dict[str, Any]:
    """Settle every parameter of an actor: what it is told, else a draw.

    Raises:
        UsageError: when the actor has no such parameter, or the value is of another kind.
    """
    settled: dict[str, Any] = {}
    for name in told:
        if name not in known:
            raise UsageError(
                f"actor `{actor}` has no parameter `{name}`",
                hint=f"it has {', '.join(sorted(known)) or 'none'}",
            )
    for name, parameter in known.items():
        drawn = parameter.draw(rng, report=report) if isinstance(parameter, Range) else parameter.value
        value = told.get(name, drawn)
        _check(actor, name, value, drawn)
        if parameter.scaled:
            value = max(min(value, FEWEST), round(value * scale))
        settled[name] = value
    return settled


def _check(actor: str, name: str, value: Any, like: Any) -> None:
    number = isinstance(like, (int, float)) and not isinstance(like, bool)
    if number and (isinstance(value, bool) or not isinstance(value, (int, float))):
        raise UsageError(f"`{actor}.{name}` must be a number, not `{value}`", hint=f"for example {like}")
    if number and value < 0:
        raise UsageError(f"`{actor}.{name}` must not be negative: {value}", hint=f"for example {like}")
    if isinstance(like, (str, bool)) and not isinstance(value, type(like)):
        raise UsageError(f"`{actor}.{name}` must be like `{like}`, not `{value}`", hint=None)
