"""Held: which values each of many units holds, such as addresses or payment instruments; a sparse table.

Only values that at least two units hold are kept: one that is held once can agree with nothing. Weights tell how a
unit's use divides over its values; with what it spends on values of its own they add up to one. A value drawn
from a random bearer is v with probability `mass[v] / bearers`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from stillwatch.kit.codes import Codes
from stillwatch.kit.jit import kernel
from stillwatch.kit.lots import arrange, beginnings, deal, in_order

ENCODED: Final = 1 << 20
"""Values that are numbered at once."""
MOST: Final = 128
"""Shared values kept of one unit: those that it uses most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A sparse table of units by shared values, both ways."""

    offsets: npt.NDArray[np.int64]
    """Unit u holds `values[offsets[u]:offsets[u + 1]]`, shared ones only."""
    values: npt.NDArray[np.int32]
    weights: npt.NDArray[np.float64]
    bears: npt.NDArray[np.bool_]
    """Units that hold any value, shared or not."""
    holder_offsets: npt.NDArray[np.int64]
    """Value v is held by `holders[holder_offsets[v]:holder_offsets[v + 1]]`."""
    holders: npt.NDArray[np.int32]
    holder_weights: npt.NDArray[np.float64]
    """Weight of the value in the use of each of `holders`."""
    mass: npt.NDArray[np.float64]
    """Sum of weights of each value over all units."""
    keys: npt.NDArray[np.uint64]
    """The 64-bit hash of each value."""
    bearers: int
    """How many units hold any value."""

    @property
    def units(self) -> int:
        """How many units there are, with and without values."""
        return len(self.offsets) - 1

    @property
    def size(self) -> int:
        """How many values there are."""
        return len(self.mass)

    def of(self, unit: int) -> npt.NDArray[np.int32]:
        """Values of one unit."""
        return self.values[self.offsets[unit] : self.offsets[unit + 1]]

    def spread(self, units: npt.NDArray[np.int32]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
        """List (position in `units`, value) of everything that some units hold."""
        return _spread(self.offsets, self.values, units)

    def bearing(self, values: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """Units that hold any of some values, ascending."""
        there = np.zeros(self.units, np.bool_)
        _mark(self.holder_offsets, self.holders, values, there)
        return np.flatnonzero(there).astype(np.int32)

    def near(self, units: npt.NDArray[np.int32], most: float, mark: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
        """Mark the units that share a value of mass `most` or less with some units, and list those newly marked."""
        found = np.empty(len(mark), np.int32)
        count = _near(self.offsets, self.values, self.holder_offsets, self.holders, self.mass, units, most, mark, found)
        return found[:count].copy()

    def chains(
        self, units: npt.NDArray[np.int32], most: float
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:  # fmt: skip
        """Chain the units that hold a value of mass `most` or less, for each such value: positions in `units`."""
        room = int((self.offsets[units + 1] - self.offsets[units]).sum())
        left, right = np.empty(room, np.int32), np.empty(room, np.int32)
        count = _chain(self.offsets, self.values, self.mass, units, most, left, right)
        return left[:count], right[:count]

    def without(self, keys: npt.NDArray[np.uint64]) -> Held:
        """Leave some values out: what units spent on them they spend on values of their own."""
        keep = ~np.isin(self.keys, keys)
        units = np.repeat(np.arange(self.units, dtype=np.int32), np.diff(self.offsets))
        there = keep[self.values]
        number = np.cumsum(keep) - 1
        return _table(
            units[there], number[self.values[there]], self.weights[there], self.keys[keep], self.bears, self.units
        )

    def moved(self, to: npt.NDArray[np.int32]) -> Held:
        """Give what unit u holds to unit `to[u]`; `to` is a permutation."""
        units = to[np.repeat(np.arange(self.units, dtype=np.int32), np.diff(self.offsets))]
        order = np.argsort(units, kind="stable")
        bears = np.zeros_like(self.bears)
        bears[to] = self.bears
        return _table(units[order], self.values[order], self.weights[order], self.keys, bears, self.units)

    def only(self, keep: npt.NDArray[np.bool_]) -> Held:
        """Take away what the other units hold; values that fewer than two are left with go too."""
        units = np.repeat(np.arange(self.units, dtype=np.int32), np.diff(self.offsets))
        there = keep[units]
        holders = np.bincount(self.values[there], minlength=self.size)
        shared = holders >= 2
        there &= shared[self.values]
        number = np.cumsum(shared) - 1
        bears = self.bears & keep
        return _table(
            units[there], number[self.values[there]], self.weights[there], self.keys[shared], bears, self.units
        )

    def given(self, units: npt.NDArray[np.int32], values: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
        """Share of each unit's use that it gives to some values, a flag for each value."""
        share = np.empty(len(units))
        _given(self.offsets, self.values, self.weights, units, values, share)
        return share

    def holding(self, value: int) -> npt.NDArray[np.int32]:
        """Units that hold one value, in order."""
        return self.holders[self.holder_offsets[value] : self.holder_offsets[value + 1]]


