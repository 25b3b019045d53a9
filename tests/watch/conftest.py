"""A state directory of the small world's case, and what its campaigns look like."""

from __future__ import annotations

from pathlib import Path

import pytest

from stillwatch.model.case import Case, Entry
from stillwatch.settings import Settings
from stillwatch.store import cases
from stillwatch.store import key as keys
from stillwatch.watch.export import export
from stillwatch.watch.room import Room


@pytest.fixture(scope="session")
def case(_hunted: Path) -> Case:
    return cases.read(_hunted)


@pytest.fixture(scope="session")
def campaign(case: Case) -> Entry:
    return next(entry for entry in case.campaigns if entry.finding == "distillation_campaign")


@pytest.fixture(scope="session")
def case_path(_hunted: Path) -> Path:
    return _hunted


class Clock:
    """A clock that stands until it is set."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock(1_780_000_000.0)


@pytest.fixture
def place(case_path: Path, tmp_path: Path) -> Path:
    export(case_path, tmp_path / "state", keys.find())
    return tmp_path / "state"


@pytest.fixture
def room(place: Path, clock: Clock) -> Room:
    return Room(place, Settings(), enforce=True, clock=clock)
