"""Decode: blocks of bytes into the typed records that a mapping reads, with a reason for each that cannot be.

A block is decoded whole. Where that fails, its records are taken one by one: read as they are, else with
what fits of them, else rejected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from stillwatch.ingest import _salvage
from stillwatch.ingest._format import Plain
from stillwatch.ingest._records import Block
from stillwatch.ingest._tree import Record

Unwrap = Callable[[bytes], Iterable[Plain]]
TOO_DEEP: Final = "nested too deep"


@dataclass(slots=True)
class Decoded:
    """The records of a block.

    Attributes:
        places: of each record its line and its bytes; of a block that was decoded whole, found when asked
            for.
        rejects: line, reason and bytes of what is no record.
        mended: how many records had a field of another type than expected.
        block: where the records come from, where they come from JSON.
    """

    records: list[Record] = field(default_factory=list)
    places: list[tuple[int, bytes]] | None = None
    rejects: list[tuple[int, str, bytes]] = field(default_factory=list)
    mended: int = 0
    block: Block | None = None

    def place(self, index: int) -> tuple[int, bytes]:
        """Give the line and the bytes that a record came from."""
        if self.places is None:
            self.places = self.block.one_by_one() if self.block is not None else []
        return self.places[min(index, len(self.places) - 1)]


class Decoder:
    """Decodes blocks into one type of record."""

    def __init__(self, record: type[Record], unwrap: Unwrap | None) -> None:
        self._record = record
        self._unwrap = unwrap
        self._one = msgspec.json.Decoder(record)

    def block(self, block: Block) -> Decoded:
        """Decode a block."""
        if self._unwrap is None:
            try:
                records = [record for buffer in block.buffers() for record in self._one.decode_lines(buffer)]
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                return self._one_by_one(block)
            return Decoded(records, block=block)
        return self._one_by_one(block)

    def plain(self, records: Iterable[Plain], lines: Iterable[int], rejects: Iterable[tuple[int, str]] = ()) -> Decoded:
        """Take records that are plain data already, as rows of a table are, and rows that were no records."""
        told = Decoded(places=[], rejects=[(line, reason, b"") for line, reason in rejects])
        for record, line in zip(records, lines, strict=True):
            self._add(told, line, record, msgspec.json.encode(record))
        return told

    def _one_by_one(self, block: Block) -> Decoded:
        return self.lines(block, block.one_by_one())

    def lines(self, block: Block, lines: Iterable[tuple[int, bytes]]) -> Decoded:
        """Decode some lines of a block one by one."""
        told = Decoded(places=[], block=block)
        for line, raw in lines:
            if self._unwrap is not None:
                self._unwrapped(told, line, raw)
                continue
            try:
                record = self._one.decode(raw)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                self._careful(told, line, raw)
            else:
                _keep(told, line, raw, record)
        return told

    def _careful(self, told: Decoded, line: int, raw: bytes) -> None:
        """Read one record that does not decode as it should."""
        value, reason = plain(raw)
        if reason is not None:
            told.rejects.append((line, reason, raw))
        elif isinstance(value, list):
            for one in value:
                self._add(told, line, one, raw)
        else:
            self._add(told, line, value, raw)

    def _unwrapped(self, told: Decoded, line: int, raw: bytes) -> None:
        assert self._unwrap is not None  # noqa: S101 - for the type checker
        try:
            found = list(self._unwrap(raw))
        except (msgspec.DecodeError, UnicodeError, RecursionError, ValueError) as mistake:
            value, reason = plain(raw)
            try:
                found = [] if reason is not None else list(self._unwrap(msgspec.json.encode(value)))
            except (msgspec.DecodeError, UnicodeError, RecursionError, ValueError):
                reason = _why(mistake)
            if reason is not None:
                told.rejects.append((line, reason, raw))
                return
        for one in found:
            self._add(told, line, one, raw)

    def _add(self, told: Decoded, line: int, value: Any, raw: bytes) -> None:
        if not isinstance(value, dict):
            told.rejects.append((line, f"expected an object, got {_kind(value)}", raw))
            return
        try:
            record = msgspec.convert(value, self._record)
        except (msgspec.ValidationError, RecursionError):
            try:
                misfits: list[Any] = []
                record = _salvage.convert(value, self._record, misfits)
                told.mended += bool(misfits)
            except (RecursionError, UnicodeError):
                told.rejects.append((line, TOO_DEEP, raw))
                return
        _keep(told, line, raw, record)


def _keep(told: Decoded, line: int, raw: bytes, record: Record) -> None:
    told.records.append(record)
    if told.places is not None:
        told.places.append((line, raw))


def plain(raw: bytes) -> tuple[Any, str | None]:
    """Decode JSON into plain data, with lone surrogates mended; give the reason where it is none."""
    try:
        return msgspec.json.decode(raw), None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as mistake:
        if b"\\u" not in raw:
            return None, _why(mistake)
    try:
        return msgspec.json.decode(_salvage.without_lone_surrogates(raw)), None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as mistake:
        return None, _why(mistake)


def _why(mistake: Exception) -> str:
    if isinstance(mistake, RecursionError):
        return TOO_DEEP
    if isinstance(mistake, UnicodeError):
        return "invalid UTF-8"
    return f"not JSON: {mistake}" if isinstance(mistake, msgspec.DecodeError) else str(mistake)


def _kind(value: object) -> str:
    names = {str: "text", int: "a number", float: "a number", bool: "true or false", list: "an array"}
    return "null" if value is None else names.get(type(value), "something else")
