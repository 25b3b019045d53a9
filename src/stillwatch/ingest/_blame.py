"""Blame: what is wrong with a line or a record of the source that is being read, and what would mend it."""

from __future__ import annotations

from typing import Final

from stillwatch.ingest import _decode, _format
from stillwatch.ingest._job import How
from stillwatch.ingest._mapping import Columns
from stillwatch.ingest._pile import Pile
from stillwatch.ingest._readers import Readers
from stillwatch.ingest._records import Block, PassedOver
from stillwatch.ingest._rejects import Reject, Rejects, account_line, dig, excerpt
from stillwatch.ingest._ruler import Ruler
from stillwatch.ingest._sources import Source
from stillwatch.model.exchange import REQUIRED

UNKNOWN: Final = "no known format"
UNKNOWN_HINT: Final = "name the format with `--format`, or the fields with `--map`"


class Blame:
    """Tells what is wrong, and where.

    Args:
        source: what is being read.
        ruler: counts its lines, where they are not counted on the way.
    """

    def __init__(self, source: Source, how: How, readers: Readers, rejects: Rejects) -> None:
        self._source = source
        self._how = how
        self._readers = readers
        self._rejects = rejects
        self.ruler: Ruler | None = None

    def add(self, line: int, reason: str, raw: bytes = b"") -> None:
        """Reject a line."""
        mapping = _format.load(self._how.format or "canonical").columns
        self._rejects.add(self.rejected(line, reason, raw, mapping))

    def add_all(self, rejects: list[Reject]) -> None:
        """Reject lines, in their order."""
        for reject in sorted(rejects, key=lambda reject: reject.line):
            self._rejects.add(reject)

    def unknown(self, readable: bytes) -> None:
        """Reject the whole source, because its records are of no known format."""
        shown = excerpt(readable, self._readers.of("canonical").mapping)
        self._rejects.add(Reject(self._source.name, 1, UNKNOWN, hint=UNKNOWN_HINT, excerpt=shown))

    def rejected(self, line: int, reason: str, raw: bytes, mapping: Columns) -> Reject:
        """Say what is wrong with a line."""
        shown = excerpt(raw, mapping) if raw and not self._rejects.is_full(reason) else ""
        return Reject(self._source.name, line, reason, excerpt=shown)

    def incomplete(self, name: str, pile: Pile, place: int, column: str, *, others: bool) -> Reject:
        """Say what a record lacks that is required, with the line that would mend it.

        Args:
            place: where in the pile it stands.
            others: other records of this format lack nothing.
        """
        decoded, within, raw = pile.place(place)
        line, reason = self.line(decoded.block, within), f"`{column}` is missing"
        if self._rejects.is_full(reason):
            return Reject(self._source.name, line, reason)
        format_, reader = _format.load(name), self._readers.of(name)
        shown = excerpt(raw, reader.mapping)
        if column == "account":
            record = _plain(format_, raw, pile.ordinal(place))
            mend = account_line(record, format_, reader.mapping, others=others)
            hint = f"name the field that holds it, `--map` with `{mend}`"
            return Reject(self._source.name, line, reason, hint=hint, map=mend, excerpt=shown)
        where = ", ".join(f"`{path}`" for path in reader.mapping.said(column)) or "no field"
        if column == "at" and _holds(_plain(format_, raw, pile.ordinal(place)), reader.mapping, column):
            hint = 'tell how it is written, `--map` with `at = { field = "…", time = "epoch_ms" }`'
            return Reject(self._source.name, line, "`at` is no time", hint=f"in {where}: {hint}", excerpt=shown)
        hint = f'looked in {where}; name the field that holds it, `--map` with `{column} = "…"`'
        if column == "exchange":
            record = _plain(format_, raw, pile.ordinal(place))
            rest = [f"`{one}`" for one in REQUIRED[1:] if not _holds(record, reader.mapping, one)]
            hint += ", or with `exchange = { digest = true }` where there is none"
            hint += f"; {' and '.join(rest)} {'is' if len(rest) == 1 else 'are'} missing too" if rest else ""
        return Reject(self._source.name, line, reason, hint=hint, excerpt=shown)

    def line(self, block: Block | PassedOver | None, within: int) -> int:
        """Give the number of a line: counted already, or within a block of a file that is counted now."""
        if block is None or self.ruler is None:
            return within or (block.line if block is not None else 0)
        return self.ruler.before(block.offset) + within + 1


def _holds(record: _format.Plain, mapping: Columns, column: str) -> bool:
    """Tell whether a record holds anything where a column is looked for."""
    row = mapping.rows.get(column)
    return any(dig(record, path, mapping.opens_text) is not None for path in (row.paths if row else ()))


def _plain(format_: _format.Format, raw: bytes, ordinal: int) -> _format.Plain:
    """Give a record as plain data, for the hint."""
    value, _ = _decode.plain(raw)
    found = list(format_.unwrap(raw)) if format_.unwrap is not None else value if isinstance(value, list) else [value]
    record = found[ordinal] if ordinal < len(found) else None
    return record if isinstance(record, dict) else {}
