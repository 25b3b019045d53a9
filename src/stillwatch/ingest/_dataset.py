"""Dataset: a directory of canonical Parquet that grows unit by unit, each wholly or not at all.

    OUT/day=2026-05-01/part-….parquet    what readers read
    OUT/rejected.jsonl                   lines that could not be read, of all runs
    OUT/.stillwatch/done/UNIT.json       which sources are in, and what came of them
    OUT/.stillwatch/commit/UNIT.json     what is being moved into place at this moment
    OUT/.stillwatch/staging/UNIT/        what is being written
    OUT/.stillwatch/lock                 held by the one run that may write

A unit is written aside. Then its moves are noted, made, and noted as done. Whoever dies on the way leaves
either nothing, or a note of moves that the next run makes good.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, Final, Self

import msgspec

from stillwatch.errors import ResourceError
from stillwatch.ingest._job import Done, Stretch
from stillwatch.ingest._writer import Part, flush

HIDDEN: Final = ".stillwatch"
REJECTED: Final = "rejected.jsonl"


class Entry(msgspec.Struct):
    """What is known of a finished unit.

    Attributes:
        mapping: digest of how its records were read.
        duplicates: records that were in already, or stood twice.
    """

    unit: str
    sequence: int
    mapping: str
    stretches: list[Stretch]
    rows: int
    duplicates: int
    rejected: int
    mended: int
    columns: list[str]
    maps: dict[str, int]
    reasons: dict[str, int]
    formats: dict[str, int]


class Commit(msgspec.Struct):
    """What has to be moved and removed for a unit to be in."""

    entry: Entry
    moves: list[tuple[str, str]]
    removes: list[str]


class Dataset:
    """A dataset open for writing; a context that holds its lock.

    Raises:
        ResourceError: when another run is writing to it, or the directory cannot be written.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._hidden = root / HIDDEN
        self._lock: IO[bytes] | None = None
        self._run = secrets.token_hex(4)  # so that a reader left over by a run that was killed writes beside us
        self.entries: dict[str, Entry] = {}

    def __enter__(self) -> Self:
        try:
            for name in ("done", "commit", "staging", "rejected"):
                (self._hidden / name).mkdir(parents=True, exist_ok=True)
            self._lock = (self._hidden / "lock").open("wb")
        except OSError as mistake:
            raise ResourceError(f"cannot write here: {mistake.strerror}", where=str(self.root)) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            hint = "wait for it to end, or choose another directory"
            raise ResourceError("another run is writing to this directory", where=str(self.root), hint=hint) from None
        self._recover()
        return self

    def __exit__(self, *_: object) -> None:
        for left in (self._hidden / "staging").glob(f"*.{self._run}"):
            if not (self._hidden / "commit" / f"{left.stem}.json").exists():  # its moves are still to be made
                shutil.rmtree(left, ignore_errors=True)
        if self._lock is not None:
            self._lock.close()

    def _recover(self) -> None:
        """Make good what a run that died had noted, and drop what it had not."""
        for note in sorted((self._hidden / "commit").glob("*.json")):
            self._make(_read(note, Commit), note)
        for left in (self._hidden / "staging").iterdir():
            shutil.rmtree(left, ignore_errors=True)
        for note in (self._hidden / "done").glob("*.json"):
            entry = _read(note, Entry)
            self.entries[entry.unit] = entry

    def staging(self, unit: str) -> Path:
        """Give an empty folder in which a unit is written."""
        folder = self.staging_of(unit)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def staging_of(self, unit: str) -> Path:
        return self._hidden / "staging" / f"{unit}.{self._run}"

    def finished(self, mapping: str) -> set[str]:
        """Name the stretches that are in, as read by a mapping."""
        return {
            identity(stretch)
            for entry in self.entries.values()
            if entry.mapping == mapping
            for stretch in entry.stretches
        }

    def parts(self) -> list[Path]:
        """List the finished files."""
        return sorted(self.root.glob("day=*/part-*.parquet"))

    def place_of(self, part: Part, name: str) -> Path:
        """Tell where a part belongs."""
        return self.root / f"day={part.day}" / f"{name}.parquet"

    def commit(
        self, done: Done, entry: Entry, moves: Iterable[tuple[Path, Path]], removes: Iterable[Path] = ()
    ) -> None:
        """Move a unit's files into place, wholly or not at all."""
        rejected = self.staging_of(done.unit) / REJECTED
        pairs = [
            *moves,
            *([(rejected, self._hidden / "rejected" / f"{done.unit}.jsonl")] if rejected.exists() else []),
        ]
        told = [(self._relative(source), self._relative(target)) for source, target in pairs]
        commit = Commit(entry, told, [self._relative(path) for path in removes])
        note = self._hidden / "commit" / f"{done.unit}.json"
        write_aside(note, msgspec.json.encode(commit))
        self._make(commit, note)
        self.entries[entry.unit] = entry

    def _make(self, commit: Commit, note: Path) -> None:
        for source, target in commit.moves:
            place = self.root / target
            if (self.root / source).exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                (self.root / source).replace(place)
        for path in commit.removes:
            (self.root / path).unlink(missing_ok=True)
        write_aside(self._hidden / "done" / f"{commit.entry.unit}.json", msgspec.json.encode(commit.entry))
        note.unlink()
        shutil.rmtree(self.staging_of(commit.entry.unit), ignore_errors=True)

    def write_rejected(self) -> Path:
        """Write `rejected.jsonl` anew: of each source, what its last reading rejected."""
        latest: dict[str, int] = {}
        for entry in self.entries.values():
            for stretch in entry.stretches:
                own = identity(stretch)
                latest[own] = max(latest.get(own, -1), entry.sequence)
        path = self.root / REJECTED
        aside = path.with_name(f".{REJECTED}.aside")
        with aside.open("wb") as file:
            for entry in sorted(self.entries.values(), key=lambda entry: entry.sequence):
                kept = self._hidden / "rejected" / f"{entry.unit}.jsonl"
                if kept.exists():
                    stale = {one.name for one in entry.stretches if latest[identity(one)] > entry.sequence}
                    file.writelines(line for line in _lines(kept) if not stale or _source(line) not in stale)
        aside.replace(path)
        return path

    def _relative(self, path: Path) -> str:
        return os.path.relpath(path, self.root)


def identity(stretch: Stretch) -> str:
    """Tell this stretch of this state of this file from any other."""
    return f"{stretch.path}:{stretch.size}:{stretch.mtime_ns}:{stretch.start}:{stretch.end}"


def write_aside(path: Path, data: bytes) -> None:
    """Write a file so that it is there wholly or not at all, also after a loss of power."""
    aside = path.with_name(f".{path.name}.aside")
    aside.write_bytes(data)
    flush(aside)
    aside.replace(path)


def _read(path: Path, kind: type[Any]) -> Any:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError) as mistake:
        hint = "the directory was changed by hand; ingest into a new one"
        raise ResourceError(
            f"cannot read the record of what was ingested: {mistake}", where=str(path), hint=hint
        ) from None


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file


def _source(line: bytes) -> str:
    return str(msgspec.json.decode(line).get("source"))
