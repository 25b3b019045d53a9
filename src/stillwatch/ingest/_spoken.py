"""Spoken: the conversations of a block, as columns; the lane's counterpart of `_turns`."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.ingest._coded import Coded
from stillwatch.ingest._course import CONTENT, MESSAGES
from stillwatch.ingest._pieces import Pieces, Places
from stillwatch.ingest._shapes import Message
from stillwatch.ingest._turns import CALL_ITEMS, ROLES, Turns
from stillwatch.kit.json_walk import SLOW, Found
from stillwatch.model.exchange import MESSAGE

Numbered = tuple[list[Any], npt.NDArray[np.int32]]
Turned = list[tuple[str, str | None]]
Turns3 = tuple[npt.NDArray[np.int32], Places, npt.NDArray[np.int64]]
_KEPT: Final = 4096
_SHORT: Final = 4096
_LATE: Final = 1 << 30


class Spoken:
    """Reads conversations; a message of several parts or with tool calls once, since histories come back."""

    def __init__(self) -> None:
        self._decode = msgspec.json.Decoder(str | Message).decode
        self._known: dict[bytes, Turned | None] = {}

    def columns(
        self,
        data: bytes | bytearray,
        found: Found,
        roles: Numbered,
        pieces: Pieces,
        slow: npt.NDArray[np.bool_],
        *,
        high: bool,
    ) -> tuple[Any, Any]:
        """Give the leading system texts and the conversations of all lines.

        Args:
            roles: the role behind each number, from 0 for none, and the number of each row.
            slow: set for lines that are handed back.
        """
        turns = self._turns(data, found, roles, pieces, slow)
        line, places, names = turns
        lead = _leading(line, np.array([name == "system" for name in self._names])[names])
        several = line[lead][1:][line[lead][1:] == line[lead][:-1]]
        slow[several] = True
        leads = np.zeros((len(slow), 2), np.int32)
        leads[line[lead]] = places[lead]
        system, bad = pieces.column(leads, high=high, empty=False)
        slow |= bad
        line, places, names = line[~lead], places[~lead], names[~lead]
        texts, bad = pieces.column(places, high=high)
        slow[line[bad]] = True
        offsets = np.zeros(len(slow) + 1, np.int32)
        offsets[1:] = np.cumsum(np.bincount(line, minlength=len(slow)))
        pairs = pa.StructArray.from_arrays(
            [pa.array(self._names, pa.string()).take(pa.array(names)), texts], fields=list(MESSAGE)
        )
        mask = pa.array(self._silent) if self._silent.any() else None
        return system, pa.ListArray.from_arrays(pa.array(offsets), pairs, type=pa.list_(MESSAGE), mask=mask)

    def _turns(
        self, data: bytes | bytearray, found: Found, roles: Numbered, pieces: Pieces, slow: npt.NDArray[np.bool_]
    ) -> Turns3:
        """Give of each turn its line, the place of its text, and the number of its role among `_names`."""
        rows = found.rows[: found.counts[1]]
        mine = np.flatnonzero(rows[:, 1] == MESSAGES)
        line, places = rows[mine, 0], found.row_places[CONTENT, mine]
        self._silent = np.bincount(line, minlength=len(slow)) == 0
        self._names = list(dict.fromkeys(["user", *(ROLES.get(role, role) for role in roles[0] if role)]))
        number = {name: place for place, name in enumerate(self._names)}
        names = np.array([number[ROLES.get(role, role) if role else "user"] for role in roles[0]])[roles[1][mine]]
        odd = np.flatnonzero((rows[mine, 4] & SLOW != 0) | (places[:, 1] == 0))
        if not len(odd):
            return line, places, names
        whole = np.ascontiguousarray(rows[mine[odd], 2:4])
        coded = Coded(pieces.data, whole)
        made = [self._turned(bytes(data[start:end])) for start, end in whole[coded.firsts].tolist()]
        one = coded.codes - 1
        slow[line[odd[np.array([turned is None for turned in made])[one]]]] = True
        return self._spread(line, places, names, odd, one, made, pieces)

    def _spread(
        self,
        line: npt.NDArray[np.int32],
        places: Places,
        names: npt.NDArray[np.int64],
        odd: npt.NDArray[np.int64],
        one: npt.NDArray[np.int32],
        made: list[Turned | None],
        pieces: Pieces,
    ) -> Turns3:
        """Put the turns that odd messages make into the places of these messages.

        Args:
            odd: which messages are odd, and `one`, which of those that are `made` each is.
        """
        kept = np.array([pieces.keep(text) for turned in made for _, text in turned or ()], np.int32).reshape(-1, 2)
        spoken = np.array([self._named(role) for turned in made for role, _ in turned or ()], np.int64)
        sizes = np.array([len(turned or ()) for turned in made])
        counts = np.ones(len(line), np.int64)
        counts[odd] = sizes[one]
        index = np.repeat(np.arange(len(line)), counts)
        line, places, names = line[index], places[index], names[index]
        into, out_of = (_runs(first, sizes[one]) for first in (_before(counts)[odd], _before(sizes)[one]))
        places[into], names[into] = kept[out_of], spoken[out_of]
        return line, places, names

    def _named(self, role: str) -> int:
        """Give the number of a role."""
        if role not in self._names:
            self._names.append(role)
        return self._names.index(role)

    def _turned(self, raw: bytes) -> Turned | None:
        """Turn one message into turns; None where that depends on its neighbours, or where it is none."""
        if raw not in self._known:
            if len(raw) > _SHORT:
                return self._read(raw)
            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known[raw] = self._read(raw)
        return self._known[raw]

    def _read(self, raw: bytes) -> Turned | None:
        try:
            message = self._decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        if isinstance(message, Message) and message.role is None and message.type in CALL_ITEMS:
            return None
        turns = Turns()
        turns.add([message], verbatim=True)
        return list(zip(turns.roles, turns.contents, strict=True))


def _before(sizes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Give where each of some runs begins, one after the other."""
    return np.cumsum(sizes) - sizes


def _runs(first: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Write out runs of numbers, each from its first one on."""
    return np.repeat(first - _before(sizes), sizes) + np.arange(int(sizes.sum()))


def _leading(line: npt.NDArray[np.int32], system: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Tell which turns are system turns that no other turn of their line stands before."""
    if not len(line):
        return np.zeros(0, np.bool_)
    first = np.flatnonzero(np.diff(line, prepend=-1))
    counts = np.diff(first, append=len(line))
    place = np.arange(len(line)) - np.repeat(first, counts)
    other = np.minimum.reduceat(np.where(system, _LATE, place), first)
    leading: npt.NDArray[np.bool_] = place < np.repeat(other, counts)
    return leading
