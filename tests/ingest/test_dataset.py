"""A dataset that is written to: each exchange once, over all runs, whoever dies on the way."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from stillwatch.errors import ResourceError
from stillwatch.ingest import _dataset, _hire, _intake, _sources, ingest


def write(path: Path, records: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in records))
    return path


def record(number: int, **fields: Any) -> dict[str, Any]:
    told = {"exchange": f"x-{number}", "at": f"2026-05-{1 + number % 3:02d}T12:00:00Z", "account": f"a-{number % 5}"}
    return told | fields


def rows(out: Path) -> dict[str, dict[str, Any]]:
    told = [row for path in sorted(out.glob("day=*/*.parquet")) for row in pq.ParquetFile(path).read().to_pylist()]
    assert len({row["exchange"] for row in told}) == len(told)
    for path in out.glob("day=*/*.parquet"):
        days = pq.ParquetFile(path).read(["at"]).column(0).to_pylist()
        assert {f"day={day:%Y-%m-%d}" for day in days} == {path.parent.name}
    return {row["exchange"]: row for row in told}


def files(out: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in out.glob("day=*/*")}


def test_running_twice_changes_nothing(tmp_path: Path) -> None:
    log, out = write(tmp_path / "log.jsonl", [record(n) for n in range(30)]), tmp_path / "out"
    assert ingest([log], out=out).rows == 30
    before = files(out)
    again = ingest([log], out=out)
    assert (again.rows, again.skipped) == (30, 1)
    assert files(out) == before


def test_a_copy_of_a_log_adds_nothing(tmp_path: Path) -> None:
    records = [record(n) for n in range(30)]
    out = tmp_path / "out"
    ingest([write(tmp_path / "log.jsonl", records)], out=out)
    again = ingest([write(tmp_path / "copy.jsonl", records)], out=out)
    assert (again.rows, again.duplicates) == (0, 30)
    assert len(rows(out)) == 30


def test_a_log_that_grew_adds_what_is_new(tmp_path: Path) -> None:
    log, out = tmp_path / "log.jsonl", tmp_path / "out"
    ingest([write(log, [record(n) for n in range(10)])], out=out)
    ingest([write(log, [record(n) for n in range(15)])], out=out)
    assert len(rows(out)) == 15


def test_a_better_record_of_a_call_takes_the_place_of_a_worse_one(tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = [record(n, status=500, ip="192.0.2.7") for n in range(6)]
    ingest([write(tmp_path / "a.jsonl", first)], out=out)
    ingest([write(tmp_path / "b.jsonl", [record(2, status=200, response="yes", at="2026-05-09T00:00:00Z")])], out=out)
    told = rows(out)
    assert len(told) == 6
    assert (told["x-2"]["status"], told["x-2"]["response"], told["x-2"]["ip"]) == (200, "yes", "192.0.2.7")
    assert told["x-2"]["at"].day == 3  # a call begins with its first record
    assert told["x-3"]["status"] == 500


def test_a_file_that_loses_rows_again_and_again_keeps_the_rest(tmp_path: Path) -> None:
    """Each better record is in another log, so the same files are written anew three times in one run."""
    out = tmp_path / "out"
    ingest([write(tmp_path / "a.jsonl", [record(n, status=500) for n in range(60)])], out=out)
    for first in range(3):
        write(tmp_path / f"b{first}.jsonl", [record(n, status=200, response="yes") for n in range(first, 60, 4)])
    taken = ingest([tmp_path / f"b{first}.jsonl" for first in range(3)], out=out)
    told = rows(out)
    assert len(told) == 60
    assert sum(row["status"] == 200 for row in told.values()) == 45
    assert (taken.rows, taken.duplicates) == (0, 45)


def test_many_records_of_one_call_and_calls_in_many_records_are_each_one(tmp_path: Path) -> None:
    records = [record(n % 700, response=f"{n}") for n in range(2000)] + [record(9999)] * 50
    log, out = write(tmp_path / "log.jsonl", records), tmp_path / "out"
    taken = ingest([log], out=out)
    assert (taken.rows, taken.duplicates) == (701, 2050 - 701)
    assert len(rows(out)) == 701


def test_what_another_map_reads_takes_the_place_of_what_was_read(tmp_path: Path) -> None:
    log, out = write(tmp_path / "log.jsonl", [record(n, owner=f"o-{n}") for n in range(4)]), tmp_path / "out"
    ingest([log], out=out)
    map_file = tmp_path / "map.toml"
    map_file.write_text('account = "owner"')
    ingest([log], out=out, map_file=map_file)
    assert {row["account"] for row in rows(out).values()} == {"o-0", "o-1", "o-2", "o-3"}


def test_rejects_are_those_of_the_last_reading(tmp_path: Path) -> None:
    log, out = tmp_path / "log.jsonl", tmp_path / "out"
    write(log, [record(1), {**record(2), "account": None, "owner": "o"}])
    ingest([log], out=out)
    assert len((out / "rejected.jsonl").read_text().splitlines()) == 1
    ingest([log], out=out)
    assert len((out / "rejected.jsonl").read_text().splitlines()) == 1
    map_file = tmp_path / "map.toml"
    map_file.write_text(json.loads((out / "rejected.jsonl").read_text())["map"])
    assert map_file.read_text() == 'account = ["default", "owner"]'
    ingest([log], out=out, map_file=map_file)
    assert (out / "rejected.jsonl").read_text() == ""
    assert len(rows(out)) == 2


def test_many_small_files_are_one_unit(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    for number in range(120):
        write(logs / f"{number:03d}.json", [record(number)])
    out = tmp_path / "out"
    assert ingest([logs], out=out).rows == 120
    assert len(list((out / ".stillwatch/done").iterdir())) == 1
    write(logs / "new.json", [record(500)])
    again = ingest([logs], out=out)
    assert again.skipped == 120
    assert len(rows(out)) == 121


def test_days_out_of_order_and_far_apart_are_each_in_their_place(tmp_path: Path) -> None:
    days = [f"20{20 + n % 7}-{1 + n % 12:02d}-{1 + n % 28:02d}T00:00:00Z" for n in range(300)]
    log = write(tmp_path / "log.jsonl", [record(n, at=day) for n, day in enumerate(days)])
    ingest([log], out=tmp_path / "out")
    assert len(rows(tmp_path / "out")) == 300


def test_two_runs_cannot_write_at_once(tmp_path: Path) -> None:
    log, out = write(tmp_path / "log.jsonl", [record(1)]), tmp_path / "out"
    ingest([log], out=out)
    with (out / ".stillwatch/lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ResourceError, match="another run is writing"):
            ingest([log], out=out)


def test_an_unwritable_place_is_told(tmp_path: Path) -> None:
    log = write(tmp_path / "log.jsonl", [record(1)])
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ResourceError, match="cannot write here"):
        ingest([log], out=tmp_path / "file" / "out")


@pytest.mark.parametrize("moved", [0, 1, 2, 3])
def test_a_commit_that_was_cut_short_is_made_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moved: int) -> None:
    """Die after some of a unit's files are in place: the next run finishes the moves, and nothing stands twice."""
    log, out = write(tmp_path / "log.jsonl", [record(n) for n in range(30)]), tmp_path / "out"
    real, left = Path.replace, [moved]

    def replace(self: Path, target: Path) -> Path:
        if self.suffix == ".part":
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
        return real(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", replace)
        if moved < 3:
            with pytest.raises(KeyboardInterrupt):
                ingest([log], out=out)
        else:
            ingest([log], out=out)
    assert ingest([log], out=out).rows == 30
    assert len(rows(out)) == 30
    assert not list((out / ".stillwatch/staging").iterdir())


def test_a_killed_run_leaves_what_was_finished_and_goes_on(tmp_path: Path) -> None:
    """Kill -9 in the middle, again and again: no file is half there, and in the end each exchange is in once."""
    logs = [
        write(tmp_path / f"{part}.jsonl", [record(part * 3000 + n, response="word " * 200) for n in range(3000)])
        for part in range(6)
    ]
    out = tmp_path / "out"
    command = [sys.executable, "-m", "stillwatch", "ingest", *map(str, logs), "--out", str(out), "--threads", "1"]
    for _ in range(3):
        before = len(list(out.glob("day=*/*.parquet")))
        run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while run.poll() is None and len(list(out.glob("day=*/*.parquet"))) == before:
            time.sleep(0.002)
        if run.poll() is None:
            os.kill(run.pid, signal.SIGKILL)
        run.wait()
        rows(out)  # what is there can be read, and nothing stands twice
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    assert len(rows(out)) == 18_000


def test_processes_give_what_one_gives(tmp_path: Path) -> None:
    logs = [write(tmp_path / f"{part}.jsonl", [record(n + 200 * part) for n in range(300)]) for part in range(4)]
    one, two = tmp_path / "one", tmp_path / "two"
    alone, together = ingest(logs, out=one, threads=1), ingest(logs, out=two, threads=2)
    assert rows(one) == rows(two)
    assert (alone.rows, alone.duplicates) == (together.rows, together.duplicates)


def test_a_large_file_is_read_in_stretches_with_true_line_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records: list[Any] = [record(n) for n in range(2000)]
    bad = [3, 777, 778, 1500, 1999]
    log = tmp_path / "log.jsonl"
    log.write_text("".join("broken\n" if n in bad else json.dumps(one) + "\n" for n, one in enumerate(records)))
    monkeypatch.setattr(_intake, "SPLIT", 10_000)
    monkeypatch.setattr(_intake, "STRETCH", 30_000)
    taken = ingest([log], out=tmp_path / "out", threads=2)
    assert taken.rows == 2000 - len(bad)
    told = [json.loads(line)["line"] for line in (tmp_path / "out/rejected.jsonl").read_text().splitlines()]
    assert sorted(told) == [n + 1 for n in bad]


def test_a_reader_that_dies_costs_its_own_source_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import os, pathlib\n"
        "real = pathlib.Path.open\n"
        "def open(self, *args, **options):\n"
        "    if self.name == 'deadly.jsonl':\n"
        "        os.kill(os.getpid(), 9)\n"
        "    return real(self, *args, **options)\n"
        "if os.environ.get('STILLWATCH_DEADLY'):\n"
        "    pathlib.Path.open = open\n"
    )
    monkeypatch.setattr(_hire, "can_fork", lambda: False)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("STILLWATCH_DEADLY", "1")
    costs_its_own_source_alone(tmp_path, monkeypatch)


