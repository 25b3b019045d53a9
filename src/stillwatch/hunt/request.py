"""Request: what a hunt is asked for, and how far an earlier, interrupted hunt had come with the same."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from stillwatch import __version__
from stillwatch.errors import CaseError, UsageError
from stillwatch.settings import Ingest, Settings

STDIN: Final = "-"
_ASKED: Final = "asked.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a hunt is asked for; the command line's options under their own names."""

    traffic: tuple[str, ...]
    case: Path
    format: str | None = None
    map: Path | None = None
    accounts: Path | None = None
    grants: Path | None = None
    known: Path | None = None
    since: int | None = None
    """First instant that is hunted, in ms since 1970 UTC."""
    until: int | None = None
    """First instant that is no longer hunted."""
    previous: Path | None = None
    leads: Path | None = None
    """The share directory, where bulletins of peers lie that were looked for in this traffic."""
    fdr: float = 0.05
    no_content: bool = False
    without: tuple[str, ...] = ()
    """Views that are switched off: for measurements of what each of them is worth."""
    engine: str = "duckdb"
    memory: int = 6 << 30
    threads: int = 2
    resume: bool = False
    settings: Settings = field(default_factory=Settings)

    @property
    def room(self) -> Path:
        """Where the hunt works; deleted when it is done, and left behind by an interrupted one."""
        return self.case / ".scratch"


class Asked(msgspec.Struct, kw_only=True, frozen=True):
    """What decides what stands in the scratch; a hunt is resumed only when all of it is the same."""

    stillwatch: str
    traffic: tuple[str, ...]
    format: str | None
    map: str | None
    since: int | None
    until: int | None
    no_content: bool
    ingest: Ingest
    files: tuple[tuple[str, int, int], ...] = ()
    """Of each file that is read: path, size, time of its last change in ns; empty until they are known."""


_OPTIONS: Final = {
    "stillwatch": "the version of stillwatch", "traffic": "TRAFFIC", "format": "`--format`", "map": "the `--map` file",
    "since": "`--since`", "until": "`--until`", "no_content": "`--no-content`", "ingest": "the settings `[ingest]`",
}  # fmt: skip


def begin(request: Request) -> None:
    """Make the room of a hunt ready: an empty one, or with `resume` the one that was left.

    Raises:
        UsageError: when there is nothing to resume, or what was left was asked for in another way.
        CaseError: when what was left cannot be read.
    """
    asked = _asked(request)
    if not request.resume:
        shutil.rmtree(request.room, ignore_errors=True)
        request.room.mkdir(parents=True)
        _write(request, asked)
        return
    if STDIN in request.traffic:
        raise UsageError("stdin cannot be resumed: it is read once", hint="leave out `--resume`, or name files")
    left = _left(request)
    for name, what in _OPTIONS.items():
        if getattr(left, name) != getattr(asked, name):
            raise UsageError(
                f"cannot resume: {what} was another one in the interrupted hunt",
                where=f"was {_shown(left, name)}, is {_shown(asked, name)}",
                hint="give the same options again, or leave out `--resume` to begin anew",
            )


def check_files(request: Request, files: Sequence[Path]) -> None:
    """Note which files a hunt reads; a resumed one must read the same ones, unchanged.

    Raises:
        UsageError: when they are others, or changed.
    """
    now = tuple((str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns) for path in files)
    left = _left(request)
    if left.files and left.files != now:
        changed = sorted({path for path, *_ in set(left.files) ^ set(now)})
        raise UsageError(
            "cannot resume: the traffic has changed since",
            where=changed[0] + (f" and {len(changed) - 1} more" if len(changed) > 1 else ""),
            hint="leave out `--resume` to begin anew",
        )
    _write(request, msgspec.structs.replace(left, files=now))


def _asked(request: Request) -> Asked:
    return Asked(
        stillwatch=__version__,
        traffic=request.traffic,
        format=request.format,
        map=hashlib.sha256(request.map.read_bytes()).hexdigest()[:16] if request.map else None,
        since=request.since,
        until=request.until,
        no_content=request.no_content,
        ingest=request.settings.ingest,
    )


def _left(request: Request) -> Asked:
    try:
        return msgspec.json.decode((request.room / _ASKED).read_bytes(), type=Asked)
    except FileNotFoundError:
        raise UsageError(
            "there is no interrupted hunt to resume", where=str(request.case), hint="leave out `--resume`"
        ) from None
    except msgspec.DecodeError as mistake:
        raise CaseError(
            f"what the interrupted hunt left is damaged: {mistake}",
            where=str(request.room),
            hint="leave out `--resume` to begin anew",
        ) from None


def _write(request: Request, asked: Asked) -> None:
    aside = request.room / f"{_ASKED}.aside"
    aside.write_bytes(msgspec.json.encode(asked))
    aside.replace(request.room / _ASKED)


def _shown(asked: Asked, name: str) -> str:
    value = getattr(asked, name)
    return "none" if value is None else str(msgspec.to_builtins(value))
