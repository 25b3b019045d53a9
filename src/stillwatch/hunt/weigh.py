"""Weigh: read what groups ask for intent, against what owners whom nothing links ask in the same log.

What is read is a *label*: a control family; one family inside one group; all of a group's own families together;
all that a group or a control owner sends. Sums over the exchanges of a label come from the scratch; of the texts
only a few exemplars are read again, from a few pieces of the traffic, and forgotten at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from stillwatch.engine.scan import Task
from stillwatch.engine.scratch import Limit, Scratch
from stillwatch.engine.spill import Distinct
from stillwatch.hunt.alone import Timing, public, timing
from stillwatch.hunt.exemplify import CLOSELY, Chosen, choose, read
from stillwatch.hunt.join import Joined
from stillwatch.judge import exemplars, intent, tally
from stillwatch.judge.exemplars import Exemplar
from stillwatch.judge.intent import Read
from stillwatch.judge.open import STREAM, alike
from stillwatch.judge.streams import Carried, Enriched
from stillwatch.kit.hashes import pair
from stillwatch.kit.jit import kernel
from stillwatch.kit.pairs import Pairs
from stillwatch.model.crowd import Crowd
from stillwatch.model.traces import Families, Streams, Traces

CONTROL_ROWS: Final = 20
"""Exchanges that a family must have to be a control, and an owner two and a half times as many."""
CONTROL_SHARE: Final = 0.9
"""Share of a control family's exchanges that must come from owners whom nothing links, and nobody declared: whoever
extracts under a licence is no yardstick of ordinary use."""
CONTROLS: Final = 400
"""Control families and control owners at the most: the largest."""

U64 = np.uint64
_COLUMNS: Final[dict[str, Any]] = {
    "answers": np.uint8, "ends": np.uint8, "tokens": np.uint32, "script": np.uint8, "answer_tokens": np.uint32,
    "input_tokens": np.int32, "output_tokens": np.int32, "reasoning_tokens": np.int32, "flags": np.uint8,
    "last": np.uint64, "sum": np.uint64, "first": np.uint64, "system": np.uint64,
}  # fmt: skip


VALUES: Final = ("last", "sum", "first", "system")
"""Columns of which the distinct values under each label are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """How groups read."""

    own: list[list[Enriched]]
    """The families that belong to each settled group."""
    streams: dict[tuple[int, int], intent.Read]
    """Each family inside each settled group, by (group, family)."""
    pools: dict[int, intent.Read]
    """All that a group asks in its own families, taken together."""
    wholes: dict[int, intent.Read]
    """All that a group sends."""
    open: dict[tuple[int, int], intent.Read]
    """Streams of single owners outside the groups that look like extraction, by (owner, family), read more closely."""
    sent: dict[tuple[int, int], int]
    """Exchanges of every large stream of a single owner."""
    label: dict[tuple[int, int], int]
    """The label of each of these in `timing`, which knows those that look like extraction."""
    timing: Timing
    texts: dict[int, list[str]]
    """Texts of the exemplars of every family that was read."""
    controls: int
    among: dict[int, int]
    """How many control families each owner of an open stream was ranked among: those that are not his own."""

    def driven(self, owner: int, families: Sequence[int]) -> bool:
        """Tell whether a machine sends what an owner asks in some families, one request right after the other."""
        return self.timing.driven([self.label[owner, family] for family in families])

    def filled(self, owner: int, families: Sequence[int]) -> float:
        """Tell how much of its time that fills, against as many requests that know nothing of each other; 0 to 1."""
        return self.timing.filled([self.label[owner, family] for family in families])


