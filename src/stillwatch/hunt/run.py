"""Run: one hunt, from the request to the case."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec
import numpy as np

from stillwatch import __version__, ingest, rooms, sketch
from stillwatch.engine.scan import Window, plan, scan
from stillwatch.engine.scratch import Scratch
from stillwatch.errors import NothingToRead
from stillwatch.families.template import template
from stillwatch.hunt import decide, grow, join, know, rank, tell, trace, weigh
from stillwatch.hunt.request import Request
from stillwatch.judge import axes, intent
from stillwatch.judge.exemplars import READ
from stillwatch.judge.exemplars import read as read_texts
from stillwatch.model.case import Case, Cleared, Entry, ErrorControl, FamilySummary, Traffic, Undecided
from stillwatch.model.crowd import Crowd
from stillwatch.model.exchange import CONTENT, EXCHANGES
from stillwatch.model.traces import Families, Streams, Traces
from stillwatch.store import cases

METHOD: Final = (
    "e-BH over all proposed groups; each group is proposed by one view and weighed by e-values of the others"
)
METADATA: Final = tuple(name for name in EXCHANGES.names if name not in CONTENT)


class Progress(Protocol):
    """Who is told how far a hunt is."""

    def stage(self, name: str, total: int) -> None:
        """A stage begins, with so many exchanges to go through."""

    def advance(self, count: int) -> None:
        """So many exchanges more are done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunt:
    """What a hunt holds once everything is read and linked."""

    crowd: Crowd
    traces: Traces
    families: Families
    grown: grow.Grown
    joined: join.Joined
    streams: Streams


def run(request: Request, progress: Progress) -> Case:
    """Hunt.

    Raises:
        NothingToRead: when there is no exchange.
        StillwatchError: when an input is wrong; see the subclasses.
    """
    with cases.replacing(request.case) as fresh:
        scratch_room = request.case / "scratch"
        gathered = ingest.gather(
            request.traffic, into=scratch_room / "traffic", format=request.format, map_file=request.map,
            settings=request.settings.ingest, threads=request.threads,
        )  # fmt: skip
        table = ingest.read_accounts(request.accounts) if request.accounts else None
        scratch = Scratch(scratch_room / "columns")
        if not request.resume:
            scratch.erase()
            scratch = Scratch(scratch_room / "columns")
        case = _hunt(request, progress, gathered, table, scratch, fresh)
        (fresh / cases.CASE).write_bytes(msgspec.json.format(msgspec.json.encode(case), indent=1))
        (fresh / "rejected.jsonl").write_bytes(gathered.rejected_file.read_bytes())
        scratch.erase()
    return case


def _hunt(request, progress, gathered, table, scratch, fresh):  # type: ignore[no-untyped-def]
    tasks = plan(gathered.files)
    columns = METADATA if request.no_content else tuple(EXCHANGES.names)
    progress.stage("read and sketch", sum(task.rows for task in tasks))
    scan(
        tasks, list(rooms.members("sketch").values()), columns, scratch, work=sketch.work,
        window=Window(since=request.since, until=request.until), threads=request.threads, advance=progress.advance,
    )  # fmt: skip
    if scratch.rows == 0:
        raise NothingToRead("no exchange in this traffic and time", hint="widen `--since` and `--until`")
    progress.stage("link", 1)
    crowd, codes = know.meet(scratch, gathered.files, table, [])
    with ThreadPoolExecutor(request.threads) as pool:
        grown = grow.grow(scratch, pool, request.threads, 29, lambda _: None)
        held = trace.tables(scratch, codes, crowd, pool)
    family = trace.carriers(scratch, codes, crowd)
    harness = rank.find_harness(family, held, len(grown))
    held["family"] = family.without(np.flatnonzero(harness).astype(np.uint64))
    rank.choose_primary(scratch, harness)
    streams = trace.streams(scratch, codes)
    handovers = trace.handovers(scratch, codes, crowd)
    sums = weigh.sums(scratch, grown)
    families = Families(
        names=["", *(f"f-{int(marks.min()):08x}" for marks in grown.marks[1:])],
        kind=np.array([0, *[1] * grown.turns, *[2] * grown.systems], np.uint8),
        exchanges=sums.rows, marks=np.array([len(m) for m in grown.marks]), distinct=sums.distinct,
        owners=np.zeros(len(grown), np.int64), harness=harness,
    )  # fmt: skip
    traces = Traces(crowd=crowd, held=held, handovers=handovers, streams=streams, families=families)
    joined = join.join(traces, request.fdr)
    reads, texts = _read(scratch, tasks, traces, joined, families, grown, sums)
    decided = decide.decide(traces, joined, families, reads)
    counted = tell.count(scratch, codes, decided.drafts, len(crowd.accounts))
    names = [
        decide.entry_id(draft.finding, [crowd.accounts[int(a)] for a in draft.accounts]) for draft in decided.drafts
    ]
    others = _others(crowd, joined)
    entries = [
        _entry(names, draft, number, total, crowd, families, streams, texts, others)
        for number, (draft, total) in enumerate(zip(decided.drafts, counted, strict=True))
    ]
    attributed = [
        (name, total.rows)
        for name, draft, total in zip(names, decided.drafts, counted, strict=True)
        if draft.finding != "account_network"
    ]
    tell.write_exchanges(fresh / "exchanges.parquet", scratch, tasks, attributed, families.names)
    missing = sorted({column for needs in joined.silent.values() for column in needs})
    return Case(
        stillwatch=__version__,
        traffic=Traffic(
            exchanges=scratch.rows, accounts=len(crowd.accounts), from_=tell.instant(int(crowd.first.min())),
            to=tell.instant(int(crowd.last.max())), rejected=gathered.rejected, columns_missing=missing,
            duplicates=gathered.duplicates,
        ),
        error_control=ErrorControl(fdr=request.fdr, method=METHOD, groups_examined=len(joined.proposals.groups)),
        campaigns=entries,
        cleared=[
            Cleared(
                accounts=[crowd.accounts[int(a)] for a in one.accounts],
                exchanges=int(crowd.exchanges[one.accounts].sum()), because=one.because, explanation=one.explanation,
            )
            for one in decided.cleared
        ],
        undecided=[
            Undecided(
                accounts=[crowd.accounts[int(a)] for a in one.accounts],
                exchanges=int(crowd.exchanges[one.accounts].sum()), missing=one.missing,
            )
            for one in decided.undecided
        ],
        warnings=list(gathered.warnings),
    )  # fmt: skip


