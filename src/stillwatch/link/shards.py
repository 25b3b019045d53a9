"""Shards: owners that divide one list of items among themselves.

It confirms only. Outsiders who fill the same frames from the same pool of items meet the group's items by chance;
a group that divides a list meets its own less often than that. Where outsiders do not ask the group's items it is
silent: questions that are a product's own never meet either.

Looks the same when innocent: one team that divides its evaluation, openly.
Cost: one sort of the items of the owners looked at. Source: Poisson deficit as a gamma-mixture e-value.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stillwatch.kit.groups import Groups
from stillwatch.link._late import LateSight
from stillwatch.model.items import Items, deficit_bits
from stillwatch.model.traces import Traces
from stillwatch.model.view import Most, Sight

NEEDS = ("messages",)
CAP = 16.0
HARD = True
LATE = True
ADMITS = False
JOINS = False
WITHIN = ""
ASIDE: tuple[str, ...] = ()
INNOCENT = "one team that divides its evaluation, openly"


@dataclass(frozen=True, slots=True)
class ShardsSight(LateSight):
    """Counts the items that members share, against what outsiders share in the same frames."""

    items: Items

    def weigh(self, groups: Groups) -> npt.NDArray[np.float64]:
        """Weigh the deficit of shared items in each group."""
        return np.array([deficit_bits(*self._meetings(members)) for members in groups])

    def admit(self, members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
        """Let nobody in."""
        del members  # who divides a list with the group cannot be told from one owner's items
        return np.zeros(len(candidates))

    def reach(self, members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
        """Bound what `admit` gives: nothing."""
        return self.admit(members, candidates)

    def tells(self, members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32]) -> bool:
        """Say that `reach` gives what `admit` gives."""
        del members, candidates
        return True

    def most(self) -> Most:
        """Bound what `admit` gives: nothing."""
        return Most(each=0.0)

    def because(self, members: npt.NDArray[np.int32]) -> str:
        """Tell how many items were asked by two members, and how many would be by chance."""
        met, expected = self._meetings(members)
        return f"members met on {met:.0f} items where outsiders who fill the same frames would on {expected:.0f}"

    def _meetings(self, members: npt.NDArray[np.int32]) -> tuple[float, float]:
        frames = self.items.meetings(members)
        return sum(one.met for one in frames), sum(one.expected for one in frames)


def look(traces: Traces) -> Sight | None:
    """Look at the items of the owners that are looked at closely."""
    if traces.closely is None or len(traces.closely.item) == 0:
        return None
    return ShardsSight(Items(traces.closely))
