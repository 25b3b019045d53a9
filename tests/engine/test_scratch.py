"""The columns of a hunt on disk."""

from __future__ import annotations

import resource
from pathlib import Path

import numpy as np
import pytest

from stillwatch.engine.scratch import Scratch
from stillwatch.errors import CaseError, ResourceError


def columns(rows: int) -> dict[str, np.ndarray]:
    return {"at": np.arange(rows, dtype=np.int64)}


def test_a_task_whose_last_part_is_missing_is_done_anew(tmp_path: Path) -> None:
    made = Scratch(tmp_path)
    made.write(0, 0, [columns(3)], 3, last=True)
    made.write(1, 0, [columns(3)], 3, last=False)
    assert made.done() == {0}
    assert Scratch(tmp_path).rows == 3


def test_a_segment_that_is_cut_off_is_told(tmp_path: Path) -> None:
    made = Scratch(tmp_path)
    made.write(0, 0, [columns(100)], 100, last=True)
    (tmp_path / "segment-000000-0000.bin").write_bytes(b"short")
    with pytest.raises(CaseError, match="damaged"):
        made.read("at")


def test_a_full_disk_is_told_and_leaves_no_half_file(tmp_path: Path) -> None:
    made = Scratch(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(ResourceError, match="may not grow"):
            made.write(0, 0, [columns(100_000)], 100_000, last=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())


def test_a_segment_without_rows_reads_like_any_other(tmp_path: Path) -> None:
    made = Scratch(tmp_path)
    made.write(0, 0, [], 0, last=True)
    made.write(1, 0, [{"marks": np.arange(3, dtype=np.uint32), "marks#": np.array([1, 2], np.uint16)}], 2, last=True)
    made.done()
    pieces = [piece for _, piece in made.pieces("marks")]
    assert [piece["marks#"].tolist() for piece in pieces] == [[], [1, 2]]
    assert [piece["marks"].tolist() for piece in pieces] == [[], [0, 1, 2]]


def test_a_whole_column_is_filled_piece_by_piece_and_is_zero_elsewhere(tmp_path: Path) -> None:
    made = Scratch(tmp_path)
    for task in range(3):
        made.write(task, 0, [columns(4)], 4, last=True)
    made.begin("family", "int32", 2)
    made.fill("family", 8, np.full((4, 2), 7))
    made.fill("family", 0, np.arange(8).reshape(4, 2))
    pieces = [piece["family"].tolist() for _, piece in made.pieces("family", "at")]
    assert pieces == [[[0, 1], [2, 3], [4, 5], [6, 7]], [[0, 0]] * 4, [[7, 7]] * 4]
    made.begin("family", "int32")
    assert made.read("family").tolist() == [0] * 12


def test_a_full_disk_is_told_while_a_column_is_filled(tmp_path: Path) -> None:
    made = Scratch(tmp_path)
    made.write(0, 0, [columns(100)], 100, last=True)
    made.begin("who", "int64")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400, hard))
    try:
        with pytest.raises(ResourceError, match="may not grow"):
            made.fill("who", 60, np.ones(40, np.int64))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