@kernel
def table_for(entries: np.int64) -> npt.NDArray[np.int32]:
    """Make a table of open addressing for so many numbers; -1 is a free place."""
    size = 16
    while size < 2 * entries:
        size *= 2
    return np.full(size, -1, np.int32)


@kernel
def slot_of(table: npt.NDArray[np.int32], value: np.int32) -> np.int64:
    """Find the place of a number in such a table, or the free place where it belongs."""
    mask = len(table) - 1
    slot = np.int64((np.int64(value) * 0x9E3779B1 >> 16) & mask)
    while table[slot] >= 0 and table[slot] != value:
        slot = np.int64((slot + 1) & mask)
    return slot


@kernel
def _near(
    offsets: npt.NDArray[np.int64],
    values: npt.NDArray[np.int32],
    holder_offsets: npt.NDArray[np.int64],
    holders: npt.NDArray[np.int32],
    mass: npt.NDArray[np.float64],
    units: npt.NDArray[np.int32],
    most: float,
    mark: npt.NDArray[np.bool_],
    found: npt.NDArray[np.int32],
) -> int:
    count = 0
    entries = np.int64(0)
    for i in range(len(units)):
        entries += offsets[units[i] + 1] - offsets[units[i]]
    seen = table_for(entries)
    for i in range(len(units)):
        for at in range(offsets[units[i]], offsets[units[i] + 1]):
            value = values[at]
            slot = slot_of(seen, value)
            if seen[slot] == value or mass[value] > most:
                continue
            seen[slot] = value
            for holder in range(holder_offsets[value], holder_offsets[value + 1]):
                if not mark[holders[holder]]:
                    mark[holders[holder]] = True
                    found[count] = holders[holder]
                    count += 1
    return count


@kernel
def _chain(
    offsets: npt.NDArray[np.int64], values: npt.NDArray[np.int32], mass: npt.NDArray[np.float64],
    units: npt.NDArray[np.int32], most: float, left: npt.NDArray[np.int32], right: npt.NDArray[np.int32],
) -> int:  # fmt: skip
    seen = table_for(np.int64(len(left)))
    last = np.empty(len(seen), np.int32)
    count = 0
    for i in range(len(units)):
        for at in range(offsets[units[i]], offsets[units[i] + 1]):
            value = values[at]
            slot = slot_of(seen, value)
            if seen[slot] == value:
                left[count], right[count] = last[slot], i
                count += 1
            elif mass[value] > most:
                continue
            seen[slot] = value
            last[slot] = i
    return count


@kernel
def _mark(
    offsets: npt.NDArray[np.int64], items: npt.NDArray[np.int32], rows: npt.NDArray[np.int32],
    there: npt.NDArray[np.bool_],
) -> None:  # fmt: skip
    for i in range(len(rows)):
        for at in range(offsets[rows[i]], offsets[rows[i] + 1]):
            there[items[at]] = True


