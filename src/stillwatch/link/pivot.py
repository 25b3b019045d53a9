"""Pivot: owners that move to a new model together.

All customers move when a model is released, so a group is compared with the others: how many of its active owners
used the new model within a day of its release, against the share among owners who were active in that day.

Looks the same when innocent: a team that follows releases.
Cost: one pass over the traffic for the owners looked at. Source: beta-binomial e-value against the cohort's rate.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from stillwatch.kit.groups import Groups
from stillwatch.kit.odds import surplus_bits
from stillwatch.link._late import LateSight
from stillwatch.model.traces import Closely, Traces
from stillwatch.model.view import Sight

NEEDS = ("model",)
CAP = 10.0
HARD = False
LATE = True
ADMITS = True
JOINS = False
WITHIN = ""
ASIDE: tuple[str, ...] = ()
INNOCENT = "a team that follows releases"

DAY_MS = 86_400_000
SETTLED_MS = 2 * DAY_MS
"""A model that appears this long after the log begins is a release; one that was there before is not."""


@dataclass(frozen=True, slots=True)
class PivotSight(LateSight):
    """Compares how fast groups and the sample adopt released models."""

    closely: Closely
    quick: npt.NDArray[np.bool_]
    """Who used a released model within a day of its release, shape (owners, releases)."""
    there: npt.NDArray[np.bool_]
    """Who was active within a day of it."""
    moved: npt.NDArray[np.bool_] = field(init=False)
    """Who did both."""
    usual: npt.NDArray[np.float64] = field(init=False)
    """Share of the sample that moved, of those who were active, at each release."""

    def __post_init__(self) -> None:
        sample = self.closely.sample
        object.__setattr__(self, "moved", self.quick & self.there)
        usual = (self.moved[sample].sum(axis=0) + 1.0) / (self.there[sample].sum(axis=0) + 2.0)
        object.__setattr__(self, "usual", usual)

    def weigh(self, groups: Groups) -> npt.NDArray[np.float64]:
        """Weigh each group by its release that tells most, less the log of the number of releases."""
        chance = self.usual
        out = np.zeros(len(groups))
        for number, members in enumerate(groups):
            trials = self.there[members].sum(axis=0).astype(np.float64)
            hits = self.moved[members].sum(axis=0).astype(np.float64)
            bits = surplus_bits(hits, trials, chance) - np.log2(len(chance))
            out[number] = max(float(bits.max()), 0.0)
        return out

    def admit(self, members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
        """Weigh whether a candidate moved, or stayed, as the members did."""
        usual = self.usual
        moved, there = self.moved, self.there
        inside = np.isin(candidates, members)[:, None]
        hits = moved[members].sum(axis=0) - inside * moved[candidates]
        trials = there[members].sum(axis=0) - inside * there[candidates]
        own = (hits + 2.0 * usual) / (trials + 2.0)
        ratio = np.where(moved[candidates], own / usual, (1.0 - own) / (1.0 - usual))
        bits = np.where(there[candidates], np.log2(np.maximum(ratio, 1e-3)), 0.0)
        mean: npt.NDArray[np.float64] = np.log2(np.exp2(bits).mean(axis=1))
        return mean

    def reach(self, members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
        """Bound what `admit` gives: by what somebody would get who did at each release what tells most."""
        hits, trials = self.moved[members].sum(axis=0), self.there[members].sum(axis=0)
        usual, most = self.usual, np.ones(len(self.usual))
        for less in (0, 1):  # a member's own part is left out: one trial less, and perhaps one hit
            for own in (
                (hits + 2.0 * usual) / (np.maximum(trials - less, 0) + 2.0),
                (np.maximum(hits - less, 0) + 2.0 * usual) / (trials + 2.0),
            ):
                most = np.maximum(most, np.maximum(own / usual, (1.0 - own) / (1.0 - usual)))
        return np.full(len(candidates), np.log2(most.mean()))

    def because(self, members: npt.NDArray[np.int32]) -> str:
        """Tell how many members moved within a day of the release that they moved to most, and how many others."""
        moved, there = self.moved[members].sum(axis=0), self.there[members].sum(axis=0)
        most = int(np.argmax(moved / np.maximum(there, 1)))
        return (
            f"{int(moved[most])} of {int(there[most])} owners used a new model within a day of its release, "
            f"{round(100 * float(self.usual[most]))} % of the others did"
        )


def look(traces: Traces) -> Sight | None:
    """Look at first uses of models that were released within the log."""
    closely = traces.closely
    if closely is None or len(closely.released) == 0 or len(closely.sample) < 50:
        return None
    begin = int(traces.crowd.first.min())
    released = np.flatnonzero(closely.released >= begin + SETTLED_MS)
    if not len(released):
        return None
    adopted = closely.adopted[:, released]
    since = closely.released[released]
    quick = (adopted > 0) & (adopted < since + DAY_MS)
    hours = closely.hours
    position = np.repeat(np.arange(hours.units), np.diff(hours.offsets))
    active = (hours.keys[hours.values].astype(np.int64) - 1) * 3_600_000
    there = np.zeros_like(quick)
    for number, start in enumerate(since.tolist()):
        there[position[(active >= start - 3_600_000) & (active < start + DAY_MS)], number] = True
    return PivotSight(closely, quick, there)
