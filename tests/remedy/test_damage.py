"""What a campaign took: as the traffic itself has it, and no figure where there is nothing to count."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from stillwatch import ingest
from stillwatch.errors import CaseError, SettingsError, UsageError
from stillwatch.ingest import Gathered
from stillwatch.model.case import Case, Entry
from stillwatch.remedy import prices
from stillwatch.remedy.damage import assess
from stillwatch.store import cases

PRICES = """\
currency = "USD"
[[price]]
model = "demo-*"
input = 1.0
output = 10.0
[[price]]
model = "demo-large"
input = 2.0
output = 20.0
"""


@pytest.fixture
def listed(tmp_path: Path) -> prices.Prices:
    path = tmp_path / "prices.toml"
    path.write_text(PRICES)
    return prices.read(path)


@pytest.fixture(scope="module")
def traffic(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Gathered:
    return ingest.gather([str(world / "traffic")], into=tmp_path_factory.mktemp("into"))


@pytest.fixture(scope="module")
def stream(world: Path, case_path: Path, campaign: Entry) -> pa.Table:
    """The campaign's exchanges, by another way than the code under test takes."""
    attributed = pq.read_table(case_path / cases.EXCHANGES)
    ids = attributed.filter(pc.equal(attributed["campaign"], campaign.id))["exchange"]
    log = pq.read_table(world / "traffic")
    return log.filter(pc.is_in(log["exchange"], pc.unique(ids)))


def test_what_was_taken_is_what_stands_in_the_log(
    case_path: Path, campaign: Entry, traffic: Gathered, stream: pa.Table, listed: prices.Prices, world: Path
) -> None:
    declared = ingest.read_accounts(world / "accounts.csv")
    told = assess(case_path, campaign.id, traffic=traffic, prices=listed, declared=declared)
    good = stream.filter(pc.and_(pc.greater_equal(stream["status"], 200), pc.less(stream["status"], 300)))
    assert told.exchanges == len(stream)
    assert told.answered == len(good)
    assert told.input_tokens == pc.sum(stream["input_tokens"]).as_py()
    assert (
        sum(model.output_tokens for model in told.models)
        == told.output_tokens
        == pc.sum(stream["output_tokens"]).as_py()
    )
    assert told.looked_at == len(stream)
    asked = {row["messages"][-1]["content"].strip().lower() for row in good.select(["messages"]).to_pylist()}
    assert told.prompts_answered == len(asked)
    large = stream.filter(pc.equal(stream["model"], "demo-large"))
    other = len(stream) - len(large)
    wanted = 2e-6 * pc.sum(large["input_tokens"]).as_py() + 2e-5 * pc.sum(large["output_tokens"]).as_py()
    assert told.price is not None
    assert told.price.sum == pytest.approx(wanted) or other
    assert told.price.sum == pytest.approx(told.price.input + told.price.output)
    assert 0 <= (told.price.unpaid or 0) <= told.price.sum
    assert told.price.unpriced == []
    assert told.scripts is not None
    assert sum(told.scripts.taken.values()) <= told.exchanges
    assert len(told.scripts.taken) <= told.scripts.everywhere
    for family in told.families:
        assert 0 < family.items <= family.exchanges
        assert 0 <= family.once <= family.items
        assert 0 < family.share <= 1


def test_without_the_traffic_only_what_the_case_keeps_is_told_and_the_rest_is_said(
    case_path: Path, campaign: Entry, listed: prices.Prices
) -> None:
    told = assess(case_path, campaign.id, prices=listed)
    assert (told.exchanges, told.tasks) == (campaign.exchanges, campaign.tasks)
    assert told.price is None
    assert told.models == []
    assert told.reasoning_tokens == told.prompts_answered == -1
    assert any("--traffic" in lost for lost in told.missing)


def test_a_network_is_no_training_set_and_counts_all_that_its_accounts_sent(
    case_path: Path, case: Case, traffic: Gathered, world: Path
) -> None:
    network = next(entry for entry in case.campaigns if entry.finding == "account_network")
    told = assess(case_path, network.id, traffic=traffic)
    log = pq.read_table(world / "traffic", columns=["account"])
    assert (
        sum(model.exchanges for model in told.models)
        == pc.sum(pc.is_in(log["account"], pa.array(network.accounts))).as_py()
    )
    assert told.beside == []
    assert any("attributes no exchanges" in lost for lost in told.missing)


def test_other_traffic_and_an_unknown_entry_are_told(
    case_path: Path, campaign: Entry, world: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="no entry `nobody`"):
        assess(case_path, "nobody")
    other = pq.read_table(world / "traffic").slice(0, 3).drop_columns(["exchange"])
    other = other.append_column("exchange", pa.array(["a", "b", "c"]))
    pq.write_table(other, tmp_path / "other.parquet")
    with pytest.raises(CaseError, match="no exchange of the campaign"):
        assess(case_path, campaign.id, traffic=ingest.gather([str(tmp_path / "other.parquet")], into=tmp_path / "into"))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("x", "not TOML"), ("currency = 3", "currency|str"), (PRICES.replace("input = 1.0", "inptu = 1.0"), "line 2"),
        (PRICES.replace("output = 20.0", "output = -1"), "line 6"),
        (PRICES.replace("demo-*", "demo-large"), "two prices"),
        (PRICES.replace("output = 20.0", 'output = "much"'), "line 6"), (PRICES.replace("20.0", "nan"), "from 0 on"),
    ],
)  # fmt: skip
def test_a_price_list_that_is_wrong_is_refused_by_its_line(tmp_path: Path, text: str, what: str) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(text)
    with pytest.raises(SettingsError) as told:
        prices.read(path)
    assert any(part in str(told.value) for part in what.split("|"))
    assert "prices.toml" in str(told.value)


def test_the_longest_name_that_fits_a_model_has_its_price(listed: prices.Prices) -> None:
    assert listed.of("demo-large").output == 20.0  # type: ignore[union-attr]
    assert listed.of("demo-mini").output == 10.0  # type: ignore[union-attr]
    assert listed.of("another") is None
