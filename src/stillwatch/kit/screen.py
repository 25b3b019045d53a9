"""Screen: how many owners of a proposed group could stay in it, told from the tables of what they hold.

Of thousands of proposed groups nearly all fall apart as soon as they are looked at, and to look for who else belongs to
them costs the more the more owners share an address. Here the members alone are weighed, by all tables together and
just as `kit.urn.member_bits` does, and what the other views could give them at the most is added.

Cost: linear in what the members hold, some 10 microseconds for a group of ten; holds no GIL.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from stillwatch.kit.held import Held, slot_of, table_for
from stillwatch.kit.jit import kernel, load_byte, load_f64, load_i32, load_i64, part

U64 = np.uint64
Bits = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


class Columns(NamedTuple):
    """The tables, by the addresses of their arrays: a kernel that is handed over each array spends its time on that."""

    offsets: npt.NDArray[np.uint64]
    values: npt.NDArray[np.uint64]
    weights: npt.NDArray[np.uint64]
    bears: npt.NDArray[np.uint64]
    mass: npt.NDArray[np.uint64]
    bearers: Bits


class Rule(NamedTuple):
    """Who gets in: by `ties` in two views of `tie` bits each, and `need` bits in all (`kit` knows nothing of views)."""

    first: npt.NDArray[np.int64]
    """View v looks at the tables `first[v]` to `first[v + 1]`, and gives the mean of their ratios."""
    caps: Bits
    admits: Mask
    spare: Bits
    """What the views without tables give each owner at the most ..."""
    spare_ties: npt.NDArray[np.int64]
    """... and in how many of them he could be tied."""
    whole: Mask
    """Owners who could get in by one such view alone."""
    woken: npt.NDArray[np.bool_]
    """Shape (views, owners): views without tables that speak only in groups that have one of these owners ..."""
    woken_bits: Bits
    woken_ties: Mask
    tie: float
    strangers: float
    slack: float
    core: int
    """Members who must be able to stay."""


class Frames(NamedTuple):
    """The table of frames, of which the one that most members hold is set aside."""

    offsets: npt.NDArray[np.int64]
    values: npt.NDArray[np.int32]
    weights: Bits
    bears: Mask
    mass: Bits
    bearers: float
    single: float
    """Bits that all frames together may give; more than that only with the commonest set aside."""
    most: float


class Urns(NamedTuple):
    """What the members hold, of every table: its values in a table of open addressing, and the members' weights."""

    starts: npt.NDArray[np.int64]
    """The urn of table c is `held[starts[c]:starts[c + 1]]`."""
    held: npt.NDArray[np.int32]
    inside: Bits
    bearing: Bits


def nothing(units: int) -> Held:
    """Make a table in which nobody holds anything."""
    none = np.zeros(0)
    return Held(
        offsets=np.zeros(units + 1, np.int64), values=none.astype(np.int32), weights=none, bears=np.zeros(units, bool),
        holder_offsets=np.zeros(1, np.int64), holders=none.astype(np.int32), holder_weights=none, mass=none,
        keys=none.astype(np.uint64), bearers=0,
    )  # fmt: skip


def columns(tables: Sequence[Held]) -> Columns:
    """Lay out tables for the kernel; whoever uses it keeps the tables alive."""

    def laid(name: str, kind: Any) -> npt.NDArray[np.uint64]:
        arrays = [getattr(held, name) for held in tables]
        if any(array.dtype != kind or not array.flags.c_contiguous for array in arrays):
            raise TypeError(f"`{name}` is not a plain array of {np.dtype(kind)}")
        return np.array([array.ctypes.data for array in arrays], np.uint64)

    return Columns(
        offsets=laid("offsets", np.int64), values=laid("values", np.int32), weights=laid("weights", np.float64),
        bears=laid("bears", np.bool_), mass=laid("mass", np.float64),
        bearers=np.array([held.bearers for held in tables], np.float64),
    )  # fmt: skip


@part
def _fill(members: npt.NDArray[np.int32], tables: Columns) -> Urns:
    """Put what the members hold into urns, one for each table."""
    count = len(tables.bearers)
    starts, bearing = np.zeros(count + 1, np.int64), np.zeros(count)
    for c in range(count):
        entries = np.int64(0)
        for unit in members:
            bearing[c] += float(load_byte(tables.bears[c], U64(unit)))
            entries += load_i64(tables.offsets[c], unit + 1) - load_i64(tables.offsets[c], unit)
        size = 4
        while size < 2 * entries:
            size *= 2
        starts[c + 1] = starts[c] + size
    held, inside = np.full(starts[count], -1, np.int32), np.zeros(starts[count])
    for c in range(count):
        first, mask = starts[c], starts[c + 1] - starts[c] - 1
        for unit in members:
            for at in range(load_i64(tables.offsets[c], unit), load_i64(tables.offsets[c], unit + 1)):
                value = load_i32(tables.values[c], at)
                slot = first + _slot(held, first, mask, value)
                held[slot] = value
                inside[slot] += load_f64(tables.weights[c], at)
    return Urns(starts, held, inside, bearing)


@part
def _slot(held: npt.NDArray[np.int32], first: int, mask: int, value: int) -> int:
    """Find the place of a value in its urn, or the free place where it belongs."""
    slot = (np.int64(value) * 0x9E3779B1 >> 16) & mask
    while held[first + slot] >= 0 and held[first + slot] != value:
        slot = (slot + 1) & mask
    return int(slot)


