"""Forget: erase what a case keeps of somebody, or of a time; the case stays whole or is taken away whole.

Rows go, counts stay: a campaign of a hundred accounts had a hundred accounts. What might tell of an erased account
through others (the values that tied its owner, a template that only it had) goes with it. New files are written
aside and moved into place, so that a killed `forget` leaves the case as it was, or as it shall be.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.model.case import Case, Cleared, Entry, FamilySummary, Undecided
from stillwatch.model.exchange import AT
from stillwatch.model.lineage import Line, Lineage
from stillwatch.store import cases

LEFT_BEHIND: Final = (".scratch", cases.NEXT)
"""What an interrupted hunt leaves; it holds the log itself, so it goes."""


class Erased(msgspec.Struct, kw_only=True, frozen=True):
    """What was erased from one case, or would be.

    Attributes:
        whole: whether nothing of the case is left.
        unfinished: whether an interrupted hunt was in it; all that it had read is gone too.
        rows: rows of tables, by the file.
    """

    store: str
    accounts: int = 0
    exchanges: int = 0
    exemplars: int = 0
    entries: int = 0
    rows: dict[str, int] = {}
    whole: bool = False
    unfinished: bool = False

    @property
    def anything(self) -> bool:
        """Tell whether anything was erased."""
        return bool(self.accounts or self.exchanges or self.exemplars or self.entries or any(self.rows.values())
                    or self.whole or self.unfinished)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Who and what shall be forgotten."""

    accounts: frozenset[str] = frozenset()
    before: datetime | None = None


def forget(directory: Path, wanted: Wanted, render: Callable[[Case], str], *, dry_run: bool = False) -> Erased:
    """Erase from one case.

    Args:
        render: writes the report of a case anew.

    Raises:
        CaseError: when there is no case, it is damaged, or somebody else is writing to it.
        ResourceError: when it cannot be written.
    """
    cases.read(directory)
    with cases.locked(directory):
        case = cases.read(directory)
        unfinished = any((directory / name).exists() for name in LEFT_BEHIND)
        if wanted.before is not None and case.traffic.to is not None and case.traffic.to < wanted.before:
            if not dry_run:
                erase(directory)
            return Erased(
                store=str(directory), accounts=case.traffic.accounts, entries=len(case.campaigns), whole=True,
                unfinished=unfinished,
            )  # fmt: skip
        erased, files = _Eraser(directory, case, wanted, render).work()
        erased = msgspec.structs.replace(erased, unfinished=unfinished)
        if erased.anything and not dry_run:
            with cases.replacing(directory, removing=()) as fresh:
                for name, write in files.items():
                    write(fresh / name)
            for name in LEFT_BEHIND:
                shutil.rmtree(directory / name, ignore_errors=True)
        return erased


def erase(directory: Path) -> None:
    """Erase a whole case: first what makes it one, so that nobody reads half of it; files of others stay."""
    for name in (cases.CASE, *(name for name in cases.FILES if name != cases.CASE)):
        (directory / name).unlink(missing_ok=True)
    for name in LEFT_BEHIND:
        shutil.rmtree(directory / name, ignore_errors=True)
    if {path.name for path in directory.iterdir()} <= {cases.LOCK}:
        shutil.rmtree(directory, ignore_errors=True)


Writer = Callable[[Path], object]


Group = TypeVar("Group", Cleared, Undecided)


