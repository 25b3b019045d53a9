"""Replay: the old day is decided by the code that decides live, and nobody outside a campaign is hit."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from stillwatch import ingest
from stillwatch.errors import BookError, SettingsError, UsageError
from stillwatch.ingest import Gathered
from stillwatch.model.answer import Asked
from stillwatch.model.case import Case, Entry
from stillwatch.model.grant import Grant
from stillwatch.remedy.policy import Policy, policy
from stillwatch.remedy.replay import asked_of, replay, rows_of
from stillwatch.settings import Settings, Watch
from stillwatch.store import key as keys
from stillwatch.store import licences, live
from stillwatch.store.book import Book, open_book
from stillwatch.store.live import State
from stillwatch.watch.export import export
from stillwatch.watch.orders import Plan, approve, plan, spare
from stillwatch.watch.room import Room

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def traffic(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Gathered:
    return ingest.gather([str(world / "traffic")], into=tmp_path_factory.mktemp("into"))


@pytest.fixture
def place(case_path: Path, tmp_path: Path) -> Path:
    export(case_path, tmp_path / "state", keys.find())
    return tmp_path / "state"


@pytest.fixture
def state(place: Path) -> State:
    found = live.read(place, keys.find())
    assert found is not None
    return found


@pytest.fixture
def book(place: Path) -> Book:
    return open_book(place)


def suspending(campaign: Entry, tmp_path: Path, more: str = "") -> Path:
    path = tmp_path / "policy.toml"
    path.write_text(f'[[order]]\nrung = "suspend"\ncampaign = "{campaign.id}"\nnewcomers = "harden"\n{more}')
    return path


def named(name: str | Path, book: Book, settings: Watch | None = None) -> Policy:
    return policy(str(name), book, settings or Watch(), NOW)


def test_what_would_differ_is_what_the_live_code_decides(
    traffic: Gathered, case: Case, campaign: Entry, book: Book, state: State, place: Path, tmp_path: Path, world: Path
) -> None:
    declared = ingest.read_accounts(world / "accounts.csv")
    out = tmp_path / "differing.jsonl"
    new, old = named(suspending(campaign, tmp_path), book), named("none", book)
    told = replay(traffic, new, old, book=book, state=state, key=keys.find(), declared=declared, out=out)
    assert told.exchanges == traffic.exchanges
    assert set(told.against.actions) == {"allow"}
    refused = {json.loads(line)["exchange"] for line in out.read_text().splitlines() if '"policy":"refuse"' in line}
    members = set(campaign.accounts)
    assert refused == {row["exchange"] for row in rows_of(traffic) if row["account"] in members}
    assert told.policy.actions["refuse"].accounts == len(members)
    assert told.policy.actions["refuse"].outside == 0
    assert told.differing == len(out.read_text().splitlines())
    assert sum(told.changes.values()) == told.differing
    assert 0 <= told.hit_anew_paying <= told.hit_anew
    room = Room(place, Settings(), enforce=True)
    made = plan(
        room.book,
        Plan(rung="suspend", campaign=campaign.id, reason="r", by="Ada", ends=NOW + timedelta(days=1)),
        state=state, key=room.key, now=NOW,
    )  # fmt: skip
    approve(room.book, made.id, by="Ada Example", why="", now=NOW)
    room.take(room.look())
    for row in list(rows_of(traffic))[:2000]:
        asked, _, _, _ = asked_of(row)
        if asked.account in members:
            assert room.watch.decide(asked).action == "refuse"


def test_nobody_outside_every_campaign_is_recognised_or_hit_though_answers_are_heard(
    traffic: Gathered, campaign: Entry, book: Book, state: State, tmp_path: Path
) -> None:
    new = named(suspending(campaign, tmp_path), book)
    told = replay(traffic, new, named("none", book), book=book, state=state, key=keys.find())
    for outcome in (told.policy, told.against):
        assert outcome.recognised == 0
        assert outcome.near > 0, "there is a crowd that carries a template, and it is left alone"
    assert all(count.outside == 0 for action, count in told.policy.actions.items() if action != "allow")


def test_a_planned_order_is_tried_before_anybody_approves_it(
    traffic: Gathered, campaign: Entry, book: Book, state: State
) -> None:
    asked = Plan(rung="harden", campaign=campaign.id, reason="r", by="Ada", ends=NOW + timedelta(days=1), delay_s=3600)
    made = plan(book, asked, state=state, key=keys.find(), now=NOW)
    told = replay(traffic, named(made.id, book), named("book", book), book=book, state=state, key=keys.find())
    assert told.policy.actions["harden"].accounts == len(campaign.accounts), "its delay is over"
    assert set(told.against.actions) == {"allow"}, "the book has approved nothing"
    assert book.order(made.id).step == "planned"


def test_grants_and_the_allowlist_beat_a_policy_and_caps_are_metered(
    traffic: Gathered, campaign: Entry, book: Book, state: State, tmp_path: Path
) -> None:
    one, other = campaign.accounts[:2]
    grant = Grant(
        id="g-1", holder="H", accounts=frozenset({one}), exchanges=5, starts=date(2020, 1, 1), ends=date(2100, 1, 1)
    )
    licences.issue(book, grant, by="Ada", why="contract", at=NOW)
    spare(book, other, by="Ada Example", why="ours", ends=NOW + timedelta(days=9), now=NOW)
    file = suspending(campaign, tmp_path, f'[[spare]]\naccount = "{other}"\n')
    told = replay(traffic, named(file, book), named("none", book), book=book, state=state, key=keys.find())
    assert told.policy.actions["refuse"].accounts == len(campaign.accounts) - 1
    assert told.policy.covered >= 5
    assert told.policy.actions["allow"].requests > 0


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("x = ", "not TOML"), ("[[ordr]]\n", "did you mean `order`"), ('[[order]]\nrnug = "slow"\n', "line 1"),
        ('[[order]]\nrung = "slow"\n', "needs somebody"), ('\n[[order]]\nrung = "sloow"\naccounts = ["a"]\n', "line 2"),
        ('[[order]]\nrung = "harden"\ncampaign = "c"\nnewcomers = "suspend"\n', "nothing harder"),
        ('[[order]]\nrung = "slow"\naccounts = ["a"]\nnewcomers = "slow"\n', "join a campaign"),
        ('[[order]]\nrung = "harden"\naccounts = ["a"]\ntransforms = ["no_answers"]\n', "harden` does"),
        ("[watch]\nslow_per_mintue = 3\n", "did you mean `slow_per_minute`"), ('[watch]\nn_most = "x"\n', "line 1"),
        ("[[spare]]\n", "account"),
    ],
)  # fmt: skip
def test_a_policy_that_is_wrong_is_refused_by_its_line(book: Book, tmp_path: Path, text: str, what: str) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(text)
    with pytest.raises(SettingsError) as told:
        named(path, book)
    assert what in str(told.value)
    assert "policy.toml" in str(told.value)


def test_what_is_no_policy_is_told(book: Book) -> None:
    with pytest.raises(UsageError, match="is no policy"):
        named("nowhere.toml", book)
    with pytest.raises(BookError, match="no order"):
        named("o-00000000", book)


def test_settings_of_a_policy_change_what_they_name_alone(book: Book, tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text("[watch]\nslow_per_minute = 3\n")
    told = named(path, book, Watch(n_most=7)).settings
    assert (told.slow_per_minute, told.n_most) == (3.0, 7)
    assert Asked(account="a").account == "a"
