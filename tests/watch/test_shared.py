"""Replicas that share through a real Redis, which is killed, emptied and written to by somebody else."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest
from tests.redis_server import BINARY, RedisServer
from tests.watch.conftest import Clock

from stillwatch.model.answer import Asked, Order
from stillwatch.model.case import Entry
from stillwatch.model.grant import Grant
from stillwatch.model.playbook import Playbook, Step
from stillwatch.remedy import appeals as appealing
from stillwatch.settings import Settings, Shared, Watch
from stillwatch.store import appeals, licences, runs, tokens
from stillwatch.store import key as keys
from stillwatch.store.licences import Delivered
from stillwatch.store.seal import Seal
from stillwatch.watch.orders import Plan, approve, plan, snooze, spare, undo
from stillwatch.watch.room import Room
from stillwatch.watch.shared import Shared as Link

pytestmark = pytest.mark.skipif(BINARY is None, reason="no redis-server is installed: apt-get install redis-server")


@pytest.fixture(params=[False, True], ids=["forgetful", "persistent"])
def redis(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RedisServer]:
    (tmp_path / "redis").mkdir()
    server = RedisServer(tmp_path / "redis", persist=request.param)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def replica(redis: RedisServer, place: Path, tmp_path: Path, clock: Clock) -> Callable[..., Room]:
    """Make replicas on machines of their own: the same state and key, and each its own book."""

    def make(name: str, **watch: Any) -> Room:
        folder = tmp_path / name
        if not folder.exists():
            shutil.copytree(place, folder)
        settings = Settings(watch=Watch(**watch), shared=Shared(redis=redis.url, timeout_ms=2000))
        return Room(folder, settings, enforce=True, clock=clock)

    return make


def link(room: Room) -> Link:
    assert room.shared is not None
    return room.shared


def together(*rooms: Room, then: Callable[[], Awaitable[None]] | None = None, turns: int = 4) -> None:
    """Let replicas take turns, on one loop."""

    async def all_turns() -> None:
        for _ in range(turns):
            for room in rooms:
                await link(room).attempt()
        if then is not None:
            await then()
        for room in rooms:
            await link(room).close()

    asyncio.run(all_turns())
    for room in rooms:
        room.take(room.look())


def order(room: Room, clock: Clock, **asked: Any) -> Order:
    now = datetime.fromtimestamp(clock(), UTC)
    given = {"rung": "suspend", "reason": "found", "by": "Ada Example", "ends": now + timedelta(days=1), **asked}
    made = plan(room.book, Plan(**given), state=room.watch.state, key=room.key, now=now)
    return approve(room.book, made.id, by="Ada Example", why="", now=now)


def told(room: Room, account: str) -> str:
    return room.watch.decide(Asked(account=account)).action


def newcomers_requests(world: Path, case_path: Path, campaign: Entry) -> list[Asked]:
    """The traffic of one member of a campaign, under a name that nobody knows."""
    rows = pq.read_table(case_path / "exchanges.parquet", filters=[("campaign", "=", campaign.id)]).to_pylist()
    account = rows[0]["account"]
    traffic = pq.read_table(world / "traffic", filters=[("account", "=", account)]).to_pylist()
    return [
        Asked(
            account="stranger", ip=row["ip"] or "", user_agent=row["user_agent"] or "",
            body={"system": row.get("system") or "", "messages": row["messages"]},
        )
        for row in traffic
    ]  # fmt: skip


def counted(room: Room) -> list[tuple[int, int, int]]:
    newcomers = room.watch._newcomers
    assert newcomers is not None
    held = newcomers._held.get("stranger")
    if held is None:
        return []
    return sorted((number, one.requests, one.hits) for number, one in held.against.items())


def test_what_one_replica_counts_all_know_and_nobody_counts_it_twice(
    replica: Callable[..., Room], world: Path, case_path: Path, campaign: Entry, clock: Clock
) -> None:
    one, two, alone = replica("one"), replica("two"), replica("alone")
    asked = newcomers_requests(world, case_path, campaign)[:30]
    for place, request in enumerate(asked):
        (one if place % 2 else two).watch.decide(request)
        alone.watch.decide(request)
        together(one, two, turns=3)
    assert counted(one) == counted(two) == counted(alone) != []
    three = replica("three")
    together(one, two, three)
    assert counted(three) == counted(alone), "whoever starts later catches up"
    assert counted(one) == counted(alone)


def test_orders_allowlist_grants_and_tokens_reach_every_book_once(replica: Callable[..., Room], clock: Clock) -> None:
    one, two = replica("one"), replica("two")
    now = datetime.fromtimestamp(clock(), UTC)
    made = order(one, clock, accounts=("acct-1",))
    spare(two.book, "acct-2", by="Bo Example", why="known", ends=now + timedelta(days=3), now=now)
    grant = Grant(
        id="g-1", holder="Example Robotics", accounts=["acct-3"], models=[], families=[], exchanges=10,
        starts=now.date(), ends=now.date() + timedelta(days=30),
    )  # fmt: skip
    licences.issue(one.book, grant, by="Ada Example", why="", at=now)
    _, token = tokens.make(two.book, owner="gateway", scopes=["decide"], ends=now + timedelta(days=1), now=now)
    together(one, two)
    for room in (one, two):
        assert told(room, "acct-1") == "refuse"
        assert "acct-2" in room.watch.standing.spared
        assert "acct-3" in room.watch.standing.grants
        assert room.doors.who(token, clock()) is not None
    assert one.book.record(made.id)[0].at == two.book.record(made.id)[0].at
    assert [(n.did, n.by) for n in one.book.record(made.id)] == [(n.did, n.by) for n in two.book.record(made.id)]
    undo(two.book, made.id, by="Bo Example", why="appeal upheld", now=now + timedelta(minutes=1))
    two.book.unspare("acct-2", by="Bo Example", why="over", at=now + timedelta(minutes=1))
    licences.revoke(one.book, "g-1", by="Ada Example", why="", at=now + timedelta(minutes=1))
    tokens.revoke(one.book, token.split("_")[1], by="Ada Example", now=now + timedelta(minutes=1))
    together(one, two)
    for room in (one, two):
        assert told(room, "acct-1") == "allow"
        assert "acct-2" not in room.watch.standing.spared
        assert "acct-3" not in room.watch.standing.grants
        assert room.doors.who(token, clock()) is None
        assert [n.did for n in room.book.record(made.id)].count("undone") == 1


def test_what_two_people_do_at_once_comes_out_the_same_everywhere(replica: Callable[..., Room], clock: Clock) -> None:
    one, two = replica("one"), replica("two")
    made = order(one, clock, accounts=("acct-1",))
    together(one, two)
    now = datetime.fromtimestamp(clock(), UTC)
    snooze(one.book, made.id, by="Ada Example", why="", until=now + timedelta(hours=1), now=now)
    undo(two.book, made.id, by="Bo Example", why="a mistake", now=now - timedelta(minutes=5))
    together(one, two)
    assert one.book.order(made.id) == two.book.order(made.id)
    assert one.book.order(made.id).step == "undone", "what cannot be taken back stands"
    assert {n.did for n in one.book.record(made.id)} == {n.did for n in two.book.record(made.id)}


def test_appeals_are_seen_everywhere_and_one_that_anybody_restored_is_restored(
    replica: Callable[..., Room], clock: Clock
) -> None:
    one, two = replica("one"), replica("two")
    now = datetime.fromtimestamp(clock(), UTC)
    made = order(one, clock, accounts=("acct-1", "acct-2"))
    together(one, two)
    quoted = one.watch.decide(Asked(account="acct-1")).reference
    opened = appealing.open_appeal(two.book, str(quoted), text="no", contact="", by="form", key=two.key, now=now)
    together(one, two)
    assert appeals.appeals(one.book) == appeals.appeals(two.book) == [opened]
    later = now + timedelta(minutes=1)
    for room, restore, by in ((one, True, "Bo Example"), (two, False, "Cleo Example")):
        appealing.decide(room.book, opened.id, restore=restore, whole=False, by=by, why="looked", now=later)
    together(one, two)
    assert appeals.appeals(one.book) == appeals.appeals(two.book)
    assert appeals.appeal(one.book, opened.id).step == "restored"
    for room in (one, two):
        assert (told(room, "acct-1"), told(room, "acct-2")) == ("allow", "refuse")
        lines = [note.did for note in room.book.record(f"appeal {opened.id}")]
        assert sorted(lines) == ["opened", "refused", "restored"], "both decisions stand on record"
    assert room.book.order(made.id).step == "approved"


def test_a_run_of_a_playbook_that_two_people_go_through_at_once_loses_no_step(
    replica: Callable[..., Room], clock: Clock
) -> None:
    one, two = replica("one"), replica("two")
    now = datetime.fromtimestamp(clock(), UTC)
    steps = [Step(id=name, stage="identify", title=name, task="look", before="now", undo="none") for name in "abc"]
    book = Playbook(name="ours", version=1, title="What we do", findings=["account_network"], steps=steps)
    made = runs.start(one.book, book, case="today", campaign="cam-1", by="Ada Example", why="", at=now)
    together(one, two)
    assert runs.runs(two.book) == [made]
    runs.mark(one.book, made.id, "a", "done", by="Ada Example", note="", at=now + timedelta(minutes=1))
    runs.mark(two.book, made.id, "b", "skipped", by="Bo Example", note="not here", at=now + timedelta(minutes=1))
    together(one, two)
    assert runs.runs(one.book) == runs.runs(two.book)
    assert {name: mark.state for name, mark in runs.run(one.book, made.id).marks.items()} == {
        "a": "done", "b": "skipped"
    }  # fmt: skip


def test_uses_of_a_grant_add_up_over_replicas(replica: Callable[..., Room], clock: Clock) -> None:
    one, two = replica("one"), replica("two")
    now = datetime.fromtimestamp(clock(), UTC)
    grant = Grant(
        id="g-1", holder="Example", accounts=["acct-3"], models=[], families=[], exchanges=5, starts=now.date(),
        ends=now.date() + timedelta(days=30),
    )  # fmt: skip
    licences.issue(one.book, grant, by="Ada Example", why="", at=now)
    together(one, two)
    for number in range(5):
        room = (one, two)[number % 2]
        room.deliver(Delivered(grant="g-1", exchange=f"e{number}", leaf=b"l" * 32))
        room.settle()
    together(one, two)
    together(one, two)
    assert licences.used(one.book) == licences.used(two.book) == {"g-1": 5}
    for room in (one, two):
        assert room.watch.covering(Asked(account="acct-3")) is None, "the cap holds for all replicas together"


def test_a_killed_redis_stops_nothing_and_loses_nothing(
    replica: Callable[..., Room], redis: RedisServer, world: Path, case_path: Path, campaign: Entry, clock: Clock
) -> None:
    one, two, alone = replica("one"), replica("two"), replica("alone")
    asked = newcomers_requests(world, case_path, campaign)[:30]

    def ask(part: list[Asked]) -> None:
        for place, request in enumerate(part):
            (one if place % 2 else two).watch.decide(request)
            alone.watch.decide(request)

    async def story() -> None:
        ask(asked[:10])
        await link(one).attempt()
        redis.kill()  # one has told, two has not heard
        ask(asked[10:20])
        assert not await link(one).attempt()
        assert not await link(two).attempt()
        made = order(two, clock, accounts=("acct-1",))
        assert two.take(two.look())
        assert told(two, "acct-1") == "refuse", "the replica goes on by itself"
        redis.start()
        ask(asked[20:])
        for _ in range(6):
            await link(one).attempt()
            await link(two).attempt()
        assert one.take(one.look())
        assert told(one, "acct-1") == "refuse"
        assert len(one.book.record(made.id)) == len(two.book.record(made.id))
        for room in (one, two):
            await link(room).close()

    asyncio.run(story())
    total = sum(requests for _, requests, _ in counted(alone))
    assert total > 0
    for room in (one, two):
        assert sum(hits for _, _, hits in counted(room)) == sum(hits for _, _, hits in counted(alone))
        assert link(room).counts["failures"] > 0
        assert link(room).connected
        assert link(room).once.missed == 0


def test_a_killed_replica_comes_back_with_what_it_had_told(
    replica: Callable[..., Room], world: Path, case_path: Path, campaign: Entry, clock: Clock, tmp_path: Path
) -> None:
    one, two = replica("one"), replica("two")
    made = order(one, clock, accounts=("acct-1",))
    for request in newcomers_requests(world, case_path, campaign)[:10]:
        one.watch.decide(request)
    together(one, two)
    shutil.rmtree(tmp_path / "one")  # killed, and its disk with it
    again = replica("one")
    together(two, again)
    assert counted(again) == counted(two) != []
    assert told(again, "acct-1") == "refuse"
    assert [n.did for n in again.book.record(made.id)] == ["planned", "approved"]
    back = replica("two")  # killed, and its disk not: its own batches come back to it once
    together(back, again)
    assert counted(back) == counted(again)


def test_a_slowed_account_gets_one_rate_from_all_replicas(replica: Callable[..., Room], clock: Clock) -> None:
    one, two = replica("one"), replica("two")
    order(one, clock, rung="slow", accounts=("acct-1",))
    together(one, two)
    passed = 0
    for _ in range(8):
        passed += sum(told(room, "acct-1") == "allow" for room in (one, two))
        together(one, two, turns=2)
    assert passed <= 4, "three at once are allowed; both may let one through before they have spoken"


def test_a_lost_redis_shares_out_the_rate_where_that_fails_closed(
    replica: Callable[..., Room], redis: RedisServer, clock: Clock
) -> None:
    one, two = replica("one", fail_closed=("slow",)), replica("two", fail_closed=("slow",))
    order(one, clock, rung="slow", accounts=("acct-1",))
    together(one, two)
    assert link(one).replicas == 2
    redis.kill()
    together(one, turns=1)
    waits = [one.watch.decide(Asked(account="acct-1")).retry_after_s for _ in range(6)]
    assert max(waits) > 10, "6 a minute are one in 10 s; of two replicas each allows half"


def test_what_others_write_into_redis_is_no_order(
    replica: Callable[..., Room], redis: RedisServer, clock: Clock, tmp_path: Path
) -> None:
    import redis as client

    one = replica("one")
    made = order(one, clock, accounts=("acct-1",))
    together(one)
    raw = client.Redis.from_url(redis.url)
    root = next(name for name in raw.scan_iter() if name.endswith(b":book")).removesuffix(b":book")
    values = list(raw.hgetall(root + b":book").values())
    assert values
    for name in raw.scan_iter():
        shown = b"".join(raw.hgetall(name).values()) if raw.type(name) == b"hash" else b""
        assert b"acct-1" not in shown
        assert made.id.encode() not in shown
    forged = Seal(keys.Key(b"x" * 32)).close(msgspec.msgpack.encode(["order", "o-1", b"{}", []]), b"a")
    raw.hset(root + b":book", b"a", b"9" * 26 + forged)
    raw.hset(root + b":book", b"b", values[0])  # a true value in another place
    raw.hincrby(root + b":turn", "book", 1)
    raw.xadd(root + b":heard", {"b": b"\x00" * 40})
    raw.xadd(root + b":heard", {"x": b"y"})
    two = replica("two")
    together(two)
    assert link(two).counts["forged"] >= 4
    assert [one.id for one in two.book.orders()] == [made.id]
    raw.flushall()
    together(one, two)
    assert raw.exists(root + b":book"), "who empties it sees it filled again"
    raw.close()
