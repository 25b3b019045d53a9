"""Declared: grants and known accounts, from TOML files that people write by hand."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from stillwatch.errors import SettingsError
from stillwatch.model.grant import Grant
from stillwatch.model.known import Known, KnownKind

Table = dict[str, Any]
_GRANT: Final = ("id", "holder", "accounts", "models", "families", "exchanges", "starts", "ends")
_KNOWN: Final = ("name", "accounts", "families", "reason", "expires", "by")
_KINDS: Final[tuple[KnownKind, ...]] = ("owner", "test", "benign")


def read_grants(path: Path) -> tuple[Grant, ...]:
    """Read a grants file: `[[grant]]` tables.

    A family is an id, or the path of a text file that holds a template, relative to the grants file.

    Raises:
        SettingsError: naming the grant, its line, the field and what next.
    """
    document = _Document(path, ("grant",), "a grants file holds `[[grant]]` tables")
    grants: dict[str, Grant] = {}
    for entry in document.entries():
        entry.only(_GRANT)
        grant = _grant(entry)
        if grant.id in grants:
            raise entry.wrong("id", f"`{grant.id}` is the id of two grants", "give each grant its own id")
        grants[grant.id] = grant
    return tuple(grants.values())


def read_known(path: Path) -> tuple[Known, ...]:
    """Read a known file: `[[owner]]`, `[[test]]` and `[[benign]]` tables.

    Raises:
        SettingsError: naming the entry, its line, the field and what next.
    """
    document = _Document(path, _KINDS, "a known file holds `[[owner]]`, `[[test]]` and `[[benign]]` tables")
    told = []
    for entry in document.entries():
        entry.only(_KNOWN)
        kind: KnownKind = next(kind for kind in _KINDS if kind == entry.kind)
        told.append(
            Known(
                kind=kind,
                name=entry.text("name", entry.kind if kind == "test" else None),
                accounts=entry.texts("accounts", needed=True),
                families=entry.texts("families"),
                reason=entry.text("reason"),
                expires=entry.day("expires"),
                by=entry.text("by", "") or None,
            )
        )
    return tuple(told)


def _grant(entry: _Entry) -> Grant:
    families, templates = set(), []
    for family in sorted(entry.texts("families")):
        template = entry.path.parent / family
        if "/" in family or family.endswith((".txt", ".md")) or template.is_file():
            templates.append(_template(entry, template))
        else:
            families.add(family)
    exchanges = entry.table.get("exchanges", 0)
    if isinstance(exchanges, bool) or not isinstance(exchanges, int) or exchanges < 0:
        raise entry.wrong("exchanges", f"expected a whole number, got `{exchanges}`", "0 for no cap")
    grant = Grant(
        id=entry.text("id"),
        holder=entry.text("holder"),
        accounts=entry.texts("accounts", needed=True),
        models=entry.texts("models"),
        families=frozenset(families),
        templates=tuple(templates),
        exchanges=exchanges,
        starts=entry.day("starts"),
        ends=entry.day("ends"),
    )
    if grant.ends < grant.starts:
        raise entry.wrong("ends", f"the grant ends on {grant.ends}, before it starts", "`ends` is its last day")
    return grant


def _template(entry: _Entry, path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as mistake:
        told = getattr(mistake, "strerror", None) or "not UTF-8"
        hint = "a family is an id, or the path of a text file beside the grants file"
        raise entry.wrong("families", f"cannot read `{path}`: {told}", hint) from None


class _Document:
    """A TOML file of named tables."""

    def __init__(self, path: Path, kinds: tuple[str, ...], shape: str) -> None:
        self.path = path
        self._kinds = kinds
        try:
            self._text = path.read_text("utf-8")
            self._tables = tomllib.loads(self._text)
        except OSError as mistake:
            raise SettingsError(f"cannot be read: {mistake.strerror}", where=str(path)) from None
        except UnicodeDecodeError:
            raise SettingsError("not UTF-8", where=str(path)) from None
        except tomllib.TOMLDecodeError as mistake:
            raise SettingsError(f"not TOML: {mistake}", where=str(path)) from None
        for key, value in self._tables.items():
            if key not in kinds:
                raise SettingsError(f"`{key}` means nothing here", where=str(path), hint=_near(key, kinds) or shape)
            if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
                raise SettingsError(f"`{key}` is no list of tables", where=str(path), hint=shape)

    def entries(self) -> Iterator[_Entry]:
        """Give every table, with the line it begins on."""
        for kind in self._kinds:
            lines = [
                number
                for number, text in enumerate(self._text.splitlines(), 1)
                if re.match(rf"\s*\[\[\s*{kind}\s*\]\]", text)
            ]
            for place, table in enumerate(self._tables.get(kind, [])):
                yield _Entry(self.path, kind, table, lines[place] if place < len(lines) else 1)


class _Entry:
    """One table, whose fields are taken out with a check each."""

    def __init__(self, path: Path, kind: str, table: Table, line: int) -> None:
        self.path = path
        self.kind = kind
        self.table = table
        self._line = line

    def wrong(self, field: str, what: str, hint: str | None = None) -> SettingsError:
        name = self.table.get("id") or self.table.get("name")
        told = f" `{name}`" if isinstance(name, str) else ""
        where = f"{self.path}, line {self._line}, {self.kind}{told}, `{field}`"
        return SettingsError(what, where=where, hint=hint)

    def only(self, fields: tuple[str, ...]) -> None:
        """Refuse fields that mean nothing."""
        for field in self.table:
            if field not in fields:
                raise self.wrong(field, "means nothing here", _near(field, fields) or f"one of: {', '.join(fields)}")

    def text(self, field: str, default: str | None = None) -> str:
        """Take a text; without a default it must be there."""
        value = self.table.get(field, default)
        if value is None:
            raise self.wrong(field, f"`{field}` is missing", f'add `{field} = "…"`')
        if not isinstance(value, str) or not (value.strip() or default is not None):
            raise self.wrong(field, "expected some text", f'write `{field} = "…"`')
        return value

    def texts(self, field: str, *, needed: bool = False) -> frozenset[str]:
        """Take a list of texts; none may be empty, nor the list where it is needed."""
        value = self.table.get(field, [])
        if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
            raise self.wrong(field, "expected a list of texts", f'write `{field} = ["…", "…"]`')
        if needed and not value:
            raise self.wrong(field, f"`{field}` is missing", f'add `{field} = ["…"]`')
        return frozenset(value)

    def day(self, field: str) -> date:
        """Take a date, in UTC."""
        value = self.table.get(field)
        if value is None:
            raise self.wrong(field, f"`{field}` is missing", f"add `{field} = 2026-12-31`")
        if isinstance(value, datetime) or not isinstance(value, date):
            raise self.wrong(field, f"expected a date, got `{value}`", f"write `{field} = 2026-12-31`, without quotes")
        return value


def _near(word: str, known: tuple[str, ...]) -> str | None:
    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean `{close[0]}`?" if close else None
