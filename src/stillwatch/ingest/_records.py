"""Records: a stream of bytes cut into blocks of whole records.

Two layouts are told apart by the first bytes: one record per line, and anything else that JSON allows (one
array of records, several arrays, records spread over several lines). Both need memory for one block and one
record only; a record above the limit is passed over without being held.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from stillwatch.ingest._sources import Damaged

BLOCK: Final = 4 << 20
_TEXT: Final = rb'[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"'
_END_OF_TEXT: Final = re.compile(_TEXT, re.DOTALL)
_NEXT_MARK: Final = re.compile(rb'(?:[^"{}\[\]]++|"' + _TEXT + rb')*+(["{}\[\]])', re.DOTALL)
_SPREAD: Final = re.compile(rb"\s*(?:\[|\{[ \t]*\r?\n)")
_BOM: Final = b"\xef\xbb\xbf"
_EXCERPT: Final = 4096
_INDENT: Final = 64


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

    def each(self) -> Iterator[tuple[int, bytes]]:
        """Give each record with the number of its line, as `one_by_one` does, and cut none before it is asked for."""
        if self.parts is not None:
            yield from self.parts
            return
        number = self.line
        for data, at, stop in ((self.head, 0, len(self.head)), (self.piece, self.start, self.stop)):
            while at < stop:
                end = data.find(b"\n", at, stop)
                end = stop if end < 0 else end
                if (text := data[at:end]) and not text.isspace():
                    yield number, text
                at, number = end + 1, number + 1

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
    back: Callable[[int], None] | None = None,
) -> Iterator[Block | PassedOver]:
    """Cut a stream into blocks of whole records.

    Args:
        limit: bytes above which a record is passed over.
        spread: records are not one per line.
        counted: count lines as they come by; else they are told by their offset alone.
        begin: where in the file we begin; the stream begins one byte before, perhaps inside a line of
            somebody else.
        end: lines that begin at this offset or later belong to somebody else; 0 where all are ours.
        back: makes the stream give its last so many bytes again, which costs less than to put a line together.
    """
    unbroken = Unbroken(stream)
    if spread:
        yield from _Spread(limit).cut(unbroken)
    else:
        yield from _lines(unbroken, limit, counted, begin, end, back)


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


def _lines(
    stream: Unbroken, limit: int, counted: bool, begin: int, end: int, back: Callable[[int], None] | None
) -> Iterator[Block | PassedOver]:
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
            if back is not None and 0 < len(held) <= limit:
                back(len(held))
                held = b""
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
    """Cuts a stream of JSON values into records: objects at the top, or in arrays at the top.

    Only quotes and brackets are looked at. A record above the limit is followed without being held, to its end or
    to the next line that begins as it did. A line that ends inside a text is the mark of a broken record, since
    JSON writes line feeds as escapes; reading goes on at the next line that begins as the broken record did.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.buffer = b""
        self.line = 1  # of the place up to which lines are counted
        self.counted = 0
        self.scanned = 0
        self.depth = 0
        self.base = 0  # 1 inside an array at the top
        self.begun: int | None = None
        self.quoted = False
        self.indent = b""  # what stands before a record on its line
        self.passed: PassedOver | None = None  # the record that is followed and not held

    def cut(self, stream: Unbroken) -> Iterator[Block | PassedOver]:
        """Give blocks of records."""
        parts: list[tuple[int, bytes]] = []
        held = 0
        for piece in stream:
            self.buffer += piece
            for found in self._scan():
                if isinstance(found, PassedOver):
                    if parts:
                        yield _block(parts)
                        parts, held = [], 0
                    yield found
                    continue
                parts.append(found)
                held += len(found[1])
                if held >= BLOCK:
                    yield _block(parts)
                    parts, held = [], 0
            self._forget()
        if parts:
            yield _block(parts)
        yield from self._rest(stream.damage)

    def _rest(self, damage: str | None) -> Iterator[PassedOver]:
        """Tell what is left when the stream has ended."""
        rest = self.buffer.strip(b" \t\r\n,]")
        if self.passed is not None:
            yield self.passed
        if damage is not None:
            yield PassedOver(0, self.line, damage, rest[:_EXCERPT])
        elif rest and self.passed is None:
            reason = "the record is not ended" if self.begun is not None else "no JSON record"
            yield PassedOver(0, self.line, reason, rest[:_EXCERPT])

    def _scan(self) -> Iterator[tuple[int, bytes] | PassedOver]:
        """Give the records that end in the buffer, and what is broken."""
        while True:
            if self.quoted:
                end = _END_OF_TEXT.match(self.buffer, self.scanned)
                if end is None:
                    broken = self.buffer.find(b"\n", self.scanned)
                    if broken < 0:
                        self.scanned = _before_escape(self.buffer, self.scanned)
                        return
                    yield self._give_up(broken)
                    continue
                self.scanned, self.quoted = end.end(), False
            found = _NEXT_MARK.match(self.buffer, self.scanned)
            if found is None:
                self.scanned = len(self.buffer)
                return
            self.scanned = found.end()
            told: tuple[int, bytes] | PassedOver | None = None
            if found[1] == b'"':
                self.quoted = True
            else:
                told = self._open(found[1], found.end() - 1) if found[1] in b"{[" else self._close()
            if told is not None:
                yield told

    def _open(self, mark: bytes, place: int) -> PassedOver | None:
        told = None
        if self.passed is not None and mark == b"{" and self.buffer.endswith(b"\n" + self.indent, 0, place):
            told, self.passed, self.depth = self.passed, None, self.base  # it never ended, and here is the next
        if self.depth == self.base and self.begun is None and self.passed is None:
            if mark == b"{":
                self.begun = place
                before = self.buffer[max(place - _INDENT, 0) : place].rpartition(b"\n")[2]
                self.indent = before if before.isspace() else b""
            elif self.base == 0:
                self.base = 1
        self.depth += 1
        return told

    def _close(self) -> tuple[int, bytes] | PassedOver | None:
        self.depth -= 1
        told: tuple[int, bytes] | PassedOver | None = None
        if self.depth == self.base:
            if self.passed is not None:
                told, self.passed = self.passed, None
            elif self.begun is not None:
                told = self._line_at(self.begun), self.buffer[self.begun : self.scanned]
                self.begun = None
        if self.depth <= 0:
            self.depth = self.base = 0
        return told

    def _give_up(self, place: int) -> PassedOver:
        """Leave a broken record, and go on at the next line that begins as it did."""
        self._move(self.begun or 0)
        place -= self.begun or 0
        told = self.passed or PassedOver(0, self.line, "a text is not ended", self.buffer[:_EXCERPT])
        start = self.buffer.find(b"\n" + self.indent + b"{", place)
        self._move(start + 1 + len(self.indent) if start >= 0 else len(self.buffer))
        self.depth, self.begun, self.quoted, self.passed = self.base, None, False, None
        return told

    def _line_at(self, place: int) -> int:
        """Tell the line of a place; places are asked for in their order."""
        self.line += self.buffer.count(b"\n", self.counted, place)
        self.counted = max(self.counted, place)
        return self.line

    def _move(self, count: int) -> None:
        """Drop the first bytes of the buffer."""
        if count:
            self._line_at(count)
            self.buffer = self.buffer[count:]
            self.scanned, self.counted = max(self.scanned - count, 0), max(self.counted - count, 0)

    def _forget(self) -> None:
        """Drop what was given already, and all of a record that is above the limit."""
        if self.begun is not None and len(self.buffer) - self.begun <= self.limit:
            self._move(self.begun)
            self.begun = 0
            return
        if self.begun is not None:
            self._move(self.begun)
            self.passed = PassedOver(0, self.line, _too_long(self.limit), self.buffer[:_EXCERPT])
            self.begun = None
        self._move(self.scanned)


def _before_escape(buffer: bytes, start: int) -> int:
    """Tell up to where a text was seen: all of the buffer, but for an escape that goes on in the next piece."""
    slashes = len(buffer) - max(start, len(buffer.rstrip(b"\\")))
    return len(buffer) - slashes % 2


def _block(parts: list[tuple[int, bytes]]) -> Block:
    data = b"\n".join(record for _, record in parts)
    return Block(b"", data, 0, len(data), 0, parts[0][0], parts)
