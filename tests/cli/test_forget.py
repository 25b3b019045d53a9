"""`forget` as its user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stillwatch.cli import main
from stillwatch.store import cases


def leave(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(["forget", *arguments])
    return int(left.value.code or 0)


def test_it_says_what_it_erases_first_and_then_erases_it(hunted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = cases.read(hunted).campaigns[0].accounts[0]
    assert leave("--account", name, str(hunted), "--dry-run") == 0
    assert "would be erased: 1 account," in capsys.readouterr().out
    assert name in cases.read(hunted).campaigns[0].accounts
    assert leave("--account", name, str(hunted), "--json") == 0
    (told,) = json.loads(capsys.readouterr().out)["stores"]
    assert told["accounts"] == 1
    assert leave("--account", name, str(hunted)) == 0
    assert "keeps nothing of it" in capsys.readouterr().out


def test_a_time_is_a_day_or_an_instant(hunted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert leave("--before", "2030-01-01", str(hunted)) == 0
    assert "the whole case" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [(), ("--account", "a", "--before", "2026-01-01"), ("--before", "soon")])
def test_whom_or_what_must_be_said(arguments: tuple[str, ...], hunted: Path) -> None:
    before = {path.name for path in hunted.iterdir()}
    assert leave(*arguments, str(hunted)) == 2
    assert {path.name for path in hunted.iterdir()} == before


def test_one_store_that_is_none_stops_all_before_anything_is_erased(hunted: Path, tmp_path: Path) -> None:
    assert leave("--before", "2030-01-01", str(hunted), str(tmp_path / "absent")) == 1
    assert cases.read(hunted).campaigns
