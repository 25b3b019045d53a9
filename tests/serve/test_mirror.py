"""Counts of a room in a registry of `prometheus_client`, without it and with a stand-in of the same calls."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.serve.conftest import SETTINGS

from stillwatch.model.answer import Asked
from stillwatch.serve import mirror
from stillwatch.watch.room import Room


class Registry:
    """Takes what a registry takes, and keeps the sums."""

    def __init__(self) -> None:
        self.sums: Counter[tuple[str, ...]] = Counter()
        self.made = -1.0
        self._labels: tuple[str, ...] = ()

    def labels(self, *labels: str) -> Registry:
        self._labels = labels
        return self

    def inc(self, more: int) -> None:
        self.sums[self._labels] += more

    def set(self, value: float) -> None:
        self.made = value


def test_each_decision_is_told_once_however_often_a_turn_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room, registry = Room(tmp_path, SETTINGS), Registry()
    monkeypatch.setattr(mirror, "registered", lambda: mirror.Told(registry, registry))
    told = mirror.Mirror(room)
    for turn in range(3):
        room.watch.decide(Asked(account="a"))
        told.turn()
        told.turn()
        assert registry.sums == {("", "allow", "shadow"): turn + 1}
    assert registry.made == 0, "there is no state"


def test_without_the_library_nothing_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone: Any = None
    monkeypatch.setitem(__import__("sys").modules, "prometheus_client", gone)
    mirror.registered.cache_clear()
    mirror.Mirror(Room(tmp_path, SETTINGS)).turn()
    assert mirror.registered() is None
    mirror.registered.cache_clear()
