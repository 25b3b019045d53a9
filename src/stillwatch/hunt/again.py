"""Again: judge a log as often as one likes, sketched once.

For measurements: what a hunt finds at another false-discovery rate, without some views, without some columns, or on
the day when only the first part of the log was there. Nothing of it is a case to act on: only `case.json` and the
attributed exchanges are written.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.errors import UsageError
from stillwatch.hunt.linked import Traced, find, tie
from stillwatch.hunt.read import Log, Progress, Unheard, declare, read
from stillwatch.hunt.request import Request, begin
from stillwatch.hunt.run import judge
from stillwatch.model.account import ACCOUNTS
from stillwatch.model.case import Case
from stillwatch.model.exchange import EXCHANGES
from stillwatch.store import cases
from stillwatch.store import key as keys
from stillwatch.store.key import Key

DERIVED: Final = {"ip": ("ip", "prefix")}
"""What the scratch remembers of a column, where it is more than the column's own name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketched:
    """A log that was read, for as long as its room stands."""

    request: Request
    log: Log
    traced: Traced
    key: Key

    def judge(self, into: Path, *, fdr: float | None = None, without: tuple[str, ...] = ()) -> Case:
        """Judge the log at another rate, or with some views switched off.

        Args:
            into: a directory, for `case.json` and `exchanges.parquet`.
        """
        asked = replace(self.request, fdr=self.request.fdr if fdr is None else fdr, without=without)
        into.mkdir(parents=True, exist_ok=True)
        judged = judge(asked, self.log, tie(asked, self.log, self.traced), self.key, into, Unheard())
        (into / cases.CASE).write_bytes(msgspec.json.encode(judged.case))
        return judged.case

    @contextmanager
    def part(self, *, until: int | None = None, without: tuple[str, ...] = ()) -> Iterator[Sketched | None]:
        """Take the log as it was before an instant, or without some columns of the traffic and the accounts.

        Args:
            until: ms since 1970; later exchanges, and that an account was closed later, are not known yet.
            without: columns that the operator does not have.

        Yields:
            the part, or None where nothing is left of the log.

        Raises:
            UsageError: when a column has no such name.
        """
        for name in without:
            if name not in EXCHANGES.names and name not in ACCOUNTS.names:
                raise UsageError(f"no column is called `{name}`", hint="see the page about columns")
        room = self.request.room / f"part-{until or 0}-{'-'.join(without)}"
        withheld = {derived for name in without for derived in DERIVED.get(name, (name,))}
        scratch = self.log.scratch.copy(
            room,
            keep=None if until is None else (lambda columns: np.asarray(columns["at"] < until)),
            without=withheld,
        )
        declared = replace(self.log.declared, accounts=_known_by(self.log.declared.accounts, until, without))
        log = replace(self.log, scratch=scratch, columns=self.log.columns - set(without), declared=declared)
        try:
            if scratch.rows:
                traced = find(self.request, log, self.key, Unheard())
                yield Sketched(request=self.request, log=log, traced=traced, key=self.key)
            else:
                yield None
        finally:
            scratch.erase()


@contextmanager
def sketched(request: Request, progress: Progress | None = None) -> Iterator[Sketched]:
    """Read and sketch a log; its room goes when the measurements are done.

    Raises:
        StillwatchError: as a hunt does.
    """
    heard = progress or Unheard()
    key = keys.find(request.settings.store.key_file)
    declared = declare(request)
    begin(request)
    try:
        log = read(request, declared, heard)
        yield Sketched(request=request, log=log, traced=find(request, log, key, heard), key=key)
    finally:
        shutil.rmtree(request.room, ignore_errors=True)


def _known_by(accounts: pa.Table | None, until: int | None, without: tuple[str, ...]) -> pa.Table | None:
    """Take from the accounts what was not known yet at an instant, and what is withheld."""
    if accounts is None:
        return None
    table = accounts.drop_columns([name for name in without if name in accounts.column_names and name != "account"])
    if until is None or "closed_at" not in table.column_names:
        return table
    later = pc.fill_null(
        pc.greater_equal(table.column("closed_at").cast(pa.timestamp("ms", "UTC")), _instant(until)), False
    )
    for name in ("closed_at", "closed_reason"):
        if name in table.column_names:
            column = table.column(name)
            gone = pc.if_else(later, pa.scalar(None, column.type), column)
            table = table.set_column(table.column_names.index(name), name, gone)
    return table


def _instant(ms: int) -> pa.Scalar:
    return pa.scalar(ms, pa.int64()).cast(pa.timestamp("ms", "UTC"))
