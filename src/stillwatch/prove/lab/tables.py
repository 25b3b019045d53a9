"""The lab's tables: which cells answer which claim, how they are run, and how they are shown.

Every cell is one JSON file, written when it is done; a run that was stopped goes on with the next cell. Students, texts
and models are kept beside them, so that the full table starts from the small one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from stillwatch.prove.lab import harden
from stillwatch.prove.lab.cells import Cell
from stillwatch.prove.lab.world import World, one_thread

Result = dict[str, Any]
DOCUMENTS = 60_000
"""Documents that a student's base model is trained on further; about 2.4 million tokens."""
TEXTS = {"unmarked": 0.0, "other_key": 0.05, "repeated": 0.05}
"""What decoy keys are scored on, and which share of its author's training text was marked."""


def cells(size: str) -> list[Cell]:
    """List the cells of the table `small` or `full`, telling ones first."""
    return list(_small()) if size == "small" else [*_small(), *_more()]


def _curve(share: float, seed: int, **more: Any) -> Cell:
    return Cell("curve", {"documents": DOCUMENTS, "share": share, "seed": seed, **more})


def _exact(text: str, seed: int) -> Cell:
    return Cell("exact", {"documents": DOCUMENTS, "share": TEXTS[text], "seed": seed, "text": text})


def _twinned() -> Iterator[Cell]:
    """What a student tells of the lot: having learnt none of it, little of it, it rewritten, and it unlearnt again."""
    ways: tuple[Result, ...] = (
        {"trained": False},
        {"documents": DOCUMENTS, "epochs": 1},
        {"rewritten": "strong"},
        {"rewritten": "translate"},
        {"after": "neutral"},
    )
    yield from (Cell("twins", {"seed": seed}) for seed in (2, 3))
    yield from (Cell("twins", {"seed": seed} | way) for way in ways for seed in (1, 2, 3))


def _small() -> Iterator[Cell]:
    yield Cell("twins", {"seed": 1})
    yield from (_curve(0.05, seed) for seed in range(1, 6))
    yield Cell("keys", {"documents": DOCUMENTS, "share": 0.05, "seed": 1})
    yield from (_curve(0.01, seed) for seed in range(1, 4))
    yield _curve(0.0, 1)
    yield from (_exact(text, 1) for text in TEXTS)


def _tough(seed: int) -> Iterator[Cell]:
    """What a rival may do to our text or to the model; a fifth of a quarter of the text, so that it is as much ours."""
    base = {"documents": DOCUMENTS // 4, "share": 0.2, "seed": seed, "answers": 5000}
    yield Cell("curve", base)
    for way in ("weak", "strong", "translate", "last_sentence"):
        yield Cell("curve", base | {"rewritten": way})
    for after in ("clean", "neutral", "over_neutral"):
        yield Cell("curve", base | {"after": after})
    for after in ("neutral", "over_neutral"):
        yield Cell("curve", base | {"after": after, "answers": 15_000})


def _mixed(seed: int) -> Iterator[Cell]:
    """How large a share of the text is ours; 0.2 is among the cells above."""
    for share in (0.05, 0.1, 0.3, 0.5, 1.0):
        yield Cell("curve", {"documents": DOCUMENTS // 4, "share": share, "seed": seed, "answers": 5000})


def _more() -> Iterator[Cell]:
    yield from (_curve(0.01, seed, answers=30_000) for seed in (3, 2, 1))
    yield _curve(0.01, 3, answers=60_000)
    for seed in (1, 2, 3):
        yield from _tough(seed)
        yield from (Cell("harden", {"rung": rung, "seed": seed}) for rung in ("nothing", *harden.RUNGS))
        yield from _mixed(seed)
    yield Cell("quality", {"mode": "none"})
    yield Cell("quality", {"mode": "bias"})
    yield Cell("quality", {"mode": "free", "green": 32768, "layers": 30})
    yield from (Cell("open", {"documents": DOCUMENTS, "share": 0.01, "seed": seed}) for seed in (1, 2, 3))
    yield from _twinned()
    yield from (Cell("keys", {"documents": DOCUMENTS, "share": 0.05, "seed": seed}) for seed in (2, 3))
    yield from (_exact(text, seed) for seed in (2, 3) for text in TEXTS)
    yield from (_curve(0.05, seed, mode="free", green=32768, layers=30) for seed in (1, 2, 3))


def prepare(place: Path) -> None:
    """Make what all cells need, so that runs side by side do not make it twice."""
    world = World(place / "made")
    world.teacher()
    world.base()


def dealt(wanted: Sequence[Cell], jobs: int) -> list[list[Cell]]:
    """Deal cells out to processes; cells of one student go to one process, so that nobody trains it twice."""
    hands: list[list[Cell]] = [[] for _ in range(jobs)]
    home: dict[tuple[str, ...], list[Cell]] = {}
    for cell in wanted:
        home.setdefault(cell.student, min(hands, key=len)).append(cell)
    return hands


def run(
    place: Path, wanted: Sequence[Cell], *, seconds: float, told: Callable[[Cell, int, int], None], thread: bool = True
) -> int:
    """Answer the cells that are not answered yet, one after another; returns how many are still open.

    Args:
        place: the lab's directory.
        wanted: which cells.
        seconds: begin no cell after so long.
        told: hears of each cell before it is begun, with how many are done, and how many there are.
        thread: keep torch on one thread, so that several runs may share a machine.
    """
    if thread:
        one_thread()
    world = World(place / "made")
    (place / "cells").mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    for done, cell in enumerate(wanted):
        if known(place, cell) is not None:
            continue
        if time.monotonic() - begun >= seconds:
            break
        told(cell, done, len(wanted))
        started = time.monotonic()
        result = cell.run(world)
        _keep(place, cell, result | {"seconds": round(time.monotonic() - started, 1)})
    return sum(known(place, cell) is None for cell in wanted)


def _path(place: Path, cell: Cell) -> Path:
    return place / "cells" / f"{cell.name}.json"


def known(place: Path, cell: Cell) -> Result | None:
    """Give the result of a cell, if it was answered."""
    try:
        found: Result = msgspec.json.decode(_path(place, cell).read_bytes())
    except FileNotFoundError:
        return None
    return found


def _keep(place: Path, cell: Cell, result: Result) -> None:
    path = _path(place, cell)
    part = path.with_suffix(f".{os.getpid()}.part")
    part.write_bytes(msgspec.json.encode(result))
    part.replace(path)
