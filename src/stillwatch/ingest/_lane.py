"""Lane: common records go straight from bytes into columns; whatever is unusual is handed back, to be read with care.

No object is made of a record. Scalars are read once for each distinct value of a block, texts are copied once. A record
is handed back when a value is of a kind not foreseen, when a text is not what UTF-8 or JSON allow, and when what is
required is missing: so what is rejected, mended or told of a record never depends on this lane. One thing is not seen:
rubbish inside of an object or a list that no column reads, as long as its quotes and brackets fit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.ingest import _answered
from stillwatch.ingest._course import FINISH, INDEX, ROLE, ROW_SLOTS, Course, Unfit
from stillwatch.ingest._mapping import Columns
from stillwatch.ingest._pieces import Pieces
from stillwatch.ingest._reader import Reader, infer_n, sift
from stillwatch.ingest._records import Block as Bytes
from stillwatch.ingest._spoken import Spoken
from stillwatch.ingest._told import Told
from stillwatch.kit import json_found, json_trail, json_walk
from stillwatch.kit.json_walk import SLOW
from stillwatch.model.exchange import REQUIRED

Data = npt.NDArray[np.uint8]


@dataclass(slots=True)
class Lap:
    """Some records of a block.

    Attributes:
        table: the common ones, as columns.
        numbers: of each of its rows the line.
        slow: line and bytes of those that are handed back.
    """

    table: pa.RecordBatch
    numbers: npt.NDArray[np.int32]
    slow: list[tuple[int, bytes]]


class Lane:
    """Reads blocks of lines by the mapping of a reader."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._mapping: Columns = reader.mapping
        self._course = Course(reader.mapping, reader.tree)
        self._found = json_found.room(len(self._course.types), ROW_SLOTS)
        self._trail = json_trail.trail(len(self._course.plan.table))
        self._decoders = {
            slot: msgspec.json.Decoder(list[type_])  # type: ignore[valid-type]
            for slot, type_ in enumerate(self._course.types)
            if type_ not in {None, msgspec.Raw}
        }
        self._spoken = Spoken()
        self._buffer = bytearray()

    @classmethod
    def of(cls, reader: Reader) -> Lane | None:
        """Make a lane; None where the mapping wants more than it can tell."""
        try:
            return cls(reader)
        except Unfit:
            return None

    def buffer(self, size: int) -> bytearray:
        """Give the one buffer of this lane: to make another for each stretch would take a tenth of the time of one."""
        if len(self._buffer) < size:
            self._buffer = bytearray(size)
        return self._buffer

    def laps(self, block: Bytes) -> Iterator[Lap]:
        """Read a block of one record per line."""
        data, at, number = np.frombuffer(block.piece, np.uint8), block.start, block.line
        if block.head:
            yield handed(number, block.head)
            number += block.head.count(b"\n")
        while at < block.stop:
            end, after, count = self.walk(data, at, block.stop, number, fresh=True)
            if end == at:
                end, after, count = block.piece.find(b"\n", at, block.stop) + 1 or block.stop, number + 1, 0
                yield handed(number, block.piece[at:end])
            if count:
                yield self.lap(block.piece, data)
            at, number = end, after

    def walk(self, data: Data, begin: int, stop: int, number: int, *, fresh: bool) -> tuple[int, int, int]:
        """Look at lines that lie between two places of a buffer; what is found waits for `lap`.

        Args:
            fresh: begin a new lap; else this one goes on, in the same buffer.

        Returns:
            The place and the number of the first line that was not looked at; and how many lines the lap has.
        """
        at = json_walk.walk(data, begin, stop, number, self._course.plan, self._found, self._trail, fresh)
        return int(at), int(self._found.counts[2]), int(self._found.counts[0])

    def lap(self, piece: bytes | bytearray, data: Data) -> Lap:
        """Make columns of the lines that were looked at."""
        found = self._found
        count = int(found.counts[0])
        lines = found.lines[:count]
        slow = lines[:, 3] & SLOW != 0
        high = bool(found.highs[:count].any())
        pieces = Pieces(data)
        told = Told(self._reader, self._course, self._decoders, found, piece, data, slow, high=high)
        roles, finishes = told.row_values(ROLE, str), told.row_values(FINISH, str)
        indexes = told.row_values(INDEX, int, float)
        arrays = _answered.columns(piece, found, self._course.answer, finishes, indexes, pieces, slow, high=high)
        leads, arrays["messages"] = self._spoken.columns(piece, found, roles, pieces, slow, high=high)
        told.fill(arrays, leads, pieces)
        infer_n(arrays)
        for column in REQUIRED:
            array = arrays.get(column)
            slow |= True if array is None else array.is_null().to_numpy(zero_copy_only=False)
        table = sift(arrays, count).table if not slow.any() else _kept(arrays, ~slow)
        uncommon = [(number, bytes(piece[start:end])) for number, start, end, _ in lines[slow].tolist()]
        return Lap(table, lines[~slow, 0], uncommon)


def handed(number: int, raw: bytes) -> Lap:
    """Hand back one line."""
    raw = raw.removesuffix(b"\n")
    return Lap(_NONE, np.zeros(0, np.int32), [(number, raw)] if raw and not raw.isspace() else [])


def _kept(arrays: dict[str, Any], keep: npt.NDArray[np.bool_]) -> pa.RecordBatch:
    """Put some rows of the columns together."""
    mask = pa.array(keep)
    kept = {name: array.filter(mask) for name, array in arrays.items()}
    return sift(kept, int(keep.sum())).table


_NONE: Final = sift({}, 0).table
