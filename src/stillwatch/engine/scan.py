"""Scan: read canonical Parquet once, sketch every exchange, and keep the columns in the scratch.

Row groups are tasks; each thread decodes and sketches its own, a small batch at a time, so that memory is
bounded by the threads and not by the traffic. A killed scan is resumed at the first task not complete.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.engine.scratch import Scratch
from stillwatch.kit.arrow import numbers, present
from stillwatch.kit.arrow import places as positions

BATCH_ROWS = 1 << 14
SEGMENT_ROWS = 1 << 18
TASK_ROWS = 1 << 17
"""Small row groups of one file are joined into tasks of at least so many rows."""

PLACE = "place"
"""Column of the scratch: where in its task an exchange stands, to read its text again."""

CODED = ("account", "model", "user_agent", "ja4", "finish_reason")
"""Columns read as dictionaries: their values repeat. An address is read faster than found among others."""


class Sketch(Protocol):
    """A member of the sketch room, as far as the scan needs it."""

    NEEDS: tuple[str, ...]

    def columns(self, batch: pa.RecordBatch, work: Any) -> dict[str, npt.NDArray[Any]]:
        """Sketch a batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A piece of one file: neighbouring row groups."""

    number: int
    file: Path
    groups: tuple[int, ...]
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The time that is hunted: from `since` to before `until`, in ms since 1970 UTC."""

    since: int | None = None
    until: int | None = None

    def inside(self, batch: pa.RecordBatch) -> npt.NDArray[np.bool_]:
        """Tell which rows are inside; a row without an id, a time or an account is no exchange."""
        at = numbers(batch.column("at"), np.int64, 0)
        there = present(batch.column("at")) & present(batch.column("exchange")) & present(batch.column("account"))
        if self.since is not None:
            there &= at >= self.since
        if self.until is not None:
            there &= at < self.until
        return there


def plan(files: Sequence[Path]) -> list[Task]:
    """Divide the traffic into tasks, in the order of the files and of their row groups."""
    tasks: list[Task] = []
    for file in files:
        metadata = pq.read_metadata(file)
        waiting: list[int] = []
        rows = 0
        for group in range(metadata.num_row_groups):
            waiting.append(group)
            rows += metadata.row_group(group).num_rows
            if rows >= TASK_ROWS or group == metadata.num_row_groups - 1:
                tasks.append(Task(number=len(tasks), file=file, groups=tuple(waiting), rows=rows))
                waiting, rows = [], 0
    return tasks


def scan(
    tasks: Sequence[Task],
    sketches: Sequence[Sketch],
    columns: Sequence[str],
    scratch: Scratch,
    *,
    work: Callable[[], Any],
    window: Window,
    threads: int,
    advance: Callable[[int], None],
) -> None:
    """Sketch all tasks that are not complete yet.

    Args:
        sketches: what to remember; each sees every batch that has the first of its NEEDS.
        columns: canonical columns to read; those that a file lacks are left out.
        work: makes one thread's working memory.
        advance: told the rows of each batch that is done.

    Raises:
        ResourceError: when the disk is full.
    """
    complete = scratch.done()
    todo = [task for task in tasks if task.number not in complete]
    advance(sum(task.rows for task in tasks if task.number in complete))
    stop = threading.Event()
    local = threading.local()

    def run(task: Task) -> None:
        if not hasattr(local, "work"):
            local.work = work()
        _run(task, sketches, columns, scratch, local.work, window, advance, stop)

    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(run, task) for task in todo]
        try:
            finished, _ = wait(futures, return_when=FIRST_EXCEPTION)
            for future in finished:
                future.result()
        except BaseException:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    scratch.done()


def _run(
    task: Task,
    sketches: Sequence[Sketch],
    columns: Sequence[str],
    scratch: Scratch,
    work: Any,
    window: Window,
    advance: Callable[[int], None],
    stop: threading.Event,
) -> None:
    kept: list[dict[str, npt.NDArray[Any]]] = []
    rows = 0
    part = 0
    base = 0
    for batch in batches(task, columns):
        if stop.is_set():
            return
        keep = window.inside(batch)
        places = base + np.flatnonzero(keep)
        inside = batch if len(places) == batch.num_rows else batch.filter(pa.array(keep))
        if inside.num_rows:
            there = set(inside.schema.names)
            sketched: dict[str, npt.NDArray[Any]] = {PLACE: places.astype(np.uint32)}
            for sketch in sketches:
                if any(need in there for need in sketch.NEEDS):
                    sketched.update(sketch.columns(inside, work))
            kept.append(sketched)
            rows += inside.num_rows
        base += batch.num_rows
        advance(batch.num_rows)
        if rows >= SEGMENT_ROWS:
            scratch.write(task.number, part, kept, rows, last=False)
            kept, rows, part = [], 0, part + 1
    scratch.write(task.number, part, kept, rows, last=True)


def batches(task: Task, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Read some columns of a task, a small batch at a time; columns that the file lacks are left out."""
    there = set(pq.read_schema(task.file).names)
    coded = [name for name in CODED if name in there]
    with pq.ParquetFile(task.file, read_dictionary=coded) as file:
        wanted = [name for name in columns if name in there]
        yield from file.iter_batches(BATCH_ROWS, row_groups=list(task.groups), columns=wanted, use_threads=False)


def reread(
    tasks: Sequence[Task], scratch: Scratch, rows: npt.NDArray[Any], columns: Sequence[str]
) -> Iterator[tuple[npt.NDArray[np.int64], pa.RecordBatch]]:
    """Read columns of some exchanges again: (rows, batch) pairs, in the order of the traffic.

    Args:
        rows: numbers of rows of the scratch, ascending.

    Cost: decodes the columns of every task that has a wanted row.
    """
    by_number = {task.number: task for task in tasks}
    for number, parts in itertools.groupby(_placed(scratch, rows), key=lambda part: part[0]):
        mine, places = (np.concatenate(column) for column in zip(*(part[1:] for part in parts), strict=True))
        base, taken = 0, 0
        for batch in batches(by_number[number], columns):
            upto = int(np.searchsorted(places, base + batch.num_rows))
            if upto > taken:
                yield mine[taken:upto], batch.take(pa.array(places[taken:upto] - base))
            base, taken = base + batch.num_rows, upto
            if taken == len(mine):
                break


def _placed(
    scratch: Scratch, rows: npt.NDArray[Any]
) -> Iterator[tuple[int, npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Tell of some rows, ascending, in which task and where in it they stand; a segment at a time."""
    first, start = 0, 0
    for segment in scratch.segments:
        (stop,) = positions(rows, first + segment.rows)
        if stop > start:
            mine = rows[start:stop].astype(np.int64)
            yield segment.task, mine, scratch.column(segment, PLACE)[mine - first].astype(np.int64)
        first, start = first + segment.rows, stop
