"""Convert: some sources into finished files of canonical exchanges, beside the lines that could not be read.

This is what a worker does. It knows nothing of other workers or of what was ingested before.
"""

from __future__ import annotations

import dataclasses
import gc
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa

from stillwatch.ingest import _decode, _format, _records, _sources, _tables
from stillwatch.ingest._addresses import networks
from stillwatch.ingest._decode import Decoder
from stillwatch.ingest._lane import Lane, Lap
from stillwatch.ingest._mapping import Columns, read_map
from stillwatch.ingest._pile import Pile
from stillwatch.ingest._reader import Batch, Reader
from stillwatch.ingest._records import Block, PassedOver
from stillwatch.ingest._rejects import Reject, Rejects, account_line, dig, excerpt
from stillwatch.ingest._road import BUFFER, Road
from stillwatch.ingest._sources import Damaged, Peeked, Source
from stillwatch.ingest._writer import DayWriter, Part
from stillwatch.model.exchange import REQUIRED

PILE_ROWS: Final = 2000
PILE_BYTES: Final = 8 << 20
LANE_BYTES: Final = 1 << 20
"""Least bytes of a block for which the lane is worth its fixed cost."""
MOST_UNCOMMON: Final = 4
SNIFFED: Final = 50
_HEAD: Final = 16
UNKNOWN: Final = "no known format"
UNKNOWN_HINT: Final = "name the format with `--format`, or the fields with `--map`"

Progress = Callable[[int], None]


class Stretch(msgspec.Struct, frozen=True):
    """A source, or the lines of it that begin in `start` to `end`; an `end` of 0 means to its end."""

    name: str
    path: str | None
    size: int = 0
    mtime_ns: int = 0
    start: int = 0
    end: int = 0
    live: bool = False

    @property
    def source(self) -> Source:
        path = Path(self.path) if self.path else None
        return Source(name=self.name, path=path, size=self.size, mtime_ns=self.mtime_ns, live=self.live)


class How(msgspec.Struct, frozen=True):
    """How records are read."""

    format: str | None = None
    map_file: str | None = None
    trusted_proxies: tuple[str, ...] = ()
    placeholders: tuple[str, ...] = ()
    max_record_bytes: int = 64 << 20


class Job(msgspec.Struct, frozen=True):
    """What a worker is asked to do, in a folder of its own.

    Attributes:
        quick: common records may go by the lane: there is enough to read for its machine code to pay.
    """

    unit: str
    stretches: list[Stretch]
    how: How
    folder: str
    quick: bool = True


class Done(msgspec.Struct):
    """What a worker has done.

    Attributes:
        maps: the `--map` lines that would mend the most records, with how many.
    """

    unit: str
    parts: list[Part]
    rejected: int
    mended: int
    columns: list[str]
    maps: dict[str, int]
    reasons: dict[str, int]
    formats: dict[str, int]


def convert(job: Job, progress: Progress | None = None) -> Done:
    """Convert the sources of a job into its folder.

    Raises:
        SettingsError: when the map file is wrong.
        OSError: when the disk is full.
    """
    work = _Work(job, progress or (lambda _: None))
    collecting = gc.isenabled()
    gc.disable()  # records hold no cycles, and looking for them costs a tenth of the time
    try:
        for stretch in job.stretches:
            work.stretch(stretch)
        return work.finish()
    finally:
        if collecting:
            gc.enable()


def mapping_of(name: str, map_file: str | None) -> tuple[_format.Format, Columns]:
    """Give a format, and its mapping as amended by the map file."""
    format_ = _format.load(name)
    if map_file is None:
        return format_, format_.columns
    return format_, format_.columns.amended(read_map(Path(map_file), format_.columns.flat))


