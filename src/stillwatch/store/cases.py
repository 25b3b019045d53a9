"""Cases: a directory for each hunt's output, replaced as a whole or not at all.

New files are written into `.next` and moved into place by renaming once all are there. A process killed before
that leaves the previous case intact; one killed while moving leaves a marker, and whoever opens the case next
moves the rest. Who writes holds the lock; a second one is refused.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.errors import CaseError, ResourceError
from stillwatch.model.case import Case
from stillwatch.model.lineage import Lineage

NEXT: Final = ".next"
READY: Final = "READY"
LOCK: Final = ".lock"

CASE: Final = "case.json"
REPORT: Final = "report.html"
REJECTED: Final = "rejected.jsonl"
REJECTED_LAST: Final = "rejected-last.jsonl"
"""Rejects of a hunt that could read nothing, beside the case that was there before."""
EXCHANGES: Final = "exchanges.parquet"
MEMBERS: Final = "members.parquet"
STREAMS: Final = "streams.parquet"
FAMILIES: Final = "families.parquet"
GROUPS: Final = "groups.parquet"
TIES: Final = "ties.parquet"
HANDOVERS: Final = "handovers.parquet"
GRANTS: Final = "grants.parquet"
LINEAGE: Final = "lineage.json"
EXEMPLARS: Final = "exemplars.jsonl"

FILES: Final = (
    CASE, REPORT, REJECTED, REJECTED_LAST, EXCHANGES, MEMBERS, STREAMS, FAMILIES, GROUPS, TIES, HANDOVERS, GRANTS,
    LINEAGE, EXEMPLARS,
)  # fmt: skip
"""Everything that a case may hold."""


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold a case for writing; what an interrupted move left is moved first.

    A directory that was made for this, and in which nothing was left, is taken away again.

    Raises:
        CaseError: when somebody else is writing to it.
        ResourceError: when it cannot be written.
    """
    made = not directory.exists()
    lock = _lock(directory)
    try:
        _finish(directory)
        yield
    finally:
        if made and {path.name for path in directory.iterdir()} <= {LOCK}:
            shutil.rmtree(directory, ignore_errors=True)
        lock.close()


def _lock(directory: Path) -> IO[bytes]:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = (directory / LOCK).open("wb")
    except OSError as trouble:
        raise ResourceError(
            f"cannot write the case: {trouble.strerror}", where=str(directory), hint="name another directory, `--case`"
        ) from trouble
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise CaseError(
            "another process is writing to this case", where=str(directory),
            hint="wait for it to end, or name another directory",
        ) from None  # fmt: skip
    return lock


@contextmanager
def replacing(directory: Path, *, removing: Iterable[str] | None = None) -> Iterator[Path]:
    """Give an empty directory for new files of a case, and put them in place when all went well.

    Args:
        directory: a case that is `locked`.
        removing: files of the case that go; when left out, all that are not written anew.

    Raises:
        ResourceError: when the directory cannot be written, or the disk is full.
    """
    fresh = directory / NEXT
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        yield fresh
        written = {path.name for path in fresh.iterdir()}
        for name in written:
            _flush(fresh / name)
        gone = [name for name in (FILES if removing is None else removing) if name not in written]
        (fresh / f".{READY}").write_bytes(msgspec.json.encode(gone))
        (fresh / f".{READY}").replace(fresh / READY)
    except OSError as trouble:
        shutil.rmtree(fresh, ignore_errors=True)
        raise room_trouble(trouble, directory) from trouble
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    _finish(directory)


def _finish(directory: Path) -> None:
    """Move new files into place, `case.json` last; nothing is done where they are not all there."""
    fresh = directory / NEXT
    if not (fresh / READY).exists():
        return
    for name in msgspec.json.decode((fresh / READY).read_bytes(), type=list[str]):
        (directory / name).unlink(missing_ok=True)
    for path in sorted(fresh.iterdir(), key=lambda path: (path.name == CASE, path.name)):
        if path.name != READY:
            path.replace(directory / path.name)
    shutil.rmtree(fresh, ignore_errors=True)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def room_trouble(trouble: OSError, where: Path) -> ResourceError:
    """Say what a failed write means."""
    if trouble.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return ResourceError(
            "there is no room for the case", where=str(where),
            hint="free some room and run again with `--resume`, or point `--case` to a larger disk",
        )  # fmt: skip
    return ResourceError(f"cannot write the case: {trouble.strerror or trouble}", where=str(where))


def read(directory: Path) -> Case:
    """Read a case.

    Raises:
        CaseError: when there is none, or it is damaged.
    """
    settle(directory)
    try:
        return msgspec.json.decode((directory / CASE).read_bytes(), type=Case)
    except (FileNotFoundError, NotADirectoryError):
        raise CaseError(
            "there is no case", where=str(directory), hint="name the directory that `stillwatch hunt --case` wrote"
        ) from None
    except OSError as trouble:
        raise CaseError(f"cannot read the case: {trouble.strerror}", where=str(directory)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as trouble:
        raise CaseError(
            f"the case is damaged: {trouble}", where=str(directory / CASE), hint="run the hunt again"
        ) from trouble


def settle(directory: Path) -> None:
    """Finish what a killed process had begun to move, unless somebody is writing now."""
    if (directory / NEXT / READY).exists():
        with locked(directory):
            pass


def table(directory: Path, name: str, columns: list[str] | None = None) -> pa.Table:
    """Read a table of a case; an empty one without columns where the case does not hold it.

    Raises:
        CaseError: when it is damaged.
    """
    path = directory / name
    if not path.exists():
        return pa.table({})
    try:
        return pq.read_table(path, columns=columns)
    except (pa.ArrowException, OSError) as trouble:
        told = " ".join(str(trouble).split())[:160]
        raise CaseError(f"the case is damaged: {told}", where=str(path), hint="run the hunt again") from trouble


def lineage(directory: Path) -> Lineage:
    """Read which entries were found before, over all hunts that named each other; none where nothing is kept.

    Raises:
        CaseError: when it is damaged.
    """
    path = directory / LINEAGE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Lineage)
    except FileNotFoundError:
        return Lineage()
    except (OSError, msgspec.DecodeError) as trouble:
        raise CaseError(f"the case is damaged: {trouble}", where=str(path), hint="run the hunt again") from trouble


def write_private(path: Path, data: bytes) -> None:
    """Write a file that nobody but its owner can read."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
