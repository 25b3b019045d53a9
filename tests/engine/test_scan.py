"""The scan: each exchange sketched once, on any number of threads, and found again in its file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch import rooms, sketch
from stillwatch.engine import scan as engine
from stillwatch.engine.scan import Window, plan, reread, scan
from stillwatch.engine.scratch import Scratch
from stillwatch.model.exchange import EXCHANGES

BEGIN = datetime(2026, 5, 4, tzinfo=UTC)
SKETCHES = list(rooms.members("sketch").values())


def write(path: Path, start: int, count: int, *, groups: int = 100, without: tuple[str, ...] = ()) -> Path:
    rows = [
        {
            "exchange": f"x{n}", "at": BEGIN + timedelta(minutes=n), "account": f"a{n % 7}", "response": f"answer {n}",
            "messages": [{"role": "user", "content": f"question number {n} of {path.name}"}],
            "ip": f"192.0.2.{n % 200}",
        }
        for n in range(start, start + count)
    ]  # fmt: skip
    schema = pa.schema([field for field in EXCHANGES if field.name not in without])
    pq.write_table(pa.Table.from_pylist(rows, schema), path, row_group_size=groups)
    return path


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return [write(tmp_path / "one.parquet", 0, 950), write(tmp_path / "two.parquet", 950, 450, without=("ip",))]


def scanned(tmp_path: Path, files: list[Path], threads: int = 1, window: Window | None = None) -> Scratch:
    scratch = Scratch(tmp_path / f"columns-{threads}-{window}")
    counted: list[int] = []
    scan(
        plan(files), SKETCHES, EXCHANGES.names, scratch, work=sketch.work, window=window or Window(), threads=threads,
        advance=counted.append,
    )  # fmt: skip
    assert sum(counted) == sum(pq.read_metadata(file).num_rows for file in files)
    return scratch


def test_the_number_of_threads_changes_nothing(files: list[Path], tmp_path: Path) -> None:
    one, two = (scanned(tmp_path, files, threads) for threads in (1, 2))
    assert one.rows == two.rows == 1400
    for name in ("exchange", "at", "last", "ip", "answer", "marks"):
        assert np.array_equal(one.read(name), two.read(name)), name


def test_small_row_groups_are_read_together_and_in_order(files: list[Path], tmp_path: Path) -> None:
    assert [(task.number, task.rows) for task in plan(files)] == [(0, 950), (1, 450)]
    assert np.all(np.diff(scanned(tmp_path, files).read("at")) > 0)


def test_a_column_that_one_file_lacks_is_empty_there(files: list[Path], tmp_path: Path) -> None:
    ip = scanned(tmp_path, files).read("ip")
    assert (ip[:950] != 0).all()
    assert (ip[950:] == 0).all()


def test_only_the_time_asked_for_is_kept(files: list[Path], tmp_path: Path) -> None:
    since, until = (int((BEGIN + timedelta(minutes=n)).timestamp() * 1000) for n in (100, 1000))
    at = scanned(tmp_path, files, window=Window(since=since, until=until)).read("at")
    assert (len(at), int(at.min()), int(at.max())) == (900, since, until - 60_000)


def test_a_row_without_an_account_is_no_exchange(tmp_path: Path) -> None:
    file = write(tmp_path / "log.parquet", 0, 20)
    table = pq.read_table(file)
    accounts = pa.array([None, *table.column("account").to_pylist()[1:]])
    place = table.schema.get_field_index("account")
    pq.write_table(table.set_column(place, "account", accounts), file)
    assert scanned(tmp_path, [file]).rows == 19


def test_what_is_complete_is_not_sketched_again(files: list[Path], tmp_path: Path) -> None:
    scratch = Scratch(tmp_path / "columns")
    asked: dict[str, Any] = {"work": sketch.work, "window": Window(), "threads": 1, "advance": lambda rows: None}
    scan(plan(files)[:1], SKETCHES, EXCHANGES.names, scratch, **asked)
    before = {path: path.stat().st_mtime_ns for path in scratch.directory.iterdir()}
    scan(plan(files), SKETCHES, EXCHANGES.names, scratch, **asked)
    assert scratch.rows == 1400
    assert {path: path.stat().st_mtime_ns for path in before} == before


@pytest.mark.parametrize("rows", [[0], [5, 949, 950, 1399], list(range(0, 1400, 37)), []])
def test_an_exchange_is_found_again_in_its_file(rows: list[int], files: list[Path], tmp_path: Path) -> None:
    scratch = scanned(tmp_path, files)
    found = {
        int(number): name
        for numbers, batch in reread(plan(files), scratch, np.array(rows, np.int64), ["exchange", "messages"])
        for number, name in zip(numbers, batch.column("exchange").to_pylist(), strict=True)
    }
    assert found == {number: f"x{number}" for number in rows}


def test_rows_that_were_left_out_do_not_shift_those_that_are_found_again(files: list[Path], tmp_path: Path) -> None:
    since = int((BEGIN + timedelta(minutes=500)).timestamp() * 1000)
    scratch = scanned(tmp_path, files, window=Window(since=since))
    ((_, batch),) = reread(plan(files), scratch, np.array([3], np.int64), ["exchange"])
    assert batch.column("exchange").to_pylist() == ["x503"]


def test_a_batch_boundary_is_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path / "log.parquet", 0, 300)
    whole = scanned(tmp_path, [file]).read("last")
    monkeypatch.setattr(engine, "BATCH_ROWS", 7)
    monkeypatch.setattr(engine, "SEGMENT_ROWS", 50)
    cut = scanned(tmp_path, [file], threads=2)
    assert len(cut.segments) > 1
    assert np.array_equal(cut.read("last"), whole)
