"""Sniff: the format of a source, by its first records."""

from __future__ import annotations

from typing import Final

from stillwatch.ingest import _decode, _format, _tables
from stillwatch.ingest._blame import Blame
from stillwatch.ingest._job import How
from stillwatch.ingest._records import Block

SNIFFED: Final = 50
"""Lines that are looked at."""


def sniff(how: How, blame: Blame, block: Block) -> tuple[str | None, bool]:
    """Tell the format of a source by its first records, unless it was named.

    Returns:
        The format; and whether the source was rejected whole, because its records are of no known format.
    """
    if how.format is not None:
        return how.format, False
    broken: list[tuple[int, str, bytes]] = []
    readable = b""
    for line, raw in block.each():
        value, reason = _decode.plain(raw)
        if reason is not None:
            broken.append((line, reason, raw))
            continue
        readable = readable or raw
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict) and (name := _format.recognised(one)) is not None:
                return name, False
        if line - block.line >= SNIFFED:
            break
    if readable and how.map_file is not None:
        return "canonical", False
    if readable:
        blame.unknown(readable)
        return None, True
    for line, reason, raw in broken:
        blame.add(blame.line(block, line), reason, raw)
    return None, False


def table_format(rows: _tables.Rows) -> str:
    """Tell the format of a table by its first row."""
    records, _ = rows.plain()
    return (_format.recognised(records[0]) if records else None) or "canonical"
