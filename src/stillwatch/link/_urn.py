"""Urn sights: views in which owners draw values (addresses, cards, builds) from common pools or from the world."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from math import log2
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stillwatch.kit import groups
from stillwatch.kit.groups import Groups
from stillwatch.kit.held import Held
from stillwatch.kit.urn import member_bits, most_ratio, urn_bits
from stillwatch.model.view import Most

LEAST = 5
"""Owners of the smallest group that is proposed: the least that a finding may name."""

FEW = 4
"""Candidates for each member up to which to weigh them costs less than to look through the holders of all values."""

COMMON_SHARE = 0.02
"""Share of all bearers from which on a value is commonplace, whoever holds it ..."""
COMMON_MOST = 250.0
"""... and bearers from which on it is so however large the log: what a group looks through does not grow with it."""


class Room(NamedTuple):
    """Arrays to work in, a place for each owner."""

    mark: npt.NDArray[np.bool_]
    drawn: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class UrnSight:
    """Weighs groups by one or more columns of one view.

    Columns of one view are correlated (an address lies in its prefix), so their e-values are averaged, which
    is valid however they depend on each other, and never multiplied.
    """

    columns: Sequence[Held]
    proposing: Sequence[Held]
    what: str
    """What is shared, for the sentence: "an address", "a payment instrument"."""
    distant: Sequence[Held] = ()
    """Columns that bring nobody near: who shares only these with a group is not looked at for it."""
    local: threading.local = field(init=False, repr=False, default_factory=threading.local)
    """Where each thread that asks finds the room that it works in."""

    @property
    def room(self) -> Room:
        """Room of this thread: a place for each owner, empty between calls."""
        if not hasattr(self.local, "room"):
            units = self.columns[0].units
            self.local.room = Room(np.zeros(units, np.bool_), np.zeros(units))
        room: Room = self.local.room
        return room

    def propose(self) -> Groups:
        """Propose the holders of each value that at least LEAST owners hold."""
        every = [Groups(held.holder_offsets, held.holders) for held in self.proposing]
        return groups.together([one.where(one.sizes >= LEAST) for one in every])

    def weigh(self, groups: Groups) -> npt.NDArray[np.float64]:
        """Weigh each group by the mean of the e-values of the columns."""
        return mean_bits([urn_bits(groups, held) for held in self.columns])

    def admit(self, members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
        """Weigh candidates by the mean of their likelihood ratios in the columns."""
        return mean_bits([member_bits(members, candidates, held) for held in self.columns])

    def near(self, members: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """Find who shares a value that is not commonplace with at least one member."""
        mark = self.room.mark
        mark[members] = True
        columns = [held for held in self.columns if not any(held is one for one in self.distant)]
        found = [members, *(held.near(members, _commonplace(held, members), mark) for held in columns)]
        everybody = np.concatenate(found)
        mark[everybody] = False
        return everybody

    def reach(self, members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
        """Bound what `admit` gives, through the holders of what the members hold; of a few candidates tell just it."""
        if self.tells(members, candidates):
            return self.admit(members, candidates)
        ratios = [most_ratio(members, candidates, held, self.room.drawn) for held in self.columns]
        bits: npt.NDArray[np.float64] = np.log2(sum(ratios) / len(ratios))
        return bits

    def tells(self, members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32]) -> bool:
        """Say that few candidates are weighed at once."""
        return len(candidates) <= FEW * len(members)

    def most(self) -> Most:
        """Give the columns."""
        return Most(columns=self.columns)

    def followers(self, members: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """Know nobody by what he shows alone."""
        return members[:0]

    def devoted(self, members: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """Know nobody by what he mainly does."""
        return members[:0]

    def joints(self, members: npt.NDArray[np.int32]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Chain the members that hold one value, for every value that proposes and is not commonplace."""
        left, right = [np.zeros(0, np.int32)], [np.zeros(0, np.int32)]
        for held in self.proposing:
            ones, others = held.chains(members, _commonplace(held, members))
            left.append(ones)
            right.append(others)
        return np.concatenate(left), np.concatenate(right)

    def because(self, members: npt.NDArray[np.int32]) -> str:
        """Tell how many members share a value with another member, and how many owners outside hold those."""
        best = max((self._shared(held, members) for held in self.columns), key=lambda s: (s[0], -s[2]))
        sharing, values, outside = best
        return (
            f"{sharing} of {len(members)} owners share {self.what} with another of them ({values} such values, "
            f"held by {outside} of the {self.columns[0].units - len(members)} owners outside)"
        )

    def _shared(self, held: Held, members: npt.NDArray[np.int32]) -> tuple[int, int, int]:
        position, value = held.spread(members)
        common = np.bincount(value, minlength=held.size) >= 2
        sharing = np.zeros(len(members), np.bool_)
        sharing[position[common[value]]] = True
        outside = np.ones(held.units, np.bool_)
        outside[members] = False
        holders = held.bearing(np.flatnonzero(common).astype(np.int32))
        return int(np.count_nonzero(sharing)), int(np.count_nonzero(common)), int(np.count_nonzero(outside[holders]))


def _commonplace(held: Held, members: npt.NDArray[np.int32]) -> float:
    """Tell from how many bearers on a value says nothing about a group."""
    return max(4.0 * len(members), min(COMMON_SHARE * held.bearers, COMMON_MOST))


def mean_bits(bits: Sequence[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    """Average e-values given as bits: valid however they depend on each other."""
    mean: npt.NDArray[np.float64] = reduce(np.logaddexp2, bits) - log2(len(bits))
    return mean