def _others(crowd, joined):  # type: ignore[no-untyped-def]
    linked = np.zeros(crowd.owners, bool)
    for group in joined.settled:
        linked[group.members] = True
    every = np.bincount(crowd.owner, weights=crowd.exchanges, minlength=crowd.owners).astype(np.int64)
    return every[~linked]


def _entry(names, draft, number, total, crowd, families, streams, texts, others):  # type: ignore[no-untyped-def]
    inside = np.zeros(len(crowd.accounts), bool)
    inside[draft.accounts] = True
    mine = inside[streams.account]
    shown = []
    for family in draft.shown[:12]:
        here = mine & (streams.family == family)
        shown.append(
            FamilySummary(
                id=families.names[family], template=template(texts.get(family, [])),
                exchanges=int(streams.exchanges[here].sum()), accounts=int(here.sum()),
                kinds=draft.kinds.get(family, []), harness=bool(families.harness[family]),
            )
        )  # fmt: skip
    return Entry(
        id=names[number], finding=draft.finding, part_of=names[draft.part_of] if draft.part_of is not None else None,
        accounts=[crowd.accounts[int(a)] for a in draft.accounts], exchanges=total.exchanges, tasks=total.tasks,
        output_tokens=total.output_tokens, distinct_prompts=total.distinct_prompts, from_=tell.instant(total.first),
        to=tell.instant(total.last),
        scale=axes.scale(total.exchanges, total.tasks, total.output_tokens, total.distinct_prompts, others),
        deception=draft.deception, intent=draft.intent, evidence=draft.evidence, explanations=draft.explanations,
        families=shown, targets=draft.targets, atlas=decide.ATLAS[draft.finding],
    )  # fmt: skip


def _read(scratch, tasks, traces, joined, families, grown, sums):  # type: ignore[no-untyped-def]
    crowd, streams = traces.crowd, traces.streams
    linked = np.zeros(crowd.owners, bool)
    for group in joined.settled:
        linked[group.members] = True
    count = len(families)
    rows = np.bincount(streams.family, weights=streams.exchanges, minlength=count)
    free = ~linked[crowd.owner[streams.account]]
    rows_free = np.bincount(streams.family[free], weights=streams.exchanges[free], minlength=count)
    control = (rows >= weigh.CONTROL_ROWS) & (rows_free >= 0.9 * rows)
    control[0] = False
    wanted = control.copy()
    candidates = {one.family for own in decide.owned(traces, joined, families) for one in own}
    wanted[list(candidates)] = True
    chosen = weigh.choose(scratch, wanted)
    texts = weigh.read(scratch, tasks, chosen, grown.turns)
    read = np.zeros((count, len(READ)))
    for family, held in texts.items():
        read[family] = read_texts(held)
    values = intent.statistics(sums.tallies, sums.distinct, sums.unordered, read, families.kind == 1)
    ordered = sorted(candidates)
    reads = dict(zip(ordered, intent.weigh(values[ordered], values[control]), strict=True))
    return reads, {family: [one.prompt for one in held] for family, held in texts.items()}
