"""Answered: the answers of a block, as columns; the lane's counterpart of `_answers`."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.ingest import _answers
from stillwatch.ingest._course import ANSWER, BLOCKS, CHOICES, SAID, THOUGHT
from stillwatch.ingest._pieces import Pieces, Places
from stillwatch.ingest._reader import calls_array
from stillwatch.ingest._shapes import Answer, Said
from stillwatch.kit.json_walk import SLOW, Found

Mask = npt.NDArray[np.bool_]
Numbered = tuple[list[Any], npt.NDArray[np.int32]]
_decode: Final = msgspec.json.Decoder(Said).decode


def columns(
    data: bytes | bytearray,
    found: Found,
    answer: int,
    finishes: Numbered,
    indexes: Numbered,
    pieces: Pieces,
    slow: Mask,
    *,
    high: bool,
) -> dict[str, Any]:
    """Give the columns that come from the answers of all lines.

    Args:
        answer: the slot of the whole answer.
        finishes: the reason to stop behind each number, from 0 for none, and the number of each row; `indexes`
            likewise.
        slow: set for lines that are handed back.
    """
    lines = len(slow)
    rows = found.rows[: found.counts[1]]
    mine = np.flatnonzero(rows[:, 1] == CHOICES)
    line = rows[mine, 0]
    said_at, thought_at, blocks = (found.row_places[slot, mine] for slot in (SAID, THOUGHT, BLOCKS))
    counts = np.bincount(line, minlength=lines)
    index = np.array([one or 0 for one in indexes[0]])[indexes[1][mine]]
    good = _good(line, rows[mine, 4], said_at, thought_at, blocks, index)
    common = counts > 0
    common[line[~good]] = False
    common &= found.lines[:lines, 3] & (ANSWER | SLOW) == 0
    first = np.flatnonzero(np.diff(line, prepend=-1))
    first = first[common[line[first]]]
    said, thoughts = np.zeros((2, lines, 2), np.int32)
    lines_of = line[first]
    said[lines_of], thoughts[lines_of] = said_at[first], thought_at[first]
    finish = np.zeros(lines, np.int64)
    finish[lines_of] = finishes[1][mine[first]]
    names, calls = [one or None for one in finishes[0]], [None] * lines
    whole = found.places[answer, :lines]
    rest = np.flatnonzero(~common & ~slow & ((whole[:, 1] - whole[:, 0] > 2) | (counts > 0)))
    if len(rest):
        _uncommon(data, whole, rest, (said, thoughts, finish), names, calls, pieces, slow)
    made: dict[str, Any] = {}
    made["response"], bad = pieces.column(said, high=high)
    made["reasoning"], worse = pieces.column(thoughts, high=high, empty=False)
    slow |= bad | worse
    made["finish_reason"] = pa.array(names, pa.string()).take(pa.array(finish))
    several = common & (counts > 1)
    if several.any():
        own = several[line]
        flat, bad = pieces.column(said_at[own], high=high)
        slow[line[own][bad]] = True
        offsets = np.zeros(lines + 1, np.int32)
        offsets[1:] = np.cumsum(np.where(several, counts, 0))
        made["choices"] = pa.ListArray.from_arrays(
            pa.array(offsets), flat, type=pa.list_(pa.string()), mask=pa.array(~several)
        )
    if any(calls):
        made["tool_calls"] = calls_array(calls)
    return made


def _good(
    line: npt.NDArray[np.int32], marks: npt.NDArray[np.int32], said: Places, thought: Places, blocks: Places, index: Any
) -> Mask:
    """Tell which choices are plain text, with their thoughts as text, in the order of their numbers."""
    told: Mask = (marks == 0) & (said[:, 1] != 0)
    told &= (blocks[:, 1] == 0) | (thought[:, 1] - thought[:, 0] > 2)
    told[1:] &= (line[1:] != line[:-1]) | (index[1:] >= index[:-1])
    return told


def _uncommon(
    data: bytes | bytearray, whole: Any, rest: Any, columns: tuple[Any, Any, Any], names: list[Any], calls: list[Any],
    pieces: Pieces, slow: Mask,
) -> None:  # fmt: skip
    """Read answers of any other shape one by one, and put what they say into the columns."""
    said, thoughts, finish = columns
    number = {name: place for place, name in enumerate(names)}
    values: list[Any] = []
    for place, (start, end) in zip(rest.tolist(), whole[rest].tolist(), strict=True):
        try:
            value = _decode(data[start:end])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            value = None
        slow[place] |= type(value) is not Answer
        values.append(value if type(value) is Answer else None)
    for place, response, choices, called, thought, reason in zip(rest.tolist(), *_answers.columns(values), strict=True):
        slow[place] |= choices is not None
        said[place], thoughts[place], calls[place] = pieces.keep(response), pieces.keep(thought), called
        if reason not in number:
            number[reason] = len(names)
            names.append(reason or None)
        finish[place] = number[reason]
