"""Accounts: the optional table of customers, from CSV, Parquet or JSON Lines."""

from __future__ import annotations

import csv
import difflib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.csv import ConvertOptions, ParseOptions, ReadOptions, read_csv

from stillwatch.errors import SettingsError
from stillwatch.ingest._tables import recast
from stillwatch.model.account import ACCOUNTS, INSTANT, VERIFICATIONS

Row = dict[str, Any]
_INSTANTS: Final = {field.name for field in ACCOUNTS if field.type == INSTANT}
_NEAR: Final = 0.8
_SHOWN: Final = 40


def read_accounts(path: Path) -> pa.Table:
    """Read a table of accounts.

    Columns that are not ours are left out; a column that is nearly one of ours is taken for a slip of the
    pen. In CSV an empty cell is null. Times are ISO 8601 with `Z` or an offset.

    Returns:
        A table in the schema `model.account.ACCOUNTS`, one row per account.

    Raises:
        SettingsError: naming the line, the field and what next.
    """
    try:
        head = path.open("rb").read(4)
        if head == b"PAR1":
            return _checked(_parquet(path), path)
        table = _table(_json(path), path) if head.lstrip().startswith(b"{") else _quickly(path)
        if table is None:
            table = _table(_csv(path), path)
    except OSError as mistake:
        raise SettingsError(f"cannot read the accounts: {mistake.strerror}", where=str(path)) from None
    return _checked(table, path)


@dataclass(slots=True)
class _Cells:
    """A table as it was read: of each column its cells, of each row its line."""

    columns: dict[str, list[Any]]
    lines: list[int]


def _quickly(path: Path) -> pa.Table | None:
    """Read a CSV in which all is as it should be; None where anything is not, so that it is read with care and told."""
    text = ConvertOptions(
        column_types=dict.fromkeys(ACCOUNTS.names, pa.string()), null_values=[""], strings_can_be_null=True
    )
    try:
        given = read_csv(
            path, read_options=ReadOptions(use_threads=False), parse_options=ParseOptions(newlines_in_values=True),
            convert_options=text,
        )  # fmt: skip
        _check_names(given.column_names, path)
        columns = [
            given.column(field.name).combine_chunks().cast(field.type)
            if field.name in given.column_names else pa.nulls(len(given), field.type)
            for field in ACCOUNTS
        ]  # fmt: skip
    except pa.ArrowException:
        return None
    if columns[ACCOUNTS.names.index("account")].null_count:
        return None
    return pa.Table.from_arrays(columns, schema=pa.schema([field.with_nullable(True) for field in ACCOUNTS]))


def _csv(path: Path) -> _Cells:
    rows: list[list[str]] = []
    lines: list[int] = []
    with path.open("r", encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        try:
            header = next(reader, [])
            _check_names(header, path)
            for cells in reader:
                if len(cells) == len(header):
                    rows.append(cells)
                    lines.append(reader.line_num)
                elif cells:
                    where = f"{path}, line {reader.line_num}"
                    told = f"expected {len(header)} cells, got {len(cells)}"
                    raise SettingsError(told, where=where, hint="quote cells that hold a comma")
        except UnicodeDecodeError:
            hint = "save the file as UTF-8"
            raise SettingsError("the accounts are not UTF-8", where=str(path), hint=hint) from None
        except csv.Error as mistake:
            raise SettingsError(f"no CSV: {mistake}", where=f"{path}, line {reader.line_num}") from None
    columns = zip(*rows, strict=True) if rows else [() for _ in header]
    return _Cells({name: list(cells) for name, cells in zip(header, columns, strict=True)}, lines)


def _json(path: Path) -> _Cells:
    rows: list[Row] = []
    lines: list[int] = []
    names: set[str] = set()
    with path.open("rb") as file:
        for line, text in enumerate(file, 1):
            if text.isspace():
                continue
            where = f"{path}, line {line}"
            try:
                row = msgspec.json.decode(text)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as mistake:
                raise SettingsError(f"not JSON: {mistake}", where=where) from None
            if not isinstance(row, dict):
                raise SettingsError("expected an object per line", where=where)
            if not row.keys() <= names:
                names |= row.keys()
                _check_names(list(row), path, needed=False)
            rows.append(row)
            lines.append(line)
    return _Cells({name: [row.get(name) for row in rows] for name in ("account", *sorted(names))}, lines)


def _parquet(path: Path) -> pa.Table:
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError, ValueError) as mistake:
        told = " ".join(str(mistake).split())[:200]
        raise SettingsError(f"damaged Parquet file: {told}", where=str(path)) from None
    _check_names(table.column_names, path)
    columns = []
    for field in ACCOUNTS:
        if field.name not in table.column_names:
            columns.append(pa.nulls(table.num_rows, field.type))
            continue
        column = table.column(field.name).combine_chunks()
        made = recast(column, field.type)
        if made is None:
            made = _column(field.name, column.to_pylist(), range(1, table.num_rows + 1), path)
        columns.append(made)
    return pa.Table.from_arrays(columns, schema=pa.schema([field.with_nullable(True) for field in ACCOUNTS]))


