"""Maker: makes columns of records, by the lane or with care, and has them written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pyarrow as pa

from stillwatch.ingest._blame import Blame
from stillwatch.ingest._decode import Decoder
from stillwatch.ingest._job import Stretch
from stillwatch.ingest._lane import Lane, Lap
from stillwatch.ingest._pile import Pile
from stillwatch.ingest._reader import Batch
from stillwatch.ingest._readers import Readers
from stillwatch.ingest._records import Block
from stillwatch.ingest._road import Road
from stillwatch.ingest._writer import DayWriter

LANE_BYTES: Final = 1 << 20
"""Least bytes of a block for which the lane is worth its fixed cost."""
MOST_UNCOMMON: Final = 4


class Maker:
    """Makes the columns of one job.

    Args:
        quick: common records may go by the lane.

    Attributes:
        mended: records of which a field was left empty.
        formats: how many records of each format became rows.
    """

    def __init__(self, readers: Readers, writer: DayWriter, progress: Callable[[int], None], *, quick: bool) -> None:
        self._readers = readers
        self._writer = writer
        self._progress = progress
        self._quick = quick
        self._uncommon = 0  # laps one after the other of which most records were handed back
        self.mended = 0
        self.formats: dict[str, int] = {}

    def whole(self, name: str, batch: pa.RecordBatch) -> None:
        """Write what is canonical already."""
        self._count(name, batch.num_rows, at_all=True)
        self._writer.write(batch)

    def write(self, blame: Blame, name: str, pile: Pile, *, table: bool = False) -> None:
        """Make columns of what has been decoded, and write them."""
        batch = self._made(blame, name, pile, table=table)
        if batch is not None:
            self._writer.write(batch.table)

    def lane(self, name: str, block: Block) -> Lane | None:
        """Give the lane for a block that is worth it; a log of uncommon records is read without."""
        if not self._quick or block.parts is not None or block.size < LANE_BYTES or self._uncommon > MOST_UNCOMMON:
            return None
        return self._readers.lane(name)

    def drive(
        self, blame: Blame, stretch: Stretch, name: str, lane: Lane, decoder: Decoder, file: Any, block: Block
    ) -> int | None:
        """Convert a file of lines from a block on; gives the offset of a line that is too long for it."""
        ahead = file.tell() - block.offset  # what was told of the progress already

        def told(count: int) -> None:
            nonlocal ahead
            self._progress(max(count - ahead, 0))
            ahead = max(ahead - count, 0)

        road = Road(lane, file, block.offset, stretch.end, told)
        for offset, lap in road.laps():
            self.lapped(blame, name, decoder, Block(b"", b"", 0, 0, offset, 0), lap)
            if self._uncommon > MOST_UNCOMMON:
                return road.at
        return None if road.ended else road.at

    def lapped(self, blame: Blame, name: str, decoder: Decoder, block: Block, lap: Lap) -> None:
        """Write a lap, and with it what it hands back, read with care; rows stay in the order of their lines."""
        common = lap.table.num_rows
        self._uncommon = 0 if common >= len(lap.slow) else self._uncommon + (common + len(lap.slow) > 1)
        self._count(name, common)
        if not lap.slow:
            self._writer.write(lap.table)
            return
        pile = Pile()
        pile.add(decoder.lines(block, lap.slow), 0)
        numbers = np.array([line for line, _ in pile.decoded[0].places or ()], np.int64)
        batch = self._made(blame, name, pile)
        self._writer.write(lap.table if batch is None else _merged(lap, batch, numbers))

    def _made(self, blame: Blame, name: str, pile: Pile, *, table: bool = False) -> Batch | None:
        """Make columns of what has been decoded, and tell what is wrong with the rest."""
        reader = self._readers.of(name, table=table)
        bad = [
            blame.rejected(blame.line(decoded.block, line), reason, raw, reader.mapping)
            for decoded in pile.decoded
            for line, reason, raw in decoded.rejects
        ]
        self.mended += sum(decoded.mended for decoded in pile.decoded)
        batch = reader.read(pile.records, pile.digest) if pile.records else None
        if batch is not None:
            self._count(name, batch.table.num_rows, at_all=True)
            others = self.formats[name] > 0
            bad += [blame.incomplete(name, pile, place, column, others=others) for place, column in batch.rejects]
        blame.add_all(bad)
        pile.clear()
        return batch

    def _count(self, name: str, rows: int, *, at_all: bool = False) -> None:
        """Count rows of a format; one that was only met is told too, where asked for `at_all`."""
        if rows or at_all:
            self.formats[name] = self.formats.get(name, 0) + rows


def _merged(lap: Lap, batch: Batch, numbers: np.ndarray) -> pa.RecordBatch:
    """Put common and uncommon records together, in the order of their lines."""
    bad = [place for place, _ in batch.rejects]
    order = np.argsort(np.concatenate([lap.numbers, np.delete(numbers, bad)]), kind="stable")
    tables = [pa.Table.from_batches([one]) for one in (lap.table, batch.table)]
    whole = pa.concat_tables(tables, promote_options="default").take(order).combine_chunks()
    return whole.to_batches()[0] if whole.num_rows else batch.table
