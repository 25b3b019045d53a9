"""Rhythm: owners that are busy and idle together, beyond what the hour explains.

Every owner's hours of activity are scored by how much likelier they are in the group than in a sample of other
owners, per active hour; the score is ranked among those of the sample, so the rhythm that everybody has (day,
week, an outage of ours) cancels.

Looks the same when innocent: a class or an office that works at the same hours; nightly jobs on the hour.
Cost: one pass over the traffic for the owners looked at. Source: conformal ranks, calibrated to e-values.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from stillwatch.kit.groups import Groups
from stillwatch.kit.groups import inside as inside_of
from stillwatch.kit.held import Held
from stillwatch.kit.jit import kernel
from stillwatch.link._late import LateSight, calibrated
from stillwatch.model.traces import Traces
from stillwatch.model.view import Most, Sight

NEEDS = ("at",)
CAP = 8.0
HARD = False
LATE = True
ADMITS = True
JOINS = False
WITHIN = ""
ASIDE: tuple[str, ...] = ()
INNOCENT = "a class or an office that works at the same hours, or nightly jobs on the hour"

LEAST_HOURS = 12
"""Active hours below which a rhythm cannot be told."""
PRIOR = 5.0
"""Weight of the sample's profile in that of a group, in owners."""


@kernel
def _scores(
    offsets: npt.NDArray[np.int64],
    hours: npt.NDArray[np.int32],
    usual: npt.NDArray[np.float64],
    inside: npt.NDArray[np.float64],
    weight: float,
    owners: npt.NDArray[np.int32],
    own: npt.NDArray[np.bool_],
    out: npt.NDArray[np.float64],
) -> None:
    """Score owners: mean log ratio over their hours, times the root of their number; `own`: their hours left out."""
    total = inside.sum()
    table = np.log2((inside + weight * usual) / ((total + weight) * usual))
    for i in range(len(owners)):
        start, end = offsets[owners[i]], offsets[owners[i] + 1]
        busy = float(end - start)
        summed = 0.0
        for at in range(start, end):
            hour = hours[at]
            if own[i]:
                rest = (inside[hour] - 1.0 + weight * usual[hour]) / (total - busy + weight)
                summed += np.log2(rest / usual[hour])
            else:
                summed += table[hour]
        out[i] = summed / np.sqrt(max(busy, 1.0))


@dataclass(frozen=True, slots=True)
class RhythmSight(LateSight):
    """Ranks the rhythms of owners against those of a sample."""

    hours: Held
    sample: npt.NDArray[np.int32]
    usual: npt.NDArray[np.float64] = field(init=False)
    """Share of each hour in the activity of the sample."""
    telling: npt.NDArray[np.int32] = field(init=False)
    """Owners of the sample whose rhythm can be told."""

    def __post_init__(self) -> None:
        profile = self._profile(self.sample) + 0.5
        object.__setattr__(self, "usual", profile / profile.sum())
        object.__setattr__(self, "telling", self._telling(self.sample))

    def weigh(self, groups: Groups) -> npt.NDArray[np.float64]:
        """Weigh the second half of each group by the profile of the first, against random halves of the sample."""
        out = np.zeros(len(groups))
        for number, members in enumerate(groups):
            first, second = members[::2], self._telling(members[1::2])
            if len(first) >= 3 and len(second) >= 3:
                scores = self._scores(first, second)
                others = self._scores(first, self.telling)
                z = (scores.mean() - others.mean()) / (others.std() / np.sqrt(len(second)) + 1e-9)
                out[number] = calibrated(_upper_tail(np.array([z])))[0]
        return out

    def admit(self, members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
        """Rank each candidate's score by the group's profile (his own hours left out) among the sample's."""
        others = np.sort(self._scores(members, self.telling))
        counts = self._counts(candidates)
        scores = self._scores(members, candidates, own=True)
        beyond = len(others) - np.searchsorted(others, scores, side="left")
        bits = calibrated(((beyond + 1.0) / (len(others) + 1.0)).astype(np.float64))
        weighed: npt.NDArray[np.float64] = np.where(counts >= LEAST_HOURS, bits, 0.0)
        return weighed

    def reach(self, members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
        """Bound what `admit` gives: nobody ranks above the whole sample, and who is seldom active is not ranked."""
        del members
        most = float(calibrated(np.array([1.0 / (len(self.telling) + 1.0)]))[0])
        return np.where(self._counts(candidates) >= LEAST_HOURS, most, 0.0)

    def most(self) -> Most:
        """Bound what `admit` gives, as `reach` does for every group."""
        everybody = np.arange(self.hours.units, dtype=np.int32)
        return Most(each=self.reach(everybody[:0], everybody))

    def because(self, members: npt.NDArray[np.int32]) -> str:
        """Tell how many members keep the group's rhythm better than nearly all others."""
        bits = self.admit(members, members)
        return (
            f"{int((bits >= 2.0).sum())} of {len(members)} owners keep the group's hours better than 98 % of "
            f"{len(self.sample)} others do"
        )

    def _telling(self, owners: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        return owners[self._counts(owners) >= LEAST_HOURS]

    def _counts(self, owners: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
        counts: npt.NDArray[np.int64] = self.hours.offsets[owners + 1] - self.hours.offsets[owners]
        return counts

    def _profile(self, owners: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
        return np.bincount(self.hours.spread(owners)[1], minlength=self.hours.size).astype(np.float64)

    def _scores(
        self, members: npt.NDArray[np.int32], owners: npt.NDArray[np.int32], *, own: bool = False
    ) -> npt.NDArray[np.float64]:
        inside = self._profile(members)
        weight = PRIOR * inside.sum() / max(len(members), 1)
        out = np.zeros(len(owners))
        left_out = inside_of(owners, members) if own else np.zeros(len(owners), bool)
        _scores(self.hours.offsets, self.hours.values, self.usual, inside, weight, owners, left_out, out)
        return out


def _upper_tail(z: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Bound the normal upper tail: exp(-z²/2)/2 for z > 0, 1 below."""
    return np.where(z > 0, 0.5 * np.exp(-0.5 * z * z), 1.0)


def look(traces: Traces) -> Sight | None:
    """Look at the hours of the owners that are looked at closely."""
    if traces.closely is None or len(traces.closely.sample) < 50:
        return None
    return RhythmSight(traces.closely.hours, traces.closely.sample)
