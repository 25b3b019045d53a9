"""Plan: what a hunt will need, told before it starts, and how it divides the memory that it may use.

The figures are rates measured on practice worlds (`bench/hunt.py` prints them again), so they are estimates, good to
a factor of about 1.5: short prompts leave more fingerprints for each byte than long histories do.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow.parquet as pq

from stillwatch import ingest

DISK_EACH: Final = 250
"""Bytes on disk for each exchange: its columns in the scratch."""
DISK_TEXT: Final = 0.15
"""Bytes on disk for each byte of conversation: its fingerprints."""
MEMORY_BASE: Final = 500 << 20
"""Bytes of memory for the program itself, its compiled kernels and the batches in work."""
MEMORY_EACH: Final = 120
"""Bytes of memory for each exchange."""
TABLE_BITS: Final = (20, 29)
"""The table in which fingerprints are counted has from 2**20 to 2**29 bytes."""
TABLE_SHARE: Final = 8
SORT_SHARE: Final = 8
TABLES_SHARE: Final = 8
"""The table (and again as much for what waits to be counted), the sorting of ids, and the tables of pairs and distinct
values may each take one part in so many of the memory; never two of them at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a hunt needs and how it divides its memory; all in bytes but for the exchanges and the bits."""

    exchanges: int
    text: int
    disk: int
    disk_free: int
    memory: int
    table_bits: int
    """The table of fingerprints has 2 to this power bytes at the most."""
    sorting: int
    tables: int
    """For the tables of pairs and of distinct values that are made at a time; what is more goes to disk."""

    @property
    def warnings(self) -> list[str]:
        """Say what may not suffice."""
        found = []
        if self.disk > self.disk_free:
            free = size(self.disk_free)
            found.append(f"about {size(self.disk)} of disk are needed for the time of the hunt, {free} are free")
        return found


def plan(files: Iterable[Path], room: Path, memory: int) -> Plan:
    """Estimate what a hunt over Parquet files needs, from their footers alone."""
    files = list(files)
    exchanges, text = sum(pq.read_metadata(file).num_rows for file in files), ingest.text_bytes(files)
    return Plan(
        exchanges=exchanges,
        text=text,
        disk=disk(exchanges, text),
        disk_free=free(room),
        memory=memory_for(exchanges),
        table_bits=bits(memory),
        sorting=max(memory // SORT_SHARE, 1 << 20),
        tables=max(memory // TABLES_SHARE, 1 << 20),
    )


def disk(exchanges: int, text: int) -> int:
    """Estimate the bytes on disk for so many exchanges with so many bytes of conversation."""
    return int(DISK_EACH * exchanges + DISK_TEXT * text)


def memory_for(exchanges: int) -> int:
    """Estimate the bytes of memory for so many exchanges."""
    return MEMORY_BASE + MEMORY_EACH * exchanges


def bits(memory: int) -> int:
    """Tell how large the table of fingerprints may be, as a power of two."""
    low, high = TABLE_BITS
    return min(max((memory // TABLE_SHARE).bit_length() - 1, low), high)


def free(path: Path) -> int:
    """Tell how many bytes are free where a path is, or would be."""
    path = path.absolute()
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


def size(count: float) -> str:
    """Write a number of bytes for a person."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if count >= 10 or unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
