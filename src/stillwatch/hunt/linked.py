"""Linked: from columns to families, owners and groups."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np

from stillwatch.engine.memory import give_back
from stillwatch.hunt import closer, grow, know, previous, rank, tell, told, trace
from stillwatch.hunt.grow import Grown
from stillwatch.hunt.join import Joined, join
from stillwatch.hunt.read import Log, Progress
from stillwatch.hunt.request import Request
from stillwatch.link._owners import Declared
from stillwatch.model.traces import Families, Streams, Traces
from stillwatch.store.key import Key

PASSES: Final = 3
"""How often families go through all fingerprints."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """A log whose families and owners are found, ready for the views."""

    traces: Traces
    streams: Streams
    families: Families
    grown: Grown


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked(Traced):
    """A log whose families, owners and groups are found."""

    joined: Joined


def link(request: Request, log: Log, key: Key, progress: Progress) -> Linked:
    """Find the families, the owners, and the groups of owners that act as one."""
    return tie(request, log, find(request, log, key, progress))


def find(request: Request, log: Log, key: Key, progress: Progress) -> Traced:
    """Find the families and the owners, and gather what the views look at."""
    scratch = log.scratch
    progress.stage("families", PASSES * scratch.rows if "marks" in scratch else 0)
    with ThreadPoolExecutor(request.threads) as pool:
        met = pool.submit(know.meet, scratch, log.files, log.declared.accounts, _owners(log))
        grown = grow.grow(scratch, pool, request.threads, log.table_bits, progress.advance)
        crowd = met.result()
        give_back()
        progress.stage("groups", 0)
        carried = pool.submit(trace.carriers, scratch, crowd)
        held = trace.tables(scratch, crowd, pool)
        give_back()
        handovers = pool.submit(trace.handovers, scratch, crowd)
        family = carried.result()
        harness = rank.find_harness(family, held, len(grown))
        held["family"] = family.without(np.flatnonzero(harness).astype(np.uint64))
        rank.choose_primary(scratch, harness, pool, request.threads)
        streams = trace.streams(scratch)
    kind = np.array([0, *[1] * grown.turns, *[2] * grown.systems], np.uint8)
    families = Families(
        names=previous.family_names(grown.marks, kind, log.declared.previous, key),
        kind=kind,
        marks=np.array([len(marks) for marks in grown.marks]),
        harness=harness,
    )
    traces = Traces(crowd=crowd, held=held, handovers=handovers.result(), streams=streams, families=families)
    return Traced(traces=traces, streams=streams, families=families, grown=grown)


def tie(request: Request, log: Log, found: Traced) -> Linked:
    """Let the views look, and find the groups of owners that act as one."""
    scratch, crowd, harness = log.scratch, found.traces.crowd, found.families.harness
    joined = join(
        found.traces, request.fdr,
        lambda linked: closer.look(scratch, crowd, linked, harness, request.threads), request.without,
        told.groups(log.declared.leads, crowd), request.threads,
    )  # fmt: skip
    give_back()
    return Linked(
        traces=found.traces, streams=found.streams, families=found.families, grown=found.grown,
        joined=joined,
    )  # fmt: skip


def _owners(log: Log) -> list[Declared]:
    """Name the owners that were declared (known ones and holders of grants), as of the last day of the traffic."""
    last = max((int(piece["at"].max()) for _, piece in log.scratch.pieces("at") if len(piece["at"])), default=0)
    today = tell.instant(last).date()
    owners = [
        Declared(accounts=tuple(sorted(one.accounts)), reason=one.reason)
        for one in log.declared.known
        if one.kind == "owner" and one.holds_on(today)
    ]
    grants = log.declared.grants
    return [*owners, *(Declared(accounts=tuple(sorted(one.accounts)), reason=f"grant {one.id}") for one in grants)]
