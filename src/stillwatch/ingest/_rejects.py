"""Rejects: lines that could not be read, with the reason, what next, and an excerpt that shows no content."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

from stillwatch.ingest import _text
from stillwatch.ingest._format import Format, Plain
from stillwatch.ingest._mapping import Columns, split, toml_line

EXCERPT: Final = 160
FULL: Final = 1000
_KEY: Final = re.compile(rb'"([A-Za-z_][A-Za-z0-9_.-]{0,40})"\s*:')
_PLACEHOLDERS: Final = frozenset({"default_user_id", "litellm_proxy_master_key"})


class Reject(msgspec.Struct, omit_defaults=True):
    """One line of `rejected.jsonl`.

    Attributes:
        lines: how many lines in a row, from `line`, were rejected for this reason.
        map: the line of a `--map` file that would mend it.
        excerpt: the shape of the record: names of known fields, and everything else masked.
    """

    source: str
    line: int
    reason: str
    lines: int = 1
    hint: str = ""
    map: str = ""
    excerpt: str = ""


class Rejects:
    """Writes rejects to a file, a thousand of each reason in full and the rest as runs of lines."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self.reasons: Counter[str] = Counter()
        self.maps: Counter[str] = Counter()
        self._file: BinaryIO | None = None
        self._run: Reject | None = None

    def add(self, reject: Reject) -> None:
        """Write one reject."""
        self.count += reject.lines
        self.reasons[_sort(reject.reason)] += reject.lines
        if reject.map:
            self.maps[reject.map] += reject.lines
        if self.reasons[_sort(reject.reason)] <= FULL:
            self._write(reject)
        elif not self._goes_on(reject):
            self._flush()
            self._run = reject

    def is_full(self, reason: str) -> bool:
        """Tell whether rejects for this reason are kept as runs of lines only."""
        return self.reasons[_sort(reason)] >= FULL

    def close(self) -> None:
        self._flush()
        if self._file is not None:
            self._file.close()

    def _goes_on(self, reject: Reject) -> bool:
        run = self._run
        if run is None or (run.source, _sort(run.reason)) != (reject.source, _sort(reject.reason)):
            return False
        if run.line + run.lines != reject.line:
            return False
        run.lines += reject.lines
        return True

    def _flush(self) -> None:
        if self._run is not None:
            self._write(self._run)
            self._run = None

    def _write(self, reject: Reject) -> None:
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("wb")
        self._file.write(msgspec.json.encode(reject) + b"\n")


def _sort(reason: str) -> str:
    """Give the reason without the place in the line."""
    return re.sub(r" \(byte \d+\)", "", reason)


def excerpt(raw: bytes, mapping: Columns) -> str:
    """Show the shape of a record: the names of fields that the mapping knows, the rest masked.

    Example:
        A line such as `{"model":"m","secret":"x` is shown as `{"model":"…","…":"…`.
    """
    known = {key for row in mapping for path in row.paths for key in path}
    head = raw[: EXCERPT * 4]
    kept = {found.start(1): found.end(1) for found in _KEY.finditer(head) if found[1].decode() in known}
    shown: list[str] = []
    place = 0
    while place < len(head) and len(shown) < EXCERPT:
        if place in kept:
            shown.append(head[place : kept[place]].decode())
            place = kept[place]
            continue
        mark = chr(head[place]) if head[place] < 128 else "…"
        if mark in '{}[]":, \t' and mark != "…":
            shown.append(mark)
        elif not shown or not shown[-1].endswith("…"):
            shown.append("…")
        place += 1
    return "".join(shown)[:EXCERPT]


def account_line(record: Plain, format_: Format, mapping: Columns, *, others: bool) -> str:
    """Write the `--map` line that would give a record an account.

    The paths that the format names are tried first, then any field whose name speaks of a customer; where the
    record holds nothing of the kind, it falls to an account of its own.

    Args:
        others: other records of the log have an account by the mapping in use, which the line must not lose.
    """
    now = mapping.said("account")
    kept = ["default"] if mapping.rows.get("account") == format_.columns.rows.get("account") else now
    for path in (*format_.accounts, *_customers(record)):
        value = dig(record, split(path, mapping.flat), mapping.opens_text)
        if isinstance(value, str | int) and not isinstance(value, bool) and value != "" and value not in _PLACEHOLDERS:
            return toml_line("account", [*kept, path] if others else [path])
    field = toml_line("field", kept) + ", " if others and kept else ""
    return f'account = {{ {field}constant = "unknown" }}'


def _customers(record: Plain) -> Iterator[str]:
    for key, value in record.items():
        if re.search(
            r"account|tenant|organi[sz]ation|customer|owner|team|user|client|project|subscription",
            key,
            re.IGNORECASE,
        ):
            quoted = f'"{key}"' if "." in key else key
            if isinstance(value, str | int):
                yield quoted
            elif isinstance(value, dict) and "id" in value:
                yield f"{quoted}.id"


def dig(value: Any, keys: tuple[str, ...], opens_text: bool) -> Any:
    """Follow a path through plain data."""
    for key in keys:
        if opens_text and isinstance(value, str):
            value = _text.loose_text(value)
        if isinstance(value, list) and key.isdecimal():
            value = value[int(key)] if int(key) < len(value) else None
        else:
            value = value.get(key) if isinstance(value, dict) else None
        if value is None:
            return None
    return value
