"""Run: one hunt, from the request to the case."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch import __version__, ingest, rooms, sketch
from stillwatch.engine.scan import Task, Window, plan, scan
from stillwatch.engine.scratch import Scratch
from stillwatch.errors import NothingToRead
from stillwatch.families.template import template
from stillwatch.hunt import closer, grow, know, licences, rank, tell, trace, weigh
from stillwatch.hunt.decide import ATLAS, Decided, Draft, Examined, decide, entry_id
from stillwatch.hunt.join import Joined, join
from stillwatch.hunt.request import Request
from stillwatch.judge import axes
from stillwatch.kit.codes import Codes
from stillwatch.link._owners import Declared
from stillwatch.model.case import Case, Cleared, Entry, ErrorControl, FamilySummary, Traffic, Undecided
from stillwatch.model.exchange import CONTENT, EXCHANGES
from stillwatch.model.grant import Grant
from stillwatch.model.known import Known
from stillwatch.model.traces import Families, Streams, Traces
from stillwatch.store import cases

METHOD: Final = (
    "e-BH over all proposed groups; each group is proposed by one view and weighed by e-values of the others"
)
METADATA: Final = tuple(name for name in EXCHANGES.names if name not in CONTENT)
TABLE_BITS: Final = 29
"""The table in which fingerprints are counted has at most two to this power bytes."""


class Progress(Protocol):
    """Who is told how far a hunt is."""

    def stage(self, name: str, total: int) -> None:
        """Hear that a stage begins, with so many exchanges to go through."""

    def advance(self, count: int) -> None:
        """Hear that so many exchanges more are done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A log that is read: its columns in the scratch, and what the operator declared."""

    scratch: Scratch
    tasks: Sequence[Task]
    files: Sequence[Path]
    accounts: pa.Table | None
    grants: Sequence[Grant]
    known: Sequence[Known]


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """A log whose families, owners and groups are found."""

    traces: Traces
    streams: Streams
    families: Families
    grown: grow.Grown
    codes: Codes
    joined: Joined


def run(request: Request, progress: Progress) -> Case:
    """Hunt, and write the case.

    Raises:
        NothingToRead: when there is no exchange.
        StillwatchError: when an input is wrong; see the subclasses.
    """
    room = request.case / "scratch"
    with cases.replacing(request.case) as fresh:
        if not request.resume:
            shutil.rmtree(room, ignore_errors=True)
        progress.stage("read", 0)
        gathered = ingest.gather(
            request.traffic, into=room / "traffic", format=request.format, map_file=request.map,
            settings=request.settings.ingest, threads=request.threads,
        )  # fmt: skip
        log = _read(request, gathered.files, Scratch(room / "columns"), progress)
        linked = _link(request, log, progress)
        weighed = weigh.weigh(log.scratch, log.tasks, linked.traces, linked.joined, linked.codes)
        uses = licences.used(
            log.scratch, linked.codes, linked.traces.crowd.accounts, linked.grown, linked.families.names, log.grants, {}
        )
        decided = decide(linked.traces, linked.joined, weighed, uses)
        entries = _entries(log, linked, decided, weighed.texts, fresh)
        case = _case(request, gathered, log, linked, decided, entries)
        (fresh / cases.CASE).write_bytes(msgspec.json.format(msgspec.json.encode(case), indent=1))
        (fresh / "rejected.jsonl").write_bytes(gathered.rejected_file.read_bytes())
    shutil.rmtree(room, ignore_errors=True)
    return case


def _read(request: Request, files: Sequence[Path], scratch: Scratch, progress: Progress) -> Log:
    tasks = plan(files)
    progress.stage("sketch", sum(task.rows for task in tasks))
    scan(
        tasks, list(rooms.members("sketch").values()), METADATA if request.no_content else tuple(EXCHANGES.names),
        scratch, work=sketch.work, window=Window(since=request.since, until=request.until),
        threads=request.threads, advance=progress.advance,
    )  # fmt: skip
    if scratch.rows == 0:
        raise NothingToRead("no exchange lies in this time", hint="widen `--since` and `--until`")
    return Log(
        scratch=scratch,
        tasks=tasks,
        files=files,
        accounts=ingest.read_accounts(request.accounts) if request.accounts else None,
        grants=ingest.read_grants(request.grants) if request.grants else [],
        known=ingest.read_known(request.known) if request.known else [],
    )


def _link(request: Request, log: Log, progress: Progress) -> Linked:
    scratch = log.scratch
    progress.stage("link", scratch.rows)
    crowd, codes = know.meet(scratch, log.files, log.accounts, _declared(log))
    with ThreadPoolExecutor(request.threads) as pool:
        grown = grow.grow(scratch, pool, request.threads, TABLE_BITS, progress.advance)
        held = trace.tables(scratch, codes, crowd, pool)
    family = trace.carriers(scratch, codes, crowd)
    harness = rank.find_harness(family, held, len(grown))
    held["family"] = family.without(np.flatnonzero(harness).astype(np.uint64))
    rank.choose_primary(scratch, harness)
    families = Families(
        names=["", *(f"f-{int(marks.min()):08x}" for marks in grown.marks[1:])],
        kind=np.array([0, *[1] * grown.turns, *[2] * grown.systems], np.uint8),
        marks=np.array([len(marks) for marks in grown.marks]),
        harness=harness,
    )
    streams = trace.streams(scratch, codes)
    traces = Traces(
        crowd=crowd, held=held, handovers=trace.handovers(scratch, codes, crowd), streams=streams, families=families
    )
    return Linked(
        traces=traces, streams=streams, families=families, grown=grown, codes=codes,
        joined=join(traces, request.fdr, lambda linked: closer.look(scratch, codes, crowd, linked, harness)),
    )  # fmt: skip


def _declared(log: Log) -> list[Declared]:
    """Name the owners that the operator declared, as far as that holds on the last day of the traffic."""
    last = max((int(piece["at"].max()) for _, piece in log.scratch.pieces("at") if len(piece["at"])), default=0)
    today = tell.instant(last).date()
    owners = [
        Declared(accounts=tuple(sorted(one.accounts)), reason=one.reason)
        for one in log.known
        if one.kind == "owner" and one.holds_on(today)
    ]
    return [
        *owners,
        *(Declared(accounts=tuple(sorted(one.accounts)), reason=f"grant {one.id}") for one in log.grants),
    ]


def _entries(log: Log, linked: Linked, decided: Decided, texts: dict[int, list[str]], fresh: Path) -> list[Entry]:
    crowd = linked.traces.crowd
    counted = tell.count(log.scratch, linked.codes, decided.drafts, len(crowd.accounts))
    names = [entry_id(draft.finding, [crowd.accounts[int(a)] for a in draft.accounts]) for draft in decided.drafts]
    attributed = [
        (name, total.rows)
        for name, draft, total in zip(names, decided.drafts, counted, strict=True)
        if draft.finding != "account_network"
    ]
    tell.write_exchanges(fresh / "exchanges.parquet", log.scratch, log.tasks, attributed, linked.families.names)
    others = _others(linked)
    return [
        _entry(name, names, draft, total, linked, texts, others)
        for name, draft, total in zip(names, decided.drafts, counted, strict=True)
    ]


def _others(linked: Linked) -> npt.NDArray[np.int64]:
    """Count what every owner outside the settled groups sends: the yardstick of scale."""
    crowd = linked.traces.crowd
    inside = np.zeros(crowd.owners, bool)
    for group in linked.joined.settled:
        inside[group.members] = True
    every = np.bincount(crowd.owner, weights=crowd.exchanges, minlength=crowd.owners).astype(np.int64)
    return every[~inside]


def _entry(
    name: str, names: Sequence[str], draft: Draft, total: tell.Counted, linked: Linked,
    texts: dict[int, list[str]], others: npt.NDArray[np.int64],
) -> Entry:  # fmt: skip
    crowd, streams, families = linked.traces.crowd, linked.streams, linked.families
    inside = np.zeros(len(crowd.accounts), bool)
    inside[draft.accounts] = True
    mine = inside[streams.account]
    shown = []
    for family in draft.shown[:12]:
        here = mine & (streams.family == family)
        shown.append(
            FamilySummary(
                id=families.names[family],
                template=template(texts.get(family, [])),
                exchanges=int(streams.exchanges[here].sum()),
                accounts=int(here.sum()),
                kinds=draft.kinds.get(family, []),
                harness=bool(families.harness[family]),
            )
        )
    return Entry(
        id=name,
        finding=draft.finding,
        part_of=names[draft.part_of] if draft.part_of is not None else None,
        accounts=[crowd.accounts[int(a)] for a in draft.accounts],
        exchanges=total.exchanges,
        tasks=total.tasks,
        output_tokens=total.output_tokens,
        distinct_prompts=total.distinct_prompts,
        from_=tell.instant(total.first),
        to=tell.instant(total.last),
        scale=axes.scale(total.exchanges, total.tasks, total.output_tokens, total.distinct_prompts, others),
        deception=draft.deception,
        intent=draft.intent,
        evidence=draft.evidence,
        explanations=draft.explanations,
        families=shown,
        targets=draft.targets,
        atlas=ATLAS[draft.finding],
        grant=draft.grant,
        beyond_grant=draft.beyond,
    )


def _case(
    request: Request, gathered: ingest.Gathered, log: Log, linked: Linked, decided: Decided, entries: list[Entry]
) -> Case:
    crowd = linked.traces.crowd

    def who(one: Examined) -> list[str]:
        return [crowd.accounts[int(a)] for a in one.accounts]

    def exchanges(one: Examined) -> int:
        return int(crowd.exchanges[one.accounts].sum())

    return Case(
        stillwatch=__version__,
        traffic=Traffic(
            exchanges=log.scratch.rows,
            accounts=len(crowd.accounts),
            from_=tell.instant(int(crowd.first.min())),
            to=tell.instant(int(crowd.last.max())),
            rejected=gathered.rejected,
            columns_missing=sorted({column for needs in linked.joined.silent.values() for column in needs}),
            duplicates=gathered.duplicates,
        ),
        error_control=ErrorControl(fdr=request.fdr, method=METHOD, groups_examined=len(linked.joined.proposals.groups)),
        campaigns=entries,
        cleared=[
            Cleared(accounts=who(one), exchanges=exchanges(one), because=one.because, explanation=one.explanation)
            for one in decided.cleared
        ],
        undecided=[
            Undecided(accounts=who(one), exchanges=exchanges(one), missing=one.missing) for one in decided.undecided
        ],
        warnings=list(gathered.warnings),
    )
