from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from stillwatch.cli.sim import command
from stillwatch.drill import adversary as drill
from stillwatch.drill.tactics import NAIVE, Tactics, cost
from stillwatch.errors import CaseError, UsageError


def played(number: int, harvested: float, tactics: Tactics = NAIVE) -> drill.Round:
    outcome = drill.Outcome(
        seed=1000, harvested=harvested, alert_day=4, stopped=0.9, finding="distillation_campaign",
        views=["payment", "network"], silent=["pivot"], exchanges=900,
    )  # fmt: skip
    return drill.Round(
        round=number, tactics=tactics, cost=cost(tactics), harvested=harvested, alert_days=[4], stopped=0.9,
        categories=["distillation_campaign"], seed=1, stillwatch="0", worlds=[outcome],
    )  # fmt: skip


def keep(out: Path, *rounds: drill.Round) -> None:
    out.mkdir(exist_ok=True)
    for one in rounds:
        (out / f"round-{one.round:04d}.json").write_bytes(msgspec.json.encode(one))


def test_a_pooled_campaign_is_stopped_and_one_that_shares_nothing_is_not() -> None:
    naive = drill.outcome(Tactics(accounts=30, days=6), 1001)
    assert naive.alert_day is not None
    assert naive.alert_day <= 2
    assert naive.views
    assert naive.stopped >= 5 / 30  # no finding names fewer than five; the others are found on later days
    assert naive.harvested == pytest.approx(naive.alert_day / 6, abs=0.15)
    hidden = drill.outcome(Tactics(accounts=30, days=2, clean=1.0, homes=1.0, jitter=1.0, paraphrase=1.0), 1001)
    assert hidden.alert_day is None
    assert hidden.harvested == 1.0


def test_rounds_that_are_there_are_kept(tmp_path: Path) -> None:
    keep(tmp_path / "out", played(0, 0.1), played(1, 0.3))
    assert [one.harvested for one in drill.learn(tmp_path / "out", rounds=2, seed=1)] == [0.1, 0.3]


def test_a_damaged_round_is_told(tmp_path: Path) -> None:
    keep(tmp_path / "out", played(0, 0.1))
    (tmp_path / "out" / "round-0001.json").write_text("{", encoding="utf-8")
    with pytest.raises(CaseError, match="cannot read a round"):
        drill.learn(tmp_path / "out", rounds=2, seed=1)


def test_a_directory_with_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match=r"no round: mine\.txt"):
        drill.learn(tmp_path, rounds=1, seed=1)


def test_the_curve_is_the_most_that_was_harvested_at_a_cost() -> None:
    def at(number: int, accounts: int, harvested: float) -> drill.Round:
        return played(number, harvested, msgspec.structs.replace(NAIVE, accounts=accounts))

    rounds = [at(0, 60, 0.1), at(1, 120, 0.4), at(2, 240, 0.3), at(3, 240, 0.6), at(4, 480, 0.9)]
    assert list(drill.frontier(rounds)) == [(1.0, 0.1), (2.0, 0.4), (4.0, 0.6), (8.0, 0.9)]
    told = drill.summary(rounds)
    assert (told["cost_to_evade"], told["accounts"], told["days"], told["round"]) == (4.0, 4.0, 1.0, 3)
    assert drill.summary(rounds[:2])["cost_to_evade"] is None


def test_the_command_tells_what_evasion_cost(tmp_path: Path) -> None:
    keep(tmp_path / "out", played(0, 0.1), played(1, 0.3))
    told = CliRunner().invoke(command, ["--adversary", "--out", str(tmp_path / "out"), "--rounds", "2"])
    assert told.exit_code == 0, told.output
    assert "naive campaign: 10% harvested" in told.stdout
    assert "in 2 rounds half of the harvest was never made" in told.stdout
    as_json = CliRunner().invoke(command, ["--adversary", "--out", str(tmp_path / "out"), "--rounds", "2", "--json"])
    assert msgspec.json.decode(as_json.stdout)["rounds"] == 2


def test_a_world_and_an_adversary_are_not_named_together(tmp_path: Path) -> None:
    told = CliRunner().invoke(command, ["demo", "--adversary", "--out", str(tmp_path / "out")])
    assert told.exit_code == 2
    assert "each round makes its own" in told.output
    told = CliRunner().invoke(command, ["--adversary", "--out", str(tmp_path / "out"), "--set", "days=3"])
    assert told.exit_code == 2
    assert "`--rounds`, `--seed` and `--json` only" in told.output
    assert not (tmp_path / "out").exists()
