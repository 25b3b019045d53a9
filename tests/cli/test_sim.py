import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from stillwatch.cli import main
from stillwatch.cli.sim import command


def test_sim_prints_the_truth_as_one_json_object(tmp_path: Path) -> None:
    out = str(tmp_path / "w")
    got = CliRunner().invoke(
        command, ["demo", "--seed", "5", "--out", out, "--scale", "0.05", "--set", "days=1", "--json"]
    )
    assert got.exit_code == 0
    truth = json.loads(got.stdout)
    assert truth["world"] == "demo"
    assert truth["exchanges"] == int(truth["checksum"].split("-")[0])
    assert {"traffic", "accounts.csv", "grants.toml", "truth.json", "truth.parquet"} <= {
        p.name for p in Path(out).iterdir()
    }


def test_sim_lists_worlds_and_actors() -> None:
    got = CliRunner().invoke(command, ["--list"])
    assert "reasoning_harvest" in got.stdout
    assert "quiet" in got.stdout


@pytest.mark.parametrize("argv", [["sim"], ["sim", "demo"], ["sim", "atlantis", "--out", "x"]])
def test_a_sim_that_cannot_mean_what_it_says_exits_with_2(
    argv: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as left:
        main(argv)
    assert left.value.code == 2
    assert not list(tmp_path.iterdir())
