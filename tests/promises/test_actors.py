"""Promises of every actor: what it declares is what it plants, and its page says so."""

from pathlib import Path
from types import ModuleType

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch import rooms, sim
from stillwatch.sim._parameters import Range
from stillwatch.sim._world import worlds

ACTORS = rooms.members("sim.actors")
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "practice-worlds.md"


@pytest.mark.parametrize("name", sorted(ACTORS))
def test_an_actor_keeps_its_promises(name: str, tmp_path: Path) -> None:
    module = ACTORS[name]
    says_what_it_is(name, module)
    keeps_a_third_of_its_ranges(module)
    script = tmp_path / "one.toml"
    script.write_text(
        'about = "one actor"\ndays = 4\noutages = 1\nrelease = { tier = "large", day = 2 }\n'
        f'[[cast]]\nactor = "{name}"\n',
        encoding="utf-8",
    )
    truth = sim.make(str(script), seed=11, out=tmp_path / "out", scale=0.01 if name.startswith("bulk") else 0.2)
    plants_what_it_declares(tmp_path / "out", truth)


def says_what_it_is(name: str, module: ModuleType) -> None:
    assert module.__doc__
    title, colon, rest = module.__doc__.splitlines()[0].partition(": ")
    assert colon
    assert len(rest) > 20
    assert title.split()[0].lower()[:3] == name[:3]
    assert not module.PAIR or module.PAIR in ACTORS
    row = next(line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith(f"| `{name}` |"))
    assert not module.PAIR or f"`{module.PAIR}`" in row


def keeps_a_third_of_its_ranges(module: ModuleType) -> None:
    for parameter in module.PARAMETERS.values():
        if isinstance(parameter, Range):
            low, high = parameter.span(report=False)
            assert high - low <= 2 / 3 + 1e-9


def plants_what_it_declares(folder: Path, truth: sim.Truth) -> None:
    files = sorted((folder / "traffic").glob("day=*/*.parquet"))
    seen = set(pa.concat_tables([pq.ParquetFile(f).read(["account"]) for f in files])["account"].to_pylist())
    assert truth.exchanges > 0
    assert truth.campaigns or truth.crowds
    guilty = {a for campaign in truth.campaigns for a in campaign.accounts}
    for campaign in truth.campaigns:
        assert campaign.exchanges > 0, campaign.id
        assert campaign.tactics
        assert len(seen & set(campaign.accounts)) >= 0.6 * len(campaign.accounts)
        if campaign.finding in {"distillation_campaign", "account_network"}:
            assert len(campaign.accounts) >= 5
    for crowd in truth.crowds:
        assert crowd.looks_guilty
        assert crowd.innocent
        assert not crowd.paired_with or crowd.paired_with in ACTORS
        assert not guilty & set(crowd.accounts), "an account cannot be guilty and innocent"
        if len(crowd.accounts) > 20:
            assert len(seen & set(crowd.accounts)) >= 0.5 * len(crowd.accounts), crowd.id


@pytest.mark.parametrize("world", worlds())
def test_a_world_has_its_row_in_the_docs(world: str) -> None:
    assert f"| `{world}` |" in PAGE.read_text(encoding="utf-8")
