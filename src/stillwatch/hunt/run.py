"""Run: one hunt, from the request to the case."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import log2
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch import __version__, ingest, rooms
from stillwatch.engine.memory import give_back
from stillwatch.errors import FormatError, NothingToRead, SettingsError, UsageError
from stillwatch.hunt import keep, licences, tell, uses, weigh
from stillwatch.hunt.decide import decide
from stillwatch.hunt.entries import Entries, entries
from stillwatch.hunt.linked import Linked, link
from stillwatch.hunt.missing import looks_at, missing, sentences
from stillwatch.hunt.previous import follow
from stillwatch.hunt.read import Log, Progress, declare, read
from stillwatch.hunt.request import Request, begin
from stillwatch.judge.look import TIE_BITS
from stillwatch.model.case import Case, ErrorControl, GrantUse, Missing, Traffic, ViewTold
from stillwatch.report import page
from stillwatch.store import cases
from stillwatch.store import key as keys
from stillwatch.store.key import Key

METHOD: Final = (
    "e-BH over all proposed groups; each group is proposed by one view and weighed by e-values of the others"
)
GUARANTEE: Final = (
    "Of the entries called distillation campaign or account network, at most {share:.2g} % are expected to name "
    "accounts that are linked by coincidence only; honest reasons for a real link are weighed by name and shown, "
    "and are no part of this bound."
)


def run(request: Request, progress: Progress) -> Case:
    """Hunt, and write the case.

    Interrupted or out of room it leaves what it has read, and `resume` goes on from there; the case that was there
    before stays as it was.

    Raises:
        NothingToRead: when there is no exchange.
        StillwatchError: when an input is wrong; see the subclasses.
    """
    key = keys.find(request.settings.store.key_file)
    declared = declare(request)
    with cases.locked(request.case), room(request):
        log = read(request, declared, progress)
        for sentence in sentences(missing(log.columns, declared.columns, no_content=request.no_content)):
            progress.warn(sentence)
        linked = link(request, log, key, progress)
        declared = declared.spent()
        log = replace(log, declared=declared)
        give_back()
        with cases.replacing(request.case) as fresh:
            judged = judge(request, log, linked, key, fresh, progress)
            _keep(request, log, judged, key, fresh)
    return judged.case


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A log that is judged, and what it was judged on."""

    case: Case
    linked: Linked
    entries: Entries
    grants: pa.Table


def judge(request: Request, log: Log, linked: Linked, key: Key, fresh: Path, progress: Progress) -> Judged:
    """Weigh the groups of a log and say what they are.

    Args:
        fresh: where the exchanges that are attributed to entries are written.
    """
    progress.stage("weigh", 0)
    weighed = weigh.weigh(log.scratch, log.tasks, linked.traces, linked.joined, request.threads)
    first, last = int(linked.traces.crowd.first.min()), int(linked.traces.crowd.last.max())
    before = uses.carried(log.declared.previous, first, last)
    used = licences.used(
        log.scratch, linked.traces.crowd.accounts, linked.grown, linked.families.names,
        log.declared.grants, uses.sums(before),
    )  # fmt: skip
    decided = decide(linked.traces, linked.joined, weighed, used)
    give_back()
    progress.stage("tell", 0)
    control = _control(request, linked)
    found = entries(log, linked, decided, weighed.texts, control.bits_needed, fresh)
    lost = missing(log.columns, log.declared.columns, no_content=request.no_content)
    case = _case(request, log, linked, found, control, lost, uses.told(log.declared.grants, used, before), key)
    give_back()
    grants = uses.table({use.grant.id: use.hours for use in used}, before)
    return Judged(case=case, linked=linked, entries=found, grants=grants)


def _keep(request: Request, log: Log, judged: Judged, key: Key, fresh: Path) -> None:
    """Write what a case keeps."""
    pq.write_table(judged.grants, fresh / cases.GRANTS, compression="zstd")
    kept = keep.Kept(
        log=log, linked=judged.linked, entries=judged.entries, key=key, settings=request.settings.store,
        threads=request.threads,
    )  # fmt: skip
    with ThreadPoolExecutor(1) as pool:
        keeping = pool.submit(keep.keep, kept, fresh)
        _tell(log, judged, fresh)
        keeping.result()


