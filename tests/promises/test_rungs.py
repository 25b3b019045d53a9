"""What every rung of the ladder promises, the moment its file exists."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stillwatch import rooms
from stillwatch.model.answer import LADDER, NEWCOMERS_MOST, Asked, rank
from stillwatch.settings import Settings
from stillwatch.watch.orders import Plan, approve, plan, undo
from stillwatch.watch.room import Room

NOW = datetime.now(UTC)


def test_the_ladder_and_the_room_hold_the_same_rungs() -> None:
    assert sorted(LADDER) == rooms.names("act")


@pytest.mark.parametrize("rung", LADDER)
def test_a_rung_acts_when_it_is_approved_and_no_longer_when_it_is_undone(rung: str, tmp_path: Path) -> None:
    room = Room(tmp_path, Settings(), enforce=True)
    member = rooms.member("act", rung)
    asked = Plan(rung=rung, accounts=("a",), reason="seen", by="Ada Example", ends=NOW + timedelta(days=1))  # type: ignore[arg-type]
    order = plan(room.book, asked, state=None, key=room.key, now=NOW)

    def actions(account: str = "a") -> set[str]:
        room.take(room.look())
        return {room.watch.decide(Asked(account=account)).action for _ in range(9)}

    assert actions() == {"allow"}, "a plan does nothing"
    approve(room.book, order.id, by="Ada Example", why="", now=NOW)
    assert member.ACTION in actions()
    assert actions("b") == {"allow"}, "nobody else is touched"
    undo(room.book, order.id, by="Ada Example", why="it was wrong", now=NOW)
    assert actions() == {"allow"}, "undone is as if it had not been"


@pytest.mark.parametrize("rung", LADDER)
def test_what_touches_an_account_needs_a_person_and_says_what_it_does_everywhere(rung: str) -> None:
    member = rooms.member("act", rung)
    assert (member.ACTION != "allow") == member.NEEDS_PERSON
    assert all((member.PROXY, member.PLUGIN, member.NGINX))
    if rank(rung) > rank(NEWCOMERS_MOST):  # type: ignore[arg-type]
        assert member.ACTION == "refuse"
