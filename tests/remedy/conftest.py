"""The small world's case, and a book."""

from __future__ import annotations

from pathlib import Path

import pytest

from stillwatch.model.case import Case, Entry
from stillwatch.store import cases
from stillwatch.store.book import Book, open_book


@pytest.fixture(scope="session")
def case(_hunted: Path) -> Case:
    return cases.read(_hunted)


@pytest.fixture(scope="session")
def campaign(case: Case) -> Entry:
    return next(entry for entry in case.campaigns if entry.finding == "distillation_campaign")


@pytest.fixture(scope="session")
def case_path(_hunted: Path) -> Path:
    return _hunted


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return open_book(tmp_path / "state")
