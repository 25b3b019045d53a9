"""Told: what stood in the fields of some records of the lane, as columns; each distinct value is read once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.ingest._block import SAID, Block, Values, hash_of
from stillwatch.ingest._coded import Coded, table
from stillwatch.ingest._course import Course
from stillwatch.ingest._mapping import FORWARDED_FOR, Keys, Row
from stillwatch.ingest._pieces import Pieces
from stillwatch.ingest._reader import Reader
from stillwatch.ingest._shapes import Scalar
from stillwatch.ingest._straight import Straight
from stillwatch.kit import json_codes, json_found
from stillwatch.kit.json_found import Found
from stillwatch.model.exchange import EXCHANGES

Codes = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]
_SPECIAL: Final = frozenset({*SAID, "messages", "system", "tools", "tools_hash", FORWARDED_FOR})
_texts: Final = msgspec.json.Decoder(list[Scalar])


class Told:
    """The fields of some records.

    Args:
        slow: set for records that are handed back.
        high: there are bytes above ASCII among their texts.
    """

    def __init__(
        self,
        reader: Reader,
        course: Course,
        decoders: dict[int, Any],
        found: Found,
        piece: bytes | bytearray,
        data: npt.NDArray[np.uint8],
        slow: Mask,
        *,
        high: bool,
    ) -> None:
        self._reader = reader
        self._course = course
        self._decoders = decoders
        self._piece = piece
        self._data = data
        self._slow = slow
        self._rows = found.rows[: found.counts[1]]
        self._row_places = found.row_places[:, : found.counts[1]]
        self._all = found.places
        self._places = found.places[:, : len(slow)]
        self._held: Mask = np.empty(len(self._all), np.bool_)
        json_found.held(self._all, len(slow), self._held)
        self._coded: dict[int, Coded] = {}
        self._values: dict[int, list[Any]] = {}
        self._high = high

    def values(self, slot: int) -> list[Any]:
        """Give the value behind each number of a slot, from 0 for none."""
        if slot not in self._values:
            places = self._places[slot, self._numbered(slot).firsts]
            raws = [self._piece[start:end] for start, end in places.tolist()]
            decoder = self._decoders.get(slot)
            read, wrong = (list(map(bytes, raws)), []) if decoder is None else _decoded(decoder, raws)
            if wrong:
                self._slow |= np.isin(self.codes(slot), wrong)
            self._values[slot] = [None, *read]
        return self._values[slot]

    def codes(self, slot: int) -> Codes:
        """Give the number of the value of each record."""
        return self._numbered(slot).codes

    def _numbered(self, slot: int) -> Coded:
        if slot not in self._coded:
            self._coded[slot] = Coded(self._data, self._places[slot])
        return self._coded[slot]

    def row_values(self, slot: int, *kinds: type) -> tuple[list[Any], Codes]:
        """Give the value behind each number of a slot of rows, from 0 for none; and the number of each row.

        Args:
            kinds: what a value may be; the row of any other one is marked as odd, and here it is none.
        """
        coded = Coded(self._data, self._row_places[slot])
        places = self._row_places[slot, coded.firsts]
        read, wrong = _decoded(_texts, [self._piece[start:end] for start, end in places.tolist()])
        if wrong:
            self._slow[self._rows[np.isin(coded.codes, wrong), 0]] = True
        return [None, *(one if type(one) in kinds else None for one in read)], coded.codes

    def fill(self, arrays: dict[str, Any], leads: Any, pieces: Pieces) -> None:
        """Fill the columns that are not made of what was said."""
        self._offers(arrays)
        self._system(arrays, leads)
        straight = Straight(self._reader, self._course, self._data, self._all, self._slow, pieces, high=self._high)
        for row in self._reader.mapping:
            if row.column in _SPECIAL:
                continue
            slots = self._slots(row)
            array = straight.column(row, slots) if slots and row.constant is None else None
            array = self._column(row, slots) if array is None else array
            if array is not None:
                arrays[row.column] = array

    def _slots(self, row: Row | None) -> list[int]:
        """Give the slots that a column is read from: those that hold anything."""
        slots = [self._course.slots[row.column, path] for path in row.paths] if row else []
        return [slot for slot in slots if self._held[slot]]

    def _column(self, row: Row, slots: list[int]) -> Any:
        """Fill a column of scalars: by the reader's own rules, each combination of values once."""
        if row.column != "account":
            slots = self._needed(slots)
        if row.column == "ip" and self._reader.clients.believes:
            slots = slots + self._slots(self._reader.mapping.rows.get(FORWARDED_FOR))
        if not slots and row.constant is None:
            return None
        picked, inverse = self._combined(slots)
        size = len(picked[slots[0]]) if slots else 1
        held = {slot: list(map(self.values(slot).__getitem__, codes.tolist())) for slot, codes in picked.items()}
        made = _Distinct(self._reader, self._course, size, held).column(row)
        return made if size == len(inverse) and (np.diff(inverse) == 1).all() else made.take(pa.array(inverse))

    def _needed(self, slots: list[int]) -> list[int]:
        """Leave out the slots after one that holds something for every record."""
        for place, slot in enumerate(slots, 1):
            if self._places[slot, :, 1].all() and all(self.values(slot)[1:]):
                return slots[:place]
        return slots

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
            return {slots[0]: np.arange(least, len(self._numbered(slots[0]).firsts) + 1)}, inverse - least
        rows = len(inverse)
        for slot in slots[1:]:
            firsts, out = np.empty(rows, np.int32), np.empty(rows, np.int32)
            found = json_codes.combine(inverse, self.codes(slot), table(rows), out, firsts)
            inverse, first = out, firsts[:found]
        return {slot: self.codes(slot)[first] for slot in slots}, inverse

    def _offers(self, arrays: dict[str, Any]) -> None:
        """Fill the names of the tools offered and the hash of their schemas."""
        offers, rows = self._reader.offers, self._reader.mapping.rows
        asked = {column: tuple(self._slots(rows.get(column))) for column in ("tools", "tools_hash")}
        found = {slots: self._raws(list(slots)) for slots in set(asked.values()) if slots}
        for column, slots in asked.items():
            if not slots:
                continue
            raws, inverse = found[slots]
            if column == "tools":
                told: list[Any] = [raw and (offers.read(raw) or (None,))[0] for raw in raws]
            else:
                told = [raw and hash_of(offers, raw) for raw in raws]
            arrays[column] = pa.array(told, EXCHANGES.field(column).type).take(pa.array(inverse))

    def _raws(self, slots: list[int]) -> tuple[list[Any], npt.NDArray[Any]]:
        """Give the first value of each combination as JSON, and of each record its combination."""
        picked, inverse = self._combined(slots)
        held = ([self.values(slot)[code] for code in codes] for slot, codes in picked.items())
        return [next((raw for raw in many if raw is not None), None) for many in zip(*held, strict=True)], inverse

    def _system(self, arrays: dict[str, Any], leads: Any) -> None:
        """Fill the system texts: of the parameter, and of the messages that lead the conversation."""
        slots = self._slots(self._reader.mapping.rows.get("system"))
        arrays["system"] = leads
        if slots:  # seldom: read as the reader does
            self._slow |= (self._places[slots, :, 1] != 0).any(axis=0)


class _Distinct(Block):
    """A block of records of which each holds another combination of values."""

    def __init__(self, reader: Reader, course: Course, rows: int, held: dict[int, list[Any]]) -> None:
        super().__init__(reader, [None] * rows)  # type: ignore[list-item]
        self._slots = course.slots
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
