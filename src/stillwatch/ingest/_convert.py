"""Convert: some sources into finished files of canonical exchanges, beside the lines that could not be read.

This is what a worker does. It knows nothing of other workers or of what was ingested before.
"""

from __future__ import annotations

import gc
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from stillwatch.ingest import _format, _records, _sources, _tables
from stillwatch.ingest._blame import Blame
from stillwatch.ingest._decode import Decoder
from stillwatch.ingest._job import Done, Job, Stretch
from stillwatch.ingest._maker import Maker
from stillwatch.ingest._pile import Pile
from stillwatch.ingest._readers import Readers
from stillwatch.ingest._records import PassedOver
from stillwatch.ingest._rejects import Rejects
from stillwatch.ingest._road import BUFFER
from stillwatch.ingest._ruler import Ruler
from stillwatch.ingest._sniff import sniff, table_format
from stillwatch.ingest._sources import Damaged, Peeked
from stillwatch.ingest._writer import DayWriter

PILE_ROWS: Final = 2000
PILE_BYTES: Final = 8 << 20
_HEAD: Final = 16

Progress = Callable[[int], None]


def convert(job: Job, progress: Progress | None = None, readers: Readers | None = None) -> Done:
    """Convert the sources of a job into its folder.

    Args:
        readers: of an earlier job that is read in the same way; what they have learned is of use again.

    Raises:
        SettingsError: when the map file is wrong.
        OSError: when the disk is full.
    """
    work = _Work(job, progress or (lambda _: None), readers or Readers(job.how))
    collecting = gc.isenabled()
    gc.disable()  # records hold no cycles, and looking for them costs a tenth of the time
    try:
        for stretch in job.stretches:
            work.stretch(stretch)
        return work.finish()
    finally:
        if collecting:
            gc.enable()


class _Work:
    """A job under way."""

    def __init__(self, job: Job, progress: Progress, readers: Readers) -> None:
        self.how = job.how
        self.unit = job.unit
        self.folder = Path(job.folder)
        self.writer = DayWriter(self.folder, f"part-{job.unit}")
        self.rejects = Rejects(self.folder / "rejected.jsonl")
        self.progress = progress
        self.readers = readers
        self.maker = Maker(self.readers, self.writer, progress, quick=job.quick)

    def finish(self) -> Done:
        parts = self.writer.close()
        self.rejects.close()
        return Done(
            unit=self.unit,
            parts=parts,
            rejected=self.rejects.count,
            mended=self.maker.mended,
            columns=sorted(self.writer.columns),
            maps=dict(self.rejects.maps.most_common(3)),
            reasons=dict(self.rejects.reasons.most_common(5)),
            formats=self.maker.formats,
        )

    def stretch(self, stretch: Stretch) -> None:
        """Convert one source, or a part of one; whatever is wrong with it is told in the rejects."""
        source = stretch.source
        blame = Blame(source, self.how, self.readers, self.rejects)
        try:
            stream = _sources.open_raw(source)
        except OSError as mistake:
            blame.add(0, f"cannot be opened: {mistake.strerror}")
            return
        try:
            self._opened(stretch, stream, blame)
        finally:
            if source.path is not None:
                stream.close()

    def _opened(self, stretch: Stretch, stream: Any, blame: Blame) -> None:
        try:
            head = stream.read(_HEAD)
        except OSError as mistake:
            blame.add(0, f"cannot be read: {mistake.strerror}")
            return
        source, packing = stretch.source, _sources.packing_of(head)
        if (what := _sources.other_program(head)) is not None:
            blame.add(0, f"this is {what}: unpack or export it first")
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
            self._rows(blame, _tables.parquet(path))
            self.progress(source.size)
            return
        try:
            first = next(pieces, b"")
        except Damaged as mistake:
            blame.add(1, str(mistake))
            return
        again = itertools.chain([first], pieces)
        if (kind or _sources.kind_of(source.name, first)) == "csv":
            self._rows(blame, _tables.csv(again, self.how.max_record_bytes))
        elif first:
            spread = _records.is_spread(first)
            file = None if source.live or packing != "none" or spread else stream
            at = self._records(stretch, blame, packing != "none", spread, again, file)
            while at is not None and file is not None:
                file.seek(max(at - 1, 0))
                pieces = _sources.pieces(file, packing, counter, _sources.PIECE)
                rest = msgspec.structs.replace(stretch, start=at)
                at = self._records(rest, blame, False, False, pieces, file, again=True)

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
        blame: Blame,
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
        counted = packed or stretch.live
        blame.ruler = None if counted or spread else Ruler(stretch.source)
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
                    self.maker.write(blame, name, pile)
                blame.add(blame.line(block, 0), block.reason, block.head)
                continue
            if decoder is None or name is None:
                name, told = sniff(self.how, blame, block)
                if told:
                    return None
                if name is None:
                    continue
                decoder = Decoder(self.readers.of(name).record, _format.load(name).unwrap)
            if (lane := self.maker.lane(name, block)) is not None:
                self.maker.write(blame, name, pile)
                if file is not None and not (block.head or again) and self.how.max_record_bytes >= BUFFER:
                    return self.maker.drive(blame, stretch, name, lane, decoder, file, block)
                for lap in lane.laps(block):
                    self.maker.lapped(blame, name, decoder, block, lap)
                again = False
                continue
            pile.add(decoder.block(block), block.size)
            if len(pile.records) >= PILE_ROWS or pile.bytes >= PILE_BYTES:
                self.maker.write(blame, name, pile)
        if name is not None:
            self.maker.write(blame, name, pile)
        return None

    def _rows(self, blame: Blame, tables: Iterator[_tables.Rows]) -> None:
        """Convert a table: by column where it is canonical, by row where a map has to tell."""
        name: str | None = None
        try:
            for rows in tables:
                name = name or self.how.format or table_format(rows)
                plain = self.how.map_file is not None or name != "canonical"
                whole = None if plain or rows.batch is None else _tables.as_canonical(rows.batch)
                if whole is not None:
                    self.maker.whole(name, whole)
                    continue
                pile = Pile()
                decoder = Decoder(self.readers.of(name, table=True).record, None)
                pile.add(decoder.plain(*rows.plain(), rows.bad), 0)
                self.maker.write(blame, name, pile, table=True)
        except _tables.Unreadable as mistake:
            blame.add(1, str(mistake))
