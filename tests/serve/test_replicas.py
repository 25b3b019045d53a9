"""Replicas as they run: servers that share through a real Redis, and processes that are killed."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.redis_server import BINARY, RedisServer
from tests.serve.conftest import serving

from stillwatch.serve.decisions import Decisions
from stillwatch.settings import Settings, Shared, Watch
from stillwatch.store import tokens
from stillwatch.store.book import open_book
from stillwatch.watch.orders import Plan, approve, plan
from stillwatch.watch.room import Room

pytestmark = pytest.mark.skipif(BINARY is None, reason="no redis-server is installed: apt-get install redis-server")
NOW = datetime.now(UTC)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.kill()


def ask(url: str, token: str, account: str = "") -> str:
    body = json.dumps({"account": account}).encode() if account else None
    request = urllib.request.Request(url, body, {"x-stillwatch-token": token})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return str(answer.read().decode())


def until(true: Callable[[], bool], what: str) -> None:
    for _ in range(1500):
        if true():
            return
        threading.Event().wait(0.02)
    raise AssertionError(what)


def suspend(room: Room, account: str) -> None:
    asked = Plan(rung="suspend", accounts=(account,), reason="found", by="Ada Example", ends=NOW + timedelta(days=1))
    made = plan(room.book, asked, state=None, key=room.key, now=NOW)
    approve(room.book, made.id, by="Ada Example", why="", now=NOW)


def test_two_servers_tell_each_other_and_outlive_their_redis(redis: RedisServer, tmp_path: Path) -> None:
    settings = Settings(watch=Watch(reload_s=0.05), shared=Shared(redis=redis.url, every_ms=50, timeout_ms=300))
    rooms = [Room(tmp_path / name, settings, enforce=True) for name in ("one", "two")]
    _, token = tokens.make(
        rooms[0].book, owner="gateway", scopes=["decide", "read"], ends=NOW + timedelta(days=1), now=NOW
    )
    with ExitStack() as stack:
        urls = [stack.enter_context(serving(Decisions(room))) for room in rooms]

        def metric(name: str) -> float:
            found = re.search(rf"^{re.escape(name)} (\S+)$", ask(f"{urls[0]}/metrics", token), re.MULTILINE)
            return float(found[1]) if found else -1.0

        def action(account: str, place: int) -> str:
            return str(json.loads(ask(f"{urls[place]}/v1/decide", token, account))["action"])

        suspend(rooms[0], "acct-1")
        until(lambda: rooms[1].doors.who(token, 0.0) is not None, "the token reached the other")
        until(lambda: action("acct-1", 1) == "refuse", "the order reached the other")
        until(lambda: metric("stillwatch_shared_connected") == 1, "the link is shown")
        redis.kill()
        until(lambda: metric("stillwatch_shared_connected") == 0, "the loss is shown")
        assert metric('stillwatch_shared_total{what="failures"}') >= 1
        suspend(rooms[0], "acct-2")
        until(lambda: action("acct-2", 0) == "refuse", "each goes on by itself")
        assert action("acct-2", 1) == "allow"
        assert action("acct-1", 1) == "refuse"
        redis.start()
        until(lambda: action("acct-2", 1) == "refuse", "what could not be told is told")


def test_a_redis_that_hangs_makes_no_request_wait(redis: RedisServer, tmp_path: Path) -> None:
    settings = Settings(watch=Watch(reload_s=0.05), shared=Shared(redis=redis.url, every_ms=50, timeout_ms=200))
    room = Room(tmp_path / "one", settings, enforce=True)
    _, token = tokens.make(room.book, owner="gateway", scopes=["decide"], ends=NOW + timedelta(days=1), now=NOW)
    assert room.shared is not None
    link = room.shared
    with serving(Decisions(room)) as url:
        until(lambda: link.connected and room.doors.who(token, 0.0) is not None, "it is there")
        assert redis.pid is not None
        os.kill(redis.pid, signal.SIGSTOP)
        try:
            until(lambda: not link.connected, "the loss is seen")
            for _ in range(20):
                assert json.loads(ask(f"{url}/v1/decide", token, "a"))["action"] == "allow"
        finally:
            os.kill(redis.pid, signal.SIGCONT)
        until(lambda: link.connected, "it is back")


def test_a_replica_that_is_killed_forgets_no_order_and_does_none_twice(redis: RedisServer, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    (tmp_path / "stillwatch.toml").write_text(
        f'[shared]\nredis = "{redis.url}"\nevery_ms = 50\n[watch]\nreload_s = 0.05\n'
    )

    def start() -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "stillwatch", "serve", "--enforce", "--store", "there", "--listen", f":{port}"],
            cwd=tmp_path, stderr=subprocess.DEVNULL,
        )  # fmt: skip

        def up() -> bool:
            assert process.poll() is None
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).close()
            except OSError:
                return False
            return True

        until(up, "the replica is up")
        return process

    settings = Settings(watch=Watch(reload_s=0.05), shared=Shared(redis=redis.url, every_ms=50))
    room = Room(tmp_path / "here", settings, enforce=True)
    _, token = tokens.make(room.book, owner="gateway", scopes=["decide"], ends=NOW + timedelta(days=1), now=NOW)

    def refused(account: str) -> bool:
        try:
            return '"refuse"' in ask(f"http://127.0.0.1:{port}/v1/decide", token, account)
        except OSError:
            return False

    with serving(Decisions(room)):
        process = start()
        try:
            suspend(room, "acct-1")
            until(lambda: refused("acct-1"), "the order arrived")
            process.kill()
            process.wait()
            suspend(room, "acct-2")
            process = start()
            until(lambda: refused("acct-1") and refused("acct-2"), "what was known is known, what was missed is told")
        finally:
            process.kill()
            process.wait()
    there = open_book(tmp_path / "there")
    for order in room.book.orders():
        assert [n.did for n in there.record(order.id)] == [n.did for n in room.book.record(order.id)]
