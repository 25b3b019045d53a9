"""Lots: pairs in order by dealing them out; a comparison sort of some million pairs takes ten times as long."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stillwatch.kit.jit import kernel

SHORT = 64
"""Pairs of a lot up to which it is sorted by insertion: most lots are short, or in order already."""


@kernel
def _sort(key: npt.NDArray[np.uint64], told: npt.NDArray[Any], first: int, end: int) -> None:
    """Order the keys of one lot, with what stands beside each."""
    if end - first > SHORT:
        ranks = np.argsort(key[first:end])
        key[first:end], told[first:end] = key[first:end][ranks], told[first:end][ranks]
        return
    for i in range(first + 1, end):
        one, other, spot = key[i], told[i], i
        while spot > first and key[spot - 1] > one:
            key[spot], told[spot] = key[spot - 1], told[spot - 1]
            spot -= 1
        key[spot], told[spot] = one, other


@kernel
def arrange(
    units: npt.NDArray[np.int32], keys: npt.NDArray[np.uint64], beside: npt.NDArray[Any], count: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint64], npt.NDArray[Any]]:
    """Order pairs by (unit, key), with what stands beside each, and leave out those whose key is 0.

    Args:
        count: the units are from 0 to below this.
    """
    starts = np.zeros(count + 1, np.int64)
    for i in range(len(units)):
        starts[units[i] + 1] += keys[i] != np.uint64(0)
    for unit in range(count):
        starts[unit + 1] += starts[unit]
    ends = starts[:-1].copy()
    unit_of, key = np.empty(starts[count], np.int32), np.empty(starts[count], np.uint64)
    told = np.empty(starts[count], beside.dtype)
    for i in range(len(units)):
        if keys[i] != np.uint64(0):
            at = ends[units[i]]
            ends[units[i]] += 1
            unit_of[at], key[at], told[at] = units[i], keys[i], beside[i]
    for unit in range(count):
        _sort(key, told, starts[unit], starts[unit + 1])
    return unit_of, key, told


@kernel
def put(
    units: npt.NDArray[np.int32], keys: npt.NDArray[np.uint64], beside: npt.NDArray[Any],
    key: npt.NDArray[np.uint64], told: npt.NDArray[Any], ends: npt.NDArray[np.int64],
) -> None:  # fmt: skip
    """Put some pairs into the lots of their units; `ends` tells where each lot goes on, and is moved."""
    for i in range(len(units)):
        at = ends[units[i]]
        ends[units[i]] += 1
        key[at], told[at] = keys[i], beside[i]


@kernel
def once(key: npt.NDArray[np.uint64], told: npt.NDArray[Any], starts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Order the keys of every lot, each once, one lot right after the other; returns how many each has then."""
    many = np.zeros(len(starts) - 1, np.int64)
    at = 0
    for unit in range(len(starts) - 1):
        first = starts[unit]
        _sort(key, told, first, starts[unit + 1])
        for i in range(first, starts[unit + 1]):
            if i == first or key[i] != key[at - 1]:
                key[at], told[at] = key[i], told[i]
                at += 1
                many[unit] += 1
    return many


@kernel
def in_order(units: npt.NDArray[np.int32], keys: npt.NDArray[np.uint64]) -> bool:
    """Tell whether pairs are as `arrange` leaves them: by (unit, key), and none whose key is 0."""
    for i in range(len(units)):
        if keys[i] == np.uint64(0):
            return False
        if i and (units[i] < units[i - 1] or (units[i] == units[i - 1] and keys[i] < keys[i - 1])):
            return False
    return True


@kernel
def beginnings(units: npt.NDArray[np.int32], keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    """Tell of ordered pairs which of them differ from the one before."""
    fresh = np.ones(len(units), np.bool_)
    for i in range(1, len(units)):
        fresh[i] = units[i] != units[i - 1] or keys[i] != keys[i - 1]
    return fresh


@kernel
def deal(values: npt.NDArray[np.int32], offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """List the places of each value, in order; `offsets` tells where the places of each value begin."""
    ends = offsets[:-1].copy()
    places = np.empty(len(values), np.int64)
    for i in range(len(values)):
        places[ends[values[i]]] = i
        ends[values[i]] += 1
    return places
