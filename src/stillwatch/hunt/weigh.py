"""Weigh: read what groups ask for intent, against what owners whom nothing links ask in the same log.

What is read is a *label*: a control family; one family inside one group; all of a group's own families together;
all that a group or a control owner sends. Sums over the exchanges of a label come from the scratch; of the texts
only a few exemplars are read again, from a few pieces of the traffic, and forgotten at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from stillwatch.engine.scan import Task
from stillwatch.engine.scratch import Limit, Scratch
from stillwatch.hunt import sums
from stillwatch.hunt.exemplify import Chosen, choose, read
from stillwatch.hunt.join import Joined
from stillwatch.hunt.labels import Labels, label, label_alone, of_systems, of_turns
from stillwatch.hunt.singles import Singles, Yard, holders, weigh_singles
from stillwatch.hunt.sums import Numbers, Sums
from stillwatch.judge import exemplars, intent
from stillwatch.judge.exemplars import Exemplar
from stillwatch.judge.gather import Settled
from stillwatch.judge.streams import Carried, Enriched
from stillwatch.model.crowd import Crowd
from stillwatch.model.traces import Families, Traces


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
    singles: Singles
    """Streams of single owners outside the groups."""
    texts: dict[int, list[str]]
    """Texts of the exemplars of every family that was read."""
    controls: int

    def driven(self, owner: int, families: Sequence[int]) -> bool:
        """Tell whether a machine sends what an owner asks in some families, one request right after the other."""
        return self.singles.timing.driven([self.singles.label[owner, family] for family in families])

    def filled(self, owner: int, families: Sequence[int]) -> float:
        """Tell how much of its time that fills, against as many requests that know nothing of each other; 0 to 1."""
        return self.singles.timing.filled([self.singles.label[owner, family] for family in families])


def weigh(scratch: Scratch, tasks: Sequence[Task], traces: Traces, joined: Joined, threads: int = 1) -> Weighed:
    """Read the families that belong to settled groups, against the control families of the log."""
    families, streams, crowd = traces.families, traces.streams, traces.crowd
    assert families is not None  # noqa: S101 - the corridor made them
    assert streams is not None  # noqa: S101
    carried = Carried(streams, crowd.owner, crowd.owners, families)
    own = [carried.enriched(group.members) for group in joined.settled]
    labels = label(traces, joined, own, families, streams)
    alone = label_alone(crowd, labels, families, streams)
    with ThreadPoolExecutor(threads) as pool:
        reading = pool.submit(_exemplars, scratch, tasks, crowd, families, (labels, alone))
        added = _added(scratch, crowd, labels, alone, len(joined.settled), pool)
        texts, marks = reading.result()
    sent = crowd.owner[streams.account]
    hands, lone_hands = (
        sums.hands(one.of(sent, streams.family), sent, streams.exchanges, one.families()) for one in (labels, alone)
    )
    values = added.by_family.statistics(marks[0], of_turns(labels, families), hands)
    controls = np.unique(labels.control_family[labels.control_family > 0])
    yard = Yard(values=values[controls], holder=holders(crowd, streams, labels, len(families)))
    return Weighed(
        own=own,
        streams=_streams(values, yard, labels, joined.settled),
        pools=_pools(added.by_family, values, marks[0], hands, yard, labels, own, joined.settled),
        wholes=_wholes(added.by_owner, crowd, labels, joined.settled),
        singles=weigh_singles(
            scratch, tasks, crowd, families, alone, added.by_stream, marks[1], lone_hands, yard, threads,
        ),
        texts=_texts_of((labels, alone), texts),
        controls=len(controls),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Added:
    """Sums over whole traffics, over families, and over streams of single owners."""

    by_owner: Sums
    by_family: Sums
    by_stream: Sums


def _added(
    scratch: Scratch, crowd: Crowd, labels: Labels, alone: Labels, groups: int, pool: Executor
) -> _Added:  # fmt: skip
    """Add up the exchanges of every label, in one pass over the scratch."""
    limit: Limit = scratch.limit(3 * len(sums.VALUES))
    whole = 1 + max(int(labels.control_owner.max(initial=0)), groups)
    by_owner, by_family, by_stream = (
        Sums(labels=count, limit=limit) for count in (whole, labels.families(), alone.families())
    )
    adding: list[Future[None]] = []
    for _, piece in scratch.pieces("who", "primary", *[name for name in sums.COLUMNS if name in scratch]):
        owner, primary, columns = crowd.owner[piece["who"]], piece["primary"], sums.columns(piece)
        _done(adding)  # so the next piece is read while one is added, and the pieces are added in order
        adding = [
            pool.submit(by_owner.add, labels.control_owner[owner], columns),
            pool.submit(_add, by_family, labels, owner, primary, columns),
            pool.submit(_add, by_stream, alone, owner, primary, columns),
        ]
    _done(adding)
    _done([pool.submit(one.distinct, name) for one in (by_owner, by_family, by_stream) for name in sums.VALUES])
    return _Added(by_owner=by_owner, by_family=by_family, by_stream=by_stream)


def _done(work: Sequence[Future[Any]]) -> None:
    for one in work:
        one.result()


def _add(
    into: Sums, labels: Labels, owner: npt.NDArray[np.int32], primary: npt.NDArray[np.int32],
    columns: dict[str, npt.NDArray[Any]],
) -> None:  # fmt: skip
    into.add(labels.of(owner, primary), columns)


Texts = dict[int, list[Exemplar]]


def _exemplars(
    scratch: Scratch, tasks: Sequence[Task], crowd: Crowd, families: Families, every: Sequence[Labels]
) -> tuple[list[Texts], list[Numbers]]:
    """Read exemplars of all labels, and what they say."""
    chosen = [Chosen(rows=choose(scratch, crowd.owner, one), systems=of_systems(one, families)) for one in every]
    texts = read(scratch, tasks, *chosen)
    marks = [np.zeros((one.families(), len(exemplars.READ))) for one in every]
    for out, held in zip(marks, texts, strict=True):
        out[list(held)] = exemplars.read(list(held.values()))
    return texts, marks


def _texts_of(every: Sequence[Labels], texts: Sequence[Texts]) -> dict[int, list[str]]:
    """Gather the texts by their family."""
    found: dict[int, list[str]] = {}
    for labels, source in zip(every, texts, strict=True):
        for (_, family), name in labels.stream.items():
            found.setdefault(family, []).extend(one.prompt for one in source.get(name, []))
    return found


def _lists(settled: Sequence[Settled]) -> npt.NDArray[np.bool_]:
    """Tell which groups divide a list among their hands."""
    return np.array([group.weights.get("shards", 0.0) >= intent.LIST_BITS for group in settled], bool)


def _streams(
    values: Numbers, yard: Yard, labels: Labels, settled: Sequence[Settled]
) -> dict[tuple[int, int], intent.Read]:
    """Weigh each family inside each group."""
    wanted = list(labels.stream.items())
    in_list = _lists(settled)[[group - 1 for (group, _), _ in wanted]] if wanted else np.zeros(0, bool)
    found = intent.weigh(values[[name for _, name in wanted]], yard.values, in_list)
    return {(group - 1, family): one for ((group, family), _), one in zip(wanted, found, strict=True)}


def _wholes(by_owner: Sums, crowd: Crowd, labels: Labels, settled: Sequence[Settled]) -> dict[int, intent.Read]:
    """Weigh all that each group sends, against all that control owners send."""
    nothing = np.zeros((by_owner.labels, len(exemplars.READ)))
    sent = np.bincount(crowd.owner, weights=crowd.exchanges, minlength=crowd.owners)
    hands = sums.hands(labels.control_owner, np.arange(crowd.owners), sent, by_owner.labels)
    values = by_owner.statistics(nothing, np.ones(by_owner.labels, np.bool_), hands)
    groups = len(settled)
    return dict(enumerate(intent.weigh(values[1 : groups + 1], values[groups + 1 :], _lists(settled))))


def _pools(
    added: Sums, values: Numbers, marks: Numbers, hands: Numbers, yard: Yard, labels: Labels,
    own: Sequence[Sequence[Enriched]], settled: Sequence[Settled],
) -> dict[int, intent.Read]:  # fmt: skip
    """Weigh each group's own families taken together, as if they were one family."""
    numbers = [number for number in range(len(settled)) if own[number]]
    pooled = _pool(added, values, marks, hands, labels, numbers)
    return dict(zip(numbers, intent.weigh(pooled, yard.values, _lists(settled)[numbers]), strict=True))


def _pool(
    added: Sums, values: Numbers, marks: Numbers, hands: Numbers, labels: Labels, numbers: Sequence[int]
) -> Numbers:
    """Make the statistics of each group's own families taken together."""
    if not numbers:
        return np.zeros((0, values.shape[1]))
    place = {number: i for i, number in enumerate(numbers)}
    weights = np.zeros((len(numbers), added.labels))
    for (group, _), name in labels.stream.items():
        weights[place[group - 1], name] = 1.0
    rows = weights * added.tallies[:, 0]
    share = rows / np.maximum(rows.sum(axis=1, keepdims=True), 1.0)
    distinct = {name: (weights @ added.distinct(name)).astype(np.int64) for name in sums.VALUES}
    return intent.statistics(
        weights @ added.tallies, distinct=distinct["last"], unordered=distinct["sum"],
        conversations=distinct["first"], contexts=distinct["system"], read=share @ marks,
        turns=np.ones(len(numbers), np.bool_), hands=(share * hands).sum(axis=1),
    )  # fmt: skip
