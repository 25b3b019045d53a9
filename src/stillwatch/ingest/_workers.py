"""Workers: jobs done by processes of their own, since reading JSON holds the interpreter.

A worker is a subprocess that reads jobs as lines from its stdin and ends when that is closed, so none
outlives its parent. A worker that dies takes one job with it; its sources are then tried one by one, and the
one that kills its reader is rejected with the reason.
"""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator

import msgspec

from stillwatch.errors import ResourceError, StillwatchError
from stillwatch.ingest._job import Done, Job

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
    for job in alone:
        yield in_process(job, progress)
    shared = [job for job in waiting if job not in alone]
    if shared:
        yield from _Crew(shared, min(processes, len(shared)), progress).results()


def in_process(job: Job, progress: Progress) -> Done:
    """Do a job here.

    Raises:
        ResourceError: when the disk is full.
    """
    from stillwatch.ingest._convert import convert  # whoever has others do the work needs none of it

    try:
        return convert(job, progress)
    except OSError as mistake:
        raise full(mistake) from mistake


def full(mistake: OSError) -> ResourceError:
    """Say that the disk is full, or whatever else keeps us from writing."""
    hint = "what was finished before is kept; make room and run the same command again"
    return ResourceError(f"cannot write: {mistake.strerror or mistake}", where=mistake.filename, hint=hint)


class _Crew:
    """Some workers, each with a thread that feeds it."""

    def __init__(self, jobs: list[Job], count: int, progress: Progress) -> None:
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        for job in jobs:
            self._jobs.put(job)
        self._left = len(jobs)
        self._count = count
        self._told: queue.SimpleQueue[Done | Failed | int | StillwatchError] = queue.SimpleQueue()
        self._progress = progress
        self._workers: set[subprocess.Popen[bytes]] = set()

    def results(self) -> Iterator[Done | Failed]:
        threads = [threading.Thread(target=self._feed, daemon=True) for _ in range(self._count)]
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

    def _feed(self) -> None:
        """Give one worker after the other jobs, a new one where one has died."""
        worker: subprocess.Popen[bytes] | None = None
        while (job := self._jobs.get()) is not None:
            if worker is None:
                worker = subprocess.Popen(
                    [sys.executable, "-m", "stillwatch.ingest._worker"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    process_group=0,  # an interrupt at the terminal is for us, who end our workers
                )
                self._workers.add(worker)
            if not self._one(worker, job):
                self._workers.discard(worker)
                code = worker.wait()
                self._told.put(Failed(job, f"the reader died ({_how(code)})"))
                worker = None
        if worker is not None and worker.stdin is not None:
            worker.stdin.close()
            worker.wait()
            self._workers.discard(worker)

    def _one(self, worker: subprocess.Popen[bytes], job: Job) -> bool:
        """Have a worker do a job; tell whether it lived to the end of it."""
        assert worker.stdin is not None  # noqa: S101 - for the type checker
        assert worker.stdout is not None  # noqa: S101
        try:
            worker.stdin.write(msgspec.json.encode(job) + b"\n")
            worker.stdin.flush()
        except OSError:
            return False
        for text in worker.stdout:
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
