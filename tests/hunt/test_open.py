"""One customer in the open is found whatever his words; shops that have things described by the thousand are not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from stillwatch import sim
from stillwatch.hunt.read import Unheard
from stillwatch.hunt.request import Request
from stillwatch.hunt.run import run
from stillwatch.judge import exemplars
from stillwatch.sim.score import read_truth

WORLD = """
about = "one harvest in the open, its look-alike, and customers"
days = 7
[[cast]]
actor = "ordinary"
accounts = 250
per_day = 3.0
[[cast]]
actor = "saas_template"
accounts = 24
products = 8
[[cast]]
actor = "batch_jobs"
accounts = 16
[[cast]]
actor = "catalogue"
firms = 2
per_day = 250
[[cast]]
actor = "open_extraction"
per_day = 300
"""


def no_hints(texts: Sequence[str], kind: str) -> list[int]:
    assert kind
    return [0] * len(texts)


def test_it_is_found_without_words_and_its_look_alike_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "open.toml").write_text(WORLD)
    sim.make(str(tmp_path / "open.toml"), seed=21, out=tmp_path / "world")
    planted = next(one for one in read_truth(tmp_path / "world")[0].campaigns if one.kind == "open_extraction")
    monkeypatch.setattr(exemplars, "hints", no_hints)
    traffic, accounts = str(tmp_path / "world" / "traffic"), tmp_path / "world" / "accounts.csv"
    case = run(Request(traffic=(traffic,), case=tmp_path / "case", accounts=accounts), Unheard())
    assert [entry.finding for entry in case.campaigns] == ["open_extraction"]
    assert set(case.campaigns[0].accounts) == set(planted.accounts)
    (pace,) = [line for line in case.campaigns[0].evidence if line.view == "rhythm"]
    assert not pace.counted
    assert "five-minute moments" in pace.because
