"""Sources: files, globs, directories and stdin, opened and unpacked as streams of bytes.

Nothing is held whole: a compressed stream is unpacked piece by piece, so that a small file cannot grow
without bound in memory, and what could be unpacked before a damage is still read.
"""

from __future__ import annotations

import glob
import io
import os
import sys
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Literal

import zstandard

from stillwatch.errors import UsageError

Packing = Literal["none", "gzip", "zstd"]
Kind = Literal["json", "parquet", "csv"]

STDIN: Final = "-"
HEAD_BYTES: Final = 1 << 20
PIECE: Final = 8 << 20
_FIRST: Final = 2 << 20
"""Bytes of the first piece: it tells the format, and whoever goes the quick way from there reads it again."""
_READ: Final = 1 << 20
_ZSTD_PIECE: Final = 1024  # a kilobyte of zstd unpacks to 32 MB at the very worst
_GZIP_MOST: Final = 4 << 20
_WINDOW_MOST: Final = 1 << 27
_ENDINGS: Final = frozenset(
    {
        ".json",
        ".jsonl",
        ".ndjson",
        ".jsonlines",
        ".log",
        ".parquet",
        ".pq",
        ".csv",
        ".gz",
        ".zst",
        ".zstd",
        "",
    }
)
_OURS: Final = frozenset({"rejected.jsonl", "case.json"})


_OTHERS: Final = {
    b"PK\x03\x04": "a zip archive",
    b"BZh": "packed with bzip2",
    b"\xfd7zXZ": "packed with xz",
    b"7z\xbc\xaf": "a 7z archive",
    b"SQLite format 3": "an SQLite database",
    b"ORC": "an ORC file",
    b"Obj\x01": "an Avro file",
}


class Damaged(Exception):
    """A stream ends or breaks before its end; what came before was given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One file to read, or a stream: stdin or a pipe.

    Attributes:
        name: as the person named it, or as it was found below the directory named.
        path: None for stdin.
        size: bytes on disk; 0 for a stream.
        live: a stream, which can be read only once, and only by this process.
    """

    name: str
    path: Path | None
    size: int = 0
    mtime_ns: int = 0
    live: bool = False


def find(arguments: Iterable[str | Path], apart_from: Path | None = None) -> tuple[list[Source], list[str]]:
    """Find the files behind paths, globs, directories and `-`.

    Args:
        apart_from: the dataset that is written, which is no source of itself.

    Returns:
        The sources, each file once, in the order of their names, and the names passed over in directories.

    Raises:
        UsageError: when an argument names nothing.
    """
    sources: dict[str, Source] = {}
    own = apart_from.resolve() if apart_from is not None else None
    passed: list[str] = []
    for argument in arguments:
        if str(argument) == STDIN:
            sources[STDIN] = Source(name=STDIN, path=None, live=True)
            continue
        for path in _expand(str(argument), passed):
            source = _source(path)
            if own is None or source.path is None or own not in source.path.parents:
                sources.setdefault(str(source.path), source)
    return list(sources.values()), passed


def _source(path: Path) -> Source:
    if not path.is_file():
        return Source(name=str(path), path=path, live=True)
    status = path.stat()
    return Source(name=str(path), path=path.resolve(), size=status.st_size, mtime_ns=status.st_mtime_ns)


def _expand(argument: str, passed: list[str]) -> list[Path]:
    path = Path(argument)
    if path.is_dir():
        return _walk(path, passed)
    if path.exists():
        return [path]
    if glob.has_magic(argument):
        found = [Path(name) for name in sorted(glob.glob(argument, recursive=True))]  # noqa: PTH207 - absolute patterns too
        files = [one for name in found for one in (_walk(name, passed) if name.is_dir() else [name])]
        if files:
            return files
        raise UsageError(f"nothing matches `{argument}`", hint="quote the pattern, and look at the directory")
    raise UsageError(f"no such file: `{argument}`", hint="name files, directories or patterns, or `-` for stdin")


def _walk(top: Path, passed: list[str]) -> list[Path]:
    found = []
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "_")) and not _is_case(folder, name))
        for name in sorted(names):
            path = Path(folder, name)
            if name.startswith((".", "_")) or name in _OURS:
                continue
            if path.is_file() and (path.suffix.lower() in _ENDINGS or path.suffix[1:].isdecimal()):
                found.append(path)
            else:
                passed.append(str(path))
    return found


def _is_case(folder: str, name: str) -> bool:
    """Tell whether a directory is what a hunt wrote: its tables look like traffic, and are none."""
    return Path(folder, name, "case.json").exists()


