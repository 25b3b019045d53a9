"""Straight: columns that are taken as they stand in the log, where every value is plain.

Ids, addresses, times and counts differ from record to record, so that reading each distinct one once saves nothing.
What is given is what the careful reader gives; a column in which anything else stands is left to it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.ingest._course import Course
from stillwatch.ingest._mapping import Row
from stillwatch.ingest._pieces import Pieces
from stillwatch.ingest._reader import Reader
from stillwatch.ingest._shapes import Scalar
from stillwatch.kit import json_numbers, json_texts
from stillwatch.model.exchange import AT, EXCHANGES

Places = npt.NDArray[np.int32]
_COPIED: Final = frozenset(
    {"exchange", "key", "model", "previous", "reasoning_effort", "ja4", "end_user", "session", "user_agent"}
)
_COUNTED: Final = frozenset({"n", "max_tokens", "input_tokens", "output_tokens", "reasoning_tokens"})
_SECONDS: Final = frozenset({"auto", "epoch_s"})


class Straight:
    """Fills columns of some records.

    Args:
        places: of each slot and record the place of its value.
        slow: set for records that are handed back.
    """

    def __init__(
        self,
        reader: Reader,
        course: Course,
        data: npt.NDArray[np.uint8],
        places: Places,
        slow: npt.NDArray[np.bool_],
        pieces: Pieces,
        *,
        high: bool,
    ) -> None:
        self._reader = reader
        self._course = course
        self._data = data
        self._places = places
        self._slow = slow
        self._pieces = pieces
        self._high = high

    def column(self, row: Row, slots: Sequence[int]) -> Any:
        """Fill a column from the first of some slots that holds something; None where it is not plain."""
        types = [self._course.types[slot] for slot in slots]
        if row.column in _COUNTED and all(type_ in {Scalar, int | None} for type_ in types):
            return self._counted(row.column, slots)
        if any(type_ != Scalar for type_ in types):
            return None
        if row.column in _COPIED:
            return self._copied(slots)
        if row.column == "account":
            return self._accounts(slots)
        if row.column == "ip" and not self._reader.clients.believes:
            return self._clients(slots)
        if row.column == "at" and row.time in _SECONDS and len(slots) == 1:
            return self._instants(slots[0])
        return None

    def _texts(self, slots: Sequence[int]) -> Places | None:
        """Give the places of the first texts that say something; None where anything but text stands."""
        told = np.empty((len(self._slow), 2), np.int32)
        plain = json_texts.first_said(self._data, self._places, np.array(slots), len(told), told)
        return told if plain else None

    def _names_nobody(self, told: Places) -> bool:
        """Tell whether any of some texts is an id that stands for nobody."""
        sizes = told[:, 1] - told[:, 0] - 2
        return any(
            self._data[start + 1 : start + 1 + len(one)].tobytes() == one
            for one in (name.encode() for name in self._reader.nobody)
            for start in told[sizes == len(one), 0].tolist()
        )

    def _copied(self, slots: Sequence[int]) -> Any:
        told = self._texts(slots)
        if told is None:
            return None
        column, bad = self._pieces.column(told, high=self._high, empty=False)
        self._slow |= bad
        return column

    def _accounts(self, slots: Sequence[int]) -> Any:
        told = self._texts(slots)
        if told is None or self._names_nobody(told):
            return None
        column, bad = self._pieces.column(told, high=self._high, empty=False)
        sizes = np.diff(np.frombuffer(column.buffers()[1], np.int32)[: len(told) + 1])
        self._slow |= bad | ((sizes != told[:, 1] - told[:, 0] - 2) & (told[:, 1] != 0))  # written with escapes
        return column

    def _clients(self, slots: Sequence[int]) -> Any:
        """Give the addresses of clients; those that are not plainly written by the rules of `Clients`."""
        told = self._texts(slots)
        if told is None:
            return None
        plain = np.empty(len(told), np.bool_)
        json_numbers.dotted(self._data, told, plain)
        for place in np.flatnonzero(~plain & (told[:, 1] != 0)).tolist():
            told[place] = self._pieces.keep(self._client(place, *told[place].tolist()))
        return self._pieces.column(told, high=self._high, empty=False)[0]

    def _client(self, place: int, start: int, end: int) -> str | None:
        try:
            peer = msgspec.json.decode(self._data[start:end].tobytes(), type=str)
        except (msgspec.DecodeError, UnicodeDecodeError):
            self._slow[place] = True
            return None
        return self._reader.clients.column([peer], None)[0]

    def _counted(self, name: str, slots: Sequence[int]) -> Any:
        told = self._places[slots[0], : len(self._slow)]
        for slot in slots[1:]:
            told = np.where((told[:, 1] == 0)[:, None], self._places[slot, : len(self._slow)], told)
        out = np.empty(len(told), np.int32)
        if not json_numbers.whole(self._data, np.ascontiguousarray(told), out):
            return None
        absent = told[:, 1] == 0
        return pa.array(out, EXCHANGES.field(name).type, mask=absent if absent.any() else None)

    def _instants(self, slot: int) -> Any:
        out = np.empty(len(self._slow), np.int64)
        if not json_numbers.thousandths(self._data, self._places[slot, : len(out)], out):
            return None
        for place in np.flatnonzero(out == json_numbers.UNSURE).tolist():
            start, end = self._places[slot, place]
            out[place] = math.floor(float(self._data[start:end].tobytes()) * 1000 + 5e-4)
        return pa.array(out).cast(AT)
