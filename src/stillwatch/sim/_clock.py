"""Clock: when people, offices, jobs and agents send requests, from figures fitted on public traces.

The figures are in `timing.toml`; `python bench/fit_timing.py DATA` computes them and says what they cannot
tell.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

import numpy as np
import numpy.typing as npt

DAY_MS: Final = 86_400_000
RHYTHMS: Final = ("flat", "office", "night_job", "morning_job", "evening_job", "noon_job", "evening_person")
FLAT, OFFICE, NIGHT_JOB, MORNING_JOB, EVENING_JOB, NOON_JOB, EVENING_PERSON = range(7)
_STEPS: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Fitted figures; natural logs where the name says so."""

    volume_log_sd: float
    day_log_sd: float
    weekend: float
    turns_mean: float
    gap_log_mean: float
    gap_log_sd: float
    hours: npt.NDArray[np.float64]  # rhythm x 24


@cache
def timing() -> Timing:
    """Read the fitted figures."""
    text = (resources.files("stillwatch.sim") / "timing.toml").read_text(encoding="utf-8")
    found: dict[str, Any] = tomllib.loads(text)
    hours = np.array(found["day"]["hours"], float)
    # no trace of private persons is public: the office day, later and with a long evening
    person = 0.45 * np.roll(hours[OFFICE], 2) + 0.55 * np.roll(hours[OFFICE], 10) + 0.05
    return Timing(
        volume_log_sd=found["volume"]["log_sd"],
        day_log_sd=found["volume"]["day_log_sd"],
        weekend=found["volume"]["weekend"],
        turns_mean=found["conversation"]["turns_mean"],
        gap_log_mean=found["conversation"]["gap_log_mean"],
        gap_log_sd=found["conversation"]["gap_log_sd"],
        hours=np.vstack([hours, person]),
    )


@cache
def _quantiles() -> npt.NDArray[np.float64]:
    """Tabulate the time of day, in days, at each quantile of each rhythm."""
    at = np.linspace(0, 1, 24 * 60 + 1)
    out = []
    for row in timing().hours:
        density = np.interp(at[:-1] * 24, np.arange(25) + 0.5, np.append(row, row[0]), period=24) + 1e-6
        edges = np.concatenate([[0], np.cumsum(density)])
        out.append(np.interp(np.linspace(0, 1, _STEPS + 1), edges / edges[-1], at))
    return np.array(out)


def time_of_day(
    rhythm: npt.NDArray[np.int64], zone_h: npt.NDArray[np.float64], quantile: npt.NDArray[np.float64]
) -> npt.NDArray[np.int64]:
    """Turn quantiles in [0, 1) into milliseconds of the UTC day, by each row's rhythm and zone."""
    table = _quantiles()
    place = quantile * _STEPS
    low = place.astype(np.int64)
    share = place - low
    local = table[rhythm, low] * (1 - share) + table[rhythm, low + 1] * share
    return ((local - zone_h / 24.0) % 1.0 * DAY_MS).astype(np.int64)


def day_factor(rhythm: npt.NDArray[np.int64], weekday: int) -> npt.NDArray[np.float64]:
    """Weigh a day of the week (Monday 0): offices rest at weekends, jobs hardly, persons hardly."""
    if weekday < 5:
        return np.ones(len(rhythm))
    quiet = timing().weekend
    return np.where(rhythm == OFFICE, quiet**3, np.where(rhythm == EVENING_PERSON, 1 / quiet, quiet))
