"""Promises of every actor: what it declares is what it plants."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch import rooms, sim
from stillwatch.sim._parameters import Range

ACTORS = rooms.members("sim.actors")
HONEST = {"accounts", "per_day"}


@pytest.fixture(scope="module", params=sorted(ACTORS))
def planted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, sim.Truth]:
    name: str = request.param
    folder = tmp_path_factory.mktemp(name)
    script = folder / "one.toml"
    script.write_text(
        'about = "one actor"\ndays = 5\noutages = 1\nrelease = { tier = "large", day = 2 }\n'
        f'[[cast]]\nactor = "{name}"\n',
        encoding="utf-8",
    )
    scale = 0.01 if name.startswith("bulk") else 0.3
    return name, folder / "out", sim.make(str(script), seed=11, out=folder / "out", scale=scale)


def test_an_actor_says_what_it_is(planted: tuple[str, Path, sim.Truth]) -> None:
    module = ACTORS[planted[0]]
    assert module.__doc__
    title, colon, rest = module.__doc__.splitlines()[0].partition(": ")
    assert colon
    assert len(rest) > 20
    assert title.split()[0].lower()[:3] == planted[0][:3]
    assert not module.PAIR or module.PAIR in ACTORS


def test_an_actor_plants_the_accounts_that_it_declares(planted: tuple[str, Path, sim.Truth]) -> None:
    _, folder, truth = planted
    files = sorted((folder / "traffic").glob("day=*/*.parquet"))
    seen = set(pa.concat_tables([pq.ParquetFile(f).read(["account"]) for f in files])["account"].to_pylist())
    assert truth.exchanges > 0
    assert truth.campaigns or truth.crowds
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
        if len(crowd.accounts) > 20:
            assert len(seen & set(crowd.accounts)) >= 0.5 * len(crowd.accounts), crowd.id


def test_guilty_and_innocent_are_never_the_same_accounts(planted: tuple[str, Path, sim.Truth]) -> None:
    truth = planted[2]
    guilty = {a for campaign in truth.campaigns for a in campaign.accounts}
    assert all(not guilty & set(crowd.accounts) for crowd in truth.crowds)


def test_a_third_of_every_range_is_kept_for_report_seeds(planted: tuple[str, Path, sim.Truth]) -> None:
    for parameter in ACTORS[planted[0]].PARAMETERS.values():
        if isinstance(parameter, Range):
            low, high = parameter.span(report=False)
            assert high - low <= 2 / 3 + 1e-9
