"""Duplicates: exchanges that stand twice in the traffic are taken out of the scratch, so that each counts once.

Of the records of one exchange the one that was answered stays, and of several the first in the traffic. Ids are
known by their 64-bit hashes: among 16 million exchanges two different ids agree with a probability of 7 in a
million, and one exchange would then be missed.

Cost: linear. One pass over 8 bytes per exchange; the hashes are divided by their leading bits into parts that fit
the memory, and sorted a part at a time. Where some stand twice, one more pass, and the segments that hold them
are written anew. Killed half-way and begun again, it ends with the same rows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from stillwatch.engine.scratch import Scratch, disk_trouble

U64 = np.uint64
UNANSWERED: Final = U64(1) << U64(63)
BYTES_EACH: Final = 16
"""Memory for each hash while its part is sorted: the hash itself, and its place in the sorted copy."""


def drop_duplicates(scratch: Scratch, budget: int) -> int:
    """Take out every record of an exchange but one.

    Args:
        budget: bytes of memory that may be used for sorting.

    Returns:
        how many records were taken out, now and in an earlier, interrupted call.

    Raises:
        ResourceError: when the disk is full.
    """
    if "exchange" not in scratch:
        return scratch.dropped
    repeated = _repeated(scratch, budget)
    if len(repeated):
        for number, keep in _surplus(scratch, repeated).items():
            scratch.thin(number, keep)
    return scratch.dropped


def _repeated(scratch: Scratch, budget: int) -> npt.NDArray[np.uint64]:
    """Find the hashes that stand more than once, ascending."""
    parts = 1
    while scratch.rows * BYTES_EACH > budget * parts:
        parts *= 2
    if parts == 1:
        return _twice(np.concatenate([piece["exchange"] for _, piece in scratch.pieces("exchange")]))
    files = [scratch.directory / f"duplicates-{part:05d}.part" for part in range(parts)]
    try:
        _divide(scratch, files)
        return np.concatenate([_twice(np.fromfile(file, U64)) for file in files if file.exists()])
    except OSError as trouble:
        raise disk_trouble(trouble, scratch.directory) from trouble
    finally:
        for file in files:
            file.unlink(missing_ok=True)


def _divide(scratch: Scratch, files: list[Path]) -> None:
    """Write each hash to the file that its leading bits name."""
    for file in files:
        file.unlink(missing_ok=True)
    shift = U64(64 - (len(files) - 1).bit_length())
    for _, piece in scratch.pieces("exchange"):
        hashes = np.sort(piece["exchange"])
        ends = np.searchsorted(hashes >> shift, np.arange(len(files) + 1))
        for part, file in enumerate(files):
            if ends[part] < ends[part + 1]:
                with file.open("ab") as out:
                    hashes[ends[part] : ends[part + 1]].tofile(out)


def _twice(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    hashes = np.sort(hashes)
    return np.unique(hashes[1:][hashes[1:] == hashes[:-1]])


def _surplus(scratch: Scratch, repeated: npt.NDArray[np.uint64]) -> dict[int, npt.NDArray[np.bool_]]:
    """Tell which rows stay in the segments that lose some, by the place of the segment."""
    wanted = ("exchange", "status") if "status" in scratch else ("exchange",)
    best = np.full(len(repeated), ~U64(0))
    for start, piece in scratch.pieces(*wanted):
        rows, places = _places(piece["exchange"], repeated)
        np.minimum.at(best, places, _rank(start, rows, piece.get("status")))
    keeps: dict[int, npt.NDArray[np.bool_]] = {}
    for number, (start, piece) in enumerate(scratch.pieces(*wanted)):
        rows, places = _places(piece["exchange"], repeated)
        worse = _rank(start, rows, piece.get("status")) != best[places]
        if worse.any():
            keeps[number] = np.ones(len(piece["exchange"]), bool)
            keeps[number][rows[worse]] = False
    return keeps


def _places(
    hashes: npt.NDArray[np.uint64], repeated: npt.NDArray[np.uint64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Give the rows whose hash stands more than once, with the place of that hash."""
    place = np.minimum(np.searchsorted(repeated, hashes), len(repeated) - 1)
    rows = np.flatnonzero(repeated[place] == hashes)
    return rows, place[rows]


def _rank(start: int, rows: npt.NDArray[np.int64], status: npt.NDArray[np.uint16] | None) -> npt.NDArray[np.uint64]:
    """Rank records, the lowest best: answered before unanswered, then in the order of the traffic."""
    rank: npt.NDArray[np.uint64] = (start + rows).astype(U64)
    if status is not None:
        code = status[rows]
        rank = np.where((code == 0) | ((code >= 200) & (code < 300)), rank, rank | UNANSWERED)
    return rank
