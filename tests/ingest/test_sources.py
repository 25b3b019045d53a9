"""Where traffic comes from: files, directories, patterns, pipes, and what is none."""

from __future__ import annotations

import io
import json
import os
import threading
import zipfile
from pathlib import Path

import pytest

from stillwatch.errors import UsageError
from stillwatch.ingest import _sources, gather, ingest


def line(number: int) -> str:
    return json.dumps({"exchange": f"x-{number}", "at": "2026-05-01T12:00:00Z", "account": "a"}) + "\n"


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    top = tmp_path / "logs"
    for number, name in enumerate(
        ["a.jsonl", "deep/b.log", "deep/er/c", "d.jsonl.1", "notes.md", ".hidden.jsonl", "_x/e.jsonl"]
    ):
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(line(number))
    return top


def test_a_directory_is_searched_but_for_what_is_hidden_or_no_log(logs: Path) -> None:
    found, passed = _sources.find([logs])
    assert [Path(one.name).name for one in found] == ["a.jsonl", "d.jsonl.1", "b.log", "c"]
    assert [Path(name).name for name in passed] == ["notes.md"]


def test_a_file_that_is_named_twice_is_read_once(logs: Path) -> None:
    found, _ = _sources.find([logs / "a.jsonl", str(logs / "*.jsonl"), logs / "deep" / ".." / "a.jsonl"])
    assert len(found) == 1


def test_a_file_that_is_named_is_read_whatever_its_name(logs: Path, tmp_path: Path) -> None:
    assert gather([logs / "notes.md", logs / ".hidden.jsonl"], into=tmp_path / "into").exchanges == 2


def test_a_pattern_reaches_below(logs: Path) -> None:
    found, _ = _sources.find([str(logs / "**" / "*.log")])
    assert [Path(one.name).name for one in found] == ["b.log"]
    with pytest.raises(UsageError, match="nothing matches"):
        _sources.find([str(logs / "*.absent")])


def test_a_dataset_is_no_source_of_itself(logs: Path, tmp_path: Path) -> None:
    for _ in range(2):
        taken = ingest([tmp_path], out=tmp_path / "logs" / "out")
        assert (taken.rows, taken.duplicates) == (4, 0)


def test_a_pipe_is_read_as_it_comes(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_text("".join(map(line, range(5)))))
    writer.start()
    taken = ingest([pipe], out=tmp_path / "out", threads=2)
    writer.join()
    assert taken.rows == 5


def test_a_pipe_in_a_directory_does_not_hold_us_up(logs: Path, tmp_path: Path) -> None:
    os.mkfifo(logs / "pipe.jsonl")
    assert gather([logs], into=tmp_path / "into").exchanges == 4


def test_an_archive_is_told_by_its_kind(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.jsonl", line(1))
    (tmp_path / "a.json").write_bytes(packed.getvalue())
    (tmp_path / "b.jsonl").write_text(line(2))
    told = gather([tmp_path / "a.json", tmp_path / "b.jsonl"], into=tmp_path / "into")
    (reject,) = map(json.loads, told.rejected_file.read_text().splitlines())
    assert "a zip archive" in reject["reason"]


def test_a_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "good.jsonl").write_text(line(1))
    (tmp_path / "folder.jsonl").mkdir()
    (tmp_path / "gone.jsonl").symlink_to(tmp_path / "absent")
    assert gather([tmp_path], into=tmp_path / "into").exchanges == 1
    with pytest.raises(UsageError, match="no such file"):
        gather([tmp_path / "gone.jsonl"], into=tmp_path / "into")
