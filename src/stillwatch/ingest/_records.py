"""Records: a stream of bytes cut into blocks of whole records.

Two layouts are told apart by the first bytes: one record per line, and anything else that JSON allows (one
array of records, several arrays, records spread over several lines). Both need memory for one block and one
record only; a record above the limit is passed over without being held.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from stillwatch.ingest._sources import Damaged

BLOCK: Final = 4 << 20
_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"|["\[\]{}]', re.DOTALL)
_SPREAD: Final = re.compile(rb"\s*(?:\[|\{[ \t]*\r?\n)")
_BOM: Final = b"\xef\xbb\xbf"
_EXCERPT: Final = 4096


@dataclass(slots=True)
class Block:
    """Whole records, parted by white space: `head`, then `piece` from `start` to `stop`.

    Attributes:
        offset: where the first record begins in the stream.
        line: number of the first line, from 1; 0 where lines are counted only when one has to be named.
        parts: the records one by one with their line, where they are not one per line.
    """

    head: bytes
    piece: bytes
    start: int
    stop: int
    offset: int
    line: int
    parts: list[tuple[int, bytes]] | None = None

    @property
    def size(self) -> int:
        return len(self.head) + self.stop - self.start

    def buffers(self) -> list[bytes | memoryview]:
        """Give the bytes without copying them."""
        whole = memoryview(self.piece)[self.start : self.stop]
        return [self.head, whole] if self.head else [whole]

    def one_by_one(self) -> list[tuple[int, bytes]]:
        """Give each record with the number of its line; blank lines are none.

        Where lines are not counted, the numbers are of lines within the block, from 0.
        """
        if self.parts is not None:
            return self.parts
        lines = (self.head + self.piece[self.start : self.stop]).split(b"\n")
        return [(self.line + number, text) for number, text in enumerate(lines) if text and not text.isspace()]


@dataclass(slots=True)
class PassedOver:
    """A record that was not held: too long, or broken off."""

    offset: int
    line: int
    reason: str
    head: bytes


def is_spread(head: bytes) -> bool:
    """Tell whether records are spread over lines or stand in an array, by the first bytes."""
    return _SPREAD.match(head.removeprefix(_BOM)) is not None


def cut(
    stream: Iterable[bytes],
    limit: int,
    *,
    spread: bool = False,
    counted: bool = True,
    begin: int = 0,
    end: int = 0,
) -> Iterator[Block | PassedOver]:
    """Cut a stream into blocks of whole records.

    Args:
        limit: bytes above which a record is passed over.
        spread: records are not one per line.
        counted: count lines as they come by; else they are told by their offset alone.
        begin: where in the file we begin; the stream begins one byte before, perhaps inside a line of
            somebody else.
        end: lines that begin at this offset or later belong to somebody else; 0 where all are ours.
    """
    unbroken = Unbroken(stream)
    if spread:
        yield from _Spread(limit).cut(unbroken)
    else:
        yield from _lines(unbroken, limit, counted, begin, end)


class Unbroken:
    """A stream that ends where it is damaged, and then tells so."""

    def __init__(self, stream: Iterable[bytes]) -> None:
        self._stream = stream
        self.damage: str | None = None

    def __iter__(self) -> Iterator[bytes]:
        first = True
        try:
            for piece in self._stream:
                yield b"   " + piece[3:] if first and piece.startswith(_BOM) else piece
                first = False
        except Damaged as mistake:
            self.damage = str(mistake)


def _lines(stream: Unbroken, limit: int, counted: bool, begin: int, end: int) -> Iterator[Block | PassedOver]:
    line, offset, held = int(counted), max(begin - 1, 0), b""  # the unfinished line, and where it begins
    skipping = begin > 0
    too_long: PassedOver | None = None
    for piece in stream:
        here, start = offset + len(held), 0
        if skipping:
            start = piece.find(b"\n") + 1
            offset = here + (start or len(piece))
            if not start:
                continue
            if too_long is not None:
                yield too_long
                line += counted
            skipping, too_long = False, None
            if end and offset >= end:
                return
        stop, last = 0, False
        if end and here + len(piece) >= end:
            stop = piece.find(b"\n", max(start, end - 1 - here)) + 1
            last = stop > 0
        stop = stop or piece.rfind(b"\n", start) + 1
        if stop:
            first = piece.find(b"\n", start) + 1 if held else start
            head = held + piece[start:first] if held else b""
            if len(head) > limit:
                yield PassedOver(offset, line, _too_long(limit), head[:_EXCERPT])
                line, offset, head = line + counted, offset + len(head), b""
            yield Block(head, piece, first, stop, offset, line)
            if counted:
                line += head.count(b"\n") + piece.count(b"\n", first, stop)
            offset, held = here + stop, piece[stop:]
            if last:
                return
        else:
            offset, held = (offset if held else here + start), held + piece[start:]
        if len(held) > limit:
            skipping, too_long = True, PassedOver(offset, line, _too_long(limit), held[:_EXCERPT])
            offset, held = offset + len(held), b""
    if too_long is not None:
        yield too_long
    elif stream.damage is not None:
        yield PassedOver(offset, line, stream.damage, held[:_EXCERPT])
    elif held:
        yield Block(held, b"", 0, 0, offset, line)


def _too_long(limit: int) -> str:
    return f"longer than {limit} bytes"


class _Spread:
    """Cuts a stream of JSON values into records: objects at the top, or in arrays at the top."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.buffer = b""
        self.line = 1  # of the buffer's first byte
        self.scanned = 0
        self.depth = 0
        self.base = 0  # 1 inside an array at the top
        self.begun: int | None = None

    def cut(self, stream: Unbroken) -> Iterator[Block | PassedOver]:
        """Give blocks of records.

        A record that never ends takes up to the limit and is passed over; reading goes on at the next line
        that begins like a record.
        """
        parts: list[tuple[int, bytes]] = []
        held = 0
        for piece in stream:
            self.buffer += piece
            for part in self._records():
                parts.append(part)
                held += len(part[1])
                if held >= BLOCK:
                    yield _block(parts)
                    parts, held = [], 0
            self._forget()
            if len(self.buffer) > self.limit:
                yield PassedOver(0, self.line, _too_long(self.limit), self.buffer[:_EXCERPT])
                self._resume()
        if parts:
            yield _block(parts)
        rest = self.buffer.strip(b" \t\r\n,]")
        if stream.damage is not None:
            yield PassedOver(0, self.line, stream.damage, rest[:_EXCERPT])
        elif rest:
            yield PassedOver(
                0, self.line, "the record is not ended" if self.depth else "no JSON record", rest[:_EXCERPT]
            )

    def _records(self) -> Iterator[tuple[int, bytes]]:
        place, line = 0, self.line
        for token in _TOKEN.finditer(self.buffer, self.scanned):
            mark = token[0]
            if mark == b'"':  # a text that goes on in the next piece
                return
            self.scanned = token.end()
            if mark in {b"{", b"["}:
                if self.depth == self.base and self.begun is None:
                    if mark == b"{":
                        self.begun = token.start()
                    elif self.base == 0:
                        self.base = 1
                self.depth += 1
            elif mark in {b"}", b"]"}:
                self.depth -= 1
                if self.depth == self.base and self.begun is not None:
                    line += self.buffer.count(b"\n", place, self.begun)
                    place = self.begun
                    yield line, self.buffer[self.begun : token.end()]
                    self.begun = None
                elif self.depth <= 0:
                    self.depth = self.base = 0
                    self.begun = None

    def _forget(self) -> None:
        """Drop what was given already."""
        done = self.scanned if self.begun is None else self.begun
        self.line += self.buffer.count(b"\n", 0, done)
        self.buffer = self.buffer[done:]
        self.scanned -= done
        self.begun = None if self.begun is None else 0

    def _resume(self) -> None:
        """Go on after a record that does not end, at a line that begins like one."""
        found = max(self.buffer.rfind(b"\n{"), self.buffer.rfind(b"\n["))
        keep = found + 1 if found >= 0 else len(self.buffer)
        self.line += self.buffer.count(b"\n", 0, keep)
        self.buffer = self.buffer[keep:]
        self.scanned = self.depth = self.base = 0
        self.begun = None


def _block(parts: list[tuple[int, bytes]]) -> Block:
    data = b"\n".join(record for _, record in parts)
    return Block(b"", data, 0, len(data), 0, parts[0][0], parts)
