"""What was counted of newcomers outlives a restart, a kill and a new state, and is never counted twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
from tests.watch.conftest import Clock
from tests.watch.test_live import asked, order

from stillwatch.model.answer import Asked
from stillwatch.model.case import Entry
from stillwatch.settings import Settings
from stillwatch.store import counted
from stillwatch.store import key as keys
from stillwatch.watch.export import export
from stillwatch.watch.keeping import packed, unpacked
from stillwatch.watch.room import Room


def stream(world: Path, campaign: Entry) -> list[Asked]:
    """The requests of one member under a new name, those that carry the campaign's templates first seen."""
    rows = pq.read_table(world / "traffic").to_pylist()
    member = max(campaign.accounts, key=lambda name: sum(row["account"] == name for row in rows))
    return [asked(row, "fresh") for row in rows if row["account"] == member]


def counts(room: Room, account: str = "fresh") -> object:
    assert room.watch.newcomers is not None
    held = room.watch.newcomers.held(account)
    return None if held is None else packed(held)


def test_counts_go_on_after_a_restart(room: Room, place: Path, clock: Clock, world: Path, campaign: Entry) -> None:
    requests = stream(world, campaign)
    for one in requests[:4]:
        room.watch.decide(one)
    assert counts(room) is not None
    room.settle()
    room.close()
    again = Room(place, Settings(), enforce=True, clock=clock)
    whole = Room(place.parent / "whole", Settings(), enforce=True, clock=clock)
    export_to(whole, place)
    for one in requests[4:9]:
        again.watch.decide(one)
    for one in requests[:9]:
        whole.watch.decide(one)
    assert counts(again) == counts(whole), "as if nothing had been restarted"


def export_to(room: Room, place: Path) -> None:
    """Let a room of its own decide by the state of another place."""
    from stillwatch.store import live

    state = live.read(place, room.key)
    room.watch.renew(state, room.watch.standing)


def test_counts_go_on_with_a_new_state(
    room: Room, place: Path, clock: Clock, world: Path, campaign: Entry, case_path: Path
) -> None:
    order(room, clock, "suspend", campaign=campaign.id, case=case_path, newcomers="harden")
    requests = stream(world, campaign)
    for one in requests[:3]:
        room.watch.decide(one)
    before = counts(room)
    export(case_path, place, keys.find())
    assert room.take(room.look())
    assert counts(room) == before
    actions = [room.watch.decide(one).action for one in requests[3:60]]
    assert "harden" in actions
    assert "refuse" not in actions


def test_who_was_recognised_and_when_is_told_for_returns(
    room: Room, place: Path, clock: Clock, world: Path, campaign: Entry
) -> None:
    for one in stream(world, campaign):
        clock.now += 60
        room.watch.decide(one)
    room.settle()
    told = counted.recognised(place)
    assert sum(len(times) for times in told.values()) == 1
    assert 1_780_000_000 < next(iter(told.values()))[0] <= clock.now


def test_two_processes_of_one_machine_keep_their_own_counts(room: Room, place: Path, clock: Clock) -> None:
    other = Room(place, Settings(), enforce=True, clock=clock)
    assert room.keeping._store.slot != other.keeping._store.slot
    for each in (room, other):
        assert each.watch.newcomers is not None
        each.watch.newcomers.see("fresh", [0], [], [])
        each.settle()
    assert counts(room) == counts(other), "each counted its own request once"
    slot = other.keeping._store.slot
    other.close()
    third = Room(place, Settings(), enforce=True, clock=clock)
    assert third.keeping._store.slot == slot, "who comes after takes up where it was left"


def test_what_is_packed_comes_back_as_it_was(room: Room, world: Path, campaign: Entry) -> None:
    for one in stream(world, campaign)[:20]:
        room.watch.decide(one)
    assert room.watch.newcomers is not None
    held = room.watch.newcomers.held("fresh")
    assert held is not None
    assert packed(unpacked(packed(held))) == packed(held)


def test_no_name_and_no_bare_address_is_kept(room: Room, place: Path, world: Path, campaign: Entry) -> None:
    from stillwatch.sketch.network import address

    requests = stream(world, campaign)
    stranger = Asked(account="fresh", ip="240.9.9.9", body=requests[0].body)
    for one in [*requests[:20], stranger]:
        room.watch.decide(one)
    room.settle()
    room.close()
    raw = b"".join(path.read_bytes() for path in place.glob("counted.db*"))
    assert b"fresh" not in raw
    assert b"240.9.9.9" not in raw
    kept = counted._everything(place)
    bare = {hashed for one in requests[:20] for hashed in address(one.ip)} | set(address("240.9.9.9"))
    assert not any(value in bare for _, body in kept for value in body.seen)


PROCESS = """
import sys, time
from pathlib import Path
from stillwatch.settings import Settings
from stillwatch.watch.room import Room
room = Room(Path(sys.argv[1]), Settings(), enforce=True)
n = 0
while True:
    n += 1
    room.watch.newcomers.see(f"a{n}", [0], [], [])
    room.settled(room.put())
    room.put()
    print(n, flush=True)
"""


def test_kill_9_loses_only_what_was_not_written_yet(place: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", PROCESS, str(place)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    told = [int(process.stdout.readline()) for _ in range(30)][-1]
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    time.sleep(0)
    room = Room(place, Settings(), enforce=True)
    assert room.watch.newcomers is not None
    for n in range(1, told + 1):
        room.watch.newcomers.see(f"a{n}", [], [], [])
        held = room.watch.newcomers.held(f"a{n}")
        assert held is not None, n
        assert [one.requests for one in held.against.values()] == [2]
