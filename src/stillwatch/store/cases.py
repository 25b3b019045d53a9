"""Cases: a directory for each hunt's output, replaced as a whole or not at all.

New files are written into `.next` and moved into place by renaming once all are there. A process killed before
that leaves the previous case intact; one killed while moving leaves a marker, and whoever opens the case next
moves the rest.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from stillwatch.errors import CaseError, ResourceError
from stillwatch.model.case import Case

NEXT: Final = ".next"
READY: Final = "READY"
CASE: Final = "case.json"


@contextmanager
def replacing(directory: Path) -> Iterator[Path]:
    """Give an empty directory for the new files of a case, and put them in place when all went well.

    Raises:
        ResourceError: when the directory cannot be written.
    """
    _finish(directory)
    fresh = directory / NEXT
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
    except OSError as trouble:
        raise ResourceError(
            f"cannot write the case: {trouble.strerror}", where=str(directory), hint="name another directory, `--case`"
        ) from trouble
    yield fresh
    (fresh / READY).touch()
    _finish(directory)


def _finish(directory: Path) -> None:
    fresh = directory / NEXT
    if not (fresh / READY).exists():
        return
    files = sorted(path for path in fresh.iterdir() if path.name not in (READY, CASE))
    for path in [*files, *([fresh / CASE] if (fresh / CASE).exists() else [])]:
        path.replace(directory / path.name)
    shutil.rmtree(fresh, ignore_errors=True)


def read(directory: Path) -> Case:
    """Read a case.

    Raises:
        CaseError: when there is none, or it is damaged.
    """
    _finish(directory)
    file = directory / CASE if directory.is_dir() else directory
    try:
        return msgspec.json.decode(file.read_bytes(), type=Case)
    except FileNotFoundError:
        raise CaseError(
            "there is no case", where=str(directory), hint="name the directory that `stillwatch hunt --case` wrote"
        ) from None
    except msgspec.DecodeError as trouble:
        raise CaseError(f"the case is damaged: {trouble}", where=str(file), hint="run the hunt again") from trouble
