"""What a state directory keeps of somebody goes, byte for byte; what still acts is named and stays."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from stillwatch.model.answer import Asked
from stillwatch.model.grant import Grant
from stillwatch.remedy.appeals import decide, open_appeal
from stillwatch.settings import Settings
from stillwatch.store import counted, licences, outbox
from stillwatch.store.forget import Wanted
from stillwatch.store.forget_state import forget_state, is_state
from stillwatch.watch.export import export
from stillwatch.watch.orders import Plan, approve, plan, spare, undo
from stillwatch.watch.room import Room

NOW = datetime.now(UTC)
NAME = "acct-forget-me-0001"


@pytest.fixture
def room(hunted: Path, tmp_path: Path) -> Room:
    from stillwatch.store import key as keys

    export(hunted, tmp_path / "state", keys.find())
    return Room(tmp_path / "state", Settings(), enforce=True)


def ordered(room: Room, *accounts: str) -> str:
    asked = Plan(rung="suspend", accounts=accounts, reason=f"about {NAME}", by="Ada", ends=NOW + timedelta(days=9))
    made = plan(room.book, asked, state=None, key=room.key, now=NOW)
    approve(room.book, made.id, by="Ada Example", why="", now=NOW)
    room.take(room.look())
    return made.id


def anywhere(place: Path, name: str) -> list[str]:
    return [str(path) for path in place.rglob("*") if path.is_file() and name.encode() in path.read_bytes()]


def test_an_account_goes_from_every_file_and_others_stay(room: Room) -> None:
    outbox.add(room.book, "https://example.com", shape="generic", events=[], accounts=True, by="Ada", why="", at=NOW)
    name = ordered(room, NAME, "other")
    quoted = room.watch.decide(Asked(account=NAME)).reference
    made = open_appeal(room.book, str(quoted), text=f"I am {NAME}", contact="", by="support", key=room.key, now=NOW)
    decide(room.book, made.id, restore=False, whole=False, by="Grace Example", why=f"no, {NAME}", now=NOW)
    spare(room.book, NAME, by="Ada Example", why="ours", ends=NOW + timedelta(days=1), now=NOW)
    undo(room.book, name, by="Ada Example", why=f"{NAME} asked", now=NOW)
    assert anywhere(room.place, NAME)
    dry = forget_state(room.place, Wanted(accounts=frozenset({NAME})), room.key, dry_run=True)
    assert dry.anything
    assert anywhere(room.place, NAME), "a dry run erases nothing"
    told = forget_state(room.place, Wanted(accounts=frozenset({NAME})), room.key)
    assert told.rows == dry.rows
    assert told.left == []
    assert anywhere(room.place, NAME) == []
    assert room.book.order(name).accounts == ["other"]
    assert [note.did for note in room.book.record(name)] == ["planned", "approved", "undone"]
    assert not forget_state(room.place, Wanted(accounts=frozenset({NAME})), room.key).anything


def test_what_still_acts_is_named_and_stays(room: Room) -> None:
    name = ordered(room, NAME)
    grant = Grant(
        id="g-1", holder="H", accounts=frozenset({NAME}), starts=date(2020, 1, 1), ends=NOW.date() + timedelta(days=9)
    )
    licences.issue(room.book, grant, by="Ada", why="contract", at=NOW)
    told = forget_state(room.place, Wanted(accounts=frozenset({NAME})), room.key)
    assert len(told.left) == 2
    assert any(name in left for left in told.left)
    assert room.book.order(name).accounts == [NAME]
    assert licences.grants(room.book)[0].grant.accounts == {NAME}


def test_a_member_goes_from_the_live_state_and_from_the_counts_of_a_running_process(room: Room, hunted: Path) -> None:
    from stillwatch.store import cases

    member = cases.read(hunted).campaigns[0].accounts[0]
    assert room.watch.remembers(member)
    newcomers = room.watch.newcomers
    assert newcomers is not None
    newcomers.see("fresh", [0], [], [])
    room.settle()
    hashed = f"{room.key.account('fresh'):016x}".encode()
    assert anywhere(room.place, hashed.decode())
    told = forget_state(room.place, Wanted(accounts=frozenset({member, "fresh"})), room.key)
    assert told.rows["members"] >= 1
    assert told.rows["newcomers"] == 1
    assert len(list(room.place.glob("live-*"))) == 1, "the state before goes too"
    room.take(room.look())
    room.settle()
    room.settle()
    assert not room.watch.remembers(member)
    assert "fresh" not in newcomers
    assert counted.recognised(room.place) == {}


def test_an_account_outside_every_campaign_goes_from_the_live_state_too(room: Room, hunted: Path) -> None:
    from stillwatch.store import cases

    case = cases.read(hunted)
    guilty = {account for entry in case.campaigns for account in entry.accounts}
    stranger = next(name for name in cases.table(hunted, cases.MEMBERS)["account"].to_pylist() if name not in guilty)
    hashed = room.key.account(stranger)
    assert room.watch.state is not None
    before = room.watch.state.known
    assert hashed in before
    assert forget_state(room.place, Wanted(accounts=frozenset({stranger})), room.key).rows["members"] == 1
    room.take(room.look())
    assert hashed not in room.watch.state.known
    assert len(room.watch.state.known) == len(before) - 1 == len(room.watch.state.known_carried)


def test_what_is_over_before_a_time_goes(room: Room) -> None:
    old = ordered(room, "a")
    undo(room.book, old, by="Ada Example", why="x", now=NOW)
    kept = ordered(room, "b")
    for day in ("2026-01-01", "2026-03-01"):
        folder = room.place / "inbox" / "litellm" / f"day={day}"
        folder.mkdir(parents=True)
        (folder / "x.jsonl").write_text("{}\n")
    told = forget_state(room.place, Wanted(before=NOW + timedelta(days=30)), room.key)
    assert told.rows["orders"] == 1
    assert told.rows["inbox"] == 2
    assert [order.id for order in room.book.orders()] == [kept]
    assert room.book.record(old) == []


def test_a_case_is_no_state_directory(hunted: Path, room: Room) -> None:
    assert not is_state(hunted)
    assert is_state(room.place)
