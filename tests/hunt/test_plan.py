"""What a hunt needs, told before it starts."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from stillwatch.hunt import plan
from stillwatch.hunt.read import Unheard
from stillwatch.hunt.rehearse import rehearse
from stillwatch.hunt.request import Request
from stillwatch.hunt.run import run


def test_the_estimate_of_disk_is_of_the_right_size(world: Path, tmp_path: Path) -> None:
    files = sorted((world / "traffic").glob("*/*.parquet"))
    told = plan.plan(files, tmp_path, 6 << 30)
    used: list[int] = []

    class Measuring(Unheard):
        def stage(self, name: str, total: int) -> None:
            if name == "weigh":
                used.append(sum(path.stat().st_size for path in (tmp_path / "case" / ".scratch").rglob("*.bin")))

    run(Request(traffic=(str(world / "traffic"),), case=tmp_path / "case"), Measuring())
    assert used[0] / 2 < told.disk < used[0] * 2


def test_a_rehearsal_says_of_parquet_what_the_hunt_will_say(world: Path, tmp_path: Path) -> None:
    files = sorted((world / "traffic").glob("*/*.parquet"))
    told = rehearse(Request(traffic=(str(world / "traffic"),), case=tmp_path / "case"))
    planned = plan.plan(files, tmp_path, 6 << 30)
    assert (told.exchanges, told.disk, told.memory) == (planned.exchanges, planned.disk, planned.memory)


@pytest.mark.parametrize("packed", [False, True])
def test_a_rehearsal_estimates_from_its_head_how_much_a_log_holds(packed: bool, tmp_path: Path) -> None:
    day = "2026-05-04T00:00:00Z"
    rows = (f'{{"exchange": "x{n}", "at": "{day}", "account": "a{n % 97}", "response": "{n * n} {"word " * 40}"}}\n'
            for n in range(40_000))  # fmt: skip
    text = "".join(rows).encode()
    assert len(text) > 4 << 20, "more than the head that is read"
    log = tmp_path / ("log.jsonl.gz" if packed else "log.jsonl")
    log.write_bytes(gzip.compress(text) if packed else text)
    told = rehearse(Request(traffic=(str(log),), case=tmp_path / "case"))
    assert told.exchanges == pytest.approx(40_000, rel=0.2)
    assert not (tmp_path / "case").exists()


def test_too_little_room_is_said(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "free", lambda path: 1000)
    (warning,) = plan.plan(sorted((world / "traffic").glob("*/*.parquet")), tmp_path, 6 << 30).warnings
    assert "1.0 kB are free" in warning


@pytest.mark.parametrize(("memory", "bits"), [(1 << 20, 20), (1 << 30, 27), (6 << 30, 29), (1 << 40, 29)])
def test_the_large_table_follows_the_memory_within_its_bounds(memory: int, bits: int) -> None:
    assert plan.bits(memory) == bits


@pytest.mark.parametrize(("count", "says"), [(5, "5 bytes"), (1500, "1.5 kB"), (45_200_000, "45 MB"), (6e12, "6.0 TB")])
def test_sizes_are_written_for_people(count: float, says: str) -> None:
    assert plan.size(count) == says


def test_room_is_looked_for_where_a_directory_will_be(tmp_path: Path) -> None:
    assert plan.free(tmp_path / "not" / "yet") == pytest.approx(plan.free(tmp_path), rel=0.2)
