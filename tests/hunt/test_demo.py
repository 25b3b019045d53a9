"""The demo's world, hunted as the demo does: what was planted is found as what it is, and nobody else is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from stillwatch import sim
from stillwatch.hunt.read import Unheard
from stillwatch.hunt.request import Request
from stillwatch.hunt.run import run
from stillwatch.sim.score import score


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "world"
    sim.make("demo", seed=1, out=folder)
    return folder


def test_the_demo_finds_what_was_planted_and_accuses_nobody_else(world: Path, tmp_path: Path) -> None:
    request = Request(
        traffic=(str(world / "traffic"),), case=tmp_path / "case", accounts=world / "accounts.csv",
        grants=world / "grants.toml",
    )  # fmt: skip
    assert run(request, Unheard()).exit_code == 14
    told = score(tmp_path / "case", world)
    assert [(one.kind, one.finding) for one in told.campaigns] == [
        ("reasoning_harvest", "distillation_campaign"), ("hydra_network", "account_network"),
        ("hydra_reseller", "distillation_campaign"),
    ]  # fmt: skip
    assert all(one.accounts.precision == 1.0 for one in told.campaigns if one.accounts)
    assert all(one.accounts.recall is not None and one.accounts.recall >= 0.9 for one in told.campaigns)
    assert not told.false_campaigns
