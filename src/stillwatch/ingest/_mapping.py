"""Mapping: which field of a record fills which canonical column, as a table.

A format's default mapping is such a table, the docs print it, `--map FILE` overrides its rows, and the reader
compiles it into typed decoding of just these fields.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, cast

from stillwatch.errors import SettingsError
from stillwatch.model.exchange import EXCHANGES

FORWARDED_FOR: Final = "forwarded_for"
"""A helper beside the canonical columns: the X-Forwarded-For header, used when `ip` is a trusted proxy."""

TARGETS: Final = (*EXCHANGES.names, FORWARDED_FOR)
TIMES: Final = ("auto", "iso", "epoch_s", "epoch_ms", "epoch_us", "epoch_ns")

Keys = tuple[str, ...]
_DEFAULT: Final[Keys] = ("default",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """How one column is filled: the first of `paths` that holds something, else the constant, else null.

    Attributes:
        time: how a time is written, one of `TIMES` or a strptime pattern; `at` only.
        digest: make an id from the record itself when no path holds one; `exchange` only.
    """

    column: str
    paths: tuple[Keys, ...] = ()
    constant: str | int | float | bool | None = None
    time: str = "auto"
    digest: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The whole table, and how the format writes its paths.

    Attributes:
        flat: prefixes below which the rest of a path is one key, as in `attributes.gen_ai.request.model`.
        opens_text: text that holds JSON is opened, as the format writes objects as text.
        table: rows of a table; text is opened where a path goes on below it, and in columns of lists.
        verbatim: `messages` stay as they stand; leading system messages do not move to `system`.
    """

    rows: Mapping[str, Row]
    flat: frozenset[str] = frozenset()
    opens_text: bool = False
    table: bool = False
    verbatim: bool = False
    format: str | None = field(default=None)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows.values())

    def amended(self, other: Columns) -> Columns:
        """Override these rows with the other's, in which the path `default` stands for the row overridden."""
        rows = {**self.rows, **{column: self._expanded(row) for column, row in other.rows.items()}}
        return replace(self, rows=rows, verbatim=self.verbatim and "messages" not in other.rows)

    def _expanded(self, row: Row) -> Row:
        own = self.rows.get(row.column)
        paths = [one for path in row.paths for one in (own.paths if path == _DEFAULT and own else (path,))]
        return replace(row, paths=tuple(dict.fromkeys(paths)))

    def said(self, column: str) -> list[str]:
        """Tell the paths of a column as a person writes them."""
        row = self.rows.get(column)
        return [join(path, self.flat) for path in row.paths] if row else []


def columns(
    base: Mapping[str, str] = MappingProxyType({}),
    *,
    flat: tuple[str, ...] = (),
    opens_text: bool = False,
    verbatim: bool = False,
    digest: bool = False,
    constants: Mapping[str, str] = MappingProxyType({}),
    **rows: str,
) -> Columns:
    """Write a format's default mapping: each column with its paths, first choice first, parted by ` | `."""
    prefixes = frozenset(flat)
    rows = {**base, **rows}
    made = {}
    for column in TARGETS:
        if column not in rows and column not in constants:
            continue
        paths = tuple(split(path.strip(), prefixes) for path in rows.get(column, "").split(" | ") if path)
        own = digest and column == "exchange"
        made[column] = Row(column=column, paths=paths, constant=constants.get(column), digest=own)
    unknown = rows.keys() - made.keys()
    if unknown:
        raise ValueError(f"no such columns: {', '.join(sorted(unknown))}")
    return Columns(rows=made, flat=prefixes, opens_text=opens_text, verbatim=verbatim)


def split(path: str, flat: frozenset[str] = frozenset()) -> Keys:
    """Split a dotted path into keys; quotes keep the dots of a key.

    Raises:
        ValueError: when a quote is not closed or a key is empty.
    """
    keys: list[str] = []
    rest = path
    while True:
        if rest.startswith('"'):
            end = rest.find('"', 1)
            if end < 0:
                raise ValueError("a quote is not closed")
            key, rest = rest[1:end], rest[end + 1 :]
            if rest and not rest.startswith("."):
                raise ValueError("a dot must follow a quoted key")
        elif len(keys) == 1 and keys[0] in flat:
            key, rest = rest, ""
        else:
            dot = rest.find(".")
            key, rest = (rest, "") if dot < 0 else (rest[:dot], rest[dot:])
        if not key:
            raise ValueError("a key is empty")
        keys.append(key)
        if not rest:
            return tuple(keys)
        rest = rest[1:]


