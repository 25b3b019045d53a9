"""Returns: a campaign that is closed and comes back is seen to, and strangers are not."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from stillwatch import sim
from stillwatch.errors import CaseError
from stillwatch.hunt.read import Unheard
from stillwatch.hunt.request import Request
from stillwatch.hunt.run import run
from stillwatch.model.answer import Order
from stillwatch.remedy.returns import Suspended, median, suspensions, track
from stillwatch.store import cases

WORLD = """\
about = "One campaign that is closed and comes back, and a firm that moves its accounts."
days = 10
[[cast]]
actor = "ordinary"
accounts = 300
per_day = 2.0
[[cast]]
actor = "banned_and_back"
accounts = 60
per_day = 14
waves = 2
[[cast]]
actor = "moved_accounts"
accounts = 24
per_day = 5
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """The world, two hunts over it, and when its campaign was closed."""

    before: Path
    after: Path
    campaign: str
    at: datetime
    planted: set[str]
    moved: set[str]


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    folder = tmp_path_factory.mktemp("returns")
    (folder / "world.toml").write_text(WORLD)
    sim.make(str(folder / "world.toml"), seed=5, out=folder / "w")
    truth = json.loads((folder / "w" / "truth.json").read_text())
    planted = set(truth["campaigns"][0]["accounts"])
    with (folder / "w" / "accounts.csv").open() as file:
        closed = sorted(
            row["closed_at"] for row in csv.DictReader(file) if row["account"] in planted and row["closed_at"]
        )
    at = datetime.fromisoformat(closed[0]).astimezone(UTC)
    edge = int(at.timestamp() * 1000)
    one = Request(
        traffic=(str(folder / "w" / "traffic"),), case=folder / "before", accounts=folder / "w" / "accounts.csv",
        until=edge, threads=1,
    )  # fmt: skip
    case = run(one, Unheard())
    two = Request(
        traffic=one.traffic,
        case=folder / "after",
        accounts=one.accounts,
        since=edge,
        previous=folder / "before",
        threads=1,
    )
    run(two, Unheard())
    entry = next(entry for entry in case.campaigns if planted & set(entry.accounts))
    moved = {account for crowd in truth["crowds"] for account in crowd["accounts"]}
    return Ground(
        before=folder / "before", after=folder / "after", campaign=entry.id, at=at, planted=planted, moved=moved
    )


def test_a_campaign_that_was_closed_is_seen_to_come_back_in_new_accounts_and_in_no_strangers(ground: Ground) -> None:
    told = track([Suspended(campaign=ground.campaign, at=ground.at)], [ground.before, ground.after])
    (one,) = told.campaigns
    assert one.returned, "it is back"
    names = {account.account for account in one.returned}
    assert names <= ground.planted, "nobody else is named"
    assert not names & ground.moved
    old = set(cases.table(ground.before, cases.MEMBERS)["account"].to_pylist())
    assert not names & old, "only accounts that are new since"
    assert one.first_hours is not None
    assert 0 <= one.first_hours <= 72
    assert told.median_hours == one.first_hours
    assert any("infrastructure" in account.views or "family" in account.views for account in one.returned)
    assert one.before > 0 or one.before == -1.0
    assert one.after > 0 or one.after == -1.0, "a network attributes no exchanges"
    assert 0 <= one.echoes_expected <= one.new_accounts


def test_nothing_comes_back_before_it_was_suspended_or_in_the_same_hunt(ground: Ground) -> None:
    (one,) = track([Suspended(campaign=ground.campaign, at=ground.at)], [ground.before]).campaigns
    assert one.returned == []
    assert one.first_hours is None
    late = ground.at + timedelta(days=30)
    (two,) = track([Suspended(campaign=ground.campaign, at=late)], [ground.before, ground.after]).campaigns
    assert two.returned == []


def test_an_operation_that_nobody_knows_comes_back_as_nothing(ground: Ground) -> None:
    told = track([Suspended(campaign="cam-nobody", at=ground.at)], [ground.before, ground.after])
    assert told.campaigns[0].returned == []
    assert told.median_hours is None
    assert told.campaigns[0].echoes_expected == -1


def test_only_approved_suspensions_of_campaigns_count() -> None:
    made = datetime(2026, 6, 1, tzinfo=UTC)
    order = Order(id="o-1", rung="suspend", campaign="c", reason="r", planned_by="Ada", planned_at=made, ends=made)
    approved = msgspec.structs.replace(order, step="approved", approved_by="Ada", approved_at=made, members=["a"])
    harden = msgspec.structs.replace(approved, rung="harden")
    named = msgspec.structs.replace(approved, campaign=None, accounts=["b"])
    assert [one.accounts for one in suspensions([order, approved, harden, named])] == [frozenset({"a"})]


def test_cases_of_two_keys_are_not_compared(ground: Ground, tmp_path: Path) -> None:
    case = cases.read(ground.after)
    other = tmp_path / "other"
    other.mkdir()
    (other / cases.CASE).write_bytes(msgspec.json.encode(msgspec.structs.replace(case, key="another")))
    with pytest.raises(CaseError, match="different keys"):
        track([Suspended(campaign=ground.campaign, at=ground.at)], [ground.before, other])


@pytest.mark.parametrize(
    ("times", "wanted"),
    [
        ([], None), ([(None, 10.0)], None), ([(3.0, 10.0)], 3.0), ([(3.0, 10.0), (None, 2.0)], 3.0),
        ([(1.0, 9.0), (2.0, 9.0), (8.0, 9.0)], 2.0), ([(1.0, 9.0), (None, 9.0), (None, 9.0)], None),
    ],
)  # fmt: skip
def test_the_median_counts_those_that_are_not_back_for_as_long_as_they_were_watched(
    times: list[tuple[float | None, float]], wanted: float | None
) -> None:
    assert median(times) == wanted


def test_what_was_recognised_live_is_told_beside_what_hunts_found(ground: Ground) -> None:
    live = {ground.campaign: [ground.at + timedelta(hours=hours) for hours in (-5, 2, 30)]}
    (one,) = track([Suspended(campaign=ground.campaign, at=ground.at)], [ground.before], live).campaigns
    assert (one.live, one.live_hours) == (2, pytest.approx(2)), (
        "who was recognised before it was suspended is no return"
    )