def _check_names(names: list[str], path: Path, *, needed: bool = True) -> None:
    if needed and "account" not in names:
        hint = f"the first line names the columns; found: {', '.join(names[:8]) or 'nothing'}"
        raise SettingsError("no column `account`", where=str(path), hint=hint)
    doubled = [name for name, count in Counter(names).items() if count > 1 and name in ACCOUNTS.names]
    if doubled:
        raise SettingsError(f"`{doubled[0]}` stands twice", where=str(path), hint="name each column once")
    for name in names:
        if name in ACCOUNTS.names:
            continue
        near = difflib.get_close_matches(name.lower(), ACCOUNTS.names, n=1, cutoff=_NEAR)
        if near and near[0] not in names:
            hint = f"rename it to `{near[0]}`, or to something else if it is not meant"
            raise SettingsError(f"`{name}` looks like `{near[0]}`", where=str(path), hint=hint)


def _table(cells: _Cells, path: Path) -> pa.Table:
    columns = [
        _column(field.name, cells.columns.get(field.name, [None] * len(cells.lines)), cells.lines, path)
        for field in ACCOUNTS
    ]
    return pa.Table.from_arrays(columns, schema=pa.schema([field.with_nullable(True) for field in ACCOUNTS]))


def _column(name: str, values: list[Any], lines: Sequence[int], path: Path) -> pa.Array:
    """Make a column: quickly where every value is as it should be, with care where one is not."""
    kind = ACCOUNTS.field(name).type
    try:
        given = pa.array([value or None for value in values], pa.string())
        if name != "account" or not given.null_count:
            return given.cast(kind)
    except (pa.ArrowException, TypeError):
        pass
    read: Callable[[Any], Any] = _instant if name in _INSTANTS else _text
    told = []
    for line, value in zip(lines, values, strict=True):
        where = f"{path}, line {line}"
        try:
            told.append(None if value is None or value == "" else read(value))
        except ValueError as mistake:
            hint = _HINTS.get(name in _INSTANTS)
            raise SettingsError(f"`{name}` is `{str(value)[:_SHOWN]}`: {mistake}", where=where, hint=hint) from None
        if name == "account" and told[-1] is None:
            raise SettingsError("`account` is empty", where=where, hint="each row needs its account")
    return pa.array(told, kind)


_HINTS: Final = {True: "write it like `2026-05-01T12:00:00Z` or `2026-05-01T14:00:00+02:00`"}


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("expected text")
    return str(value)


def _instant(value: Any) -> datetime:
    told = value if isinstance(value, datetime) else _parsed(value)
    if told.tzinfo is None:
        raise ValueError("a time needs its zone")
    return told


def _parsed(value: Any) -> datetime:
    if not isinstance(value, str):
        raise ValueError("expected a time")
    try:
        return datetime.fromisoformat(value.strip())
    except ValueError:
        raise ValueError("no ISO 8601 time") from None


def _checked(table: pa.Table, path: Path) -> pa.Table:
    """Check what holds for the table as a whole."""
    accounts = table.column("account").to_pylist()
    if None in accounts or "" in accounts:
        raise SettingsError("`account` is empty in some rows", where=str(path), hint="each row needs its account")
    if len(set(accounts)) < len(accounts):
        account, count = Counter(accounts).most_common(1)[0]
        hint = "keep one row per account, the latest one"
        raise SettingsError(f"account `{account}` stands {count} times", where=str(path), hint=hint)
    for told in table.column("verification").unique().to_pylist():
        if told is not None and told not in VERIFICATIONS:
            hint = f"one of {', '.join(VERIFICATIONS)}, or empty where it is not known"
            raise SettingsError(f"`{told[:_SHOWN]}` is no verification", where=str(path), hint=hint)
    return table.cast(ACCOUNTS)
