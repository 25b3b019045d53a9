"""What many tests need: a key of their own, a small practice world, and the case of one hunt over it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from stillwatch import sim
from stillwatch.hunt.read import Unheard
from stillwatch.hunt.request import Request
from stillwatch.hunt.run import run


@pytest.fixture(autouse=True, scope="session")
def _own_key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    before = os.environ.get("STILLWATCH_KEY")
    os.environ["STILLWATCH_KEY"] = str(tmp_path_factory.mktemp("key") / "key")
    yield
    if before is None:
        del os.environ["STILLWATCH_KEY"]
    else:
        os.environ["STILLWATCH_KEY"] = before


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small practice world, with a harvest, a network and a stream inside it."""
    folder = tmp_path_factory.mktemp("small-world")
    sim.make("demo", seed=3, out=folder, scale=0.5, sets=["days=5"])
    return folder


@pytest.fixture(scope="session")
def _hunted(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    case = tmp_path_factory.mktemp("cases") / "case"
    run(Request(traffic=(str(world / "traffic"),), case=case, accounts=world / "accounts.csv"), Unheard())
    return case


@pytest.fixture
def hunted(_hunted: Path, tmp_path: Path) -> Path:
    """The case of a hunt over the small world; a copy, to do with as one likes."""
    copy = tmp_path / "hunted"
    shutil.copytree(_hunted, copy)
    return copy
