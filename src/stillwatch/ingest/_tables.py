"""Tables: Parquet and CSV, by column where they are canonical, as plain records where they are not."""

from __future__ import annotations

import codecs
import csv as csv_module
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.ingest._format import Plain
from stillwatch.model.exchange import EXCHANGES, REQUIRED

ROWS: Final = 8192
CSV_ROWS: Final = 2000
_SURROGATES: Final = range(0xDC80, 0xDD00)


@dataclass(slots=True)
class Rows:
    """Some rows of a table: as a batch, or as plain records each with its line.

    Attributes:
        first: number of the first row, from 1.
    """

    first: int
    batch: pa.RecordBatch | None = None
    records: list[Plain] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    bad: list[tuple[int, str]] = field(default_factory=list)

    def plain(self) -> tuple[list[Plain], list[int]]:
        """Give the rows as plain records."""
        if self.batch is None:
            return self.records, self.lines
        told: list[Plain] = msgspec.to_builtins(_in_microseconds(self.batch).to_pylist())
        return told, list(range(self.first, self.first + len(told)))


class Unreadable(Exception):
    """A table, or a piece of it, that is damaged."""


def parquet(path: Path) -> Iterator[Rows]:
    """Read a Parquet file; a damaged row group is told and passed over.

    Raises:
        Unreadable: when the file is no Parquet file, or is cut off.
    """
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError, ValueError) as mistake:
        raise Unreadable(_one_line(f"damaged Parquet file: {mistake}")) from None
    row = 1
    with file:
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            at = row
            try:
                for batch in file.iter_batches(ROWS, row_groups=[group]):
                    yield Rows(at, batch)
                    at += batch.num_rows
            except (pa.ArrowException, OSError, ValueError, UnicodeDecodeError) as mistake:
                told = _one_line(f"damaged Parquet row group: {mistake}")
                yield Rows(at, bad=[(line, told) for line in range(at, row + rows)])
            row += rows


def csv(pieces: Iterable[bytes], limit: int) -> Iterator[Rows]:
    """Read CSV with a header line; empty cells are null.

    Raises:
        Unreadable: when a quote is never closed or a field is longer than the limit.
    """
    csv_module.field_size_limit(limit)
    reader = csv_module.reader(_text_lines(pieces))
    try:
        header = next(reader, [])
        rows = Rows(0)
        for cells in reader:
            _add_cells(rows, header, cells, reader.line_num)
            if len(rows.records) + len(rows.bad) >= CSV_ROWS:
                yield rows
                rows = Rows(0)
    except csv_module.Error as mistake:
        yield rows
        raise Unreadable(f"line {reader.line_num} is no CSV: {mistake}") from None
    yield rows


def _add_cells(rows: Rows, header: list[str], cells: list[str], line: int) -> None:
    if not cells:
        return
    if len(cells) != len(header):
        rows.bad.append((line, f"expected {len(header)} cells, got {len(cells)}"))
    elif any(ord(mark) in _SURROGATES for cell in cells if not cell.isascii() for mark in cell):
        rows.bad.append((line, "invalid UTF-8"))
    else:
        rows.records.append({name: cell or None for name, cell in zip(header, cells, strict=True)})
        rows.lines.append(line)


def _text_lines(pieces: Iterable[bytes]) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    held = ""
    first = True
    for piece in pieces:
        text = held + decoder.decode(piece.removeprefix(codecs.BOM_UTF8) if first else piece)
        first = False
        lines = text.splitlines(keepends=True) if "\x0b" in text else io.StringIO(text, newline="").readlines()
        held = "" if not lines or lines[-1].endswith("\n") else lines.pop()
        yield from lines
    if held := held + decoder.decode(b"", final=True):
        yield held


def as_canonical(batch: pa.RecordBatch) -> pa.RecordBatch | None:
    """Give a batch in canonical types; None when rows have to be looked at one by one.

    Types that mean the same are taken over: long strings, views and dictionaries, times of any unit, with or
    without a zone, whole numbers of any width. Columns that are not canonical are left out.
    """
    arrays, names = [], []
    for name in EXCHANGES.names:
        if name not in batch.schema.names:
            continue
        array = recast(batch.column(name), EXCHANGES.field(name).type)
        if array is None:
            return None
        arrays.append(array)
        names.append(name)
    for name in REQUIRED:
        if name not in names or not _all_there(arrays[names.index(name)]):
            return None
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema([EXCHANGES.field(name) for name in names]))


def recast(array: pa.Array, kind: pa.DataType) -> pa.Array | None:
    """Give an array in another type that means the same; None when that cannot be."""
    if array.type == kind:
        return array
    try:
        if pa.types.is_timestamp(kind):
            if not pa.types.is_timestamp(array.type):
                return None
            return array.cast(pa.timestamp(kind.unit, array.type.tz), safe=False).cast(kind)
        if pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        if not _alike(array.type, kind):
            return None
        return array.cast(kind)
    except (pa.ArrowException, ValueError):
        return None


def _alike(given: pa.DataType, wanted: pa.DataType) -> bool:
    """Tell whether a cast keeps the meaning: no text from numbers, no numbers from text."""
    types = pa.types
    if types.is_null(given):
        return True
    if types.is_string(wanted):
        return bool(types.is_string(given) or types.is_large_string(given) or types.is_string_view(given))
    if types.is_integer(wanted):
        return bool(types.is_integer(given))
    if types.is_floating(wanted):
        return bool(types.is_floating(given) or types.is_integer(given))
    return bool(types.is_nested(given) == types.is_nested(wanted))


def _all_there(array: pa.Array) -> bool:
    if array.null_count:
        return False
    return not (pa.types.is_string(array.type) and pc.any(pc.equal(array, "")).as_py())


def _in_microseconds(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Cut times to microseconds: Python knows no finer ones."""
    columns, changed = [], False
    for array in batch.columns:
        if pa.types.is_timestamp(array.type) and array.type.unit == "ns":
            array, changed = array.cast(pa.timestamp("us", array.type.tz), safe=False), True
        columns.append(array)
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names) if changed else batch


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300].rstrip(".")
