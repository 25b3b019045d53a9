"""Appeals: who may open one, who decides, and that restoration restores."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stillwatch.errors import BookError, UsageError
from stillwatch.model.answer import Asked
from stillwatch.remedy.appeals import decide, open_appeal
from stillwatch.settings import Settings
from stillwatch.store import appeals, tokens
from stillwatch.store.book import Book
from stillwatch.watch.orders import Plan, approve, plan, undo
from stillwatch.watch.room import Room

NOW = datetime.now(UTC)


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path / "state", Settings(), enforce=True)


def suspended(room: Room, *accounts: str, by: str = "Grace Example", planner: str = "Grace Example") -> str:
    asked = Plan(rung="suspend", accounts=accounts, reason="found", by=planner, ends=NOW + timedelta(days=9))
    made = plan(room.book, asked, state=None, key=room.key, now=NOW)
    approve(room.book, made.id, by=by, why="", now=NOW)
    room.take(room.look())
    return made.id


def quoted(room: Room, account: str) -> str:
    told = room.watch.decide(Asked(account=account))
    assert told.action == "refuse"
    return str(told.reference)


def opened(room: Room, account: str, now: datetime = NOW) -> str:
    made = open_appeal(
        room.book,
        quoted(room, account),
        text="We are a school.",
        contact="a@example.com",
        by="support",
        key=room.key,
        now=now,
    )
    assert made.account == account
    return made.id


def action(room: Room, account: str) -> str:
    room.take(room.look())
    return room.watch.decide(Asked(account=account)).action


def test_a_restored_account_is_served_again_and_the_others_are_not(room: Room) -> None:
    suspended(room, "a", "b")
    name = opened(room, "a")
    assert action(room, "a") == "refuse", "an appeal by itself opens nothing"
    told = decide(room.book, name, restore=True, whole=False, by="Ada Example", why="it is a school", now=NOW)
    assert (told.step, told.whole) == ("restored", False)
    assert action(room, "a") == "allow"
    assert action(room, "b") == "refuse"


def test_an_order_on_nobody_else_or_wrong_as_a_whole_is_undone(room: Room) -> None:
    alone, many = suspended(room, "a"), suspended(room, "b", "c")
    decide(room.book, opened(room, "a"), restore=True, whole=False, by="Ada Example", why="x", now=NOW)
    decide(room.book, opened(room, "b"), restore=True, whole=True, by="Ada Example", why="x", now=NOW)
    assert [room.book.order(name).step for name in (alone, many)] == ["undone", "undone"]
    assert [action(room, account) for account in "abc"] == ["allow"] * 3
    assert "appeal a-" in room.book.record(alone)[-1].why


def test_a_refused_appeal_changes_nothing_and_may_be_opened_again(room: Room) -> None:
    suspended(room, "a")
    name = opened(room, "a")
    with pytest.raises(BookError, match="open already"):
        opened(room, "a")
    decide(room.book, name, restore=False, whole=False, by="Ada Example", why="it is not", now=NOW)
    assert action(room, "a") == "refuse"
    with pytest.raises(BookError, match="refused already"):
        decide(room.book, name, restore=True, whole=False, by="Ada Example", why="x", now=NOW)
    assert opened(room, "a") != name


def test_whoever_approved_does_not_decide_where_somebody_else_can(room: Room) -> None:
    suspended(room, "a")
    name = opened(room, "a")
    decided = {"restore": False, "whole": False, "why": "no", "now": NOW}
    for nobody in ("", "system", "support"):
        with pytest.raises(UsageError, match="person"):
            decide(room.book, name, by=nobody, **decided)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="reason"):
        decide(room.book, name, by="Ada Example", restore=True, whole=False, why=" ", now=NOW)
    tokens.make(room.book, owner="Ada Example", scopes=["orders"], ends=NOW + timedelta(days=1), now=NOW)
    with pytest.raises(BookError, match="somebody else decides") as told:
        decide(room.book, name, by=" grace  EXAMPLE ", **decided)  # type: ignore[arg-type]
    assert "Ada Example" in str(told.value)
    decide(room.book, name, by="Ada Example", **decided)  # type: ignore[arg-type]


def test_where_there_is_nobody_else_the_approver_decides(room: Room) -> None:
    suspended(room, "a")
    decide(room.book, opened(room, "a"), restore=True, whole=False, by="Grace Example", why="my mistake", now=NOW)
    assert action(room, "a") == "allow"


@pytest.mark.parametrize("wrong", ["", "o-1", "o-00000000-00000000", "o-1f3c9a02-zzzzzzzz", "x" * 4000, "a-1; DROP"])
def test_a_reference_that_was_told_to_nobody_opens_nothing(room: Room, wrong: str) -> None:
    suspended(room, "a")
    with pytest.raises(UsageError):
        open_appeal(room.book, wrong, text="x", contact="", by="support", key=room.key, now=NOW)
    real = quoted(room, "a")
    forged = real[:-1] + ("0" if real[-1] != "0" else "1")
    with pytest.raises(UsageError, match="under this reference"):
        open_appeal(room.book, forged, text="x", contact="", by="support", key=room.key, now=NOW)
    assert appeals.appeals(room.book) == []


def test_an_order_that_is_over_is_restored_already(room: Room) -> None:
    order = suspended(room, "a")
    name = opened(room, "a")
    undo(room.book, order, by="Ada Example", why="x", now=NOW)
    assert decide(room.book, name, restore=True, whole=False, by="Ada Example", why="x", now=NOW).step == "restored"
    assert room.book.spared() == []


def test_figures_tell_how_long_parties_wait(room: Room, book: Book) -> None:
    suspended(room, "a", "b", "c")
    for hours, account in ((2, "a"), (6, "b"), (30, "c")):
        name = opened(room, account, NOW - timedelta(hours=hours))
        if account != "c":
            decide(room.book, name, restore=account == "a", whole=False, by="Ada Example", why="x", now=NOW)
    told = appeals.figures(appeals.appeals(room.book), NOW)
    assert (told.open, told.decided, told.restored) == (1, 2, 1)
    assert told.median_hours == pytest.approx(4)
    assert told.oldest_open_hours == pytest.approx(30)
    assert appeals.figures([], NOW).median_hours is None
