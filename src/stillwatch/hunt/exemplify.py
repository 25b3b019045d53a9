"""Exemplify: read a few exchanges of each label again, as text; they live only while they are weighed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.engine.scan import Task, reread
from stillwatch.engine.scratch import Scratch
from stillwatch.judge.exemplars import Exemplar
from stillwatch.kit.codes import Codes
from stillwatch.kit.fingerprint import MOST, TURN, sketch_text
from stillwatch.kit.fingerprint import Scratch as TextScratch
from stillwatch.kit.fingerprint import scratch as text_scratch
from stillwatch.kit.jit import kernel

EXEMPLARS: Final = 12
"""Exchanges read of each label."""
CLOSELY: Final = 96
"""Exchanges read of the few streams for which one customer may be named."""
FILTER_BITS: Final = 20
"""Most answers hold no fingerprint of any exemplar; a filter of a megabyte tells it of nearly all of them."""
LOOK_ROWS: Final = 400_000
"""Exchanges of the traffic among which exemplars are sought, in pieces spread over its time."""


class Labelling(Protocol):
    """Who says which label an exchange has."""

    def of(self, owner: npt.NDArray[np.int32], primary: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """Label rows; 0 for none."""


def choose(
    scratch: Scratch, owner_of: npt.NDArray[np.int32], labels: Labelling, *, most: int = EXEMPLARS, seed: int = 0
) -> dict[int, list[int]]:
    """Choose up to `most` rows for every label, from pieces spread evenly over the traffic."""
    chosen: dict[int, list[int]] = {}
    step = max(1, round(scratch.rows / LOOK_ROWS))
    rng = np.random.default_rng(seed)
    for number, (start, piece) in enumerate(scratch.pieces("who", "primary")):
        if number % step and len(scratch.segments) > step:
            continue
        label = labels.of(owner_of[piece["who"]], piece["primary"])
        rows = rng.permutation(np.flatnonzero(label))
        order = rows[np.argsort(label[rows], kind="stable")]
        starts = np.flatnonzero(np.diff(label[order], prepend=-1))
        for at, end in zip(starts, [*starts[1:], len(order)], strict=False):
            held = chosen.setdefault(int(label[order[at]]), [])
            held.extend((start + order[at : min(end, at + most - len(held))]).tolist())
    return chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Rows chosen for some labels, and which of these are of system texts."""

    rows: dict[int, list[int]]
    systems: set[int]


def read(scratch: Scratch, tasks: Sequence[Task], *chosen: Chosen) -> list[dict[int, list[Exemplar]]]:
    """Read the texts of the chosen rows, by label; all choices in one pass over the pieces that they lie in."""
    rows = np.unique(np.array([row for one in chosen for held in one.rows.values() for row in held], np.int64))
    text: dict[int, dict[str, str]] = {}
    marks: dict[int, npt.NDArray[np.uint32]] = {}
    work = text_scratch()
    for numbers, batch in reread(tasks, scratch, rows, ("system", "messages", "response", "reasoning")):
        for row, one in zip(numbers.tolist(), _texts(batch), strict=True):
            text[row] = one
            marks[row] = _turn_marks(one["question"], work)
    brings = _brings(scratch, marks)
    return [
        {
            label: [_exemplar(text[row], row in brings, label in one.systems) for row in held if row in text]
            for label, held in one.rows.items()
        }
        for one in chosen
    ]


def _exemplar(text: dict[str, str], brings_answer: bool, system: bool) -> Exemplar:
    return Exemplar(
        prompt=text["system" if system else "question"], question=text["question"], system=text["system"],
        response=text["response"], reasoning=text["reasoning"], brings_answer=brings_answer,
    )  # fmt: skip


def _texts(batch: pa.RecordBatch) -> list[dict[str, str]]:
    there = set(batch.schema.names)
    names = ("system", "response", "reasoning")
    columns = {name: batch.column(name).to_pylist() for name in names if name in there}
    messages = batch.column("messages").to_pylist() if "messages" in there else [None] * batch.num_rows
    out: list[dict[str, str]] = []
    for i, talk in enumerate(messages):
        turns = [(turn["role"] or "", turn["content"] or "") for turn in talk or [] if turn]
        users = [content for role, content in turns if role.startswith(("u", "h"))]
        leading = turns[0][1] if turns and turns[0][0][:1] in ("s", "d") else ""
        one = {name: (columns[name][i] or "") if name in columns else "" for name in names}
        one["system"] = one["system"] or leading
        one["question"] = users[-1] if users else ""
        out.append(one)
    return out


@kernel
def _marks(text: npt.NDArray[np.uint8], length: int, work: TextScratch, out: npt.NDArray[np.uint32]) -> int:
    found = sketch_text(text, 0, length, work, TURN, np.uint64(0))[4]
    for i in range(found):
        out[i] = np.uint32(work.marks[i])
    return found


def _turn_marks(question: str, work: TextScratch) -> npt.NDArray[np.uint32]:
    raw = question.encode("utf-8", "replace")
    out = np.zeros(MOST + 1, np.uint32)
    found = _marks(np.frombuffer(raw + bytes(64), np.uint8), len(raw), work, out)
    return out[:found].copy()


def _brings(scratch: Scratch, marks: dict[int, npt.NDArray[np.uint32]]) -> set[int]:
    """Find the questions that hold an answer which was given to anybody earlier: two of its four fingerprints."""
    if "answer" not in scratch or not marks:
        return set()
    asked = np.concatenate([np.full(len(held), row, np.int64) for row, held in marks.items()])
    flat = np.concatenate(list(marks.values())).astype(np.uint64)
    codes = Codes(len(flat))
    numbers, _ = codes.encode(flat)
    order = np.argsort(numbers, kind="stable")
    starts = np.searchsorted(numbers[order], np.arange(len(codes) + 1))
    bits = np.zeros(1 << FILTER_BITS, np.bool_)
    bits[flat >> np.uint64(32 - FILTER_BITS)] = True
    found: set[int] = set()
    for start, piece in scratch.pieces("answer"):
        rows = _may_be_brought(piece["answer"], bits)
        answer = piece["answer"][rows]
        lanes = codes.lookup(answer.reshape(-1).astype(np.uint64)).reshape(answer.shape)
        for place in np.flatnonzero(((lanes >= 0) & (answer != 0)).sum(axis=1) >= 2).tolist():
            row = start + int(rows[place])
            holders = [set(asked[order[starts[c] : starts[c + 1]]].tolist()) for c in lanes[place] if c >= 0]
            found |= {one for one in set().union(*holders) if one > row and sum(one in h for h in holders) >= 2}
    return found


@kernel
def _may_be_brought(answer: npt.NDArray[np.uint32], bits: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """List the answers of which two fingerprints may be among some: nearly all answers have none."""
    rows = np.empty(len(answer), np.int64)
    found = 0
    for row in range(len(answer)):
        there = 0
        for lane in range(answer.shape[1]):
            mark = answer[row, lane]
            there += mark != 0 and bits[mark >> np.uint32(32 - FILTER_BITS)]
        rows[found] = row
        found += there >= 2
    return rows[:found]