@part
def _ratio(unit: int, c: int, urns: Urns, tables: Columns) -> float:
    """Give the ratio of a member in one table, 1 for who holds nothing there; nobody draws what he put in himself."""
    ratio = 0.0
    if load_byte(tables.bears[c], U64(unit)) == U64(0):
        return 1.0
    first, mask = urns.starts[c], urns.starts[c + 1] - urns.starts[c] - 1
    for at in range(load_i64(tables.offsets[c], unit), load_i64(tables.offsets[c], unit + 1)):
        value = load_i32(tables.values[c], at)
        slot = first + _slot(urns.held, first, mask, value)
        if urns.held[slot] >= 0:
            inside, weight = urns.inside[slot], load_f64(tables.weights[c], at)
            ratio += weight * max(inside - weight, 0.0) / (load_f64(tables.mass[c], value) - inside + 1.0)
    ratio *= tables.bearers[c] - urns.bearing[c] + 1.0
    return float(0.05 + 0.95 * (ratio + 2.0) / (1.0 + urns.bearing[c]))


@part
def _frame_bits(
    unit: int, frames: Frames, table: npt.NDArray[np.int32], inside: Bits, modal: int, bearing: float
) -> float:
    """Bound what the frames give: as `link.repertoire`, of which this knows only the caps."""
    if not frames.bears[unit]:
        return 0.0
    outside = frames.bearers - bearing + 1.0
    every, ratio, telling = 0.0, 0.0, 1.0
    for at in range(frames.offsets[unit], frames.offsets[unit + 1]):
        value = frames.values[at]
        if value == modal:
            telling -= frames.weights[at]
        slot = slot_of(table, value)
        if table[slot] < 0:
            continue
        drawn = max(inside[slot] - frames.weights[at], 0.0)
        share = frames.weights[at] * drawn * outside / (frames.mass[value] - inside[slot] + 1.0)
        every += share
        ratio += share if value != modal else 0.0
    below = 1.0 + bearing
    bits = min(np.log2(0.05 + 0.95 * (every + 2.0) / below), frames.single)
    rest = np.log2(0.05 + 0.95 * (ratio / telling + 2.0) / below) if telling > 1e-9 else 0.0
    return float(min(max(bits, rest), frames.most))


@part
def _could(members: npt.NDArray[np.int32], owners: int, tables: Columns, frames: Frames, rule: Rule) -> bool:
    """Tell whether `rule.core` of the members could stay with each other."""
    need = np.log2(max(owners / (rule.strangers * len(members)), 1.0))
    entries = np.int64(0)
    framed = 0.0
    for unit in members:
        framed += frames.bears[unit]
        entries += frames.offsets[unit + 1] - frames.offsets[unit]
    table = table_for(entries)
    inside, holders = np.zeros(len(table)), np.zeros(len(table), np.int64)
    modal, most = -1, 0
    for unit in members:
        for at in range(frames.offsets[unit], frames.offsets[unit + 1]):
            value = frames.values[at]
            slot = slot_of(table, value)
            table[slot] = value
            inside[slot] += frames.weights[at]
            holders[slot] += 1
            if holders[slot] > most or (holders[slot] == most and value < modal):
                modal, most = int(value), int(holders[slot])
    others, other_ties = 0.0, 0
    for view in range(len(rule.woken)):
        for unit in members:
            if rule.woken[view, unit]:
                others += rule.woken_bits[view]
                other_ties += rule.woken_ties[view]
                break
    urns = _fill(members, tables)
    hopeful = 0
    for unit in members:
        bits = _frame_bits(unit, frames, table, inside, modal, framed) + rule.slack
        lack = min(bits, 0.0)  # what an owner lacks in one view, that which he lacks most, counts against him
        total = others + rule.spare[unit] + max(bits, 0.0)
        ties = other_ties + rule.spare_ties[unit] + (bits >= rule.tie)
        for view in range(len(rule.caps)):
            ratio = 0.0
            for c in range(rule.first[view], rule.first[view + 1]):
                ratio += _ratio(unit, c, urns, tables)
            ratio /= rule.first[view + 1] - rule.first[view]
            bits = min(np.log2(ratio), rule.caps[view]) + rule.slack
            lack = min(lack, bits)
            total += max(bits, 0.0)
            ties += bits >= rule.tie and rule.admits[view]
        hopeful += rule.whole[unit] or (ties >= 2 and total + lack >= need)
    return hopeful >= rule.core


@kernel
def pass_over(
    offsets: npt.NDArray[np.int64], members: npt.NDArray[np.int32], order: npt.NDArray[np.int64], start: int,
    home: npt.NDArray[np.int64], declared: Mask, counts: npt.NDArray[np.int64], into: npt.NDArray[np.int64],
    tables: Columns, frames: Frames, rule: Rule,
) -> int:  # fmt: skip
    """Pass over groups of which half or more is at home somewhere, and those of which too few could stay.

    Args:
        home: where each unit is at home, -1 for nowhere.
        counts: zeros, one for every home; zeros again afterwards.
        into: takes where most of each group that was passed over for the first reason is at home.

    Returns:
        the place in `order` of the first group that is left.
    """
    mine = np.empty(len(home), np.int32)
    for at in range(start, len(order)):
        first, end = offsets[order[at]], offsets[order[at] + 1]
        inside, best, free = 0, -1, 0
        for i in range(first, end):
            where = home[members[i]]
            if where >= 0:
                inside += 1
                counts[where] += 1
                if best < 0 or counts[where] > counts[best] or (counts[where] == counts[best] and where < best):
                    best = where
            elif not declared[members[i]]:
                mine[free] = members[i]
                free += 1
        for i in range(first, end):
            if home[members[i]] >= 0:
                counts[home[members[i]]] = 0
        if 2 * inside >= end - first:
            into[at] = best
        elif free >= rule.core and _could(mine[:free], len(home), tables, frames, rule):
            return at
    return len(order)
