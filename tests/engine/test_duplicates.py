"""Exchanges that stand twice count once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.engine.duplicates import drop_duplicates
from stillwatch.engine.scratch import Scratch

PLENTY = 1 << 30


def scratch(folder: Path, *segments: list[tuple[int, int]]) -> Scratch:
    """Write segments of (id, status) pairs, with a ragged column that repeats each id as often as it says."""
    made = Scratch(folder)
    for number, rows in enumerate(segments):
        ids = np.array([one for one, _ in rows], np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        counts = np.array([one % 3 for one, _ in rows], np.uint16)
        made.write(
            number, 0,
            [{
                "exchange": ids, "status": np.array([status for _, status in rows], np.uint16),
                "number": np.array([one for one, _ in rows], np.int64), "marks": np.repeat(ids, counts),
                "marks#": counts, "documents.hash": np.arange(5, dtype=np.uint64),
            }],
            len(rows), last=True,
        )  # fmt: skip
    made.done()
    return made


def rows(made: Scratch) -> list[tuple[int, int]]:
    return [
        (int(one), int(status))
        for _, piece in made.pieces("number", "status")
        for one, status in zip(piece["number"], piece["status"], strict=True)
    ]


def test_the_first_of_several_stays(tmp_path: Path) -> None:
    made = scratch(tmp_path, [(1, 200), (2, 200), (1, 200)], [(3, 200), (2, 200)])
    assert drop_duplicates(made, PLENTY) == 2
    assert rows(made) == [(1, 200), (2, 200), (3, 200)]


def test_an_answered_record_stays_before_a_failed_one(tmp_path: Path) -> None:
    made = scratch(tmp_path, [(1, 429), (2, 500)], [(1, 200), (2, 503)])
    assert drop_duplicates(made, PLENTY) == 2
    assert rows(made) == [(2, 500), (1, 200)]


def test_ragged_columns_lose_the_same_rows_and_tables_apart_stay_whole(tmp_path: Path) -> None:
    made = scratch(tmp_path, [(5, 200), (4, 200), (5, 200), (8, 200)])
    drop_duplicates(made, PLENTY)
    ((_, piece),) = made.pieces("exchange", "marks", "documents.hash")
    assert piece["marks#"].tolist() == [2, 1, 2]
    assert piece["marks"].tolist() == np.repeat(piece["exchange"], piece["marks#"]).tolist()
    assert piece["documents.hash"].tolist() == [0, 1, 2, 3, 4]


def test_nothing_is_written_anew_where_nothing_stands_twice(tmp_path: Path) -> None:
    made = scratch(tmp_path, [(1, 200)], [(2, 200)])
    before = sorted((path.name, path.stat().st_mtime_ns) for path in tmp_path.iterdir())
    assert drop_duplicates(made, PLENTY) == 0
    assert sorted((path.name, path.stat().st_mtime_ns) for path in tmp_path.iterdir()) == before


def test_killed_half_way_and_begun_again_it_ends_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    segments = [[(n, 200) for n in range(40)], [(n, 200) for n in range(20, 60)], [(n, 429) for n in range(80)]]
    whole = scratch(tmp_path / "whole", *segments)
    count = drop_duplicates(whole, PLENTY)
    broken = scratch(tmp_path / "broken", *segments)
    thin = Scratch.thin
    monkeypatch.setattr(Scratch, "thin", lambda self, number, keep: thin(self, number, keep) if number < 2 else 1 / 0)
    with pytest.raises(ZeroDivisionError):
        drop_duplicates(broken, PLENTY)
    monkeypatch.setattr(Scratch, "thin", thin)
    again = Scratch(tmp_path / "broken")
    assert again.done() == {0, 1, 2}
    assert drop_duplicates(again, PLENTY) == count
    assert rows(again) == rows(whole)


@settings(max_examples=60, deadline=None)
@given(
    segments=st.lists(
        st.lists(st.tuples(st.integers(1, 12), st.sampled_from([0, 200, 429])), max_size=12), min_size=1, max_size=4
    ),
    budget=st.sampled_from([PLENTY, 64, 16]),
)
def test_each_exchange_is_left_once_whatever_the_memory(
    segments: list[list[tuple[int, int]]], budget: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    made = scratch(tmp_path_factory.mktemp("s"), *segments)
    total = made.rows
    dropped = drop_duplicates(made, budget)
    left = rows(made)
    assert sorted(one for one, _ in left) == sorted({one for part in segments for one, _ in part})
    assert dropped == total - len(left)
    assert not list(made.directory.glob("*.part"))
