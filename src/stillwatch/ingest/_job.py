"""Job: what a worker is asked to read, how, and what came of it; as it is told from process to process."""

from __future__ import annotations

from pathlib import Path

import msgspec

from stillwatch.ingest._sources import Source
from stillwatch.ingest._writer import Part


class Stretch(msgspec.Struct, frozen=True):
    """A source, or the lines of it that begin in `start` to `end`; an `end` of 0 means to its end."""

    name: str
    path: str | None
    size: int = 0
    mtime_ns: int = 0
    start: int = 0
    end: int = 0
    live: bool = False

    @property
    def source(self) -> Source:
        path = Path(self.path) if self.path else None
        return Source(name=self.name, path=path, size=self.size, mtime_ns=self.mtime_ns, live=self.live)


class How(msgspec.Struct, frozen=True):
    """How records are read."""

    format: str | None = None
    map_file: str | None = None
    trusted_proxies: tuple[str, ...] = ()
    placeholders: tuple[str, ...] = ()
    max_record_bytes: int = 64 << 20


class Job(msgspec.Struct, frozen=True):
    """What a worker is asked to do, in a folder of its own.

    Attributes:
        quick: common records may go by the lane: there is enough to read for its machine code to pay.
    """

    unit: str
    stretches: list[Stretch]
    how: How
    folder: str
    quick: bool = True


class Done(msgspec.Struct):
    """What a worker has done.

    Attributes:
        maps: the `--map` lines that would mend the most records, with how many.
    """

    unit: str
    parts: list[Part]
    rejected: int
    mended: int
    columns: list[str]
    maps: dict[str, int]
    reasons: dict[str, int]
    formats: dict[str, int]
