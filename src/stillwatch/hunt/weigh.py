"""Weigh: read the families of a log for intent, each against the control families of the same log.

Sums over all exchanges come from the scratch; of the texts only a few exemplars are read again, from a few pieces
of the traffic, and forgotten at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.engine.scan import Task, reread
from stillwatch.engine.scratch import Scratch
from stillwatch.families.assign import KEPT
from stillwatch.hunt.decide import owned
from stillwatch.hunt.grow import Grown
from stillwatch.hunt.join import Joined
from stillwatch.judge import exemplars, intent, tally
from stillwatch.kit.codes import Codes
from stillwatch.kit.distinct import Distinct
from stillwatch.kit.fingerprint import TURN, sketch
from stillwatch.kit.fingerprint import Scratch as TextScratch
from stillwatch.kit.fingerprint import scratch as text_scratch
from stillwatch.kit.jit import kernel
from stillwatch.model.traces import Traces

EXEMPLARS: Final = 12
"""Exchanges read of each family."""
LOOK_ROWS: Final = 400_000
"""Exchanges of the traffic among which exemplars are sought, in pieces spread over its time."""
CONTROL_ROWS: Final = 20
"""Exchanges that a family must have to be a control."""
CONTROL_SHARE: Final = 0.9
"""Share of a control family's exchanges that must come from owners whom nothing links."""
CONTROLS: Final = 400
"""Control families at the most, the largest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Sums over all exchanges of each family."""

    tallies: npt.NDArray[np.float64]
    distinct: npt.NDArray[np.int64]
    unordered: npt.NDArray[np.int64]

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """Exchanges of each family."""
        return self.tallies[:, 0].astype(np.int64)


def sums(scratch: Scratch, grown: Grown) -> Sums:
    """Add up what the exchanges of each family have in common, in one pass over the scratch."""
    tallies = np.zeros((len(grown), tally.SIZE))
    distinct, unordered = Distinct(len(grown)), Distinct(len(grown))
    optional = ("answers", "ends", "tokens", "script", "answer_tokens", "input_tokens", "output_tokens",
                "reasoning_tokens", "flags", "last", "sum")  # fmt: skip
    there = [name for name in optional if name in scratch]
    for _, piece in scratch.pieces("family", *there):
        rows = len(piece["family"])

        def column(name: str, dtype: Any, rows: int = rows, piece: dict[str, Any] = piece) -> npt.NDArray[Any]:
            return piece[name] if name in piece else np.zeros(rows, dtype)

        usage = np.stack([column(f"{kind}_tokens", np.int32) for kind in ("input", "output", "reasoning")], axis=1)
        tally.tally(
            piece["family"], KEPT + 1, column("answers", np.uint8), column("ends", np.uint8),
            column("tokens", np.uint32), column("script", np.uint8), column("answer_tokens", np.uint32),
            usage.astype(np.int32), column("flags", np.uint8), np.ones(rows, bool), tallies,
        )  # fmt: skip
        for place in range(KEPT + 1):
            distinct.add(piece["family"][:, place], column("last", np.uint64))
            unordered.add(piece["family"][:, place], column("sum", np.uint64))
    return Sums(tallies=tallies, distinct=distinct.counts(), unordered=unordered.counts())


def weigh(
    scratch: Scratch, tasks: Sequence[Task], traces: Traces, joined: Joined, sums: Sums, turns: int
) -> tuple[dict[int, intent.Read], dict[int, list[str]]]:
    """Read the families that belong to settled groups, against the control families of the log.

    Returns:
        how each of these families reads, and the texts of the exemplars of all families that were read.
    """
    assert traces.families is not None  # noqa: S101 - the corridor made them
    count = len(traces.families)
    control = _controls(traces, joined)
    candidates = sorted({one.family for own in owned(traces, joined, traces.families) for one in own})
    wanted = control.copy()
    wanted[candidates] = True
    texts = read(scratch, tasks, choose(scratch, wanted), turns)
    marks = np.zeros((count, len(exemplars.READ)))
    for family, held in texts.items():
        marks[family] = exemplars.read(held)
    distinct, unordered = _exact(scratch, wanted, sums)
    values = intent.statistics(sums.tallies, distinct, unordered, marks, traces.families.kind == 1)
    reads = intent.weigh(values[candidates], values[control])
    return dict(zip(candidates, reads, strict=True)), {f: [one.prompt for one in held] for f, held in texts.items()}


def _controls(traces: Traces, joined: Joined) -> npt.NDArray[np.bool_]:
    """Choose the control families: large enough, and almost all of owners whom nothing links."""
    assert traces.streams is not None  # noqa: S101
    assert traces.families is not None  # noqa: S101
    streams, count = traces.streams, len(traces.families)
    linked = np.zeros(traces.crowd.owners, bool)
    for group in joined.settled:
        linked[group.members] = True
    free = ~linked[traces.crowd.owner[streams.account]]
    rows = np.bincount(streams.family, weights=streams.exchanges, minlength=count)
    unlinked = np.bincount(streams.family[free], weights=streams.exchanges[free], minlength=count)
    control: npt.NDArray[np.bool_] = (rows >= CONTROL_ROWS) & (unlinked >= CONTROL_SHARE * rows)
    control[0] = False
    most = np.flatnonzero(control)
    control[most[np.argsort(-rows[most], kind="stable")[CONTROLS:]]] = False
    return control


