"""What many tests need: a key, a small practice world, the case of one hunt over it, and a town of owners."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, settings

from stillwatch import sim
from stillwatch.hunt.read import Unheard
from stillwatch.hunt.request import Request
from stillwatch.hunt.run import run
from stillwatch.kit.held import Held, hold
from stillwatch.model.crowd import Crowd, Facts
from stillwatch.model.traces import Closely, Traces

# how fast this machine is just now is nothing that a test may fail for
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


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


# -- where everything is installed, nothing may be skipped


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Count a skip as a failure where `STILLWATCH_NO_SKIPS` is set, but for tests of the shared reference data."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if report.skipped and os.environ.get("STILLWATCH_NO_SKIPS") and not hasattr(report, "wasxfail"):
        if item.get_closest_marker("shared"):
            return
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"nothing may be skipped here (STILLWATCH_NO_SKIPS is set): {reason}"


# -- a town of owners, of whom the first few are a gang; what each holds is drawn as the test says

OWNERS = 400
GANG = np.arange(12, dtype=np.int32)
OTHERS = np.arange(12, OWNERS, dtype=np.int32)
BEGIN = 1_777_852_800_000
"""4 May 2026, ms."""

Draw = Callable[[int], Sequence[int]]
"""The values that an owner holds, by his number."""


def facts(count: int, **given: npt.NDArray[Any]) -> Facts:
    """Facts of which only those given are known."""
    long, word, small = np.zeros(count, np.int64), np.zeros(count, np.uint64), np.zeros(count, np.uint8)
    blank = Facts(
        created_at=long, closed_at=long, payment=word, payment_bin=word, device=word, referrer=word, phone=word,
        mail_domain=word, mail_kind=small, organisation=word, programme=word, verification=small, plan=word,
    )  # fmt: skip
    return replace(blank, **given)


class Town:
    """Makes traces of OWNERS owners with one account each."""

    owners = OWNERS
    gang = GANG
    others = OTHERS
    begin = BEGIN

    def held(self, draw: Draw) -> Held:
        """A table of what everybody holds."""
        pairs = [(owner, value) for owner in range(self.owners) for value in draw(owner)]
        units, keys = (np.array(column) for column in zip(*pairs, strict=True))
        return hold(units.astype(np.int32), keys.astype(np.uint64), np.ones(len(pairs)), self.owners)

    def crowd(self, **known: npt.NDArray[Any]) -> Crowd:
        """The owners, and what is known of their accounts."""
        count = self.owners
        return Crowd(
            accounts=[f"a{n}" for n in range(count)], exchanges=np.full(count, 50), first=np.full(count, BEGIN),
            last=np.full(count, BEGIN + 10 * 86_400_000), facts=facts(count, **known),
            owner=np.arange(count, dtype=np.int32), declared=np.zeros(count, bool),
        )  # fmt: skip

    def traces(self, crowd: Crowd | None = None, **draws: Draw) -> Traces:
        """Traces with some tables."""
        return Traces(crowd=crowd or self.crowd(), held={name: self.held(draw) for name, draw in draws.items()})

    def closely(self, **given: Any) -> Closely:
        """What late views look at, of which only what is given holds anything."""
        nothing = np.zeros(0, np.int64)
        blank = Closely(
            owners=np.arange(self.owners, dtype=np.int32), sample=self.others, hours=self.held(lambda owner: [1, 2]),
            models=np.zeros(0, np.uint64), released=nothing, adopted=np.zeros((self.owners, 0), np.int64),
            item_owner=nothing.astype(np.int32), item=nothing.astype(np.uint64), item_family=nothing.astype(np.int32),
        )  # fmt: skip
        return replace(blank, **given)

    def strangers(self, count: int = 200, size: int = 12, seed: int = 1) -> list[npt.NDArray[np.int32]]:
        """Groups drawn at random from outside the gang."""
        rng = np.random.default_rng(seed)
        return [np.sort(rng.choice(self.others, size, replace=False)) for _ in range(count)]


@pytest.fixture
def town() -> Town:
    return Town()
