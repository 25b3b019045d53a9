"""Workers that are hired: forked from here or started anew, they serve alike, and nothing of their parent leaks in."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

import msgspec
import pytest

from stillwatch.ingest import _hire
from stillwatch.ingest._job import How, Job, Stretch

GOLDEN = Path(__file__).parent.parent / "data/ingest/litellm/whole/log.jsonl"
forks = pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux only")


def job(folder: Path) -> Job:
    stretch = Stretch(name=str(GOLDEN), path=str(GOLDEN), size=GOLDEN.stat().st_size)
    return Job(unit="unit", stretches=[stretch], how=How(), folder=str(folder))


def forked(folder: Path) -> _hire.Worker:
    (worker,) = _hire.fork(job(folder), 1)
    return worker


@pytest.mark.parametrize("hire", [pytest.param(forked, marks=forks), lambda _: _hire.Started()])
def test_a_worker_does_jobs_until_there_are_no_more(tmp_path: Path, hire: Callable[[Path], _hire.Worker]) -> None:
    worker = hire(tmp_path)
    for number in (1, 2):
        worker.ask().write(msgspec.json.encode(job(tmp_path / str(number))) + b"\n")
        worker.ask().flush()
        told = [msgspec.json.decode(next(worker.told())) for _ in range(2)]
        assert [one["progress"] for one in told[:-1]] == [GOLDEN.stat().st_size]
        assert sum(part["rows"] for part in told[-1]["done"]["parts"]) == len(GOLDEN.read_bytes().splitlines())
    worker.ask().close()
    assert worker.end() == 0


@forks
def test_a_forked_worker_ends_when_its_parent_lets_go_whatever_others_do(tmp_path: Path) -> None:
    """Each holds its own pipes alone: else the first would wait for its end in vain while the second lives."""
    first, second = _hire.fork(job(tmp_path), 2)
    first.ask().close()
    assert first.end() == 0
    second.kill()
    assert second.end() == -signal.SIGKILL


@forks
def test_a_forked_worker_that_fails_ends_with_a_code_and_runs_nothing_of_its_parent(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def fails(asked: IO[bytes], told: IO[bytes]) -> None:
        assert sorted(map(int, os.listdir("/proc/self/fd")))[:3] == [0, 1, 2]  # noqa: PTH208
        raise SystemExit(7)  # pragma: no cover - in the child

    kept = tmp_path / "kept"
    try:
        worker = _hire.Forked(fails)
    finally:
        with kept.open("a") as file:
            file.write(f"{os.getpid()}\n")  # a child that came up here would write another line
    assert worker.end() == 1
    assert kept.read_text().split() == [str(os.getpid())]
    assert "SystemExit: 7" in capfd.readouterr().err


def test_nothing_is_forked_beside_another_thread() -> None:
    done = threading.Event()
    other = threading.Thread(target=done.wait)
    other.start()
    try:
        assert not _hire.can_fork()
    finally:
        done.set()
        other.join()