class _Work:
    """A job under way."""

    def __init__(self, job: Job, progress: Progress) -> None:
        self.how = job.how
        self.unit = job.unit
        self.folder = Path(job.folder)
        self.writer = DayWriter(self.folder, f"part-{job.unit}")
        self.rejects = Rejects(self.folder / "rejected.jsonl")
        self.progress = progress
        self.mended = 0
        self.formats: dict[str, int] = {}
        self._ruler: _Ruler | None = None
        self._quick = job.quick
        self._lanes: dict[str, Lane | None] = {}
        self._uncommon = 0  # laps one after the other of which most records were handed back
        self._trusted = networks(job.how.trusted_proxies)
        self._readers: dict[tuple[str, bool], tuple[_format.Format, Reader]] = {}

    def finish(self) -> Done:
        parts = self.writer.close()
        self.rejects.close()
        return Done(
            unit=self.unit,
            parts=parts,
            rejected=self.rejects.count,
            mended=self.mended,
            columns=sorted(self.writer.columns),
            maps=dict(self.rejects.maps.most_common(3)),
            reasons=dict(self.rejects.reasons.most_common(5)),
            formats=self.formats,
        )

    def stretch(self, stretch: Stretch) -> None:
        """Convert one source, or a part of one; whatever is wrong with it is told in the rejects."""
        source, self._ruler = stretch.source, None
        try:
            stream = _sources.open_raw(source)
        except OSError as mistake:
            self._reject(source, 0, f"cannot be opened: {mistake.strerror}")
            return
        try:
            self._opened(stretch, stream)
        finally:
            if source.path is not None:
                stream.close()

    def _opened(self, stretch: Stretch, stream: Any) -> None:
        try:
            head = stream.read(_HEAD)
        except OSError as mistake:
            self._reject(stretch.source, 0, f"cannot be read: {mistake.strerror}")
            return
        source, packing = stretch.source, _sources.packing_of(head)
        if (what := _sources.other_program(head)) is not None:
            self._reject(source, 0, f"this is {what}: unpack or export it first")
            return
        if source.live:
            stream = Peeked(stream, head)
        else:
            stream.seek(max(stretch.start - 1, 0))
        counter = _sources.Counter()
        pieces = _sources.pieces(stream, packing, counter, min(_sources.PIECE, self.how.max_record_bytes))
        pieces = self._watched(pieces, counter)
        kind = _sources.kind_of(source.name, head) if packing == "none" else None
        if kind == "parquet":
            path = source.path if source.path is not None and not source.live else self._spooled(pieces)
            self._rows(source, _tables.parquet(path))
            self.progress(source.size)
            return
        try:
            first = next(pieces, b"")
        except Damaged as mistake:
            self._reject(source, 1, str(mistake))
            return
        again = itertools.chain([first], pieces)
        if (kind or _sources.kind_of(source.name, first)) == "csv":
            self._rows(source, _tables.csv(again, self.how.max_record_bytes))
        elif first:
            spread = _records.is_spread(first)
            file = None if source.live or packing != "none" or spread else stream
            at = self._records(stretch, packing != "none", spread, again, file)
            while at is not None and file is not None:
                file.seek(max(at - 1, 0))
                pieces = _sources.pieces(file, packing, counter, _sources.PIECE)
                at = self._records(msgspec.structs.replace(stretch, start=at), False, False, pieces, file, again=True)

    def _watched(self, pieces: Iterable[bytes], counter: _sources.Counter) -> Iterator[bytes]:
        seen = 0
        for piece in pieces:
            yield piece
            self.progress(counter.bytes - seen)
            seen = counter.bytes

    def _spooled(self, pieces: Iterable[bytes]) -> Path:
        """Write a stream that cannot be sought to a file that can."""
        path = self.folder / "spooled"
        self.folder.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            for piece in pieces:
                file.write(piece)
        return path

    def _records(
        self,
        stretch: Stretch,
        packed: bool,
        spread: bool,
        pieces: Iterable[bytes],
        file: Any,
        *,
        again: bool = False,
    ) -> int | None:
        """Convert JSON.

        Args:
            file: the stream behind the pieces, where it can be sought and holds one record per line.
            again: begins with a line that the road could not take.

        Returns:
            The offset from which to read on, where the rest was left for another beginning.
        """
        source = stretch.source
        counted = packed or source.live
        self._ruler = None if counted or spread else _Ruler(source)
        name: str | None = None
        decoder: Decoder | None = None
        pile = Pile()
        cut = _records.cut(
            pieces,
            self.how.max_record_bytes,
            spread=spread,
            counted=counted,
            begin=stretch.start,
            end=stretch.end,
            back=None if file is None else lambda count: file.seek(-count, os.SEEK_CUR),
        )
        for block in cut:
            if isinstance(block, PassedOver):
                if name is not None:
                    self._write(source, name, pile)
                self._reject(source, self._line(block, 0), block.reason, block.head)
                continue
            if decoder is None or name is None:
                name, told = self._sniff(source, block)
                if told:
                    return None
                if name is None:
                    continue
                decoder = Decoder(self._reader(name)[1].record, _format.load(name).unwrap)
            if (lane := self._lane(name, block)) is not None:
                self._write(source, name, pile)
                if file is not None and not (block.head or again) and self.how.max_record_bytes >= BUFFER:
                    return self._driven(stretch, name, lane, decoder, file, block)
                for lap in lane.laps(block):
                    self._lapped(source, name, decoder, block, lap)
                again = False
                continue
            pile.add(decoder.block(block), block.size)
            if len(pile.records) >= PILE_ROWS or pile.bytes >= PILE_BYTES:
                self._write(source, name, pile)
        if name is not None:
            self._write(source, name, pile)
        return None

    def _sniff(self, source: Source, block: Block) -> tuple[str | None, bool]:
        """Tell the format of a source by its first records, unless it was named.

        Returns:
            The format; and whether the source was rejected whole, because its records are of no known format.
        """
        if self.how.format is not None:
            return self.how.format, False
        broken: list[tuple[int, str, bytes]] = []
        readable = b""
        for line, raw in block.one_by_one():
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
        if readable and self.how.map_file is not None:
            return "canonical", False
        if readable:
            shown = excerpt(readable, self._reader("canonical")[1].mapping)
            self.rejects.add(Reject(source.name, 1, UNKNOWN, hint=UNKNOWN_HINT, excerpt=shown))
            return None, True
        for line, reason, raw in broken:
            self._reject(source, self._line(block, line), reason, raw)
        return None, False

    def _rows(self, source: Source, tables: Iterator[_tables.Rows]) -> None:
        """Convert a table: by column where it is canonical, by row where a map has to tell."""
        name: str | None = None
        try:
            for rows in tables:
                name = name or self.how.format or _table_format(rows)
                plain = self.how.map_file is not None or name != "canonical"
                whole = None if plain or rows.batch is None else _tables.as_canonical(rows.batch)
                if whole is not None:
                    self.formats[name] = self.formats.get(name, 0) + whole.num_rows
                    self.writer.write(whole)
                    continue
                pile = Pile()
                decoder = Decoder(self._reader(name, table=True)[1].record, None)
                pile.add(decoder.plain(*rows.plain(), rows.bad), 0)
                self._write(source, name, pile, table=True)
        except _tables.Unreadable as mistake:
            self._reject(source, 1, str(mistake))

    def _write(self, source: Source, name: str, pile: Pile, *, table: bool = False) -> None:
        """Make columns of what has been decoded, and write them."""
        batch = self._made(source, name, pile, table=table)
        if batch is not None:
            self.writer.write(batch.table)

    def _lane(self, name: str, block: Block) -> Lane | None:
        """Give the lane for a block that is worth it; a log of uncommon records is read without."""
        if not self._quick or block.parts is not None or block.size < LANE_BYTES or self._uncommon > MOST_UNCOMMON:
            return None
        if name not in self._lanes:
            format_, reader = self._reader(name)
            self._lanes[name] = Lane.of(reader) if format_.unwrap is None else None
        return self._lanes[name]

    def _driven(self, stretch: Stretch, name: str, lane: Lane, decoder: Decoder, file: Any, block: Block) -> int | None:
        """Convert a file of lines from a block on; gives the offset of a line that is too long for it."""
        ahead = file.tell() - block.offset  # what was told of the progress already

        def told(count: int) -> None:
            nonlocal ahead
            self.progress(max(count - ahead, 0))
            ahead = max(ahead - count, 0)

        road = Road(lane, file, block.offset, stretch.end, told)
        for offset, lap in road.laps():
            self._lapped(stretch.source, name, decoder, Block(b"", b"", 0, 0, offset, 0), lap)
            if self._uncommon > MOST_UNCOMMON:
                return road.at
        return None if road.ended else road.at

    def _lapped(self, source: Source, name: str, decoder: Decoder, block: Block, lap: Lap) -> None:
        """Write a lap, and with it what it hands back, read with care; rows stay in the order of their lines."""
        common = lap.table.num_rows
        self._uncommon = 0 if common >= len(lap.slow) else self._uncommon + (common + len(lap.slow) > 1)
        if common:
            self.formats[name] = self.formats.get(name, 0) + common
        if not lap.slow:
            self.writer.write(lap.table)
            return
        pile = Pile()
        pile.add(decoder.lines(block, lap.slow), 0)
        numbers = np.array([line for line, _ in pile.decoded[0].places or ()], np.int64)
        batch = self._made(source, name, pile)
        self.writer.write(lap.table if batch is None else _merged(lap, batch, numbers))

    def _made(self, source: Source, name: str, pile: Pile, *, table: bool = False) -> Batch | None:
        """Make columns of what has been decoded, and tell what is wrong with the rest."""
        reader = self._reader(name, table=table)[1]
        bad = [
            self._rejected(source, self._line(decoded.block, line), reason, raw, reader.mapping)
            for decoded in pile.decoded
            for line, reason, raw in decoded.rejects
        ]
        self.mended += sum(decoded.mended for decoded in pile.decoded)
        batch = reader.read(pile.records, pile.digest) if pile.records else None
        if batch is not None:
            self.formats[name] = self.formats.get(name, 0) + batch.table.num_rows
            bad += [self._incomplete(source, name, pile, place, column) for place, column in batch.rejects]
        for reject in sorted(bad, key=lambda reject: reject.line):
            self.rejects.add(reject)
        pile.clear()
        return batch

    def _incomplete(self, source: Source, name: str, pile: Pile, place: int, column: str) -> Reject:
        """Reject a record that lacks what is required, with the line that would mend it."""
        decoded, within, raw = pile.place(place)
        line, reason = self._line(decoded.block, within), f"`{column}` is missing"
        if self.rejects.is_full(reason):
            return Reject(source.name, line, reason)
        format_, reader = self._reader(name)
        shown = excerpt(raw, reader.mapping)
        if column == "account":
            record, others = _plain(format_, raw, pile.ordinal(place)), self.formats.get(name, 0) > 0
            mend = account_line(record, format_, reader.mapping, others=others)
            hint = f"name the field that holds it, `--map` with `{mend}`"
            return Reject(source.name, line, reason, hint=hint, map=mend, excerpt=shown)
        where = ", ".join(f"`{path}`" for path in reader.mapping.said(column)) or "no field"
        if column == "at" and _holds(_plain(format_, raw, pile.ordinal(place)), reader.mapping, column):
            hint = 'tell how it is written, `--map` with `at = { field = "…", time = "epoch_ms" }`'
            return Reject(source.name, line, "`at` is no time", hint=f"in {where}: {hint}", excerpt=shown)
        hint = f'looked in {where}; name the field that holds it, `--map` with `{column} = "…"`'
        if column == "exchange":
            record = _plain(format_, raw, pile.ordinal(place))
            rest = [f"`{one}`" for one in REQUIRED[1:] if not _holds(record, reader.mapping, one)]
            hint += ", or with `exchange = { digest = true }` where there is none"
            hint += f"; {' and '.join(rest)} {'is' if len(rest) == 1 else 'are'} missing too" if rest else ""
        return Reject(source.name, line, reason, hint=hint, excerpt=shown)

    def _line(self, block: Block | PassedOver | None, within: int) -> int:
        """Give the number of a line: counted already, or within a block of a file that is counted now."""
        if block is None or self._ruler is None:
            return within or (block.line if block is not None else 0)
        return self._ruler.before(block.offset) + within + 1

    def _reader(self, name: str, *, table: bool = False) -> tuple[_format.Format, Reader]:
        if (name, table) not in self._readers:
            format_, mapping = mapping_of(name, self.how.map_file)
            mapping = dataclasses.replace(mapping, table=table)
            self._readers[name, table] = format_, Reader(mapping, self._trusted, self.how.placeholders)
        return self._readers[name, table]

    def _reject(self, source: Source, line: int, reason: str, raw: bytes = b"") -> None:
        mapping = _format.load(self.how.format or "canonical").columns
        self.rejects.add(self._rejected(source, line, reason, raw, mapping))

    def _rejected(self, source: Source, line: int, reason: str, raw: bytes, mapping: Columns) -> Reject:
        shown = excerpt(raw, mapping) if raw and not self.rejects.is_full(reason) else ""
        return Reject(source.name, line, reason, excerpt=shown)


