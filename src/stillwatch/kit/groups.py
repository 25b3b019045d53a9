"""Groups: many sets of units in two flat arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Groups:
    """Group g has the members `members[offsets[g]:offsets[g + 1]]`, in ascending order."""

    offsets: npt.NDArray[np.int64]
    members: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, group: int) -> npt.NDArray[np.int32]:
        return self.members[self.offsets[group] : self.offsets[group + 1]]

    def __iter__(self) -> Iterator[npt.NDArray[np.int32]]:
        return (self[group] for group in range(len(self)))

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        """Members of each group."""
        return np.diff(self.offsets)

    def where(self, keep: npt.NDArray[np.bool_]) -> Groups:
        """Keep some of the groups."""
        offsets = np.concatenate([[0], np.cumsum(self.sizes[keep])])
        return Groups(offsets.astype(np.int64), self.members[np.repeat(keep, self.sizes)])


def together(every: Sequence[Groups]) -> Groups:
    """Join lists of groups, one after the other."""
    sizes = [one.sizes for one in every]
    offsets = (
        np.concatenate([np.zeros(1, np.int64), np.cumsum(np.concatenate(sizes))]) if every else np.zeros(1, np.int64)
    )
    members = np.concatenate([one.members for one in every]) if every else np.zeros(0, np.int32)
    return Groups(offsets, members)


def of(sets: Sequence[npt.NDArray[np.int32]]) -> Groups:
    """Make groups of arrays, each sorted and without duplicates."""
    offsets = np.zeros(len(sets) + 1, np.int64)
    np.cumsum([len(one) for one in sets], out=offsets[1:])
    members = np.concatenate(sets) if sets else np.zeros(0)
    return Groups(offsets, members.astype(np.int32))


def union(*sets: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Join sets; the members come sorted."""
    every = np.sort(np.concatenate(sets))
    fresh = np.ones(len(every), bool)
    np.not_equal(every[1:], every[:-1], out=fresh[1:])
    joined: npt.NDArray[np.int32] = every[fresh].astype(np.int32, copy=False)
    return joined


def inside(units: npt.NDArray[np.int32], members: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    """Tell which units are members; members are in ascending order."""
    if not len(members):
        return np.zeros(len(units), bool)
    place = np.searchsorted(members, units)
    place[place == len(members)] = 0
    there: npt.NDArray[np.bool_] = members[place] == units
    return there