def packing_of(head: bytes) -> Packing:
    """Tell how a stream is packed, by its first bytes."""
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    return "zstd" if head.startswith((b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18")) else "none"


def other_program(head: bytes) -> str | None:
    """Tell, by its first bytes, a file that has to be unpacked or exported by another program first."""
    return next((name for mark, name in _OTHERS.items() if head.startswith(mark)), None)


def kind_of(name: str, head: bytes) -> Kind:
    """Tell what a stream holds once unpacked, by its first bytes, and for CSV by its name."""
    if head.startswith(b"PAR1"):
        return "parquet"
    stem = Path(name)
    suffixes = [suffix.lower() for suffix in stem.suffixes]
    while suffixes and suffixes[-1] in {".gz", ".zst", ".zstd"}:
        suffixes.pop()
    return "csv" if suffixes and suffixes[-1] == ".csv" else "json"


def open_raw(source: Source) -> BinaryIO:
    """Open the bytes as they lie."""
    if source.path is None:
        return sys.stdin.buffer
    return source.path.open("rb", buffering=0)


class Peeked(io.RawIOBase):
    """A stream whose first bytes were looked at, as if they were not; also where nothing can be rewound."""

    def __init__(self, stream: BinaryIO, head: bytes) -> None:
        super().__init__()
        self._stream = stream
        self._head = head

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if not self._head:
            return self._stream.read(size)
        head, self._head = (self._head, b"") if size < 0 else (self._head[:size], self._head[size:])
        return head + self._stream.read() if size < 0 else head


def pieces(stream: BinaryIO, packing: Packing, counter: Counter | None = None, size: int = PIECE) -> Iterator[bytes]:
    """Give a stream's unpacked bytes in pieces of at most `size`.

    Raises:
        Damaged: where the stream breaks off; all that could be unpacked was given before.
    """
    count = counter or Counter()
    if packing != "none":
        yield from _evenly(_gzip(stream, count) if packing == "gzip" else _zstd(stream, count), size)
        return
    try:
        piece = stream.read(min(size, _FIRST))
        while piece:
            count.add(len(piece))
            yield piece
            piece = stream.read(size)
    except OSError as mistake:
        raise Damaged(f"cannot be read: {mistake.strerror}") from None


def _evenly(stream: Iterator[bytes], size: int) -> Iterator[bytes]:
    """Gather small pieces and cut large ones."""
    held: list[bytes] = []
    length = 0
    try:
        for piece in stream:
            held.append(piece)
            length += len(piece)
            if length >= size:
                data = b"".join(held)
                whole = length - length % size
                for start in range(0, whole, size):
                    yield data[start : start + size]
                held, length = [data[whole:]], length - whole
    except Damaged:
        if length:
            yield b"".join(held)
        raise
    except OSError as mistake:
        raise Damaged(f"cannot be read: {mistake.strerror}") from None
    if length:
        yield b"".join(held)


class Counter:
    """Counts the bytes taken from disk, for the progress bar."""

    def __init__(self) -> None:
        self.bytes = 0

    def add(self, count: int) -> None:
        self.bytes += count


def _gzip(stream: BinaryIO, count: Counter) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(31)
    begun = False
    while piece := stream.read(_READ):
        count.add(len(piece))
        while piece:
            if unpacker.eof:
                piece = piece.lstrip(b"\0")  # gzip files may be padded
                if not piece:
                    break
                unpacker = zlib.decompressobj(31)
            try:
                out = unpacker.decompress(piece, _GZIP_MOST)
            except zlib.error as mistake:
                raise Damaged(f"the gzip stream is damaged: {mistake}") from None
            begun = True
            piece = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
            if out:
                yield out
    if begun and not unpacker.eof:
        raise Damaged("the gzip stream is truncated")


def _zstd(stream: BinaryIO, count: Counter) -> Iterator[bytes]:
    maker = zstandard.ZstdDecompressor(max_window_size=_WINDOW_MOST)
    unpacker = maker.decompressobj()
    clean = True
    while piece := stream.read(_READ):
        count.add(len(piece))
        for start in range(0, len(piece), _ZSTD_PIECE):
            part = piece[start : start + _ZSTD_PIECE]
            while part:
                if unpacker.eof:
                    unpacker = maker.decompressobj()
                try:
                    out = unpacker.decompress(part)
                except zstandard.ZstdError as mistake:
                    raise Damaged(f"the zstd stream is damaged: {mistake}") from None
                part = unpacker.unused_data if unpacker.eof else b""
                clean = unpacker.eof
                if out:
                    yield out
    if not clean:
        raise Damaged("the zstd stream is truncated")