@pytest.mark.skipif(sys.platform != "linux", reason="readers are forked on Linux only")
def test_a_forked_reader_that_dies_costs_its_own_source_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, own = _sources.open_raw, os.getpid()

    def deadly(source: _sources.Source) -> Any:
        if os.getpid() != own and source.name.endswith("deadly.jsonl"):
            os.kill(os.getpid(), signal.SIGKILL)
        return real(source)

    monkeypatch.setattr(_sources, "open_raw", deadly)
    monkeypatch.setattr(_hire, "can_fork", lambda: True)
    costs_its_own_source_alone(tmp_path, monkeypatch)


def costs_its_own_source_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = [write(tmp_path / f"{n}.jsonl", [record(n * 10 + m) for m in range(10)]) for n in range(4)]
    deadly = write(tmp_path / "deadly.jsonl", [record(999)])
    monkeypatch.setattr(_intake, "TOGETHER", 1)
    taken = ingest([*good, deadly], out=tmp_path / "out", threads=2)
    assert (taken.rows, taken.rejected) == (40, 1)
    (told,) = (json.loads(line) for line in (tmp_path / "out/rejected.jsonl").read_text().splitlines())
    assert told["source"] == str(deadly)
    assert "signal 9" in told["reason"]


def test_a_damaged_record_of_what_was_ingested_is_told(tmp_path: Path) -> None:
    log, out = write(tmp_path / "log.jsonl", [record(1)]), tmp_path / "out"
    ingest([log], out=out)
    (note,) = (out / _dataset.HIDDEN / "done").iterdir()
    note.write_text("{")
    with pytest.raises(ResourceError, match="cannot read the record"):
        ingest([log], out=out)