def _tell(log: Log, judged: Judged, fresh: Path) -> None:
    """Write what a person reads of a case."""
    (fresh / cases.REJECTED).write_bytes(log.rejected_file.read_bytes())
    (fresh / cases.LINEAGE).write_bytes(msgspec.json.encode(follow(log.declared.previous, judged.case)))
    (fresh / cases.REPORT).write_text(page.page(judged.case), "utf-8")
    (fresh / cases.CASE).write_bytes(msgspec.json.format(msgspec.json.encode(judged.case), indent=1))


@contextmanager
def room(request: Request) -> Iterator[None]:
    """Give the hunt its room; it stays behind where `resume` could go on, and goes in every other case."""
    begin(request)
    try:
        yield
    except NothingToRead as trouble:
        raise _without_room(request, trouble) from None
    except (UsageError, SettingsError, FormatError):
        if not request.resume:
            shutil.rmtree(request.room, ignore_errors=True)
        raise
    shutil.rmtree(request.room, ignore_errors=True)


def _without_room(request: Request, trouble: NothingToRead) -> NothingToRead:
    """Keep why nothing could be read, beside the case where there is one, and clear the room."""
    own = request.room / "traffic" / ingest.REJECTED
    hint = trouble.hint or ""
    if own.exists() and own.stat().st_size:
        told = request.case / (cases.REJECTED_LAST if (request.case / cases.CASE).exists() else cases.REJECTED)
        own.replace(told)
        hint = hint.replace(str(own), str(told))
    shutil.rmtree(request.room, ignore_errors=True)
    return NothingToRead(trouble.what, where=trouble.where, hint=hint or None)


def _case(
    request: Request, log: Log, linked: Linked, found: Entries, control: ErrorControl, lost: list[Missing],
    grants: list[GrantUse], key: Key,
) -> Case:  # fmt: skip
    crowd = linked.traces.crowd
    return Case(
        stillwatch=__version__,
        traffic=Traffic(
            exchanges=log.scratch.rows,
            accounts=len(crowd.accounts),
            from_=tell.instant(int(crowd.first.min())),
            to=tell.instant(int(crowd.last.max())),
            rejected=log.rejected,
            columns_missing=[one.column for one in lost],
            duplicates=log.duplicates,
            missing=lost,
            days=tell.days(piece["at"] for _, piece in log.scratch.pieces("at")),
        ),
        error_control=control,
        campaigns=found.entries,
        cleared=found.cleared,
        undecided=found.undecided,
        grants=grants,
        views=_views(linked),
        warnings=log.warnings,
        asked=_asked(request),
        key=key.name,
    )


def _control(request: Request, linked: Linked) -> ErrorControl:
    proposals = linked.joined.proposals
    examined, passed = len(proposals.groups), int(proposals.passed.sum())
    return ErrorControl(
        fdr=request.fdr,
        method=METHOD,
        groups_examined=examined,
        groups_passed=passed,
        bits_needed=round(log2(max(examined, 1) / (request.fdr * (passed + 1))), 1),
        guarantee=GUARANTEE.format(share=100 * request.fdr),
    )


def _views(linked: Linked) -> list[ViewTold]:
    return [
        ViewTold(
            name=name, looks_at=looks_at(view), needs=list(view.NEEDS), silent=name not in linked.joined.looks,
            admits=view.ADMITS, hard=view.HARD, late=view.LATE, cap=view.CAP,
            ties_from=TIE_BITS,
        )
        for name, view in rooms.members("link").items()
    ]  # fmt: skip


def _asked(request: Request) -> dict[str, Any]:
    """Say what was asked for; the defaults are left out."""
    told: dict[str, Any] = {"traffic": list(request.traffic), "fdr": request.fdr}
    for name in ("format", "map", "accounts", "grants", "known", "previous", "leads"):
        if (value := getattr(request, name)) is not None:
            told[name] = str(value)
    for name in ("since", "until"):
        if (value := getattr(request, name)) is not None:
            told[name] = tell.instant(value).isoformat().replace("+00:00", "Z")
    if request.no_content:
        told["no_content"] = True
    return told
