"""Keep: the tables of a case beside its findings, from which `explain` tells the way of an account.

Identifiers (addresses, instruments, devices, builds) stand here as keyed hashes only; accounts and exchanges keep
the ids that the operator's own log has. Size: a row for each account, a few streams of each, and of the groups
what ties their members.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.hunt.entries import Entries
from stillwatch.hunt.exemplars import exemplars
from stillwatch.hunt.linked import Linked
from stillwatch.hunt.nearest import NOWHERE, Nearest, nearest, needed
from stillwatch.hunt.previous import FAMILIES_KEPT, KINDS, MARKS, sample
from stillwatch.hunt.read import Log
from stillwatch.kit.fingerprint import telling
from stillwatch.kit.held import Held
from stillwatch.model.exchange import AT
from stillwatch.settings import Store
from stillwatch.store import cases
from stillwatch.store.key import Key

GROUP_STREAMS: Final = 12
"""Streams kept of an account that is in a group."""
VALUES_KEPT: Final = 4
"""Values kept of an owner in one column: the rarest that tie him to others of his group."""
HOPS_KEPT: Final = 50_000
"""Pairs of owners kept of the conversations that one group handed over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What the tables are made of."""

    log: Log
    linked: Linked
    entries: Entries
    key: Key
    settings: Store
    threads: int = 1


def keep(kept: Kept, fresh: Path) -> None:
    """Write the tables of a case.

    Raises:
        OSError: when the disk is full.
    """
    stands = nearest(kept.linked.joined, kept.linked.traces.crowd.owners, kept.threads)
    for name, table in (
        (cases.MEMBERS, _members(kept, stands)),
        (cases.STREAMS, _streams(kept, stands)),
        (cases.FAMILIES, _families(kept)),
        (cases.GROUPS, _groups(kept, stands)),
        (cases.TIES, _ties(kept)),
        (cases.HANDOVERS, _handovers(kept)),
    ):
        pq.write_table(table, fresh / name, compression="zstd")
    _exemplars(kept, fresh)


def _named(values: npt.NDArray[Any], names: Sequence[str]) -> pa.Array:
    """Write numbers as the names that they stand for, each name once; negative numbers are null."""
    there = pa.array(values, pa.int32(), mask=np.asarray(values) < 0)
    return pa.DictionaryArray.from_arrays(there, pa.array(names, pa.string()))


def _members(kept: Kept, stands: Nearest) -> pa.Table:
    crowd = kept.linked.traces.crowd
    owner = crowd.owner
    reasons = sorted(set(crowd.reasons.values()))
    place = {reason: number for number, reason in enumerate(reasons)}
    why = np.array([place.get(crowd.reasons.get(one, ""), -1) for one in range(crowd.owners)], np.int32)
    several = np.bincount(owner, minlength=crowd.owners)[owner]
    columns: dict[str, Any] = {
        "account": pa.array(crowd.accounts, pa.string()),
        "owner": pa.array(owner, pa.int32()),
        "owner_accounts": pa.array(several, pa.int32()),
        "owner_because": _named(why[owner], reasons),
        "declared": pa.array(crowd.declared[owner]),
        "exchanges": pa.array(crowd.exchanges, pa.int64()),
        "first": pa.array(crowd.first, AT),
        "last": pa.array(crowd.last, AT),
        "group": pa.array(stands.group[owner], pa.int32(), mask=stands.group[owner] == NOWHERE),
        "near": pa.array(stands.near[owner], pa.int32(), mask=stands.near[owner] == NOWHERE),
        "proposal": pa.array(_proposal(kept, stands)[owner], pa.int32(), mask=stands.proposal[owner] == NOWHERE),
        "views": pa.array(stands.views[owner], pa.int8()),
        "bits": pa.array(stands.bits[owner], pa.float32()),
    }
    for name, ties in stands.ties.items():
        columns[f"tie_{name}"] = pa.array(ties[owner], pa.float32(), mask=np.isnan(ties[owner]))
    return pa.table(columns)


def _proposal(kept: Kept, stands: Nearest) -> npt.NDArray[np.int32]:
    """Number the proposed groups that are kept: they come after the settled ones."""
    used = np.unique(stands.proposal[stands.proposal >= 0])
    place = np.searchsorted(used, np.maximum(stands.proposal, 0)).astype(np.int32)
    return place + np.int32(len(kept.linked.joined.settled))


def _groups(kept: Kept, stands: Nearest) -> pa.Table:
    """Write the settled groups, then the proposed ones that are the strongest of any owner."""
    joined, crowd = kept.linked.joined, kept.linked.traces.crowd
    used = np.unique(stands.proposal[stands.proposal >= 0])
    seeds = [group.seed for group in joined.settled]
    rows = np.concatenate([np.array(seeds, np.int64), used.astype(np.int64)])
    settled = np.arange(len(rows)) < len(seeds)
    owners = [len(group.members) for group in joined.settled]
    owners += joined.proposals.groups.sizes[used].tolist()
    verdicts = [_verdicts(kept, crowd.accounts_of(group.members)) for group in joined.settled]
    need = [needed(joined, group, crowd.owners) for group in joined.settled]
    columns: dict[str, Any] = {
        "number": pa.array(np.arange(len(rows)), pa.int32()),
        "settled": pa.array(settled),
        "by": pa.array([joined.proposals.by[int(row)] for row in rows], pa.string()),
        "owners": pa.array(owners, pa.int32()),
        "passed": pa.array(joined.proposals.passed[rows] if len(rows) else [], pa.bool_()),
        "bits": pa.array(joined.proposals.total[rows] if len(rows) else [], pa.float32()),
        "member_bits": pa.array([*need, *[None] * len(used)], pa.float32()),
        "verdicts": pa.array([*verdicts, *[[] for _ in used]], pa.list_(pa.string())),
    }
    for name, bits in joined.proposals.bits.items():
        columns[f"bits_{name}"] = pa.array(bits[rows] if len(rows) else [], pa.float32())
    return pa.table(columns)


def _verdicts(kept: Kept, accounts: npt.NDArray[np.int64]) -> list[str]:
    """Name what came of a settled group: its entries, or why it was cleared, or left open."""
    crowd = kept.linked.traces.crowd
    inside = np.zeros(len(crowd.accounts), bool)
    inside[accounts] = True
    found = [
        entry.id
        for entry, draft in zip(kept.entries.entries, kept.entries.drafts, strict=True)
        if len(draft.accounts) and inside[draft.accounts].all()
    ]
    names = {crowd.accounts[int(one)] for one in accounts}
    found += [one.id for one in kept.entries.cleared if set(one.accounts) == names]
    found += [one.id for one in kept.entries.undecided if set(one.accounts) == names]
    return found


def _streams(kept: Kept, stands: Nearest) -> pa.Table:
    streams, crowd = kept.linked.streams, kept.linked.traces.crowd
    order = np.lexsort((-streams.exchanges, streams.account))
    account = streams.account[order]
    grouped = stands.group[crowd.owner[account]] != NOWHERE
    for entry in kept.entries.drafts:
        grouped |= np.isin(account, entry.accounts)
    rows = order[_ranks(account) < np.where(grouped, GROUP_STREAMS, kept.settings.streams)]
    return pa.table(
        {
            "account": _named(streams.account[rows], crowd.accounts),
            "family": _named(streams.family[rows], kept.linked.families.names),
            "exchanges": pa.array(streams.exchanges[rows], pa.int64()),
            "output_tokens": pa.array(streams.output_tokens[rows], pa.int64()),
            "first": pa.array(streams.first[rows], AT),
            "last": pa.array(streams.last[rows], AT),
        }
    )


def _families(kept: Kept) -> pa.Table:
    families, streams = kept.linked.families, kept.linked.streams
    accounts = np.bincount(streams.family, minlength=len(families))
    exchanges = np.bincount(streams.family, weights=streams.exchanges, minlength=len(families)).astype(np.int64)
    largest = np.argsort(-exchanges[1:], kind="stable")[:FAMILIES_KEPT] + 1
    templates = {one.id: one.template for entry in kept.entries.entries for one in entry.families}
    shown = {name: number for number, name in enumerate(families.names)}
    rows = np.unique(np.concatenate([largest, [shown[name] for name in templates if name in shown]])).astype(np.int64)
    return pa.table(
        {
            "family": pa.array([families.names[row] for row in rows], pa.string()),
            "kind": pa.array([KINDS[families.kind[row]] for row in rows], pa.string()),
            "exchanges": pa.array(exchanges[rows], pa.int64()),
            "accounts": pa.array(accounts[rows], pa.int64()),
            "harness": pa.array(families.harness[rows], pa.bool_()),
            "marks": pa.array(
                [kept.key.marks(sample(kept.linked.grown.marks[row])) for row in rows], pa.list_(pa.int64())
            ),
            "live": pa.array(
                [kept.key.live(np.sort(telling(kept.linked.grown.marks[row]))[:MARKS]) for row in rows],
                pa.list_(pa.uint64()),
            ),
            "template": pa.array([templates.get(families.names[row]) or None for row in rows], pa.string()),
        }
    )


_TIES: Final = pa.schema(
    [
        ("group", pa.int32()), ("owner", pa.int32()), ("view", pa.string()), ("column", pa.string()),
        ("value", pa.string()), ("inside", pa.int32()), ("outside", pa.int32()),
    ]
)  # fmt: skip


def _ties(kept: Kept) -> pa.Table:
    """Write which values tie the members of each settled group, as keyed hashes; families have tables of their own."""
    joined, tables = kept.linked.joined, kept.linked.traces.held
    parts = [_TIES.empty_table()]
    for view, look in joined.looks.items():
        looked = {id(held) for held in getattr(look.sight, "columns", ())}
        for column, held in tables.items():
            if id(held) in looked and column != "family":
                parts += [
                    _tied(number, view, group.members, column, held, kept.key)
                    for number, group in enumerate(joined.settled)
                ]
    return pa.concat_tables(parts)


def _tied(number: int, view: str, members: npt.NDArray[np.int32], column: str, held: Held, key: Key) -> pa.Table:
    position, value = held.spread(members)
    _, places, times = np.unique(value, return_inverse=True, return_counts=True)
    inside = times[places]
    shared = inside >= 2
    position, value, inside = position[shared], value[shared], inside[shared]
    holders = held.holder_offsets[value + 1] - held.holder_offsets[value]
    order = np.lexsort((value, holders, position))
    few = order[_ranks(position[order]) < VALUES_KEPT]
    position, value, inside, holders = position[few], value[few], inside[few], holders[few]
    distinct, places = np.unique(value, return_inverse=True)
    hashed = pa.array([key.hash(column, int(held.keys[one])) for one in distinct], pa.string())
    return pa.table(
        [
            pa.array(np.full(len(value), number), pa.int32()),
            pa.array(members[position], pa.int32()),
            pa.array([view] * len(value), pa.string()),
            pa.array([column] * len(value), pa.string()),
            hashed.take(pa.array(places)),
            pa.array(inside, pa.int32()),
            pa.array(holders - inside, pa.int32()),
        ],
        schema=_TIES,
    )


def _ranks(sorted_: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Number the rows of each run of equal values, from 0."""
    starts = np.flatnonzero(np.diff(sorted_, prepend=-1))
    ranks: npt.NDArray[np.int64] = np.arange(len(sorted_)) - np.repeat(starts, np.diff(np.append(starts, len(sorted_))))
    return ranks


