"""Readings on disk: what reference models would have said at each token of a file of texts.

A NumPy archive (`.npz`) with `candidates` (positions, k), `chances` (references, positions, k), `names` and the hash
of the texts' file. Positions are those of all texts in order, each without its first `window` tokens. An open suspect
(weights at hand) adds `suspect` (positions, k): its own probabilities, which then take the place of what it wrote.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from stillwatch.errors import UsageError
from stillwatch.prove.lineage.tally import Reading


def stamp(texts: str) -> str:
    """Give the hash of a file of texts, which ties a reading to it."""
    return hashlib.sha256(Path(texts).read_bytes()).hexdigest()


def save(path: Path, texts: str, reading: Reading, names: list[str]) -> None:
    """Write a reading, aside and renamed."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    extra: dict[str, Any] = {} if reading.suspect is None else {"suspect": reading.suspect.astype(np.float32)}
    try:
        with part.open("wb") as out:
            np.savez_compressed(
                out, candidates=reading.candidates.astype(np.int64), chances=reading.chances.astype(np.float32),
                names=np.array(names), stamp=np.array(stamp(texts)), **extra,
            )  # fmt: skip
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def load(path: str, texts: str) -> Reading:
    """Read a reading of one file of texts; its first reference is our own model.

    Raises:
        UsageError: when it is no reading, or one of other texts.
    """
    try:
        with np.load(path, allow_pickle=False) as kept:
            if str(kept["stamp"]) != stamp(texts):
                raise UsageError(f"`{path}` is a reading of other texts than `{texts}`", hint="read them again")
            suspect = kept["suspect"].astype(np.float64) if "suspect" in kept else None
            return Reading(
                candidates=kept["candidates"].astype(np.int64), chances=kept["chances"].astype(np.float64), ours=True,
                suspect=suspect,
            )  # fmt: skip
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError) as why:
        raise UsageError(f"`{path}` is no reading: {why}", hint="make it with `stillwatch audit read`") from why
