"""Singles: large streams of single owners outside the groups, ranked among controls that are not their own.

One that looks like extraction is looked at more closely: more of its texts, whose list it is, and its timing.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from stillwatch.engine.scan import Task
from stillwatch.engine.scratch import Scratch
from stillwatch.hunt.alone import Timing, public, timing
from stillwatch.hunt.exemplify import CLOSELY, Chosen, choose, read
from stillwatch.hunt.labels import Labels, of_systems, of_turns
from stillwatch.hunt.sums import Numbers, Sums
from stillwatch.judge import exemplars, intent
from stillwatch.judge.intent import Read
from stillwatch.judge.open import alike
from stillwatch.model.crowd import Crowd
from stillwatch.model.traces import Families, Streams

HOLDS: Final = 0.5
"""Share of a control family's exchanges from which it is one owner's."""

Stream = tuple[int, int]
"""An owner, and a family that he sends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Singles:
    """How the large streams of single owners read."""

    open: dict[Stream, Read]
    """Those that look like extraction, read more closely, and are no public list and no run that is over."""
    sent: dict[Stream, int]
    """Exchanges of every one of them."""
    label: dict[Stream, int]
    """The label of each of these in `timing`, which knows those that look like extraction."""
    timing: Timing
    among: dict[int, int]
    """How many control families each owner of an open stream was ranked among: those that are not his own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Yard:
    """What streams are ranked among: the statistics of the control families, and who sends most of each."""

    values: Numbers
    holder: npt.NDArray[np.int64]
    """-1 where it is nobody."""


def weigh_singles(
    scratch: Scratch, tasks: Sequence[Task], crowd: Crowd, families: Families, labels: Labels, sums: Sums,
    marks: Numbers, hands: Numbers, yard: Yard, threads: int,
) -> Singles:  # fmt: skip
    """Rank the streams of single owners, and look closely at those that look like extraction.

    Args:
        labels: of the streams, every owner a group of his own.
        marks: what the exemplars of each label say; those of the streams that are looked at closely are read anew.
    """
    single, turns = list(labels.stream.items()), of_turns(labels, families)
    stood, among = stand(sums.statistics(marks, turns, hands), yard, single)
    suspects = {label for (_, label), seen in zip(single, stood, strict=True) if alike(seen)}
    few = labels.only(suspects)
    with ThreadPoolExecutor(threads) as pool:
        times = pool.submit(timing, scratch, crowd.owner, few, suspects)
        known = pool.submit(public, scratch, crowd.owner, few, suspects)
        if suspects:
            rows = choose(scratch, crowd.owner, few, most=CLOSELY)
            (more,) = read(scratch, tasks, Chosen(rows=rows, systems=of_systems(few, families)))
            marks[list(more)] = exemplars.read(list(more.values()))
            stood, among = stand(sums.statistics(marks, turns, hands), yard, single)
        honest = known.result() | {label for label in suspects if times.result().one_off(label)}
    label = {(group - 1, family): label for (group, family), label in single}
    reads = dict(zip(label, stood, strict=True))
    return Singles(
        open={stream: reads[stream] for stream, one in label.items() if one in suspects - honest},
        sent={stream: int(sums.tallies[one, 0]) for stream, one in label.items()},
        label=label, timing=times.result(), among=among,
    )  # fmt: skip


def stand(values: Numbers, yard: Yard, single: Sequence[tuple[Stream, int]]) -> tuple[list[Read], dict[int, int]]:
    """Weigh the streams of single owners, each against control families that are not his own.

    One harvest often falls into several families; ranked among them it would be a rival of itself.
    """
    owners = np.array([group - 1 for (group, _), _ in single], np.int64)
    found: list[Read] = [intent.NOTHING] * len(single)
    among: dict[int, int] = {}
    scored = intent.scores(yard.values)
    for owner in np.unique(owners).tolist():
        mine, others = np.flatnonzero(owners == owner).tolist(), scored[yard.holder != owner]
        among[owner] = len(others)
        for place, one in zip(mine, intent.against(values[[single[i][1] for i in mine]], others), strict=True):
            found[place] = one
    return found, among


def holders(crowd: Crowd, streams: Streams, labels: Labels, count: int) -> npt.NDArray[np.int64]:
    """Find the owner of each control family who sends most of it, -1 where nobody does; in the order of the labels."""
    owner = crowd.owner[streams.account].astype(np.int64)
    pairs, inverse = np.unique(owner * count + streams.family, return_inverse=True)
    sent = np.bincount(inverse, weights=streams.exchanges)
    rows = np.bincount(streams.family, weights=streams.exchanges, minlength=count)
    who, family = pairs // count, pairs % count
    most = sent >= HOLDS * rows[family]
    holder = np.full(count, -1, np.int64)
    holder[family[most]] = who[most]
    controls = np.flatnonzero(labels.control_family)
    return holder[controls[np.argsort(labels.control_family[controls])]]
