"""A case directory: replaced as a whole or not at all."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from stillwatch.errors import CaseError, ResourceError
from stillwatch.store import cases


def write(directory: Path, **files: str) -> None:
    with cases.locked(directory), cases.replacing(directory) as fresh:
        for name, text in files.items():
            (fresh / f"{name}.json").write_text(text)


def names(case: Path) -> set[str]:
    return {path.name for path in case.iterdir() if not path.name.startswith(".")}


def test_files_that_are_not_written_anew_go(tmp_path: Path) -> None:
    case = tmp_path / "case"
    write(case, case="1", lineage="1")
    (case / "notes.txt").write_text("somebody's own")
    write(case, case="2")
    assert names(case) == {"case.json", "notes.txt"}


def test_what_fails_on_the_way_changes_nothing(tmp_path: Path) -> None:
    case = tmp_path / "case"
    write(case, case="1")
    with pytest.raises(ZeroDivisionError), cases.locked(case), cases.replacing(case) as fresh:
        (fresh / "case.json").write_text(str(1 / 0))
    assert (case / "case.json").read_text() == "1"
    assert not (case / cases.NEXT).exists()


def test_a_process_killed_while_moving_is_finished_by_the_next_reader(hunted: Path) -> None:
    fresh = hunted / cases.NEXT
    fresh.mkdir()
    told = json.loads((hunted / "case.json").read_text())
    (fresh / "case.json").write_text(json.dumps(told | {"warnings": ["newer"]}))
    (fresh / cases.READY).write_text('["exemplars.jsonl"]')
    assert cases.read(hunted).warnings == ["newer"]
    assert not (hunted / "exemplars.jsonl").exists()
    assert not fresh.exists()


def test_a_process_killed_before_that_is_forgotten(hunted: Path) -> None:
    fresh = hunted / cases.NEXT
    fresh.mkdir()
    (fresh / "case.json").write_text("half")
    assert cases.read(hunted).campaigns


def test_only_one_writes_at_a_time_and_a_directory_made_for_nothing_goes(tmp_path: Path) -> None:
    case = tmp_path / "case"
    with cases.locked(case), pytest.raises(CaseError, match="another process"), cases.locked(case):
        pass
    assert not case.exists()


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ResourceError, match="cannot write the case"), cases.locked(tmp_path / "file"):
        pass


@pytest.mark.parametrize("damage", ["", "{", '{"schema": 1}', "\xff"])
def test_a_damaged_case_is_told(damage: str, hunted: Path) -> None:
    (hunted / "case.json").write_text(damage, "latin-1")
    with pytest.raises(CaseError, match="damaged"):
        cases.read(hunted)


def test_no_case_is_told(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "absent"):
        with pytest.raises(CaseError, match="there is no case"):
            cases.read(place)


def test_a_private_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    cases.write_private(tmp_path / "file", b"text")
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600