class _Ruler:
    """Counts the lines before a place in a file, once and only when a line has to be named."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._offset = 0
        self._lines = 0

    def before(self, offset: int) -> int:
        """Count the lines that end before an offset."""
        if offset < self._offset:
            self._offset = self._lines = 0
        with _sources.open_raw(self._source) as file:
            file.seek(self._offset)
            while self._offset < offset and (piece := file.read(min(offset - self._offset, _sources.PIECE))):
                self._offset += len(piece)
                self._lines += piece.count(b"\n")
        return self._lines


def _merged(lap: Lap, batch: Batch, numbers: np.ndarray) -> pa.RecordBatch:
    """Put common and uncommon records together, in the order of their lines."""
    bad = [place for place, _ in batch.rejects]
    order = np.argsort(np.concatenate([lap.numbers, np.delete(numbers, bad)]), kind="stable")
    tables = [pa.Table.from_batches([one]) for one in (lap.table, batch.table)]
    whole = pa.concat_tables(tables, promote_options="default").take(order).combine_chunks()
    return whole.to_batches()[0] if whole.num_rows else batch.table


def _table_format(rows: _tables.Rows) -> str:
    """Tell the format of a table by its first row."""
    records, _ = rows.plain()
    return (_format.recognised(records[0]) if records else None) or "canonical"


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
