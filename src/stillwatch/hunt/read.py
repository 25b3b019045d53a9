"""Read: whatever was named as traffic, sketched into the scratch, each exchange once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import pyarrow as pa

from stillwatch import ingest, rooms, sketch
from stillwatch.engine.duplicates import drop_duplicates
from stillwatch.engine.memory import give_back
from stillwatch.engine.scan import Task, Window, plan, scan
from stillwatch.engine.scratch import Scratch
from stillwatch.errors import NothingToRead
from stillwatch.hunt import plan as needs
from stillwatch.hunt import previous as before
from stillwatch.hunt import told
from stillwatch.hunt.plan import size
from stillwatch.hunt.request import Request, check_files
from stillwatch.model.exchange import CONTENT, EXCHANGES
from stillwatch.model.grant import Grant
from stillwatch.model.known import Known
from stillwatch.share.exchange import Imported

EARLY_MS: Final = 1_420_070_400_000
"""2015-01-01: no provider logged an exchange with a language model before."""
AHEAD_MS: Final = 400 * 86_400_000
"""Exchanges further than this from the middle of the traffic have a wrong clock, or a wrong unit."""


class Progress(Protocol):
    """Who is told how far a hunt is."""

    def stage(self, name: str, total: int) -> None:
        """Hear that a stage begins, with so many steps to go; 0 when that is not known."""

    def advance(self, count: int) -> None:
        """Hear that so many steps more are done."""

    def say(self, text: str) -> None:
        """Hear what is good to know."""

    def warn(self, text: str) -> None:
        """Hear what a person should know before believing any result."""


class Unheard:
    """A `Progress` that nobody listens to."""

    def stage(self, name: str, total: int) -> None:
        """Pass over it."""

    def advance(self, count: int) -> None:
        """Pass over it."""

    def say(self, text: str) -> None:
        """Pass over it."""

    def warn(self, text: str) -> None:
        """Pass over it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What the operator declared beside the traffic."""

    accounts: pa.Table | None
    grants: Sequence[Grant]
    known: Sequence[Known]
    previous: before.Previous | None
    leads: Sequence[Imported] = ()

    @property
    def columns(self) -> set[str] | None:
        """Columns of the accounts that hold anything; None where there are no accounts."""
        table = self.accounts
        if table is None:
            return None
        return {name for name in table.column_names if table.column(name).null_count < len(table)}

    def spent(self) -> Declared:
        """Let go of the accounts once the crowd knows what stands in them; one value tells which columns held any."""
        if self.accounts is None:
            return self
        there = self.columns or set()
        every = {
            name: column.drop_null().take([0]) if name in there else pa.nulls(1, column.type)
            for name, column in zip(self.accounts.column_names, self.accounts.columns, strict=True)
        }
        return replace(self, accounts=pa.table(every))


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A log that is read: its columns in the scratch, and what the operator declared."""

    scratch: Scratch
    tasks: Sequence[Task]
    files: Sequence[Path]
    columns: frozenset[str]
    """Columns of the traffic that hold anything."""
    rejected: int
    rejected_file: Path
    duplicates: int
    warnings: list[str]
    declared: Declared
    table_bits: int


def declare(request: Request) -> Declared:
    """Read what the operator declared; before the traffic, so that a slip of the pen costs no time.

    Raises:
        SettingsError: when a file is wrong.
        CaseError: when the previous case is missing or damaged.
    """
    return Declared(
        accounts=ingest.read_accounts(request.accounts) if request.accounts else None,
        grants=ingest.read_grants(request.grants) if request.grants else (),
        known=ingest.read_known(request.known) if request.known else (),
        previous=before.read(request.previous) if request.previous else None,
        leads=told.read(request.leads) if request.leads else (),
    )


def read(request: Request, declared: Declared, progress: Progress) -> Log:
    """Read the traffic, sketch it, and take out what stands twice.

    Raises:
        NothingToRead: when there is no exchange.
        UsageError: when a source does not exist, or a resumed hunt would read other files.
        ResourceError: when the disk is full.
    """
    gathered = ingest.gather(
        request.traffic, into=request.room / "traffic", format=request.format, map_file=request.map,
        settings=request.settings.ingest, threads=request.threads, progress=_reading(progress),
    )  # fmt: skip
    check_files(request, gathered.files)
    planned = needs.plan(gathered.files, request.room, request.memory)
    warnings = [*gathered.warnings, *planned.warnings]
    progress.say(
        f"{planned.exchanges:,} exchanges, {size(planned.text)} of conversations; about {size(planned.disk)} of disk "
        f"and {size(planned.memory)} of memory while it works"
    )
    for warning in warnings:
        progress.warn(warning)
    tasks = plan(gathered.files)
    scratch = Scratch(request.room / "columns", planned.tables)
    progress.stage("sketch", sum(task.rows for task in tasks))
    scan(
        tasks, list(rooms.members("sketch").values()), opened(no_content=request.no_content), scratch,
        work=sketch.work, window=Window(since=request.since, until=request.until),
        threads=request.threads, advance=progress.advance,
    )  # fmt: skip
    give_back()
    if scratch.rows == 0:
        raise NothingToRead("no exchange lies in this time", hint="widen `--since` and `--until`")
    dropped = 0
    if _may_repeat(gathered):
        progress.stage("duplicates", 0)
        dropped = drop_duplicates(scratch, planned.sorting)
    late = _clocks(scratch)
    for warning in late:
        progress.warn(warning)
    return Log(
        scratch=scratch, tasks=tasks, files=gathered.files, columns=frozenset(gathered.columns),
        rejected=gathered.rejected, rejected_file=gathered.rejected_file,
        duplicates=gathered.duplicates + dropped, warnings=[*warnings, *late], declared=declared,
        table_bits=planned.table_bits,
    )  # fmt: skip


def opened(*, no_content: bool = False) -> tuple[str, ...]:
    """Name the columns of the traffic that a hunt opens: those that a sketch wants."""
    wanted = {name for sketch_ in rooms.members("sketch").values() for name in sketch_.OPENS}
    return tuple(name for name in EXCHANGES.names if name in wanted and not (no_content and name in CONTENT))


def _reading(progress: Progress) -> Callable[[str, int, int], None]:
    """Tell the reading of logs, which counts bytes from the beginning, as steps."""
    seen = -1

    def told(what: str, done: int, total: int) -> None:
        del what
        nonlocal seen
        if seen < 0:
            progress.stage("read", total)
            seen = 0
        progress.advance(max(done - seen, 0))
        seen = max(done, seen)

    return told


def _may_repeat(gathered: ingest.Gathered) -> bool:
    """Tell whether an exchange may stand twice: in files that nobody checked, or in two datasets."""
    return bool(gathered.unchecked) or len({file.parent.parent for file in gathered.files}) > 1


def _clocks(scratch: Scratch) -> list[str]:
    """Look for exchanges whose clock cannot be right; they are kept, and said."""
    middle = np.median([np.median(piece["at"]) for _, piece in scratch.pieces("at") if len(piece["at"])])
    odd = 0
    for _, piece in scratch.pieces("at"):
        odd += int(np.count_nonzero((piece["at"] < EARLY_MS) | (np.abs(piece["at"] - middle) > AHEAD_MS)))
    if not odd:
        return []
    told = "a clock, or the unit of `at`, is wrong; they are counted, and `--since` and `--until` leave them out"
    return [f"{odd:,} exchanges have a time far from all others: {told}"]
