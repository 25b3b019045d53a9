"""Grow: find the families of a log and give every exchange its own.

Three passes over the fingerprints (count, sketch, assign), none over the text. System texts are bundled among
themselves, each weighing as many exchanges as it had. An exchange has up to four families of its last user turn, one of
its system text, and the one of the turn that opened its conversation.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from stillwatch.engine.scratch import Scratch
from stillwatch.families.assign import KEPT, assign, scales
from stillwatch.families.bundle import LEAST, bundles
from stillwatch.families.heavy import Heavy
from stillwatch.families.tally import Hand, Tally
from stillwatch.kit.codes import Codes
from stillwatch.kit.fingerprint import FINE

U64 = np.uint64
Piece = dict[str, npt.NDArray[Any]]
FAMILIES = KEPT + 2
"""Places for families in a row: KEPT of the last user turn, one of the system text, one of the first turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grown:
    """Frames of both kinds: numbers 1 to `turns` are of user turns, those above of system texts; 0 is none."""

    turns: int
    systems: int
    marks: list[npt.NDArray[np.uint32]]
    """Fingerprints of each frame; the first is empty."""

    def __len__(self) -> int:
        return 1 + self.turns + self.systems


def grow(scratch: Scratch, pool: Executor, threads: int, memory_bits: int, advance: Callable[[int], None]) -> Grown:
    """Find the families and write the column `family` (int32, FAMILIES a row) to the scratch."""
    scratch.begin("family", "int32", FAMILIES)
    frames: list[npt.NDArray[np.uint32]] = [np.zeros(0, np.uint32)]
    turns = 0
    if "marks" in scratch:
        tally = count(scratch, pool, threads, memory_bits, advance)
        turns = _turns(scratch, pool, threads, tally, frames, advance)
    systems = _systems(scratch, turns, frames) if "documents.hash" in scratch else 0
    if turns and "first" in scratch:
        _openings(scratch)
    return Grown(turns=turns, systems=systems, marks=frames)


def _turns(
    scratch: Scratch, pool: Executor, threads: int, tally: Tally, frames: list[npt.NDArray[np.uint32]],
    advance: Callable[[int], None],
) -> int:  # fmt: skip
    heavy = Heavy(tally, threads=threads)

    def collect(by: int, start: int, piece: Piece) -> None:
        heavy.sketch(piece["marks"], piece["marks#"], None, start, by)

    _each(scratch, pool, threads, collect, advance)
    heavy.close()
    bundle, count = bundles(heavy.lanes, heavy.rows)
    scale, sizes = scales(heavy.marks, bundle, count)
    rows_of = _rows(heavy, bundle, count)

    def give(by: int, start: int, piece: Piece) -> None:  # noqa: ARG001 - each piece is given alone
        families = np.full((len(piece["marks#"]), FAMILIES), -1, np.int32)
        assign(heavy.find(piece["marks"]), piece["marks#"], scale, sizes, rows_of, families)
        scratch.fill("family", start, families + 1)

    _each(scratch, pool, threads, give, advance)
    _frames(heavy, bundle, count, frames)
    return count


def _each(
    scratch: Scratch, pool: Executor, threads: int, do: Callable[[int, int, Piece], None],
    advance: Callable[[int], None],
) -> None:  # fmt: skip
    """Go through the fingerprints piece by piece: `do(by, first row, piece)`, where no two at a time have one `by`."""

    def one(by: int, place: tuple[int, Piece]) -> int:
        do(by, *place)
        return len(place[1]["marks#"])

    pieces = scratch.pieces("marks")
    while some := list(islice(pieces, threads)):  # so many are in memory at once
        for rows in pool.map(one, range(len(some)), some):
            advance(rows)


def _silent(rows: int) -> None:
    """Tell nobody: a part beyond the first is no progress that was promised."""


def count(scratch: Scratch, pool: Executor, threads: int, memory_bits: int, advance: Callable[[int], None]) -> Tally:
    """Count all fingerprints in the scratch, in as many passes as the memory asks for."""
    expected = sum(segment.places["marks"].shape[0] for segment in scratch.segments if "marks" in segment.places)
    tally = Tally(expected, bits=memory_bits, threads=threads)
    for part in range(tally.parts):
        hands = [tally.hand() for _ in range(threads)]

        def note(by: int, start: int, piece: Piece, hands: list[Hand] = hands) -> None:
            del start
            hands[by].note(piece["marks"])

        _each(scratch, pool, threads, note, advance if part == 0 else _silent)
        for hand in hands:
            hand.close()
        tally.next_part()
    return tally