def join(keys: Keys, flat: frozenset[str] = frozenset()) -> str:
    """Write keys as a dotted path, the way `split` reads it."""
    if len(keys) == 2 and keys[0] in flat:
        return f"{keys[0]}.{keys[1]}"
    return ".".join(f'"{key}"' if "." in key or '"' in key or not key else key for key in keys)


def toml_line(column: str, paths: list[str]) -> str:
    """Write the line of a map file that fills a column from one path or from several."""
    told = [f"'{path}'" if '"' in path else f'"{path}"' for path in paths]
    return f"{column} = {told[0] if len(told) == 1 else '[' + ', '.join(told) + ']'}"


def read_map(file: Path, flat: frozenset[str] = frozenset()) -> Columns:
    """Read a `--map` file.

    Raises:
        SettingsError: naming the file, the row and what next, when the file is missing or says nothing that
            we know.
    """
    try:
        content = tomllib.loads(file.read_text("utf-8"))
    except OSError as mistake:
        raise SettingsError(f"cannot read the map file: {mistake.strerror}", where=str(file)) from None
    except UnicodeDecodeError:
        raise SettingsError("the map file is not UTF-8", where=str(file)) from None
    except tomllib.TOMLDecodeError as mistake:
        raise SettingsError(f"the map file is not TOML: {mistake}", where=str(file)) from None
    named = content.pop("format", None)
    if named is not None and not isinstance(named, str):
        raise SettingsError("`format` must be the name of a format", where=str(file))
    rows = {column: _row(column, value, flat, file) for column, value in content.items()}
    return Columns(rows=rows, flat=flat, format=named)


def _row(column: str, value: object, flat: frozenset[str], file: Path) -> Row:
    where = f"{file}, `{column}`"
    if column not in TARGETS:
        close = difflib.get_close_matches(column, TARGETS, n=1)
        hint = f"did you mean `{close[0]}`?" if close else "the columns are listed in docs/reference/columns.md"
        raise SettingsError(f"`{column}` is no canonical column", where=str(file), hint=hint)
    if isinstance(value, str | list):
        return Row(column=column, paths=_paths(value, flat, where))
    if not isinstance(value, dict):
        hint = f'write `{column} = "path.to.field"` or `{column} = {{ constant = … }}`'
        raise SettingsError(
            f"expected a path, a list of paths or a table, got {type(value).__name__}", where=where, hint=hint
        )
    return _table_row(column, value, flat, where)


def _table_row(column: str, table: dict[str, Any], flat: frozenset[str], where: str) -> Row:
    allowed = (
        {"field", "constant"}
        | ({"time"} if column == "at" else set())
        | ({"digest"} if column == "exchange" else set())
    )
    for key in table:
        if key not in allowed:
            raise SettingsError(
                f"`{key}` means nothing here", where=where, hint=f"one of: {', '.join(sorted(allowed))}"
            )
    constant, time, digest = table.get("constant"), table.get("time", "auto"), table.get("digest", False)
    if constant is not None and not isinstance(constant, str | int | float | bool):
        raise SettingsError("a constant is text, a number or true/false", where=where)
    if not isinstance(time, str) or (time not in TIMES and "%" not in time):
        hint = f"one of {', '.join(TIMES)}, or a pattern such as `%d/%m/%Y %H:%M:%S`"
        raise SettingsError(f"`{time}` is no way to write a time", where=where, hint=hint)
    if not isinstance(digest, bool):
        raise SettingsError("`digest` is true or false", where=where)
    paths = _paths(table["field"], flat, where) if "field" in table else ()
    if not paths and constant is None and not digest:
        raise SettingsError("says neither a field nor a constant", where=where)
    return Row(column=column, paths=paths, constant=constant, time=time, digest=digest)


def _paths(value: object, flat: frozenset[str], where: str) -> tuple[Keys, ...]:
    texts = value if isinstance(value, list) else [value]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise SettingsError("a field is a dotted path, or a list of them", where=where)
    try:
        return tuple(split(cast("str", text), flat) for text in texts)
    except ValueError as mistake:
        raise SettingsError(f"cannot read the path: {mistake}", where=where) from None
