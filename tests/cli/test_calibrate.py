"""`calibrate` as its user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stillwatch.cli import main


def calibrate(world: Path, *more: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(["calibrate", str(world / "traffic"), "--accounts", str(world / "accounts.csv"), "--rounds", "3", *more])
    return int(left.value.code or 0)


def test_it_says_whether_the_rate_holds_and_what_it_cannot_see(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    code = calibrate(world, "--json")
    told = json.loads(capsys.readouterr().out)
    assert code == (0 if told["holds"] else 1)
    assert told["rounds"] == 3
    assert told["false_at_most"] > told["false_rounds"] / told["rounds"]
    assert told["cannot_see"]
    assert list(tmp_path.iterdir()) == [], "it leaves nothing behind"


def test_the_same_seed_says_the_same_in_words(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    calibrate(world, "--seed", "5")
    once = capsys.readouterr().out
    calibrate(world, "--seed", "5", "--threads", "1")
    assert capsys.readouterr().out == once
    assert "What neither can see:" in once
