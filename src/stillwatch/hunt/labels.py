"""Labels: whose exchanges are read together: a control family; one family inside one group, or of one owner.

Whole traffics, of the groups and of control owners, have labels of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from stillwatch.hunt.join import Joined
from stillwatch.judge.open import STREAM
from stillwatch.judge.streams import Enriched
from stillwatch.kit.jit import kernel
from stillwatch.model.crowd import Crowd
from stillwatch.model.traces import Families, Streams, Traces

CONTROL_ROWS: Final = 20
"""Exchanges that a family must have to be a control, and an owner two and a half times as many."""
CONTROL_SHARE: Final = 0.9
"""Share of a control family's exchanges that must come from owners whom nothing links, and nobody declared: whoever
extracts under a licence is no yardstick of ordinary use."""
CONTROLS: Final = 400
"""Control families and control owners at the most: the largest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """Which label each exchange has."""

    group: npt.NDArray[np.int32]
    """Settled group of each owner, from 1; 0 for none."""
    control_family: npt.NDArray[np.int32]
    """Label of each family for owners whom nothing links."""
    stream: dict[tuple[int, int], int]
    """Label of each family inside each group, by (group from 1, family)."""
    control_owner: npt.NDArray[np.int32]
    """Label of each owner among whole traffics; those of the groups come first."""

    def only(self, wanted: set[int]) -> Labels:
        """Keep some streams of the groups, with the labels that they have."""
        return replace(self, stream={place: label for place, label in self.stream.items() if label in wanted})

    def families(self) -> int:
        """Count the labels of families, with 0."""
        return 1 + int(self.control_family.max(initial=0)) + len(self.stream)

    def of(self, owner: npt.NDArray[np.int32], primary: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """Label rows by family."""
        size = len(self.control_family)
        keys = np.array([g * size + f for g, f in self.stream], np.int64)
        names = np.array(list(self.stream.values()), np.int32)
        order = np.argsort(keys)
        label = np.zeros(len(owner), np.int32)
        _labelled(owner, primary, self.group, self.control_family, keys[order], names[order], label)
        return label


@kernel
def _labelled(
    owner: npt.NDArray[np.int32], primary: npt.NDArray[np.int32], group: npt.NDArray[np.int32],
    control: npt.NDArray[np.int32], keys: npt.NDArray[np.int64], names: npt.NDArray[np.int32],
    label: npt.NDArray[np.int32],
) -> None:  # fmt: skip
    """Label rows of no group by their family, those of a group by (group, family) where these are among `keys`."""
    for row in range(len(owner)):
        if group[owner[row]] == 0:
            label[row] = control[primary[row]]
            continue
        key = np.int64(group[owner[row]]) * len(control) + primary[row]
        first, end = 0, len(keys)
        while first < end:
            middle = (first + end) // 2
            if keys[middle] < key:
                first = middle + 1
            else:
                end = middle
        if first < len(keys) and keys[first] == key:
            label[row] = names[first]


def label(
    traces: Traces, joined: Joined, own: Sequence[Sequence[Enriched]], families: Families, streams: Streams
) -> Labels:
    crowd, count = traces.crowd, len(families)
    group = np.zeros(crowd.owners, np.int32)
    for number, one in enumerate(joined.settled, 1):
        group[one.members] = number
    free = (group[crowd.owner[streams.account]] == 0) & ~crowd.declared[crowd.owner[streams.account]]
    rows = np.bincount(streams.family, weights=streams.exchanges, minlength=count)
    unlinked = np.bincount(streams.family[free], weights=streams.exchanges[free], minlength=count)
    fit = (unlinked >= CONTROL_ROWS) & (unlinked >= CONTROL_SHARE * rows)
    fit[0] = False
    chosen = np.flatnonzero(fit)
    chosen = chosen[np.argsort(-rows[chosen], kind="stable")[:CONTROLS]]
    control = np.zeros(count, np.int32)
    control[chosen] = np.arange(1, len(chosen) + 1)
    stream: dict[tuple[int, int], int] = {}
    for number, held in enumerate(own, 1):
        for belonging in held:
            stream[number, belonging.family] = len(chosen) + len(stream) + 1
    sent = np.bincount(crowd.owner, weights=crowd.exchanges, minlength=crowd.owners)
    large = np.flatnonzero((group == 0) & ~crowd.declared & (sent >= 2.5 * CONTROL_ROWS))
    large = large[np.argsort(-sent[large], kind="stable")[:CONTROLS]]
    whole = group.copy()
    whole[large] = len(joined.settled) + 1 + np.arange(len(large))
    return Labels(group=group, control_family=control, stream=stream, control_owner=whole)


def label_alone(crowd: Crowd, labels: Labels, families: Families, streams: Streams) -> Labels:
    """Label the large streams of single owners outside the groups; here every owner is a group of its own."""
    owner = crowd.owner[streams.account]
    size = len(families)
    key, inverse = np.unique(owner.astype(np.int64) * size + streams.family, return_inverse=True)
    sent = np.bincount(inverse, weights=streams.exchanges)
    who, family = key // size, key % size
    fit = (sent >= STREAM) & (labels.group[who] == 0) & (family > 0) & ~families.harness[family]
    order = np.flatnonzero(fit)
    order = order[np.argsort(-sent[order], kind="stable")[:CONTROLS]]
    group = np.zeros(crowd.owners, np.int32)
    group[who[order]] = who[order] + 1
    stream = {(int(who[i]) + 1, int(family[i])): number for number, i in enumerate(order, 1)}
    nobody = np.zeros(size, np.int32)
    return Labels(group=group, control_family=nobody, stream=stream, control_owner=np.zeros(crowd.owners, np.int32))


def of_systems(labels: Labels, families: Families) -> set[int]:
    """Name the labels whose families are of system texts."""
    control = np.flatnonzero((labels.control_family > 0) & (families.kind == 2))
    return {int(labels.control_family[f]) for f in control} | {
        label for (_, family), label in labels.stream.items() if families.kind[family] == 2
    }


def of_turns(labels: Labels, families: Families) -> npt.NDArray[np.bool_]:
    turns = np.ones(labels.families(), np.bool_)
    turns[list(of_systems(labels, families))] = False
    return turns