@dataclass(slots=True, kw_only=True)
class Sums:
    """Sums over the exchanges of each label."""

    labels: int
    limit: Limit
    tallies: npt.NDArray[np.float64] = field(init=False)
    _seen: dict[str, Distinct] = field(init=False)
    _counts: dict[str, npt.NDArray[np.int64]] = field(default_factory=dict)
    _sent: Pairs = field(default_factory=Pairs)

    def __post_init__(self) -> None:
        self.tallies = np.zeros((self.labels, tally.SIZE))
        self._seen = {name: Distinct(self.labels, self.limit) for name in VALUES}

    def add(
        self, label: npt.NDArray[np.int32], owner: npt.NDArray[np.int32], columns: dict[str, npt.NDArray[Any]]
    ) -> None:
        """Add the rows of a piece; label 0 is nobody's."""
        here = np.flatnonzero(label)
        if not len(here):
            return
        mine = label[here]
        own = {name: values[here] for name, values in columns.items()}
        later = (own["answers"] > 0) & (own["ends"] == ord("u"))
        places = np.stack([np.where(later, 0, mine), np.where(later, mine, 0)], axis=1).astype(np.int32)
        usage = np.stack([own[f"{kind}_tokens"] for kind in ("input", "output", "reasoning")], axis=1)
        tally.tally(
            places, 1, own["answers"], own["ends"], own["tokens"], own["script"], own["answer_tokens"],
            usage.astype(np.int32), own["flags"], np.ones(len(here), np.bool_), self.tallies,
        )  # fmt: skip
        for name, seen in self._seen.items():
            key = np.zeros(len(mine), U64)
            pair(mine.astype(U64), own[name], key)
            seen.note(key, mine)
        self._sent.add(mine, owner[here].astype(U64) + U64(1), np.zeros(len(mine), np.int64))

    def distinct(self, name: str) -> npt.NDArray[np.int64]:
        """Count the distinct values of a column under each label, exactly."""
        if name not in self._counts:
            self._counts[name] = self._seen.pop(name).close()
        return self._counts[name]

    def hands(self) -> npt.NDArray[np.float64]:
        """Tell how many owners share the exchanges of each label: the entropy of their shares, in bits."""
        sent = self._sent.close()
        total = np.bincount(sent.one, weights=sent.times, minlength=self.labels)
        share = sent.times / total[sent.one]
        entropy: npt.NDArray[np.float64] = np.bincount(
            sent.one, weights=-share * np.log2(share), minlength=self.labels
        ).astype(np.float64)
        return entropy

    def statistics(self, marks: npt.NDArray[np.float64], turns: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
        """Make the statistics of every label; `marks` is what its exemplars say."""
        return intent.statistics(
            self.tallies, distinct=self.distinct("last"), unordered=self.distinct("sum"),
            conversations=self.distinct("first"), contexts=self.distinct("system"), read=marks, turns=turns,
            hands=self.hands(),
        )  # fmt: skip


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


def weigh(scratch: Scratch, tasks: Sequence[Task], traces: Traces, joined: Joined, threads: int = 1) -> Weighed:
    """Read the families that belong to settled groups, against the control families of the log."""
    families, streams = traces.families, traces.streams
    assert families is not None  # noqa: S101 - the corridor made them
    assert streams is not None  # noqa: S101
    crowd = traces.crowd
    carried = Carried(streams, crowd.owner, crowd.owners, families)
    own = [carried.enriched(group.members) for group in joined.settled]
    labels = _label(traces, joined, own, families, streams)
    alone = _alone(crowd, labels, families, streams)
    limit = scratch.limit(3 * len(VALUES))
    groups = len(joined.settled)
    by_stream = Sums(labels=alone.families(), limit=limit)
    by_family = Sums(labels=labels.families(), limit=limit)
    by_owner = Sums(labels=1 + max(int(labels.control_owner.max(initial=0)), groups), limit=limit)
    with ThreadPoolExecutor(threads) as pool:
        reading = pool.submit(_texts_and_marks, scratch, tasks, crowd, families, labels, alone)
        for _, piece in scratch.pieces("who", "primary", *[name for name in _COLUMNS if name in scratch]):
            owner, primary, columns = crowd.owner[piece["who"]], piece["primary"], _columns(piece)
            adding = [
                pool.submit(_add_by_owner, by_owner, labels, owner, columns),
                pool.submit(_add, by_family, labels, owner, primary, columns),
                pool.submit(_add, by_stream, alone, owner, primary, columns),
            ]
            for one in adding:
                one.result()
        (texts_of, alone_texts), (marks, alone_marks) = reading.result()
        for sums in (by_family, by_owner, by_stream):
            list(pool.map(sums.distinct, VALUES))
    turns = _turns(labels, families)
    values = by_family.statistics(marks, turns)
    controls = np.unique(labels.control_family[labels.control_family > 0])
    yard = values[controls]
    whole = by_owner.statistics(np.zeros((by_owner.labels, len(exemplars.READ))), np.ones(by_owner.labels, np.bool_))
    numbers = [number for number in range(groups) if own[number]]
    pooled = _pool(by_family, values, marks, labels, numbers)
    wanted = list(labels.stream.items())
    lists = np.array([group.weights.get("shards", 0.0) >= intent.LIST_BITS for group in joined.settled], bool)
    in_list = lists[[group - 1 for (group, _), _ in wanted]] if wanted else lists[:0]
    found = intent.weigh(values[[label for _, label in wanted]], yard, in_list)
    single = list(alone.stream.items())
    values_alone = by_stream.statistics(alone_marks, _turns(alone, families))
    holder = _holders(crowd, streams, labels, len(families))
    stood, among = _stand(values_alone, yard, holder, single)
    suspects = {label for (_, label), seen in zip(single, stood, strict=True) if alike(seen)}
    few = alone.only(suspects)
    if suspects:
        chosen = choose(scratch, crowd.owner, few, most=CLOSELY)
        (more,) = read(scratch, tasks, Chosen(rows=chosen, systems=_systems(few, families)))
        alone_marks[list(more)] = exemplars.read(list(more.values()))
        values_alone = by_stream.statistics(alone_marks, _turns(alone, families))
        stood, among = _stand(values_alone, yard, holder, single)
    with ThreadPoolExecutor(threads) as pool:
        known = pool.submit(public, scratch, crowd.owner, few, suspects)
        times = timing(scratch, crowd.owner, few, suspects)
    honest = known.result() | {label for label in suspects if times.one_off(label)}
    texts: dict[int, list[str]] = {}
    for held, source in ((wanted, texts_of), (single, alone_texts)):
        for (_, family), label in held:
            texts.setdefault(family, []).extend(one.prompt for one in source.get(label, []))
    return Weighed(
        own=own,
        streams={(group - 1, family): one for ((group, family), _), one in zip(wanted, found, strict=True)},
        pools=dict(zip(numbers, intent.weigh(pooled, yard, lists[numbers]), strict=True)),
        wholes=dict(enumerate(intent.weigh(whole[1 : groups + 1], whole[groups + 1 :], lists))),
        open={
            (group - 1, family): one
            for ((group, family), label), one in zip(single, stood, strict=True)
            if label in suspects - honest
        },
        sent={(group - 1, family): int(by_stream.tallies[label, 0]) for (group, family), label in single},
        label={(group - 1, family): label for (group, family), label in single},
        timing=times,
        texts=texts,
        controls=len(controls),
        among=among,
    )


def _add(
    sums: Sums, labels: Labels, owner: npt.NDArray[np.int32], primary: npt.NDArray[np.int32],
    columns: dict[str, npt.NDArray[Any]],
) -> None:  # fmt: skip
    sums.add(labels.of(owner, primary), owner, columns)


def _add_by_owner(
    sums: Sums, labels: Labels, owner: npt.NDArray[np.int32], columns: dict[str, npt.NDArray[Any]]
) -> None:
    sums.add(labels.control_owner[owner], owner, columns)


Texts = dict[int, list[Exemplar]]
Numbers = npt.NDArray[np.float64]


def _texts_and_marks(
    scratch: Scratch, tasks: Sequence[Task], crowd: Crowd, families: Families, *every: Labels
) -> tuple[list[Texts], list[Numbers]]:
    """Read exemplars of all labels, and what they say."""
    chosen = [Chosen(rows=choose(scratch, crowd.owner, one), systems=_systems(one, families)) for one in every]
    texts = read(scratch, tasks, *chosen)
    return texts, [_marks(one, held) for one, held in zip(every, texts, strict=True)]


OWN: Final = 0.5
"""Share of a control family's exchanges from which it is one owner's."""


def _holders(crowd: Crowd, streams: Streams, labels: Labels, count: int) -> npt.NDArray[np.int64]:
    """Find the owner of each control family who sends most of it, -1 where nobody does; in the order of the labels."""
    owner = crowd.owner[streams.account].astype(np.int64)
    pairs, inverse = np.unique(owner * count + streams.family, return_inverse=True)
    sent = np.bincount(inverse, weights=streams.exchanges)
    rows = np.bincount(streams.family, weights=streams.exchanges, minlength=count)
    who, family = pairs // count, pairs % count
    most = sent >= OWN * rows[family]
    holder = np.full(count, -1, np.int64)
    holder[family[most]] = who[most]
    controls = np.flatnonzero(labels.control_family)
    return holder[controls[np.argsort(labels.control_family[controls])]]


def _stand(
    values: npt.NDArray[np.float64], yard: npt.NDArray[np.float64], holder: npt.NDArray[np.int64],
    single: Sequence[tuple[tuple[int, int], int]],
) -> tuple[list[Read], dict[int, int]]:  # fmt: skip
    """Weigh the streams of single owners, each against control families that are not his own.

    One harvest often falls into several families; ranked among them it would be a rival of itself.
    """
    owners = np.array([group - 1 for (group, _), _ in single], np.int64)
    found: list[Read] = [intent.NOTHING] * len(single)
    among: dict[int, int] = {}
    scored = intent.scores(yard)
    for owner in np.unique(owners).tolist():
        mine, others = np.flatnonzero(owners == owner).tolist(), scored[holder != owner]
        among[owner] = len(others)
        for place, one in zip(mine, intent.against(values[[single[i][1] for i in mine]], others), strict=True):
            found[place] = one
    return found, among


def _label(
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


def _alone(crowd: Crowd, labels: Labels, families: Families, streams: Streams) -> Labels:
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


def _marks(labels: Labels, texts: dict[int, list[Exemplar]]) -> npt.NDArray[np.float64]:
    marks = np.zeros((labels.families(), len(exemplars.READ)))
    marks[list(texts)] = exemplars.read(list(texts.values()))
    return marks


def _columns(piece: dict[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """Take the columns that are added up; one that the log does not have is zero."""
    rows = len(piece["who"])
    return {name: piece[name] if name in piece else np.zeros(rows, kind) for name, kind in _COLUMNS.items()}


def _systems(labels: Labels, families: Families) -> set[int]:
    """Name the labels whose families are of system texts."""
    control = np.flatnonzero((labels.control_family > 0) & (families.kind == 2))
    return {int(labels.control_family[f]) for f in control} | {
        label for (_, family), label in labels.stream.items() if families.kind[family] == 2
    }


def _turns(labels: Labels, families: Families) -> npt.NDArray[np.bool_]:
    turns = np.ones(labels.families(), np.bool_)
    turns[list(_systems(labels, families))] = False
    return turns


def _pool(
    sums: Sums, values: npt.NDArray[np.float64], marks: npt.NDArray[np.float64], labels: Labels, numbers: Sequence[int]
) -> npt.NDArray[np.float64]:
    """Make the statistics of each group's own families taken together, as if they were one family."""
    if not numbers:
        return np.zeros((0, values.shape[1]))
    place = {number: i for i, number in enumerate(numbers)}
    pooled = Sums(labels=len(numbers), limit=sums.limit)
    weights = np.zeros((len(numbers), sums.labels))
    for (group, _), label in labels.stream.items():
        weights[place[group - 1], label] = 1.0
    rows = weights * sums.tallies[:, 0]
    pooled.tallies = weights @ sums.tallies
    share = rows / np.maximum(rows.sum(axis=1, keepdims=True), 1.0)
    return intent.statistics(
        pooled.tallies,
        distinct=(weights @ sums.distinct("last")).astype(np.int64),
        unordered=(weights @ sums.distinct("sum")).astype(np.int64),
        conversations=(weights @ sums.distinct("first")).astype(np.int64),
        contexts=(weights @ sums.distinct("system")).astype(np.int64),
        read=share @ marks,
        turns=np.ones(len(numbers), np.bool_),
        hands=(share * sums.hands()).sum(axis=1),
    )
