"""Calibrate: the rate asked for is put to the test on a log, and a broken control is caught."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from stillwatch.cli import main
from stillwatch.hunt import calibrate as subject
from stillwatch.hunt.read import Unheard
from stillwatch.hunt.request import Request


def asked(world: Path, room: Path) -> Request:
    return Request(traffic=(str(world / "traffic"),), case=room, accounts=world / "accounts.csv")


def test_the_rate_holds_on_a_practice_world_and_what_was_found_is_left_out(world: Path, tmp_path: Path) -> None:
    told = subject.calibrate(asked(world, tmp_path / "room"), 12, Unheard(), seed=1)
    assert told.holds
    assert told.left_out > 0
    assert told.false_rounds == 0
    assert told.matched > 100
    assert {one.view for one in told.views} >= {"payment", "repertoire", "client"}
    assert not (tmp_path / "room" / ".scratch").exists()


def test_a_control_that_calls_everything_hidden_does_not_hold(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def everything(traces: object, settled: object) -> list[np.ndarray]:
        return [np.array([0, 1, 2, 3, 4], np.int32)]

    monkeypatch.setattr(subject, "_hidden", everything)
    told = subject.calibrate(asked(world, tmp_path / "room"), 6, Unheard())
    assert told.false_rounds == told.rounds
    assert not told.holds


def test_the_verb_tells_a_person_and_a_program_the_same(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["calibrate", str(world / "traffic"), "--accounts", str(world / "accounts.csv"), "--rounds", "3"]
    for extra in ([], ["--json"]):
        with pytest.raises(SystemExit) as left:
            main([*arguments, *extra])
        assert left.value.code == 0
    words, line = capsys.readouterr().out.rsplit("\n", 2)[:2]
    told = json.loads(line)
    assert f"an entry in {told['false_rounds']} of 3 such logs" in words
    assert all(sentence in words for sentence in told["cannot_see"])
    assert list(tmp_path.iterdir()) == []