def _exact(
    scratch: Scratch, wanted: npt.NDArray[np.bool_], sums: Sums
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Count distinct turns of the wanted families exactly, with and without regard to the order of words."""
    if "last" not in scratch:
        return sums.distinct, sums.unordered
    out = []
    for column, rough in (("last", sums.distinct), ("sum", sums.unordered)):
        seen: list[npt.NDArray[np.uint64]] = []
        for _, piece in scratch.pieces("family", column):
            for place in range(KEPT + 1):
                family = piece["family"][:, place]
                here = wanted[family]
                pairs = np.stack([family[here].astype(np.uint64), piece[column][here]], axis=1)
                seen.append(np.unique(pairs, axis=0))
        every = np.unique(np.concatenate(seen), axis=0)
        exact = rough.copy()
        exact[wanted] = np.bincount(every[:, 0].astype(np.int64), minlength=len(rough))[wanted]
        out.append(exact)
    return out[0], out[1]


def choose(scratch: Scratch, wanted: npt.NDArray[np.bool_], seed: int = 0) -> dict[int, list[int]]:
    """Choose exemplar rows for the wanted families, from pieces spread evenly over the traffic."""
    chosen: dict[int, list[int]] = {}
    pieces = list(scratch.segments)
    step = max(1, round(scratch.rows / LOOK_ROWS))
    rng = np.random.default_rng(seed)
    for number, (start, piece) in enumerate(scratch.pieces("family")):
        if number % step and len(pieces) > step:
            continue
        families = piece["family"][:, : KEPT + 1]
        rows, places = np.nonzero(wanted[families])
        order = rng.permutation(len(rows))
        names = families[rows[order], places[order]]
        for name, row in zip(names.tolist(), rows[order].tolist(), strict=True):
            held = chosen.setdefault(name, [])
            if len(held) < EXEMPLARS:
                held.append(start + row)
    return chosen


def read(
    scratch: Scratch, tasks: Sequence[Task], chosen: dict[int, list[int]], turns: int
) -> dict[int, list[exemplars.Exemplar]]:
    """Read the texts of the chosen rows; families above `turns` are of system texts."""
    rows = np.unique(np.array([row for held in chosen.values() for row in held], np.int64))
    text: dict[int, dict[str, str]] = {}
    marks: dict[int, npt.NDArray[np.uint32]] = {}
    work = text_scratch()
    for numbers, batch in reread(tasks, scratch, rows, ("system", "messages", "response", "reasoning")):
        for row, one in zip(numbers.tolist(), _texts(batch), strict=True):
            text[row] = one
            marks[row] = _turn_marks(one["question"], work)
    brings = _brings(scratch, marks)
    return {
        name: [
            exemplars.Exemplar(
                prompt=text[row]["system" if name > turns else "question"], question=text[row]["question"],
                system=text[row]["system"], response=text[row]["response"], reasoning=text[row]["reasoning"],
                brings_answer=row in brings,
            )
            for row in held if row in text
        ]
        for name, held in chosen.items()
    }  # fmt: skip


def _texts(batch: pa.RecordBatch) -> list[dict[str, str]]:
    there = set(batch.schema.names)
    out: list[dict[str, str]] = []
    columns = {name: batch.column(name).to_pylist() for name in ("system", "response", "reasoning") if name in there}
    messages = batch.column("messages").to_pylist() if "messages" in there else [None] * batch.num_rows
    for i in range(batch.num_rows):
        talk = messages[i] or []
        users = [m["content"] or "" for m in talk if m and (m["role"] or "").startswith(("u", "h"))]
        leading = talk[0]["content"] if talk and talk[0] and (talk[0]["role"] or "")[:1] in ("s", "d") else ""
        one = {
            name: (columns[name][i] or "") if name in columns else "" for name in ("system", "response", "reasoning")
        }
        one["system"] = one["system"] or leading or ""
        one["question"] = users[-1] if users else ""
        out.append(one)
    return out


@kernel
def _marks(text: npt.NDArray[np.uint8], length: int, work: TextScratch, out: npt.NDArray[np.uint32]) -> int:
    found = sketch(text, 0, length, work, TURN, np.uint64(0))[4]
    for i in range(found):
        out[i] = np.uint32(work.marks[i])
    return found


def _turn_marks(question: str, work: TextScratch) -> npt.NDArray[np.uint32]:
    raw = question.encode("utf-8", "replace")
    out = np.zeros(1024, np.uint32)
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
    found: set[int] = set()
    for start, piece in scratch.pieces("answer"):
        lanes = codes.lookup(piece["answer"].reshape(-1).astype(np.uint64)).reshape(piece["answer"].shape)
        for row in np.flatnonzero(((lanes >= 0) & (piece["answer"] != 0)).sum(axis=1) >= 2).tolist():
            holders = [set(asked[order[starts[c] : starts[c + 1]]].tolist()) for c in lanes[row] if c >= 0]
            for one in set().union(*holders):
                if one > start + row and sum(one in h for h in holders) >= 2:
                    found.add(one)
    return found
