"""Sketch: what is remembered of an exchange. One file per thing; Arrow batch in, columns out.

A member has `OPENS` (the canonical columns that it opens; no others are read), `NEEDS` (those of them without all of
which it gives nothing), `columns(batch, work)` and a module docstring that says what is kept and what is not.
No text leaves this room: only hashes, fingerprints and counts do.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy.typing as npt

from stillwatch.kit.fingerprint import Scratch, scratch


class Work(NamedTuple):
    """Working memory of one thread."""

    text: Scratch


def work() -> Work:
    """Allocate the working memory of one thread."""
    return Work(text=scratch())


Columns = dict[str, npt.NDArray[Any]]
"""Columns by name, one row per exchange; a ragged column is two, `x` (flat values) and `x#` (counts)."""