_HOPS: Final = pa.schema(
    [
        ("group", pa.int32()), ("giver", pa.int32()), ("taker", pa.int32()), ("answers", pa.int32()),
        ("conversations", pa.int32()),
    ]
)  # fmt: skip


def _handovers(kept: Kept) -> pa.Table:
    """Write between which owners of a settled group conversations were handed over."""
    parts = [_HOPS.empty_table()]
    events = kept.linked.traces.handovers
    if events is None or not len(events.giver):
        return parts[0]
    inside = np.zeros(kept.linked.traces.crowd.owners, bool)
    for number, group in enumerate(kept.linked.joined.settled):
        inside[group.members] = True
        here = np.flatnonzero(inside[events.giver] & inside[events.taker])
        inside[group.members] = False
        three = np.stack([events.giver[here].astype(np.uint64), events.taker[here].astype(np.uint64),
                          events.conversation[here]])  # fmt: skip
        talks = np.unique(three, axis=1)
        pairs, conversations = np.unique(talks[:2], axis=1, return_counts=True)
        _, answers = np.unique(three[:2], axis=1, return_counts=True)
        most = np.argsort(-conversations, kind="stable")[:HOPS_KEPT]
        parts.append(
            pa.table(
                [
                    pa.array(np.full(len(most), number), pa.int32()),
                    pa.array(pairs[0][most].astype(np.int32), pa.int32()),
                    pa.array(pairs[1][most].astype(np.int32), pa.int32()),
                    pa.array(answers[most], pa.int32()),
                    pa.array(conversations[most], pa.int32()),
                ],
                schema=_HOPS,
            )
        )
    return pa.concat_tables(parts)


def _exemplars(kept: Kept, fresh: Path) -> None:
    """Write a few prompts of each family that is attributed, in a file that only its owner can read."""
    names = kept.linked.families.names
    found = exemplars(kept.log.scratch, kept.log.tasks, kept.entries.attributed, names, kept.settings)
    if found:
        cases.write_private(fresh / cases.EXEMPLARS, b"".join(msgspec.json.encode(one) + b"\n" for one in found))