def _rows(heavy: Heavy, bundle: npt.NDArray[np.int32], count: int) -> npt.NDArray[np.int64]:
    """Tell how many exchanges have each bundle: those of its commonest fingerprint."""
    rows = np.zeros(count, np.int64)
    inside = bundle >= 0
    np.maximum.at(rows, bundle[inside], heavy.rows[inside])
    return rows


def _frames(heavy: Heavy, bundle: npt.NDArray[np.int32], count: int, frames: list[npt.NDArray[np.uint32]]) -> None:
    order = np.argsort(bundle, kind="stable")
    starts = np.searchsorted(bundle[order], np.arange(count + 1))
    frames.extend(_told(heavy.marks[order[starts[b] : starts[b + 1]]]) for b in range(count))


def _told(marks: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """Know a frame by the fingerprints of windows, which texts of any length have, where there are enough of them."""
    windows = marks[marks & np.uint32(FINE) == 0]
    return windows if len(windows) >= LEAST else marks


def _systems(scratch: Scratch, turns: int, frames: list[npt.NDArray[np.uint32]]) -> int:
    known = Codes()
    marks: list[npt.NDArray[np.uint32]] = []
    counts: list[npt.NDArray[np.uint16]] = []
    for _, piece in scratch.pieces("documents.hash", "documents.marks"):
        _, fresh = known.encode(piece["documents.hash"])
        ends = np.cumsum(piece["documents.marks#"], dtype=np.int64)
        for place in fresh.tolist():
            size = int(piece["documents.marks#"][place])
            marks.append(piece["documents.marks"][ends[place] - size : ends[place]])
            counts.append(np.array([size], np.uint16))
    if not marks:
        return 0
    weights = np.zeros(len(known), np.int64)
    for _, piece in scratch.pieces("system"):
        codes = known.lookup(piece["system"])
        weights += np.bincount(codes[codes >= 0], minlength=len(known))
    every, count_of = np.concatenate(marks), np.concatenate(counts)
    tally = Tally(len(every))
    tally.weigh(every, count_of, weights)
    tally.next_part()
    heavy = Heavy(tally)
    heavy.sketch(every, count_of, weights, 0)
    heavy.close()
    bundle, count = bundles(heavy.lanes, heavy.rows)
    out = np.full((len(count_of), KEPT), -1, np.int32)
    scale, sizes = scales(heavy.marks, bundle, count)
    assign(heavy.find(every), count_of, scale, sizes, _rows(heavy, bundle, count), out)
    best = np.where(out[:, 0] >= 0, out[:, 0] + 1 + turns, 0).astype(np.int32)
    for start, piece in scratch.pieces("system", "family"):
        codes = known.lookup(piece["system"])
        piece["family"][:, KEPT] = np.where(codes >= 0, best[codes], 0)
        scratch.fill("family", start, piece["family"])
    _frames(heavy, bundle, count, frames)
    return count


def _openings(scratch: Scratch) -> None:
    """Give the later exchanges of a conversation the family of the turn that opened it."""
    known = Codes()
    for _, piece in scratch.pieces("first", "last"):
        later = (piece["first"] != piece["last"]) & (piece["first"] != 0)
        known.encode(piece["first"][later])
    if not len(known):
        return
    family = np.zeros(len(known), np.int32)
    for _, piece in scratch.pieces("last", "family"):
        mine = piece["family"][:, 0]
        codes = known.lookup(piece["last"])
        found = (codes >= 0) & (mine > 0)
        family[codes[found]] = mine[found]
    for start, piece in scratch.pieces("first", "last", "family"):
        later = (piece["first"] != piece["last"]) & (piece["first"] != 0)
        codes = known.lookup(piece["first"])
        piece["family"][:, KEPT + 1] = np.where(later & (codes >= 0), family[codes], 0)
        scratch.fill("family", start, piece["family"])
