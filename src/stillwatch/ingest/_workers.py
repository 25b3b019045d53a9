"""Workers: jobs done by processes of their own, since reading JSON holds the interpreter.

A worker is a process that reads jobs as lines from its stdin and ends when that is closed, so none
outlives its parent. A worker that dies takes one job with it; its sources are then tried one by one, and the
one that kills its reader is rejected with the reason.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import msgspec

from stillwatch.errors import ResourceError, StillwatchError
from stillwatch.ingest import _hire
from stillwatch.ingest._hire import Started, Worker
from stillwatch.ingest._job import Done, Job

if TYPE_CHECKING:
    from stillwatch.ingest._readers import Readers

Progress = Callable[[int], None]


class Failed(msgspec.Struct):
    """A job whose worker died."""

    job: Job
    reason: str


class Line(msgspec.Struct):
    """What a worker says: progress, a result, or a mistake that a person can mend."""

    progress: int | None = None
    done: Done | None = None
    what: str | None = None
    hint: str | None = None


def work(jobs: Iterable[Job], processes: int, progress: Progress) -> Iterator[Done | Failed]:
    """Do jobs, at most `processes` at a time; results come as they are ready.

    Raises:
        StillwatchError: as `convert` does; the jobs under way are given up.
    """
    waiting = list(jobs)
    alone = [job for job in waiting if any(stretch.live for stretch in job.stretches)]
    if processes <= 1 or len(waiting) <= 1:
        alone = waiting
    yield from _alone(alone, progress)
    shared = [job for job in waiting if job not in alone]
    if shared:
        yield from _Crew(shared, min(processes, len(shared)), progress).results()


def _alone(jobs: list[Job], progress: Progress) -> Iterator[Done]:
    if jobs:
        from stillwatch.ingest._readers import Readers  # whoever has others do the work needs none of it

        readers = Readers(jobs[0].how)
        for job in jobs:
            yield in_process(job, progress, readers)


def in_process(job: Job, progress: Progress, readers: Readers | None = None) -> Done:
    """Do a job here, with readers of an earlier one where there are any.

    Raises:
        ResourceError: when the disk is full.
    """
    from stillwatch.ingest._convert import convert

    try:
        return convert(job, progress, readers)
    except OSError as mistake:
        raise full(mistake) from mistake


def full(mistake: OSError) -> ResourceError:
    """Say that the disk is full, or whatever else keeps us from writing."""
    hint = "what was finished before is kept; make room and run the same command again"
    return ResourceError(f"cannot write: {mistake.strerror or mistake}", where=mistake.filename, hint=hint)


class _Crew:
    """Some workers, each with a thread that feeds it."""

    def __init__(self, jobs: list[Job], count: int, progress: Progress) -> None:
        self._waiting = jobs
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        for job in jobs:
            self._jobs.put(job)
        self._left = len(jobs)
        self._count = count
        self._told: queue.SimpleQueue[Done | Failed | int | StillwatchError] = queue.SimpleQueue()
        self._progress = progress
        self._workers: set[Worker] = set()

    def results(self) -> Iterator[Done | Failed]:
        if _hire.can_fork():
            self._workers.update(_hire.fork(self._waiting[0], self._count))
        first = [*self._workers, *[None] * (self._count - len(self._workers))]
        threads = [threading.Thread(target=self._feed, args=[worker], daemon=True) for worker in first]
        for thread in threads:
            thread.start()
        try:
            while self._left:
                told = self._told.get()
                if isinstance(told, int):
                    self._progress(told)
                    continue
                if isinstance(told, StillwatchError):
                    raise told
                self._left -= 1
                yield told
        finally:
            for _ in threads:
                self._jobs.put(None)
            for worker in list(self._workers):
                worker.kill()
            for thread in threads:
                thread.join()

    def _feed(self, worker: Worker | None) -> None:
        """Give one worker after the other jobs, a new one where one has died."""
        while (job := self._jobs.get()) is not None:
            if worker is None:
                worker = Started()
                self._workers.add(worker)
            if not self._one(worker, job):
                self._workers.discard(worker)
                self._told.put(Failed(job, f"the reader died ({_how(worker.end())})"))
                worker = None
        if worker is not None:
            worker.ask().close()
            worker.end()
            self._workers.discard(worker)

    def _one(self, worker: Worker, job: Job) -> bool:
        """Have a worker do a job; tell whether it lived to the end of it."""
        try:
            worker.ask().write(msgspec.json.encode(job) + b"\n")
            worker.ask().flush()
        except OSError:
            return False
        for text in worker.told():
            line = msgspec.json.decode(text, type=Line)
            if line.progress is not None:
                self._told.put(line.progress)
            elif line.done is not None:
                self._told.put(line.done)
                return True
            else:
                self._told.put(ResourceError(line.what or "a reader failed", hint=line.hint))
                return True
        return False


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
