"""Files of the share desk: written aside and renamed, private to their owner, one writer at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stillwatch.errors import ResourceError


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold a directory for writing; waits for who holds it.

    Raises:
        ResourceError: when it cannot be made or written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (directory / ".lock").open("ab")
    except OSError as trouble:
        raise ResourceError(f"cannot write there: {trouble.strerror}", where=str(directory)) from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def write(path: Path, data: bytes, *, private: bool = True) -> None:
    """Write a file as a whole or not at all.

    Raises:
        ResourceError: when it cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600 if private else 0o644)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as trouble:
        raise ResourceError(f"cannot write: {trouble.strerror}", where=str(path)) from None
    finally:
        part.unlink(missing_ok=True)
