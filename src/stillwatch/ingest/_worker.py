"""Worker: the process behind `_workers`; jobs come as lines on stdin, results go as lines to stdout."""

from __future__ import annotations

import os
import sys
from typing import IO

import msgspec

from stillwatch.errors import StillwatchError
from stillwatch.ingest._job import Done, Job
from stillwatch.ingest._readers import Readers
from stillwatch.ingest._workers import Line, in_process


def serve(asked: IO[bytes], told: IO[bytes], readers: Readers | None = None) -> None:
    """Do jobs until there are no more, or nobody listens.

    Args:
        readers: made already for jobs that are read in the same way, as all are that one worker is asked for.
    """
    for text in asked:
        job = msgspec.json.decode(text, type=Job)
        readers = readers or Readers(job.how)
        try:
            _say(told, _answer(job, told, readers))
        except BrokenPipeError:
            os._exit(1)  # the parent is gone; leave without a word


def _answer(job: Job, told: IO[bytes], readers: Readers) -> Line:
    try:
        done: Done = in_process(job, lambda count: _say(told, Line(progress=count)), readers)
    except StillwatchError as mistake:
        return Line(what=mistake.what, hint=mistake.hint)
    return Line(done=done)


def _say(told: IO[bytes], line: Line) -> None:
    told.write(msgspec.json.encode(line) + b"\n")
    told.flush()


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
