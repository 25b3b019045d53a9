"""Writer: canonical Parquet, one set of files per day, with bounded memory whatever the order of the days."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.model.exchange import EXCHANGES, REQUIRED

DAY_MS: Final = 86_400_000
GROUP_BYTES: Final = 32 << 20
GROUP_ROWS: Final = 65_536
HELD_BYTES: Final = 192 << 20
PART_BYTES: Final = 512 << 20
PART_ROWS: Final = 1 << 20
OPEN_FILES: Final = 64
_ONCE: Final = frozenset({"exchange", "at", "messages", "response", "choices", "reasoning", "tool_calls", "session"})
FILLED: Final = "stillwatch.filled"
_EPOCH: Final = date(1970, 1, 1)

REPEATED: Final = [
    name for name in EXCHANGES.names if name not in _ONCE and EXCHANGES.field(name).type == pa.string()
] + ["tools.list.element"]
"""Columns whose values come back: these are kept as dictionaries, the rest as they are."""

DESCRIBED: Final = list(REQUIRED)
"""Columns of which the least and the greatest value are noted, by which a reader trusts the file or skips rows."""


class Part(msgspec.Struct, frozen=True):
    """A finished file of one day's exchanges."""

    path: str
    day: str
    rows: int


@dataclass(slots=True)
class _Day:
    batches: list[pa.RecordBatch]
    rows: int = 0
    bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    writer: pq.ParquetWriter | None = None
    path: Path | None = None
    filled: set[str] = field(default_factory=set)


class DayWriter:
    """Writes batches into files of one day each.

    Args:
        folder: where the files go, under names that no reader takes for finished ones.
        stem: what the names begin with.
    """

    def __init__(self, folder: Path, stem: str) -> None:
        self._folder = folder
        self._stem = stem
        self._days: dict[int, _Day] = {}
        self._held = 0
        self._number = 0
        self.parts: list[Part] = []
        self.columns: set[str] = set()

    def write(self, batch: pa.RecordBatch) -> None:
        """Take a batch; it may be kept until there is enough for a row group."""
        if not batch.num_rows:
            return
        for name in batch.schema.names:
            if name not in self.columns and batch.column(name).null_count < batch.num_rows:
                self.columns.add(name)
        for day, rows in by_day(batch):
            held = self._days.setdefault(day, _Day([]))
            size = rows.get_total_buffer_size() if rows is batch else rows.nbytes
            held.batches.append(rows)
            held.rows += rows.num_rows
            held.bytes += size
            self._held += size
            if held.bytes >= GROUP_BYTES or held.rows >= GROUP_ROWS:
                self._write_group(day, held)
        if self._held > HELD_BYTES:
            for day, held in sorted(self._days.items(), key=lambda item: -item[1].bytes)[
                : max(1, len(self._days) // 2)
            ]:
                self._write_group(day, held)

    def close(self) -> list[Part]:
        """Write what is held and finish every file."""
        for day, held in sorted(self._days.items()):
            self._write_group(day, held)
            self._finish(day, held)
        return self.parts

    def _write_group(self, day: int, held: _Day) -> None:
        if not held.batches:
            return
        table = _table(held.batches)
        if held.writer is None:
            self._make_room()
            self._number += 1
            held.path = self._folder / f"{self._stem}-{self._number:05d}.part"
            self._folder.mkdir(parents=True, exist_ok=True)
            held.writer = parquet_writer(held.path)
        held.writer.write_table(table, row_group_size=GROUP_ROWS)
        held.filled |= {name for name in table.column_names if table.column(name).null_count < table.num_rows}
        held.written_rows += held.rows
        held.written_bytes += held.bytes
        self._held -= held.bytes
        held.batches, held.rows, held.bytes = [], 0, 0
        if held.written_rows >= PART_ROWS or held.written_bytes >= PART_BYTES:
            self._finish(day, held)

    def _make_room(self) -> None:
        """Keep few files open, however many days a log has."""
        opened = [(day, held) for day, held in self._days.items() if held.writer is not None]
        if len(opened) >= OPEN_FILES:
            for day, held in sorted(opened, key=lambda item: -item[1].written_rows)[: OPEN_FILES // 2]:
                self._finish(day, held)

    def _finish(self, day: int, held: _Day) -> None:
        if held.writer is None or held.path is None:
            return
        close_parquet(held.writer, held.filled)
        flush(held.path)
        self.parts.append(Part(str(held.path), day_name(day), held.written_rows))
        held.writer, held.path, held.written_rows, held.written_bytes, held.filled = None, None, 0, 0, set()


def parquet_writer(path: Path) -> pq.ParquetWriter:
    """Open a canonical Parquet file: zstd-1, dictionaries only where values come back."""
    return pq.ParquetWriter(
        path,
        EXCHANGES,
        compression="zstd",
        compression_level=1,
        use_dictionary=REPEATED,
        write_statistics=DESCRIBED,
        store_schema=True,
    )


def close_parquet(writer: pq.ParquetWriter, filled: Iterable[str]) -> None:
    """Finish a canonical Parquet file, noting in it the columns that hold anything."""
    writer.add_key_value_metadata({FILLED: ",".join(sorted(filled))})
    writer.close()


def by_day(batch: pa.RecordBatch) -> Iterable[tuple[int, pa.RecordBatch]]:
    """Part a batch by the UTC day of `at`, as days since 1970."""
    days = batch.column("at").cast(pa.int64()).to_numpy(zero_copy_only=False) // DAY_MS
    first = int(days[0])
    if (days == first).all():
        return [(first, batch)]
    places = ((int(day), np.flatnonzero(days == day)) for day in np.unique(days))
    return [(day, _picked(batch, rows)) for day, rows in places]


def _picked(batch: pa.RecordBatch, rows: npt.NDArray[np.int64]) -> pa.RecordBatch:
    """Give some rows; those that stand together are not copied."""
    if rows[-1] - rows[0] == len(rows) - 1:
        return batch.slice(int(rows[0]), len(rows))
    return batch.take(pa.array(rows))


def day_name(day: int) -> str:
    """Write a day as `YYYY-MM-DD`."""
    return (_EPOCH + timedelta(days=day)).isoformat()


def flush(path: Path) -> None:
    """Make sure that a file is on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _table(batches: list[pa.RecordBatch]) -> pa.Table:
    """Put batches together under the whole canonical schema."""
    held = [dict(zip(batch.schema.names, batch.columns, strict=True)) for batch in batches]
    rows = sum(batch.num_rows for batch in batches)
    columns = []
    for name, kind in zip(EXCHANGES.names, EXCHANGES.types, strict=True):
        if any(name in own for own in held):
            pairs = zip(held, batches, strict=True)
            chunks = [own[name] if name in own else pa.nulls(batch.num_rows, kind) for own, batch in pairs]
            columns.append(pa.chunked_array(chunks, kind))
        else:
            columns.append(pa.chunked_array([pa.nulls(rows, kind)]))
    return pa.Table.from_arrays(columns, schema=EXCHANGES)
