"""Worker: the process behind `_workers`; jobs come as lines on stdin, results go as lines to stdout."""

from __future__ import annotations

import os
import sys

import msgspec

from stillwatch.errors import StillwatchError
from stillwatch.ingest._job import Done, Job
from stillwatch.ingest._workers import Line, in_process


def main() -> None:
    """Do jobs until there are no more, or nobody listens."""
    for text in sys.stdin.buffer:
        try:
            _say(_answer(msgspec.json.decode(text, type=Job)))
        except BrokenPipeError:
            os._exit(1)  # the parent is gone; leave without a word


def _answer(job: Job) -> Line:
    try:
        done: Done = in_process(job, lambda count: _say(Line(progress=count)))
    except StillwatchError as mistake:
        return Line(what=mistake.what, hint=mistake.hint)
    return Line(done=done)


def _say(line: Line) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
