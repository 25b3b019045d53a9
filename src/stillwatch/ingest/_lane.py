"""Lane: common records go straight from bytes into columns; whatever is unusual is handed back, to be read with care.

No object is made of a record. Scalars are read once for each distinct value of a block, texts are copied once. A record
is handed back when a value is of a kind not foreseen, when a text is not what UTF-8 or JSON allow, and when what is
required is missing: so what is rejected, mended or told of a record never depends on this lane. One thing is not seen:
rubbish inside of an object or a list that no column reads, as long as its quotes and brackets fit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.ingest import _answered
from stillwatch.ingest._course import FINISH, INDEX, ROLE, ROW_SLOTS, Course, Unfit
from stillwatch.ingest._mapping import FORWARDED_FOR, Columns, Keys, Row
from stillwatch.ingest._pieces import Pieces
from stillwatch.ingest._reader import SAID, Block, Reader, Values, hash_of, infer_n, sift
from stillwatch.ingest._records import Block as Bytes
from stillwatch.ingest._shapes import Scalar
from stillwatch.ingest._spoken import Spoken
from stillwatch.kit import json_walk
from stillwatch.kit.json_walk import SLOW
from stillwatch.model.exchange import EXCHANGES, REQUIRED

Data = npt.NDArray[np.uint8]
_SPECIAL: Final = frozenset({*SAID, "messages", "system", "tools", "tools_hash", FORWARDED_FOR})


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
        self._found = json_walk.room(len(self._course.types), ROW_SLOTS)
        self._decoders = {
            slot: msgspec.json.Decoder(list[type_])  # type: ignore[valid-type]
            for slot, type_ in enumerate(self._course.types)
            if type_ not in {None, msgspec.Raw}
        }
        self._texts = msgspec.json.Decoder(list[Scalar])
        self._spoken = Spoken()

    @classmethod
    def of(cls, reader: Reader) -> Lane | None:
        """Make a lane; None where the mapping wants more than it can tell."""
        try:
            return cls(reader)
        except Unfit:
            return None

    def table(self, rows: int) -> npt.NDArray[np.int32]:
        """Give a table of zeros for the numbering of so many pairs."""
        return np.zeros(1 << (2 * rows - 1).bit_length(), np.int32)

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
        at = json_walk.walk(data, begin, stop, number, self._course.plan, self._found, fresh)
        return int(at), int(self._found.counts[2]), int(self._found.counts[0])

    def lap(self, piece: bytes | bytearray, data: Data) -> Lap:
        """Make columns of the lines that were looked at."""
        found = self._found
        count = int(found.counts[0])
        lines = found.lines[:count]
        slow = lines[:, 3] & SLOW != 0
        high = bool(found.highs[:count].any())
        pieces = Pieces(data)
        told = _Told(self, piece, slow)
        roles, finishes, indexes = (told.row_values(slot) for slot in (ROLE, FINISH, INDEX))
        arrays = _answered.columns(piece, found, self._course.answer, finishes, indexes, pieces, slow, high=high)
        leads, arrays["messages"] = self._spoken.columns(piece, found, roles, pieces, slow, high=high)
        told.fill(arrays, leads)
        infer_n(arrays)
        for column in REQUIRED:
            array = arrays.get(column)
            slow |= True if array is None else array.is_null().to_numpy(zero_copy_only=False)
        table = sift(arrays, count).table if not slow.any() else _kept(arrays, ~slow)
        uncommon = [(number, bytes(piece[start:end])) for number, start, end, _ in lines[slow].tolist()]
        return Lap(table, lines[~slow, 0], uncommon)


class _Told:
    """What stood in the fields of some records, each distinct value once."""

    def __init__(self, lane: Lane, piece: bytes | bytearray, slow: npt.NDArray[np.bool_]) -> None:
        self._lane = lane
        self._piece = piece
        self._slow = slow
        self._found = lane._found
        self._values: dict[int, list[Any]] = {}

    def values(self, slot: int) -> list[Any]:
        """Give the value behind each number of a slot, from 0 for none."""
        if slot not in self._values:
            places = self._found.places[self._found.firsts[slot, 1 : self._found.numbers[slot] + 1], slot]
            raws = [self._piece[start:end] for start, end in places.tolist()]
            decoder = self._lane._decoders.get(slot)
            read, wrong = (list(map(bytes, raws)), []) if decoder is None else _decoded(decoder, raws)
            if wrong:
                self._slow |= np.isin(self.codes(slot), wrong)
            self._values[slot] = [None, *read]
        return self._values[slot]

    def codes(self, slot: int) -> npt.NDArray[np.int32]:
        return self._found.codes[slot, : len(self._slow)]

    def row_values(self, slot: int) -> list[Any]:
        """Give the value behind each number of a slot of rows."""
        found = self._found
        places = found.row_places[found.row_firsts[slot, 1 : found.row_numbers[slot] + 1], slot]
        read, wrong = _decoded(self._lane._texts, [self._piece[start:end] for start, end in places.tolist()])
        if wrong:
            rows = found.rows[: found.counts[1]]
            self._slow[rows[np.isin(found.row_codes[slot, : len(rows)], wrong), 0]] = True
        return [None, *read]

    def fill(self, arrays: dict[str, Any], leads: Any) -> None:
        """Fill the columns that are not made of texts."""
        self._offers(arrays)
        self._system(arrays, leads)
        for row in self._lane._mapping:
            if row.column not in _SPECIAL and (array := self._column(row)) is not None:
                arrays[row.column] = array

    def _slots(self, row: Row | None) -> list[int]:
        """Give the slots that a column is read from: those that hold anything, up to one that holds all."""
        slots: list[int] = []
        if row is None:
            return slots
        for path in row.paths:
            slot = self._lane._course.slots[row.column, path]
            if self._found.numbers[slot]:
                slots.append(slot)
                if row.column != "account" and self.codes(slot).all() and all(self.values(slot)[1:]):
                    break
        return slots

    def _column(self, row: Row) -> Any:
        """Fill a column of scalars: by the reader's own rules, each combination of values once."""
        slots = self._slots(row)
        if row.column == "ip" and self._lane._reader.clients.believes:
            slots += self._slots(self._lane._mapping.rows.get(FORWARDED_FOR))
        if not slots and row.constant is None:
            return None
        picked, inverse = self._combined(slots)
        size = len(picked[slots[0]]) if slots else 1
        held = {slot: list(map(self.values(slot).__getitem__, codes.tolist())) for slot, codes in picked.items()}
        made = _Distinct(self._lane, size, held).column(row)
        return made if size == len(inverse) and (np.diff(inverse) == 1).all() else made.take(pa.array(inverse))

    def _combined(self, slots: list[int]) -> tuple[dict[int, npt.NDArray[Any]], npt.NDArray[Any]]:
        """Find the combinations of numbers that occur in some slots.

        Returns:
            Of each slot its number in each combination; and of each record its combination.
        """
        if not slots:
            return {}, np.zeros(len(self._slow), np.int64)
        inverse = self.codes(slots[0])
        if len(slots) == 1:
            least = int(inverse.min(initial=1))  # 1 where every record holds something
            return {slots[0]: np.arange(least, self._found.numbers[slots[0]] + 1)}, inverse - least
        rows = len(inverse)
        for slot in slots[1:]:
            table, firsts, out = self._lane.table(rows), np.empty(rows, np.int32), np.empty(rows, np.int32)
            found = json_walk.combine(inverse, self.codes(slot), table, out, firsts)
            inverse, first = out, firsts[:found]
        return {slot: self.codes(slot)[first] for slot in slots}, inverse

    def _offers(self, arrays: dict[str, Any]) -> None:
        """Fill the names of the tools offered and the hash of their schemas."""
        reader = self._lane._reader
        for column, place in (("tools", 0), ("tools_hash", 1)):
            slots = self._slots(self._lane._mapping.rows.get(column))
            if not slots:
                continue
            picked, inverse = self._combined(slots)
            raws = [
                next((raw for raw in many if raw is not None), None)
                for many in zip(
                    *([self.values(slot)[code] for code in codes] for slot, codes in picked.items()), strict=True
                )
            ]
            if column == "tools":
                told: list[Any] = [raw and (reader.offers.read(raw) or (None,))[place] for raw in raws]
            else:
                told = [raw and hash_of(reader.offers, raw) for raw in raws]
            arrays[column] = pa.array(told, EXCHANGES.field(column).type).take(pa.array(inverse))

    def _system(self, arrays: dict[str, Any], leads: Any) -> None:
        """Fill the system texts: of the parameter, and of the messages that lead the conversation."""
        slots = self._slots(self._lane._mapping.rows.get("system"))
        arrays["system"] = leads
        if slots:  # seldom: read as the reader does
            self._slow |= np.any([self.codes(slot) != 0 for slot in slots], axis=0)


class _Distinct(Block):
    """A block of records of which each holds another combination of values."""

    def __init__(self, lane: Lane, rows: int, held: dict[int, list[Any]]) -> None:
        super().__init__(lane._reader, [None] * rows)  # type: ignore[list-item]
        self._slots = lane._course.slots
        self._held = held

    def taken(self, column: str, path: Keys) -> Values:
        return self._held.get(self._slots[column, path]) or [None] * len(self.records)


def _decoded(decoder: Any, raws: Sequence[bytes | bytearray]) -> tuple[list[Any], list[int]]:
    """Read values; give the numbers, from 1, of those that cannot be read."""
    try:
        return decoder.decode(b"[" + b",".join(raws) + b"]"), []
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    read, wrong = [], []
    for number, raw in enumerate(raws, 1):
        try:
            read += decoder.decode(b"[" + raw + b"]")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            read.append(None)
            wrong.append(number)
    return read, wrong


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
