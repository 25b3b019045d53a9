"""Scratch: the columns of a hunt on disk, so that memory does not grow with the traffic.

What was sketched of one piece of traffic is one *segment*: a file of plain little-endian numbers, column after
column, with a small index beside it. Segments are written in any order, by any thread, each aside and then
renamed, so that a killed hunt leaves whole segments or none; they are read in the order of the traffic.
Columns that are computed later over all rows stand in files of their own.
"""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from stillwatch.errors import CaseError, ResourceError

Columns = Mapping[str, npt.NDArray[Any]]
Keep = Callable[[Columns], npt.NDArray[np.bool_]]
FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What the system says when there is no room: on the disk, in a quota, under a limit on the size of files."""


ABREAST: Final = 128 << 20
"""Bytes for tables, for each table that may be made beside another."""


class Place(msgspec.Struct, frozen=True):
    """Where a column stands in its file."""

    dtype: str
    shape: tuple[int, ...]
    offset: int


class Segment(msgspec.Struct, frozen=True):
    """The index of one segment."""

    task: int
    part: int
    rows: int
    places: dict[str, Place]
    last: bool
    """Whether the task is complete with this segment."""
    dropped: int = 0
    """Rows that were taken out again after it was written."""
    made: int = 0
    """How often it was written anew; each time under another name, so that its index never lies."""

    @property
    def stem(self) -> str:
        return f"segment-{self.task:06d}-{self.part:04d}"

    @property
    def data(self) -> str:
        """Name of the file that holds the columns."""
        return f"{self.stem}.{self.made}.bin" if self.made else f"{self.stem}.bin"


class Limit(NamedTuple):
    """Where tables beside the columns go on when they are full, and how many bytes each may take in memory."""

    directory: Path
    table: int


class Scratch:
    """Columns on disk, below one directory.

    Args:
        tables: bytes of memory for the tables that are made beside the columns, all that are made at a time.

    Raises:
        ResourceError: when the disk is full.
    """

    def __init__(self, directory: Path, tables: int = 1 << 30) -> None:
        self.directory = directory
        self.tables = tables
        directory.mkdir(parents=True, exist_ok=True)
        self._segments: list[Segment] | None = None
        self._whole: dict[str, Place] = {}

    def limit(self, tables: int) -> Limit:
        """Tell what each of so many tables may take."""
        return Limit(self.directory, max(self.tables // tables, 1 << 16))

    def abreast(self, threads: int) -> int:
        """Tell how many tables of what the accounts hold may be made at a time: to put one in order knows no limit."""
        return max(1, min(threads, self.tables // ABREAST))

    # -- segments: written while the traffic is read

    def write(self, task: int, part: int, batches: Sequence[Columns], rows: int, *, last: bool) -> None:
        """Write the columns of some batches as one segment, aside and then renamed."""
        names = dict.fromkeys(name for batch in batches for name in batch)
        columns = {name: [batch[name] for batch in batches] for name in names}
        segment = Segment(task, part, rows, _places(columns), last)
        self._write(segment, [values for column in columns.values() for values in column])

    def _write(self, segment: Segment, columns: list[npt.NDArray[Any]]) -> None:
        self._replace(self.directory / segment.data, list(columns))
        self._replace(self.directory / f"{segment.stem}.json", [msgspec.json.encode(segment)])

    def thin(self, number: int, keep: npt.NDArray[np.bool_]) -> None:
        """Take rows out of a segment: it is written anew, and a kill leaves the one or the other.

        Args:
            number: place of the segment in `segments`.
            keep: which of its rows stay.
        """
        old = self.segments[number]
        columns = {name: _load(self.directory / old.data, place) for name, place in old.places.items()}
        kept = _kept(columns, keep)
        rows = int(np.count_nonzero(keep))
        new = Segment(
            old.task, old.part, rows, _places({name: [values] for name, values in kept.items()}), old.last,
            dropped=old.dropped + old.rows - rows, made=old.made + 1,
        )  # fmt: skip
        self._write(new, list(kept.values()))
        self.segments[number] = new
        (self.directory / old.data).unlink(missing_ok=True)

    def copy(self, into: Path, *, keep: Keep | None = None, without: Collection[str] = ()) -> Scratch:
        """Write the segments into another directory, with fewer rows or columns; whole columns stay behind.

        Args:
            keep: tells from a segment's columns which rows stay; all of them when None.
            without: columns that are left out.
        """
        other = Scratch(into, self.tables)
        for segment in self.segments:
            columns = {name: _load(self.directory / segment.data, place) for name, place in segment.places.items()}
            columns = {name: values for name, values in columns.items() if name.removesuffix("#") not in without}
            rows = segment.rows
            if keep is not None:
                stay = keep(columns)
                columns, rows = _kept(columns, stay), int(np.count_nonzero(stay))
            other.write(segment.task, segment.part, [columns], rows, last=segment.last)
        other.done()
        return other

    def done(self) -> set[int]:
        """Tell which tasks are complete, and forget the parts of those that are not."""
        found: dict[int, list[Segment]] = {}
        for path in sorted(self.directory.glob("segment-*.json")):
            segment = msgspec.json.decode(path.read_bytes(), type=Segment)
            found.setdefault(segment.task, []).append(segment)
        complete = {task for task, parts in found.items() if any(part.last for part in parts)}
        for task, parts in found.items():
            for part in parts if task not in complete else ():
                (self.directory / f"{part.stem}.json").unlink()
        self._segments = sorted(
            (part for task in complete for part in found[task]), key=lambda part: (part.task, part.part)
        )
        return complete

    @property
    def segments(self) -> list[Segment]:
        """The segments in the order of the traffic; call `done` first after writing."""
        if self._segments is None:
            self.done()
        assert self._segments is not None  # noqa: S101 - `done` sets it
        return self._segments

    @property
    def rows(self) -> int:
        """Rows in all segments."""
        return sum(segment.rows for segment in self.segments)

    @property
    def dropped(self) -> int:
        """Rows that were taken out again."""
        return sum(segment.dropped for segment in self.segments)

    def __contains__(self, name: str) -> bool:
        return name in self._whole or any(name in segment.places for segment in self.segments)

    def pieces(self, *names: str) -> Iterator[tuple[int, dict[str, npt.NDArray[Any]]]]:
        """Read columns side by side, a segment at a time: (first row, columns).

        A column that a segment lacks is zero there; a ragged column `x` comes with its counts `x#`.
        """
        start = 0
        wanted = [*names, *(f"{name}#" for name in names if any(f"{name}#" in s.places for s in self.segments))]
        for segment in self.segments:
            piece = {name: self._piece(segment, name, start) for name in wanted}
            yield start, piece
            start += segment.rows

    def read(self, name: str) -> npt.NDArray[Any]:
        """Read a whole column into memory."""
        if name in self._whole:
            return _load(self.directory / f"column-{name}.bin", self._whole[name])
        parts = [piece[name] for _, piece in self.pieces(name)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def column(self, segment: Segment, name: str) -> npt.NDArray[Any]:
        """Read the part of a column that one segment holds."""
        return _load(self.directory / segment.data, segment.places[name])

    def _piece(self, segment: Segment, name: str, start: int) -> npt.NDArray[Any]:
        if name in self._whole:
            return self.slice(name, start, start + segment.rows)
        if name in segment.places:
            return _load(self.directory / segment.data, segment.places[name])
        like = next((s.places[name] for s in self.segments if name in s.places), None)
        if like is None:
            raise KeyError(f"no column `{name}` in the scratch")
        if name.endswith("#") or any(f"{name}#" in s.places for s in self.segments):
            return np.zeros(segment.rows if name.endswith("#") else 0, like.dtype)
        return np.zeros((segment.rows, *like.shape[1:]), like.dtype)

    # -- whole columns: computed later

    def begin(self, name: str, dtype: str, *width: int) -> None:
        """Make a whole column of zeros, to be filled piece by piece, so that it never stands in memory."""
        place = Place(np.dtype(dtype).str, (self.rows, *width), 0)
        try:
            with (self.directory / f"column-{name}.bin").open("wb") as file:
                file.truncate(int(np.prod(place.shape, dtype=np.int64)) * np.dtype(dtype).itemsize)
        except OSError as trouble:
            raise disk_trouble(trouble, self.directory) from trouble
        self._whole[name] = place

    def fill(self, name: str, start: int, values: npt.NDArray[Any]) -> None:
        """Write the rows from `start` on of a column that was begun; any thread may."""
        place = self._whole[name]
        plain = np.ascontiguousarray(values, place.dtype)
        try:
            with (self.directory / f"column-{name}.bin").open("r+b") as file:
                file.seek(start * (plain.nbytes // max(len(plain), 1)))
                file.write(plain.reshape(-1).view(np.uint8).data)
        except OSError as trouble:
            raise disk_trouble(trouble, self.directory) from trouble

    def slice(self, name: str, start: int, stop: int) -> npt.NDArray[Any]:
        """Read some rows of a whole column."""
        return _load(self.directory / f"column-{name}.bin", self._whole[name], start, stop)

    def drop(self, *names: str) -> None:
        """Delete whole columns that are no longer needed."""
        for name in names:
            if self._whole.pop(name, None):
                (self.directory / f"column-{name}.bin").unlink(missing_ok=True)

    def size(self) -> int:
        """Bytes on disk."""
        return sum(path.stat().st_size for path in self.directory.glob("*.bin"))

    def erase(self) -> None:
        """Delete the scratch with all that is in it."""
        shutil.rmtree(self.directory, ignore_errors=True)

    def _replace(self, path: Path, parts: list[Any]) -> None:
        aside = path.with_suffix(".aside")
        try:
            with aside.open("wb") as file:
                for part in parts:
                    file.write(
                        part if isinstance(part, bytes) else np.ascontiguousarray(part).reshape(-1).view(np.uint8).data
                    )
            aside.replace(path)
        except OSError as trouble:
            aside.unlink(missing_ok=True)
            raise disk_trouble(trouble, self.directory) from trouble


def _kept(columns: Columns, keep: npt.NDArray[np.bool_]) -> dict[str, npt.NDArray[Any]]:
    """Keep some rows. A dotted name is a table of its own, such as `documents.hash`: what was seen, each once."""
    kept: dict[str, npt.NDArray[Any]] = {}
    for name, values in columns.items():
        if "." in name:
            kept[name] = values
        elif f"{name}#" in columns:
            kept[name] = values[np.repeat(keep, columns[f"{name}#"])]
        else:
            kept[name] = values[keep]
    return kept


def _places(columns: Mapping[str, Sequence[npt.NDArray[Any]]]) -> dict[str, Place]:
    """Lay columns out in a file one after the other, each in as many parts as there are."""
    places: dict[str, Place] = {}
    offset = 0
    for name, parts in columns.items():
        places[name] = Place(parts[0].dtype.str, (sum(len(part) for part in parts), *parts[0].shape[1:]), offset)
        offset += sum(part.nbytes for part in parts)
    return places


def _load(path: Path, place: Place, start: int = 0, stop: int | None = None) -> npt.NDArray[Any]:
    width = int(np.prod(place.shape[1:], dtype=np.int64))
    size = np.dtype(place.dtype).itemsize * width
    stop = place.shape[0] if stop is None else stop
    try:
        flat = np.fromfile(path, place.dtype, (stop - start) * width, offset=place.offset + start * size)
    except OSError as trouble:
        raise CaseError("cannot read the scratch", where=str(path), hint="start the hunt anew") from trouble
    if len(flat) != (stop - start) * width:
        raise CaseError("the scratch is damaged", where=str(path), hint="start the hunt anew, without `--resume`")
    return flat.reshape(-1, *place.shape[1:])


def disk_trouble(trouble: OSError, where: Path) -> ResourceError:
    """Say what a failed write means."""
    if trouble.errno in FULL:
        return ResourceError(
            "the disk is full" if trouble.errno != errno.EFBIG else "a file may not grow any further",
            where=str(where),
            hint="free some room and run again with `--resume`, or point `--case` to a larger disk",
        )
    return ResourceError(f"cannot write: {trouble.strerror}", where=str(where), hint="check the rights")
