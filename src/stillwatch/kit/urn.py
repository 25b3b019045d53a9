"""Urn: do the members of a group draw their values from a common pool?

Null hypothesis: each member draws independently, value v with probability q_v, estimated on the units outside
the group. Alternative: members share an urn of unknown size. The ratio of the two likelihoods, one member
after the other, is a test martingale (a Pólya urn with base q and concentration c), so its expectation under
the null is at most one and the probability that it ever passes 2**b is at most 2**-b (Ville). It is averaged
over concentrations and over the share of members who belong to the urn at all, with half of the weight on "no
sharing": a view that shows nothing costs at most one bit.

A unit with several values counts with the mean of their ratios, which again has an expectation of at most one.

Source: reference form of Fellegi and Sunter 1969 with term frequencies; Ramdas et al., arXiv 2210.01948.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from stillwatch.kit.groups import Groups
from stillwatch.kit.held import Held, slot_of, table_for
from stillwatch.kit.jit import kernel

CONCENTRATIONS: Final = np.array([0.5, 2.0, 8.0, 32.0, 128.0, 512.0])
QUIET: Final = 1024
"""Members who bear a value up to which it is kept what they come to where they share none."""
MEMBERSHIPS: Final = np.array([0.95, 0.5, 0.15])
"""Shares of the members who draw from the urn; the others draw like everybody."""


@kernel
def _group(
    members: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    values: npt.NDArray[np.int32],
    weights: npt.NDArray[np.float64],
    mass: npt.NDArray[np.float64],
    bears: npt.NDArray[np.bool_],
    bearers: float,
    inside: npt.NDArray[np.float64],
    drawn: npt.NDArray[np.float64],
    concentrations: npt.NDArray[np.float64],
    memberships: npt.NDArray[np.float64],
    skip: int,
    cells: npt.NDArray[np.float64],
    products: npt.NDArray[np.float64],
    quiet: npt.NDArray[np.float64],
) -> float:
    """Bits of one group; `inside` and `drawn` are zero before and after; `cells` receives log2 per grid cell.

    Where no two members hold one value, all that tells is how many bear any; `quiet` keeps what that comes to, NaN
    where that is not known yet.
    """
    bearing = 0.0
    shares = skip >= 0
    for i in range(len(members)):
        unit = members[i]
        bearing += bears[unit]
        for at in range(offsets[unit], offsets[unit + 1]):
            shares |= inside[values[at]] > 0.0
            inside[values[at]] += weights[at]
    known = np.int64(bearing)
    if not shares and known < len(quiet) and not np.isnan(quiet[known]):
        for i in range(len(members)):
            for at in range(offsets[members[i]], offsets[members[i] + 1]):
                inside[values[at]] = 0.0
        return float(quiet[known])
    outside = bearers - bearing + 1.0
    cells[:] = 0.0
    products[:] = 1.0
    ways = len(memberships)
    before = 0.0
    for i in range(len(members)):
        unit = members[i]
        if not bears[unit]:
            continue
        own = 1.0
        for at in range(offsets[unit], offsets[unit + 1]):
            if values[at] == skip:
                own -= weights[at]
        if own <= 1e-9:
            continue
        shared = 0.0
        for at in range(offsets[unit], offsets[unit + 1]):
            value = values[at]
            if value != skip and drawn[value] > 0.0:
                shared += weights[at] * drawn[value] * outside / (mass[value] - inside[value] + 1.0)
        for j in range(len(concentrations)):
            c = concentrations[j]
            # what it does not share counts as values of its own, which nobody drew before
            ratio = (own * c + shared) / (own * (c + before))
            for k in range(ways):
                cell = j * ways + k
                product = products[cell] * (1.0 - memberships[k] + memberships[k] * ratio)
                if not 1e-200 < product < 1e200:  # logarithms are dear: one for many members
                    cells[cell] += np.log2(product)
                    product = 1.0
                products[cell] = product
        for at in range(offsets[unit], offsets[unit + 1]):
            if values[at] != skip:
                drawn[values[at]] += weights[at] / own
        before += 1.0
    for i in range(len(members)):
        unit = members[i]
        for at in range(offsets[unit], offsets[unit + 1]):
            inside[values[at]] = 0.0
            drawn[values[at]] = 0.0
    for cell in range(len(cells)):
        cells[cell] += np.log2(products[cell])
    best = np.max(cells)
    total = 0.0
    for i in range(len(cells)):
        total += 2.0 ** (cells[i] - best)
    bits = best + np.log2(total / len(cells))
    bits = bits - 1.0 if bits > 60.0 else np.log2(0.5 + 0.5 * 2.0**bits)
    if not shares and known < len(quiet):
        quiet[known] = bits
    return float(bits)


@kernel
def _groups(
    group_offsets: npt.NDArray[np.int64],
    members: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    values: npt.NDArray[np.int32],
    weights: npt.NDArray[np.float64],
    mass: npt.NDArray[np.float64],
    bears: npt.NDArray[np.bool_],
    bearers: float,
    concentrations: npt.NDArray[np.float64],
    memberships: npt.NDArray[np.float64],
    skips: npt.NDArray[np.int32],
    out: npt.NDArray[np.float64],
) -> None:
    inside = np.zeros(len(mass))
    drawn = np.zeros(len(mass))
    cells = np.zeros(len(concentrations) * len(memberships))
    products = np.zeros(len(cells))
    quiet = np.full(QUIET, np.nan)
    for group in range(len(group_offsets) - 1):
        out[group] = _group(
            members[group_offsets[group] : group_offsets[group + 1]],
            offsets, values, weights, mass, bears, bearers, inside, drawn, concentrations, memberships,
            skips[group], cells, products, quiet,
        )  # fmt: skip


def urn_bits(
    groups: Groups,
    held: Held,
    *,
    skips: npt.NDArray[np.int32] | None = None,
    memberships: npt.NDArray[np.float64] = MEMBERSHIPS,
) -> npt.NDArray[np.float64]:
    """Weigh groups: log2 of an e-value each.

    Args:
        groups: members in an order that has nothing to do with their values.
        held: what every unit holds.
        skips: a value to leave out, one a group (-1: none); a unit that holds nothing else is left out.
        memberships: shares of the members who may draw from the urn.

    Cost: linear in the values held by the members, times the grid of 18.
    """
    out = np.zeros(len(groups))
    without = np.full(len(groups), -1, np.int32) if skips is None else skips
    _groups(
        groups.offsets, groups.members, held.offsets, held.values, held.weights, held.mass, held.bears,
        float(held.bearers), CONCENTRATIONS, memberships, without, out,
    )  # fmt: skip
    return out


@kernel
def _modal(
    group_offsets: npt.NDArray[np.int64], members: npt.NDArray[np.int32], offsets: npt.NDArray[np.int64],
    values: npt.NDArray[np.int32], holders: npt.NDArray[np.int64], out: npt.NDArray[np.int32],
) -> None:  # fmt: skip
    for group in range(len(group_offsets) - 1):
        best = -1
        for i in range(group_offsets[group], group_offsets[group + 1]):
            for at in range(offsets[members[i]], offsets[members[i] + 1]):
                value = values[at]
                holders[value] += 1
                if best < 0 or holders[value] > holders[best] or (holders[value] == holders[best] and value < best):
                    best = value
        out[group] = best
        for i in range(group_offsets[group], group_offsets[group + 1]):
            for at in range(offsets[members[i]], offsets[members[i] + 1]):
                holders[values[at]] = 0


def modal_values(groups: Groups, held: Held) -> npt.NDArray[np.int32]:
    """Find the value that most members of each group hold, -1 where they hold none."""
    out = np.full(len(groups), -1, np.int32)
    _modal(groups.offsets, groups.members, held.offsets, held.values, np.zeros(held.size, np.int64), out)
    return out


@kernel
def _members(
    members: npt.NDArray[np.int32],
    candidates: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    values: npt.NDArray[np.int32],
    weights: npt.NDArray[np.float64],
    mass: npt.NDArray[np.float64],
    bears: npt.NDArray[np.bool_],
    bearers: float,
    skip: int,
    out: npt.NDArray[np.float64],
) -> None:
    """Weigh candidates; the work is that of the values of members and candidates, however large the log is."""
    bearing = 0.0
    entries = np.int64(0)
    for i in range(len(members)):
        bearing += bears[members[i]]
        entries += offsets[members[i] + 1] - offsets[members[i]]
    table = table_for(entries)
    inside = np.zeros(len(table))
    for i in range(len(members)):
        for at in range(offsets[members[i]], offsets[members[i] + 1]):
            slot = slot_of(table, values[at])
            table[slot] = values[at]
            inside[slot] += weights[at]
    outside = bearers - bearing + 1.0
    place = 0
    for i in range(len(candidates)):
        unit = candidates[i]
        if not bears[unit]:
            continue
        while place > 0 and members[place - 1] >= unit:
            place -= 1
        while place < len(members) and members[place] < unit:
            place += 1
        own = 1.0 if place < len(members) and members[place] == unit else 0.0
        telling = 1.0
        ratio = 0.0
        for at in range(offsets[unit], offsets[unit + 1]):
            value = values[at]
            if value == skip:
                telling -= weights[at]
                continue
            slot = slot_of(table, value)
            if table[slot] < 0:
                continue
            drawn = max(inside[slot] - own * weights[at], 0.0)
            ratio += weights[at] * drawn * outside / (mass[value] - inside[slot] + 1.0)
        if telling > 1e-9:
            out[i] = np.log2(0.05 + 0.95 * (ratio / telling + 2.0) / (2.0 + bearing - own))


def member_bits(
    members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32], held: Held, *, skip: int = -1
) -> npt.NDArray[np.float64]:
    """Weigh candidates against a group: log2 of how much likelier their values are from its urn than outside it.

    A candidate who is a member is left out of the urn. At least -4.3 bits (a member may stand outside the urn).

    Args:
        members: ascending.
    """
    out = np.zeros(len(candidates))
    _members(
        members, candidates, held.offsets, held.values, held.weights, held.mass, held.bears, float(held.bearers),
        skip, out,
    )  # fmt: skip
    return out


WIDELY: Final = 1024
"""Holders from which on a value is not looked through: its ratio bounds everybody's."""
NARROW: Final = 2.0
"""Values of a unit, on average, up to which what candidates hold is looked at instead of who else holds it."""


