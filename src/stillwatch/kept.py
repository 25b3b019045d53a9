"""Where compiled kernels are kept: a directory for each state of the program.

numba tells whether a kernel's own file has changed, and not whether a kernel that it calls has; and what an earlier
release kept may name modules that are no more. So nothing is kept beside another state's kernels.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Final

PREFIX: Final = "stillwatch-kernels-"
UNUSED_S: Final = 86_400.0
"""Seconds after which the kernels of a state that nobody started are thrown away, where another's are first kept."""


def here() -> Path | None:
    """Find or make the directory for the program that runs, in the surroundings that it has."""
    asked, user = os.environ.get("NUMBA_CACHE_DIR", ""), os.environ.get("XDG_CACHE_HOME", "")
    return place(Path(__file__).parent, asked, user)


def place(package: Path, asked: str = "", user: str = "") -> Path | None:
    """Find or make the directory for this state of a package; nothing where none can be written.

    Args:
        package: the directory of the package, in whose `__pycache__` kernels are kept if that can be written.
        asked: where the operator wants them kept instead (`NUMBA_CACHE_DIR`).
        user: the user's cache, where the package cannot be written.
    """
    roots = [Path(asked)] if asked else []
    roots += [package / "__pycache__", Path(user) if user else Path.home() / ".cache"]
    name = PREFIX + stamp(package)
    for root in roots:
        folder = root / name
        try:
            if not folder.is_dir():
                _throw_away(root)
                folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                os.utime(folder)
        except OSError:
            continue
        return folder
    return None


def stamp(package: Path) -> str:
    """Name a state of a package by its sources: their paths, sizes and times; some milliseconds."""
    told = hashlib.blake2b(digest_size=8)
    for folder, inner, files in os.walk(package):
        inner[:] = sorted(name for name in inner if name != "__pycache__")
        for file in sorted(name for name in files if name.endswith(".py")):
            found = os.stat(os.path.join(folder, file))  # noqa: PTH116, PTH118 - hundreds of them at each start
            told.update(f"{folder}/{file} {found.st_size} {found.st_mtime_ns}\n".encode())
    return told.hexdigest()


def _throw_away(root: Path) -> None:
    """Throw away what states kept that nobody has started for a day."""
    for folder in root.glob(PREFIX + "*"):
        with contextlib.suppress(OSError):  # another process, which starts now too, has thrown it away
            if time.time() - folder.stat().st_mtime > UNUSED_S:
                shutil.rmtree(folder, ignore_errors=True)
