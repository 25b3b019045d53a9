"""Hire: the processes that read, forked from this one where that is safe, so that what reading takes is loaded once.

Elsewhere each is started anew, which takes half a second of CPU, as long as half a gigabyte takes to read. A fork is
safe on Linux while this process runs a single thread of Python: a lock that another one holds would stay held in the
child for ever. (pyarrow, OpenBLAS and the allocators see to their own threads and locks at a fork.)
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import traceback
import warnings
from typing import IO, NoReturn, Protocol

from stillwatch.ingest._job import Job


class Worker(Protocol):
    """A process that takes jobs as lines and tells results as lines."""

    def ask(self) -> IO[bytes]:
        """Give the stream that jobs are written to."""

    def told(self) -> IO[bytes]:
        """Give the stream that results are read from."""

    def end(self) -> int:
        """Wait for its end; give its exit code, or the number of a signal below 0."""

    def kill(self) -> None:
        """End it now."""


def can_fork() -> bool:
    """Tell whether workers can be forked from here."""
    return sys.platform == "linux" and threading.active_count() == 1


def fork(job: Job, count: int) -> list[Worker]:
    """Fork workers from this process, after loading what a job takes."""
    from stillwatch.ingest import _worker
    from stillwatch.ingest._ready import ready  # whoever reads nothing itself needs none of it

    readers = ready(job)
    return [Forked(lambda asked, told: _worker.serve(asked, told, readers)) for _ in range(count)]


class Forked:
    """A worker that was forked from here.

    Args:
        serve: what it does, with the streams of its jobs and of its results.
    """

    def __init__(self, serve: _Serve) -> None:
        asked, ask = os.pipe()
        told, tell = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of native threads, from Python 3.12 on: see above
            self._pid = os.fork()
        if not self._pid:
            _live(serve, asked, tell)
        os.close(asked)
        os.close(tell)
        self._ask, self._told = os.fdopen(ask, "wb"), os.fdopen(told, "rb")
        self._code: int | None = None

    def ask(self) -> IO[bytes]:
        return self._ask

    def told(self) -> IO[bytes]:
        return self._told

    def end(self) -> int:
        if self._code is None:
            self._code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
            self._told.close()
        return self._code

    def kill(self) -> None:
        if self._code is None:
            os.kill(self._pid, 9)


class _Serve(Protocol):
    def __call__(self, asked: IO[bytes], told: IO[bytes], /) -> None: ...


def _live(serve: _Serve, asked: int, tell: int) -> NoReturn:
    """Be a worker from here on; of what this process was, nothing is run or written any more."""
    code = 1
    try:
        os.setpgid(0, 0)  # an interrupt at the terminal is for our parent, who ends its workers
        os.dup2(asked, 0)
        os.dup2(tell, 1)
        for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - else the end of another worker's pipe stays open in us
            if int(name) > 2:
                _close(int(name))
        serve(os.fdopen(0, "rb"), os.fdopen(1, "wb"))
        code = 0
    except BaseException:  # noqa: BLE001 - whatever it is, it must not go up into what our parent was doing
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(code)


def _close(handle: int) -> None:
    with contextlib.suppress(OSError):  # the listing's own
        os.close(handle)


class Started:
    """A worker that was started anew."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "stillwatch.ingest._worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            process_group=0,  # an interrupt at the terminal is for us, who end our workers
        )

    def ask(self) -> IO[bytes]:
        assert self._process.stdin is not None  # noqa: S101 - for the type checker
        return self._process.stdin

    def told(self) -> IO[bytes]:
        assert self._process.stdout is not None  # noqa: S101 - for the type checker
        return self._process.stdout

    def end(self) -> int:
        return self._process.wait()

    def kill(self) -> None:
        self._process.kill()