@kernel
def _given(
    offsets: npt.NDArray[np.int64], values: npt.NDArray[np.int32], weights: npt.NDArray[np.float64],
    units: npt.NDArray[np.int32], some: npt.NDArray[np.bool_], share: npt.NDArray[np.float64],
) -> None:  # fmt: skip
    for i in range(len(units)):
        share[i] = 0.0
        for at in range(offsets[units[i]], offsets[units[i] + 1]):
            if some[values[at]]:
                share[i] += weights[at]


def _spread(
    offsets: npt.NDArray[np.int64], items: npt.NDArray[np.int32], rows: npt.NDArray[np.int32]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    starts, counts = offsets[rows], offsets[rows + 1] - offsets[rows]
    position = np.repeat(np.arange(len(rows)), counts)
    within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    return position, items[np.repeat(starts, counts) + within]


def hold(
    units: npt.NDArray[np.int32],
    keys: npt.NDArray[np.uint64],
    amounts: npt.NDArray[np.float64],
    count: int,
    *,
    most: int = MOST,
) -> Held:
    """Build the table from pairs.

    Args:
        units: unit of each pair; a pair may occur more than once.
        keys: value of each pair as a hash; 0 is no value.
        amounts: how much the unit uses the value.
        count: number of units.
        most: shared values kept of one unit.
    """
    if not in_order(units, keys):
        units, keys, amounts = arrange(units, keys, amounts, count)
    if len(units):  # join repeated pairs
        starts = np.flatnonzero(beginnings(units, keys))
        if len(starts) < len(units):
            units, keys, amounts = units[starts], keys[starts], np.add.reduceat(amounts, starts)
    total = np.bincount(units, weights=amounts, minlength=count)
    bears = total > 0
    weights = amounts / np.maximum(total[units], 1e-300)
    known = Codes(1 << 14)
    value = np.empty(len(keys), np.int32)
    for start in range(0, len(keys), ENCODED):  # the table makes room for all that is coming
        value[start : start + ENCODED], _ = known.encode(keys[start : start + ENCODED])
    shared = (np.bincount(value, minlength=len(known)) >= 2)[value]
    if np.bincount(units[shared]).max(initial=0) > most:
        shared[shared] = _ranks(units[shared], weights[shared]) < most
    units, value, weights = units[shared], value[shared], weights[shared]
    kept = np.flatnonzero(np.bincount(value, minlength=len(known)))
    names = known.keys()[kept]
    order = np.argsort(names)  # values are numbered by their hashes, which say nothing of when they were seen
    number = np.zeros(len(known), np.int32)
    number[kept[order]] = np.arange(len(kept))
    return _table(units, number[value], weights, names[order], bears, count)


def _table(
    units: npt.NDArray[np.int32], values: npt.NDArray[Any], weights: npt.NDArray[np.float64],
    keys: npt.NDArray[np.uint64], bears: npt.NDArray[np.bool_], count: int,
) -> Held:  # fmt: skip
    offsets = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(units, minlength=count), out=offsets[1:])
    holder_offsets = np.zeros(len(keys) + 1, np.int64)
    np.cumsum(np.bincount(values, minlength=len(keys)), out=holder_offsets[1:])
    by_value = deal(values.astype(np.int32), holder_offsets)
    return Held(
        offsets=offsets,
        values=values.astype(np.int32),
        weights=weights,
        bears=bears,
        holder_offsets=holder_offsets,
        holders=units[by_value].astype(np.int32),
        holder_weights=weights[by_value],
        mass=np.bincount(values, weights=weights, minlength=len(keys)).astype(np.float64),
        keys=keys,
        bearers=int(np.count_nonzero(bears)),
    )


def _ranks(units: npt.NDArray[np.int32], weights: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Rank the values of each unit (units ascending) by falling weight, from 0."""
    order = np.lexsort((-weights, units))
    starts = np.flatnonzero(np.diff(units[order], prepend=-1))
    within = np.arange(len(units)) - np.repeat(starts, np.diff(np.append(starts, len(units))))
    ranks = np.empty(len(units), np.int64)
    ranks[order] = within
    return ranks
