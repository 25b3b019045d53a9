"""Answer: the text that was delivered, by its four smallest fingerprints, its length and its exact hash.

By the fingerprints an answer is known again when it comes back as history (handover) or inside a later prompt.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.kit.arrow import field, lists, nothing, texts
from stillwatch.kit.fingerprint import LANES, LONGEST, TURN, Scratch, sketch_text, smallest
from stillwatch.kit.jit import kernel, lean
from stillwatch.sketch import Columns, Work

NEEDS = OPENS = ("response", "tool_calls")


@lean
def _answers(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    calls: npt.NDArray[np.int64],
    name_data: npt.NDArray[np.uint8],
    name_offsets: npt.NDArray[np.int64],
    given_data: npt.NDArray[np.uint8],
    given_offsets: npt.NDArray[np.int64],
    joint: npt.NDArray[np.uint8],
    work: Scratch,
    tokens: npt.NDArray[np.uint32],
    answer: npt.NDArray[np.uint32],
) -> None:
    for row in range(len(offsets) - 1):
        start, end = offsets[row], offsets[row + 1]
        if start == end and calls[row] == calls[row + 1]:
            continue
        if calls[row] == calls[row + 1]:
            exact, _, count, _, found = sketch_text(data, start, end, work, TURN, np.uint64(0))
        else:
            length = _append(joint, 0, data, start, end)
            for call in range(calls[row], calls[row + 1]):
                length = _append(joint, length, name_data, name_offsets[call], name_offsets[call + 1])
                length = _append(joint, length, given_data, given_offsets[call], given_offsets[call + 1])
            exact, _, count, _, found = sketch_text(joint, 0, length, work, TURN, np.uint64(0))
        tokens[row] = count
        smallest(work, found, exact, answer[row])


@kernel
def _append(joint: npt.NDArray[np.uint8], length: int, data: npt.NDArray[np.uint8], start: int, end: int) -> int:
    take = min(end - start, len(joint) - length - 1)
    for i in range(take):
        joint[length + i] = data[start + i]
    joint[length + take] = 0x20
    return min(length + take + 1, len(joint) - 1)


def columns(batch: pa.RecordBatch, work: Work) -> Columns:
    """Sketch the answers of a batch, text and tool calls: `answer` (uint32, four a row), `answer_tokens` (uint32).

    A tool call counts by its name and arguments, in the order in which a history repeats them.
    """
    rows = batch.num_rows
    there = set(batch.schema.names)
    none = nothing(rows)
    answers = texts(batch.column("response")) if "response" in there else none
    calls, names, given = np.zeros(rows + 1, np.int64), none, none
    if "tool_calls" in there:
        calls, values = lists(batch.column("tool_calls"))
        names, given = texts(field(values, "name")), texts(field(values, "arguments"))
    out: dict[str, Any] = {
        "answer": np.zeros((rows, LANES), np.uint32),
        "answer_tokens": np.zeros(rows, np.uint32),
    }
    _answers(
        answers.data, answers.offsets, calls, names.data, names.offsets, given.data, given.offsets,
        np.zeros(LONGEST, np.uint8), work.text, out["answer_tokens"], out["answer"],
    )  # fmt: skip
    return out