@kernel
def _most(
    members: npt.NDArray[np.int32],
    candidates: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    values: npt.NDArray[np.int32],
    weights: npt.NDArray[np.float64],
    mass: npt.NDArray[np.float64],
    bears: npt.NDArray[np.bool_],
    bearers: float,
    holder_offsets: npt.NDArray[np.int64],
    holders: npt.NDArray[np.int32],
    holder_weights: npt.NDArray[np.float64],
    drawn: npt.NDArray[np.float64],
    narrow: bool,
    out: npt.NDArray[np.float64],
) -> None:
    """Bound candidates; `drawn` is zero before and after."""
    bearing = 0.0
    entries = np.int64(0)
    for i in range(len(members)):
        bearing += bears[members[i]]
        entries += offsets[members[i] + 1] - offsets[members[i]]
    table = table_for(entries)
    inside = np.zeros(len(table))
    for i in range(len(members)):
        for at in range(offsets[members[i]], offsets[members[i] + 1]):
            slot = slot_of(table, values[at])
            table[slot] = values[at]
            inside[slot] += weights[at]
    outside = bearers - bearing + 1.0
    if narrow:
        for place in range(len(table)):
            if table[place] >= 0:
                inside[place] *= outside / (mass[table[place]] - inside[place] + 1.0)
        told = np.zeros(len(mass))
        for place in range(len(table)):
            if table[place] >= 0:
                told[table[place]] = inside[place]
        nothing = 0.05 + 0.95 * 2.0 / max(1.0 + bearing, 2.0)
        scale = 0.95 / max(1.0 + bearing, 2.0)
        for i in range(len(candidates)):
            unit = candidates[i]
            if not bears[unit]:
                continue
            ratio = 0.0
            for at in range(offsets[unit], offsets[unit + 1]):
                ratio += weights[at] * told[values[at]]
            out[i] = nothing + scale * ratio
        return
    rest = 0.0
    for place in range(len(table)):
        value = table[place]
        if value < 0:
            continue
        ratio = inside[place] * outside / (mass[value] - inside[place] + 1.0)
        if holder_offsets[value + 1] - holder_offsets[value] >= WIDELY:
            rest = max(rest, ratio)
            continue
        for at in range(holder_offsets[value], holder_offsets[value + 1]):
            drawn[holders[at]] += holder_weights[at] * ratio
    for i in range(len(candidates)):
        if bears[candidates[i]]:
            out[i] = 0.05 + 0.95 * (drawn[candidates[i]] + rest + 2.0) / max(1.0 + bearing, 2.0)
    for place in range(len(table)):
        value = table[place]
        if value >= 0 and holder_offsets[value + 1] - holder_offsets[value] < WIDELY:
            for at in range(holder_offsets[value], holder_offsets[value + 1]):
                drawn[holders[at]] = 0.0


def most_ratio(
    members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32], held: Held, drawn: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Bound from above the ratio whose logarithm is `member_bits`.

    Near it for candidates who are no members and hold no value of WIDELY holders or more. Cost: the holders of what
    the members hold, and one look at each candidate; what the candidates hold is looked at only where that is next to
    nothing, and then the bound is as near for everybody who is no member.

    Args:
        drawn: room for a number for every unit; zero before and after.
    """
    out = np.ones(len(candidates))
    _most(
        members, candidates, held.offsets, held.values, held.weights, held.mass, held.bears, float(held.bearers),
        held.holder_offsets, held.holders, held.holder_weights, drawn,
        len(held.values) <= NARROW * held.units and held.size <= len(candidates), out,
    )  # fmt: skip
    return out