class _Eraser:
    """Works out what goes, and how the files look without it."""

    def __init__(self, directory: Path, case: Case, wanted: Wanted, render: Callable[[Case], str]) -> None:
        self._directory = directory
        self._case = case
        self._before = wanted.before
        self._render = render
        self._members = _plain(cases.table(directory, cases.MEMBERS))
        self._streams = _plain(cases.table(directory, cases.STREAMS))
        self._gone = self._known() & wanted.accounts | self._silent()
        self._owners = self._owners_of(self._gone)
        self._files: dict[str, Writer] = {}
        self._rows: dict[str, int] = {}

    def work(self) -> tuple[Erased, dict[str, Writer]]:
        """Give what is erased, and a writer for each file that changes."""
        gone = pa.array(sorted(self._gone), pa.string())
        self._table(cases.MEMBERS, self._members, ("account", gone))
        self._table(cases.STREAMS, self._streams, ("account", gone), time="last")
        self._table(
            cases.EXCHANGES, _plain(cases.table(self._directory, cases.EXCHANGES)), ("account", gone), time="at"
        )
        owners = pa.array(sorted(self._owners), pa.int32())
        self._table(cases.TIES, _plain(cases.table(self._directory, cases.TIES)), ("owner", owners))
        hops = _plain(cases.table(self._directory, cases.HANDOVERS))
        self._table(cases.HANDOVERS, hops, ("giver", owners), ("taker", owners))
        bare = self._bare()
        self._families(bare)
        exemplars = self._exemplars()
        lines = self._lineage()
        told = self._told(bare)
        erased = Erased(
            store=str(self._directory), accounts=len(self._gone), exchanges=self._rows.get(cases.EXCHANGES, 0),
            exemplars=exemplars, entries=len(self._case.campaigns) - len(told.campaigns),
            rows={name: count for name, count in {**self._rows, cases.LINEAGE: lines}.items() if count},
        )  # fmt: skip
        if erased.anything:
            page = self._render(told)
            self._files[cases.REPORT] = lambda path: path.write_text(page, "utf-8")
            self._files[cases.CASE] = lambda path: path.write_bytes(
                msgspec.json.format(msgspec.json.encode(told), indent=1)
            )
        return erased, self._files

    def _known(self) -> frozenset[str]:
        named = [
            *(self._members.column("account").to_pylist() if len(self._members) else ()),
            *(name for entry in self._case.campaigns for name in entry.accounts),
            *(name for line in cases.lineage(self._directory).lines for name in line.accounts),
        ]
        return frozenset(named)

    def _silent(self) -> frozenset[str]:
        """Name the accounts that sent nothing since."""
        if self._before is None or not len(self._members):
            return frozenset()
        early = pc.less(self._members.column("last"), pa.scalar(self._before, AT))
        return frozenset(self._members.column("account").filter(early).to_pylist())

    def _owners_of(self, accounts: frozenset[str]) -> set[int]:
        if not len(self._members):
            return set()
        there = pc.is_in(self._members.column("account"), pa.array(sorted(accounts), pa.string()))
        return set(self._members.column("owner").filter(there).to_pylist())

    def _table(self, name: str, table: pa.Table, *columns: tuple[str, pa.Array], time: str = "") -> None:
        """Take rows out of a table: those of some values, and those that end before the time."""
        if not len(table):
            return
        drop = pa.array([False] * len(table))
        for column, values in columns:
            drop = pc.or_(drop, pc.is_in(table.column(column), values))
        if time and self._before is not None and time in table.column_names:
            early = pc.less(table.column(time), pa.scalar(self._before, AT))
            drop = pc.or_(drop, pc.fill_null(early, False))
        count = int(pc.sum(drop).as_py() or 0)
        if count:
            kept = table.filter(pc.invert(drop))
            self._rows[name] = count
            self._files[name] = lambda path: pq.write_table(kept, path, compression="zstd")

    def _bare(self) -> frozenset[str]:
        """Name the families that nobody who is left is known to carry: their templates go."""
        if not self._gone or not len(self._streams):
            return frozenset()
        pairs = zip(
            self._streams.column("account").to_pylist(), self._streams.column("family").to_pylist(), strict=True
        )
        carried: dict[bool, set[str]] = {True: set(), False: set()}
        for account, family in pairs:
            carried[account in self._gone].add(family or "")
        return frozenset(carried[True] - carried[False] - {""})

    def _families(self, bare: frozenset[str]) -> None:
        table = _plain(cases.table(self._directory, cases.FAMILIES))
        if not len(table) or not bare:
            return
        drop = pc.is_in(table.column("family"), pa.array(sorted(bare), pa.string()))
        count = int(pc.sum(drop).as_py() or 0)
        if count:
            kept = table.filter(pc.invert(drop))
            self._rows[cases.FAMILIES] = count
            self._files[cases.FAMILIES] = lambda path: pq.write_table(kept, path, compression="zstd")

    def _exemplars(self) -> int:
        path = self._directory / cases.EXEMPLARS
        if not path.exists():
            return 0
        lines = path.read_bytes().splitlines(keepends=True)
        kept = [line for line in lines if not self._forgets(msgspec.json.decode(line))]
        if len(kept) < len(lines):
            self._files[cases.EXEMPLARS] = lambda path: cases.write_private(path, b"".join(kept))
        return len(lines) - len(kept)

    def _forgets(self, exemplar: dict[str, Any]) -> bool:
        if exemplar["account"] in self._gone:
            return True
        return self._before is not None and datetime.fromisoformat(exemplar["at"]).astimezone(UTC) < self._before

    def _lineage(self) -> int:
        kept: list[Line] = []
        lineage = cases.lineage(self._directory)
        for line in lineage.lines:
            accounts = [name for name in line.accounts if name not in self._gone]
            if accounts and not (self._before is not None and line.last < self._before):
                kept.append(msgspec.structs.replace(line, accounts=accounts))
        if kept != lineage.lines:
            told = Lineage(key=lineage.key, lines=kept)
            self._files[cases.LINEAGE] = lambda path: path.write_bytes(msgspec.json.encode(told))
        return sum(len(line.accounts) for line in lineage.lines) - sum(len(line.accounts) for line in kept)

    def _told(self, bare: frozenset[str]) -> Case:
        """Write the case without the accounts, and without entries that have none left."""
        case = self._case
        entries = [one for entry in case.campaigns if (one := self._entry(entry, bare)).accounts]
        ids = {entry.id for entry in entries}
        entries = [entry if entry.part_of in ids else msgspec.structs.replace(entry, part_of=None) for entry in entries]
        return msgspec.structs.replace(
            case, campaigns=entries, cleared=list(self._left(case.cleared)), undecided=list(self._left(case.undecided)),
            warnings=[warning for warning in case.warnings if not any(f"`{name}`" in warning for name in self._gone)],
            forgotten=case.forgotten + len(self._gone),
        )  # fmt: skip

    def _entry(self, entry: Entry, bare: frozenset[str]) -> Entry:
        families: list[FamilySummary] = [
            msgspec.structs.replace(family, template="") if family.id in bare else family for family in entry.families
        ]
        accounts = [name for name in entry.accounts if name not in self._gone]
        return msgspec.structs.replace(entry, accounts=accounts, families=families)

    def _left(self, groups: Iterable[Group]) -> Iterable[Group]:
        for group in groups:
            accounts = [name for name in group.accounts if name not in self._gone]
            if accounts:
                yield msgspec.structs.replace(group, accounts=accounts)


def _plain(table: pa.Table) -> pa.Table:
    """Undo dictionaries: one that is filtered would still hold the names that are erased."""
    for number, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(number, field.name, table.column(number).cast(field.type.value_type))
    return table
