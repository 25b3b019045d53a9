"""Decisions from a real case: members, orders, grants, newcomers, shadow."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest
from tests.watch.conftest import Clock

from stillwatch.errors import CaseError
from stillwatch.model.answer import Asked, Rung
from stillwatch.model.case import Case, Entry
from stillwatch.model.grant import Grant
from stillwatch.settings import Settings, Watch
from stillwatch.store import key as keys
from stillwatch.store import licences, live
from stillwatch.watch.export import export
from stillwatch.watch.orders import Plan, approve, plan, snooze, spare, undo
from stillwatch.watch.room import Room

PERSON = "Ada Example"


def instant(clock: Clock) -> datetime:
    return datetime.fromtimestamp(clock.now, UTC)


def order(room: Room, clock: Clock, rung: Rung, **asked: object) -> str:
    """Plan and approve an order, and let the room see it."""
    given = {"reason": "seen in the hunt", "by": PERSON, "ends": instant(clock) + timedelta(days=7), **asked}
    made = plan(room.book, Plan(rung=rung, **given), state=room.watch.state, key=room.key, now=instant(clock))
    approve(room.book, made.id, by=PERSON, why="", now=instant(clock))
    room.take(room.look())
    return made.id


def traffic(world: Path) -> list[dict[str, object]]:
    return pq.read_table(world / "traffic").to_pylist()


def body(row: dict[str, object]) -> dict[str, object]:
    return {"model": row.get("model"), "system": row.get("system") or "", "messages": row["messages"]}


def asked(row: dict[str, object], account: str | None = None) -> Asked:
    return Asked(
        account=account or str(row["account"]), ip=str(row.get("ip") or ""), ja4=str(row.get("ja4") or ""),
        user_agent=str(row.get("user_agent") or ""), model=str(row.get("model") or ""), body=body(row),
    )  # fmt: skip


def test_without_an_order_everything_is_allowed_and_nothing_is_changed(room: Room, world: Path) -> None:
    for row in traffic(world)[:300]:
        decision = room.watch.decide(asked(row))
        assert (decision.action, decision.transforms) == ("allow", [])


def test_a_member_is_hardened_by_an_order_on_its_campaign_and_strangers_are_not(
    room: Room, clock: Clock, campaign: Entry, case_path: Path
) -> None:
    name = order(room, clock, "harden", campaign=campaign.id, case=case_path)
    decision = room.watch.decide(Asked(account=campaign.accounts[0]))
    assert decision.action == "harden"
    assert decision.order == name
    assert set(decision.transforms) == {"no_logprobs", "cap_n", "no_reasoning", "no_leak", f"tracer:{campaign.id}"}
    assert room.watch.decide(Asked(account="somebody-else")).action == "allow"


def test_in_shadow_nothing_is_enforced_and_what_would_have_been_is_told_and_counted(
    place: Path, clock: Clock, campaign: Entry
) -> None:
    shadow = Room(place, Settings(), clock=clock)
    name = order(shadow, clock, "suspend", accounts=tuple(campaign.accounts))
    decision = shadow.watch.decide(Asked(account=campaign.accounts[0]))
    assert decision.shadow
    assert decision.action == "allow"
    assert decision.would is not None
    assert decision.would.action == "refuse"
    assert shadow.watch.counts[name, "refuse"] == 1


def test_a_refused_party_gets_a_category_a_reference_and_no_two_the_same(room: Room, clock: Clock) -> None:
    name = order(room, clock, "suspend", accounts=("a", "b"))
    one, other = (room.watch.decide(Asked(account=account)) for account in "ab")
    assert one.action == other.action == "refuse"
    assert one.category
    assert one.reference is not None
    assert one.reference.startswith(name)
    assert one.reference != other.reference


def test_the_hardest_order_acts(room: Room, clock: Clock) -> None:
    order(room, clock, "observe", accounts=("a",))
    order(room, clock, "suspend", accounts=("a",))
    order(room, clock, "harden", accounts=("a",))
    assert room.watch.decide(Asked(account="a")).action == "refuse"


def test_the_allowlist_and_a_grant_beat_every_order(room: Room, clock: Clock) -> None:
    order(room, clock, "suspend", accounts=("spared", "licensed"))
    spare(
        room.book,
        "spared",
        by=PERSON,
        why="own test account",
        ends=instant(clock) + timedelta(days=1),
        now=instant(clock),
    )
    grant = Grant(
        id="g-1", holder="Example Robotics", accounts=frozenset({"licensed"}), models=frozenset({"demo-large"}),
        exchanges=2, starts=date(2026, 1, 1), ends=date(2027, 1, 1),
    )  # fmt: skip
    licences.issue(room.book, grant, by=PERSON, why="contract", at=instant(clock))
    room.take(room.look())
    licensed = Asked(account="licensed", model="demo-large")
    assert room.watch.decide(Asked(account="spared")).action == "allow"
    assert room.watch.decide(licensed).action == "allow"
    assert room.watch.decide(Asked(account="licensed", model="another")).action == "refuse"
    for n in range(2):
        room.deliver(licences.Delivered(grant="g-1", exchange=f"x{n}", leaf=bytes(32)))
    room.settle()
    assert room.take(room.look())
    assert room.watch.decide(licensed).action == "refuse", "the cap is used up"
    clock.now += 2 * 86_400
    assert room.watch.decide(Asked(account="spared")).action == "refuse", "the allowlist entry has ended"


def test_an_order_ends_rests_and_is_undone(room: Room, clock: Clock) -> None:
    name = order(room, clock, "suspend", accounts=("a",))
    snooze(room.book, name, until=instant(clock) + timedelta(hours=1), by=PERSON, why="appeal", now=instant(clock))
    room.take(room.look())
    assert room.watch.decide(Asked(account="a")).action == "allow"
    clock.now += 3601
    assert room.watch.decide(Asked(account="a")).action == "refuse"
    clock.now += 7 * 86_400
    assert room.watch.decide(Asked(account="a")).action == "allow", "it has ended, whether anybody looked or not"
    again = order(room, clock, "suspend", accounts=("a",))
    assert room.watch.decide(Asked(account="a")).action == "refuse"
    undo(room.book, again, by=PERSON, why="the appeal was right", now=instant(clock))
    room.take(room.look())
    assert room.watch.decide(Asked(account="a")).action == "allow"


def test_slow_lets_some_through_and_tells_the_rest_when_to_come_back(room: Room, clock: Clock) -> None:
    order(room, clock, "slow", accounts=("a",))
    told = [room.watch.decide(Asked(account="a")) for _ in range(10)]
    assert [one.action for one in told] == ["allow"] * 3 + ["slow"] * 7
    assert told[-1].retry_after_s >= 1
    clock.now += told[-1].retry_after_s
    assert room.watch.decide(Asked(account="a")).action == "allow"


def test_a_challenge_without_a_step_up_comes_once_an_hour(room: Room, clock: Clock) -> None:
    order(room, clock, "challenge", accounts=("a",))
    assert [room.watch.decide(Asked(account="a")).action for _ in range(3)] == ["challenge", "allow", "allow"]
    clock.now += 3600
    assert room.watch.decide(Asked(account="a")).action == "challenge"


def test_a_random_delay_begins_for_each_account_at_its_own_time_and_within_bounds(room: Room, clock: Clock) -> None:
    names = tuple(f"a{n}" for n in range(40))
    order(room, clock, "suspend", accounts=names, delay_s=3600)

    def hit() -> int:
        return sum(room.watch.decide(Asked(account=name)).action == "refuse" for name in names)

    assert hit() == 0
    clock.now += 1800
    assert 0 < hit() < len(names)
    clock.now += 1800
    assert hit() == len(names)


def test_newcomers_of_a_campaign_are_recognised_and_met_with_its_ceiling(
    room: Room, clock: Clock, campaign: Entry, case: Case, world: Path, case_path: Path
) -> None:
    order(room, clock, "suspend", campaign=campaign.id, case=case_path, newcomers="harden")
    members = set(campaign.accounts)
    stream = [row for row in traffic(world) if row["account"] in members]
    carried = [row for row in stream if room.watch.families(texts_of(row))]
    assert len(carried) >= 0.9 * campaign.exchanges, "the live kernels know what the hunt knew"
    streams = {member: [row for row in carried if row["account"] == member] for member in sorted(members)}
    met = {
        member: [room.watch.decide(asked(row, f"fresh-{member}")).action for row in rows]
        for member, rows in streams.items()
    }
    recognised = [member for member, actions in met.items() if "harden" in actions]
    assert len(recognised) >= len(met) / 2, f"{len(recognised)} of {len(met)} within their first tens of requests"
    assert not any("refuse" in actions for actions in met.values()), "never refused on sight"


def texts_of(row: dict[str, object]) -> object:
    from stillwatch.watch.texts import texts

    return texts(body(row))


def test_nobody_else_is_taken_for_a_newcomer(room: Room, clock: Clock, case: Case, world: Path) -> None:
    guilty = {account for entry in case.campaigns for account in entry.accounts}
    taken = {
        row["account"]
        for row in traffic(world)
        if row["account"] not in guilty and any("recognised" in why for why in room.watch.decide(asked(row)).because)
    }
    assert not taken


def test_a_new_state_is_taken_without_a_gap_and_a_damaged_one_is_not(
    room: Room, place: Path, clock: Clock, case_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = room.watch.state
    export(case_path, place, keys.find())
    assert room.take(room.look())
    assert room.watch.state is not before
    held = room.watch.state
    pointer = msgspec.json.decode((place / live.POINTER).read_bytes())
    (place / live.POINTER).write_bytes(msgspec.json.encode({**pointer, "folder": "live-gone"}))
    assert not room.take(room.look())
    assert room.watch.state is held
    assert "what was there before goes on" in capsys.readouterr().err
    order(room, clock, "suspend", accounts=("meanwhile",))
    assert room.watch.decide(Asked(account="meanwhile")).action == "refuse", "a damaged state holds back no order"
    assert room.watch.state is held
    assert room.trouble


def test_a_state_that_cannot_be_read_at_the_start_stops_nothing_unless_that_was_chosen(
    place: Path, case_path: Path, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    first = Room(place, Settings(), enforce=True, clock=clock)
    order(first, clock, "suspend", accounts=("a",))
    first.close()
    pointer = msgspec.json.decode((place / live.POINTER).read_bytes())
    (place / live.POINTER).write_bytes(msgspec.json.encode({**pointer, "folder": "live-gone"}))
    with pytest.raises(CaseError, match="damaged"):
        Room(place, Settings(watch=Watch(fail_closed=True)), enforce=True, clock=clock)
    again = Room(place, Settings(), enforce=True, clock=clock)
    assert again.trouble
    assert "no campaign and no newcomer is known" in capsys.readouterr().err
    assert again.watch.decide(Asked(account="a")).action == "refuse", "orders act all the same"
    order(again, clock, "suspend", accounts=("c",))
    assert again.watch.decide(Asked(account="c")).action == "refuse", "new ones too"
    assert again.trouble, "it is told as long as it lasts"
    assert again.watch.decide(Asked(account="b")).action == "allow"
    export(case_path, place, keys.find())
    assert again.take(again.look())
    assert again.watch.state is not None
    assert not again.trouble


def test_a_state_of_another_key_is_refused(place: Path, tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="another key"):
        live.read(place, keys.find(str(tmp_path / "other-key")))


def test_the_hardest_ceiling_in_force_meets_newcomers_and_one_that_rests_hides_no_other(
    room: Room, clock: Clock, campaign: Entry, case_path: Path
) -> None:
    mild = order(room, clock, "suspend", campaign=campaign.id, case=case_path, newcomers="slow")
    hard = order(room, clock, "suspend", campaign=campaign.id, case=case_path, newcomers="harden")
    assert [one.id for one in room.watch.standing.joined[campaign.id]] == [hard, mild]
    newcomers = room.watch.newcomers
    assert newcomers is not None
    newcomers.see("fresh", [], [], [0])
    held = newcomers.held("fresh")
    assert held is not None
    held.campaign = campaign.id

    def action() -> str:
        return room.watch.decide(Asked(account="fresh", body={"messages": [{"role": "user", "content": "x"}]})).action

    assert action() == "harden"
    snooze(room.book, hard, until=instant(clock) + timedelta(hours=1), by=PERSON, why="appeal", now=instant(clock))
    room.take(room.look())
    assert {action() for _ in range(9)} == {"allow", "slow"}
