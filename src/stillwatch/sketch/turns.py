"""Turns: the last and the first user turn, and the last answer that the history brings along.

Kept of the last user turn: exact hash, order-free sum, tokens, script, winnowed fingerprints. Of the first:
its exact hash, which names the conversation and leads to the fingerprints of the exchange that began it. Of
the last assistant turn in the history: its four smallest fingerprints, by which it is known again although a
gateway may have doubled a word of it. System text is not looked at here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.kit.arrow import field, lists, texts
from stillwatch.kit.fingerprint import (
    FRAME,
    HASHES,
    LANES,
    MOST,
    SHORT,
    TURN,
    Scratch,
    copy_marks,
    sketch_text,
    smallest,
)
from stillwatch.kit.jit import lean
from stillwatch.sketch import Columns, Work

NEEDS = OPENS = ("messages",)

U64 = np.uint64


@lean
def _turns(
    offsets: npt.NDArray[np.int64],
    role_data: npt.NDArray[np.uint8],
    role_offsets: npt.NDArray[np.int64],
    data: npt.NDArray[np.uint8],
    content: npt.NDArray[np.int64],
    work: Scratch,
    last: npt.NDArray[np.uint64],
    total: npt.NDArray[np.uint64],
    first: npt.NDArray[np.uint64],
    tokens: npt.NDArray[np.uint32],
    script: npt.NDArray[np.uint8],
    answers: npt.NDArray[np.uint8],
    ends: npt.NDArray[np.uint8],
    history: npt.NDArray[np.uint32],
    marks: npt.NDArray[np.uint32],
    kept: npt.NDArray[np.uint16],
) -> int:
    written = 0
    for row in range(len(offsets) - 1):
        opening, closing, answer = -1, -1, -1
        given = 0
        tail = 0
        for at in range(offsets[row], offsets[row + 1]):
            if role_offsets[at] == role_offsets[at + 1]:
                continue
            letter = role_data[role_offsets[at]]
            if letter == 0x75 or letter == 0x68:  # user, human
                if opening < 0:
                    opening = at
                closing = at
            elif letter == 0x61 or letter == 0x6D:  # assistant, model
                answer = at
                given += 1
            tail = letter
        answers[row] = min(given, 255)
        ends[row] = tail
        if closing >= 0:
            exact, summed, count, main, found = sketch_text(
                data, content[closing], content[closing + 1], work, FRAME, U64(0)
            )
            last[row] = exact
            total[row] = summed
            tokens[row] = count
            script[row] = main
            kept[row] = found
            copy_marks(work, found, marks, written)
            written += found
            first[row] = exact
            if opening != closing:
                first[row] = sketch_text(data, content[opening], content[opening + 1], work, HASHES, U64(0))[0]
        if answer >= 0:
            exact, _, _, _, found = sketch_text(data, content[answer], content[answer + 1], work, TURN, U64(0))
            smallest(work, found, exact, history[row])
    return written


def columns(batch: pa.RecordBatch, work: Work) -> Columns:
    """Sketch the turns of a batch.

    Returns:
        `last`, `first` (uint64 exact hashes), `sum` (uint64), `tokens` (uint32), `script` (uint8, an index of
        `kit.scripts.SCRIPTS`), `answers` (uint8, assistant turns in the history), `ends` (uint8, first letter
        of the last role), `history` (uint32, four a row), `marks` (uint32, ragged).
    """
    rows = batch.num_rows
    conversation = lists(batch.column("messages"))
    roles, content = texts(field(conversation.values, "role")), texts(field(conversation.values, "content"))
    low, high = int(conversation.offsets[0]), int(conversation.offsets[-1])
    lengths = np.diff(content.offsets[low : high + 1])
    room = int(np.minimum(lengths // 2 + 2 + SHORT, MOST).sum()) + MOST
    out: dict[str, Any] = {
        "last": np.zeros(rows, np.uint64),
        "sum": np.zeros(rows, np.uint64),
        "first": np.zeros(rows, np.uint64),
        "tokens": np.zeros(rows, np.uint32),
        "script": np.zeros(rows, np.uint8),
        "answers": np.zeros(rows, np.uint8),
        "ends": np.zeros(rows, np.uint8),
        "history": np.zeros((rows, LANES), np.uint32),
        "marks": work.spare.take(room),
        "marks#": np.zeros(rows, np.uint16),
    }
    written = _turns(
        conversation.offsets, roles.data, roles.offsets, content.data, content.offsets, work.text,
        out["last"], out["sum"], out["first"], out["tokens"], out["script"], out["answers"], out["ends"],
        out["history"], out["marks"], out["marks#"],
    )  # fmt: skip
    out["marks"] = out["marks"][:written].copy()
    return out
