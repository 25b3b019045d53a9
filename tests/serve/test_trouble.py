"""What goes wrong around a proxy: clients, upstreams, bodies, headers, disks and clocks."""

from __future__ import annotations

import gc
import json
import resource
import socket
import threading
import weakref
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from tests.serve.conftest import SETTINGS, Bench, Call, Upstream, benched
from tests.serve.test_proxy import CHAT, SECRET, account, answering, raw

from stillwatch.errors import BookError
from stillwatch.model.answer import Asked
from stillwatch.serve import middleware, proxy
from stillwatch.serve.answering import Answering
from stillwatch.settings import Ingest, Proxy, Settings, Watch
from stillwatch.store import tokens
from stillwatch.store.licences import Delivered
from stillwatch.watch.orders import Plan, approve, plan
from stillwatch.watch.room import Room

LAX = Settings(
    watch=msgspec.structs.replace(SETTINGS.watch, max_body_mib=1),
    proxy=Proxy(oversized="pass", malformed="refuse", stall_s=0.5, connect_s=1.0),
)


@pytest.fixture(scope="module", params=[False, True], ids=["proxy", "middleware"])
def lax(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with benched(tmp_path_factory.mktemp("lax"), Upstream(), inside=request.param, settings=LAX) as one:
        yield one


# -- bodies


def test_an_oversized_body_is_refused_in_the_dialect(bench: Bench) -> None:
    calls = len(bench.upstream.calls)
    body = b"x" * (33 << 20)
    try:
        status, _, told = raw(bench.url, "POST", "/v1/messages", body)
    except (BrokenPipeError, ConnectionResetError):
        status, told = 413, b'{"type": "error"}'  # answered and closed before all was sent
    assert status == 413
    assert json.loads(told)["type"] == "error"
    assert len(bench.upstream.calls) == calls


def test_an_oversized_body_passes_where_the_operator_chose_so(lax: Bench) -> None:
    lax.upstream.script = answering(json.dumps(CHAT).encode())
    body = bytes(range(256)) * (3 << 12)
    status, _, _ = raw(lax.url, "POST", "/v1/chat/completions", body)
    assert status == 200
    assert lax.upstream.calls[-1].body == body
    assert lax.upstream.calls[-1].header("content-length") == str(len(body))
    lax.order("suspend", account("sk-large"))
    assert raw(lax.url, "POST", "/v1/files", body, authorization="Bearer sk-large")[0] == 403
    lax.order("harden", account("sk-hard"))
    _, _, told = raw(lax.url, "POST", "/v1/chat/completions", body, authorization="Bearer sk-hard")
    assert SECRET.encode() not in told


@pytest.mark.parametrize("sent", [b"{", b"[]", b"\xff", b"3", b'{"a":' * 20_000])
def test_a_malformed_body_is_refused_where_the_operator_chose_so(lax: Bench, sent: bytes) -> None:
    calls = len(lax.upstream.calls)
    status, _, told = raw(lax.url, "POST", "/v1/messages", sent)
    assert (status, json.loads(told)["error"]["type"]) == (400, "invalid_request_error")
    assert len(lax.upstream.calls) == calls


def test_unknown_fields_of_a_dialect_reach_the_upstream_hardened_or_not(bench: Bench) -> None:
    bench.upstream.script = answering(b'{"choices": []}')
    bench.order("harden", account("sk-fields"))
    asked = {"messages": [], "novel": {"deep": [1, None, "é"]}, "n": 1, "x" * 300: True}
    for key in ("sk-1", "sk-fields"):
        raw(bench.url, "POST", "/v1/chat/completions", json.dumps(asked).encode(), authorization=f"Bearer {key}")
        assert json.loads(bench.upstream.calls[-1].body) == asked


def test_files_and_results_of_batches_are_hardened_and_other_files_are_not_touched(bench: Bench) -> None:
    bench.order("harden", account("sk-batch"))
    line = json.dumps({"custom_id": "1", "response": {"status_code": 200, "body": CHAT}}).encode()

    async def results(call: Call) -> None:
        await call.whole(line + b"\n" + line, 200, "application/octet-stream")

    bench.upstream.script = results
    _, _, told = raw(bench.url, "GET", "/v1/files/f-1/content", authorization="Bearer sk-batch")
    assert SECRET.encode() not in told
    assert len(told.splitlines()) == 2
    picture = b"\x89PNG\r\n\x1a\n" + bytes(range(256))

    async def file(call: Call) -> None:
        await call.whole(picture, 200, "application/octet-stream")

    bench.upstream.script = file
    assert raw(bench.url, "GET", "/v1/files/f-2/content", authorization="Bearer sk-batch")[2] == picture


def test_an_error_that_cannot_be_read_is_told_by_its_status_alone(bench: Bench) -> None:
    bench.order("harden", account("sk-error"))

    async def broken(call: Call) -> None:
        await call.whole(SECRET.encode(), 503, "text/html")

    bench.upstream.script = broken
    status, _, told = raw(bench.url, "POST", "/v1/chat/completions", b"{}", authorization="Bearer sk-error")
    assert status == 503
    assert SECRET.encode() not in told


# -- upstreams


def test_an_upstream_that_stalls_is_given_up(tmp_path: Path) -> None:
    async def stalls(call: Call) -> None:
        await call.begin(200, "text/event-stream")
        await call.write(b"data: {}\n\n")
        await call.gone()

    async def silent(call: Call) -> None:
        await call.gone()

    with benched(tmp_path, Upstream(), inside=False, settings=LAX) as lax:
        lax.upstream.script = silent
        assert raw(lax.url, "POST", "/v1/messages", b"{}")[0] == 504
        lax.upstream.script = stalls
        told = sent_raw(lax.url, b"POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}")
    assert b"data: {}" in told
    assert not told.endswith(b"0\r\n\r\n"), "it may not look complete"


def test_a_429_of_the_upstream_reaches_a_hardened_client_with_its_time(bench: Bench) -> None:
    bench.order("harden", account("sk-busy"))

    async def busy(call: Call) -> None:
        await call.whole(b'{"error": {"message": "slow down", "type": "rate_limit_error"}}', 429, retry_after="7")

    bench.upstream.script = busy
    status, headers, told = raw(bench.url, "POST", "/v1/chat/completions", b"{}", authorization="Bearer sk-busy")
    assert (status, dict(headers)["retry-after"]) == (429, "7")
    assert json.loads(told)["error"]["message"] == "slow down"


# -- headers


def sent_raw(url: str, text: bytes) -> bytes:
    address = urlsplit(url)
    told = b""
    with socket.create_connection((address.hostname, address.port), 5) as client:
        client.sendall(text)
        client.settimeout(1.0)
        try:
            while piece := client.recv(4096):
                told += piece
        except (TimeoutError, ConnectionError):
            pass
    return told


@pytest.mark.parametrize(
    "head",
    [
        b"content-length: 2\r\ncontent-length: 44",
        b"content-length: 2\r\ntransfer-encoding: chunked",
        b"transfer-encoding: chunked\r\ntransfer-encoding: identity",
        b"transfer-encoding: xchunked",
        b"transfer-encoding : chunked",
        b"content-length: +2",
        b"content-length: 2\r\nconnection: content-length",
    ],
)
def test_no_request_is_smuggled_past_the_gate(bench: Bench, head: bytes) -> None:
    bench.upstream.script = answering(b"{}")
    calls = len(bench.upstream.calls)
    smuggled = b"{}\r\nGET /v1/smuggled HTTP/1.1\r\nhost: x\r\n\r\n"
    sent_raw(bench.url, b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n" + head + b"\r\n\r\n" + smuggled)
    for call in bench.upstream.calls[calls:]:
        assert b"smuggled" not in call.body
        assert not (call.header("content-length") and call.header("transfer-encoding"))
        length = call.header("content-length")
        assert length is None or int(length) == len(call.body)


def test_only_a_trusted_proxy_says_who_the_client_is(tmp_path: Path) -> None:
    asked: list[Asked] = []
    for trusted, seen in ((("127.0.0.1",), "203.0.113.9"), ((), "127.0.0.1")):
        settings = Settings(
            watch=SETTINGS.watch, ingest=Ingest(trusted_proxies=trusted), proxy=Proxy(account_header="x-account")
        )
        with benched(tmp_path / str(len(trusted)), Upstream(), inside=False, settings=settings) as bench:
            decide = bench.room.watch.decide
            bench.room.watch.decide = lambda one, decide=decide: asked.append(one) or decide(one)  # type: ignore[method-assign, misc]
            bench.upstream.script = answering(b"{}")
            raw(
                bench.url, "POST", "/v1/chat/completions", b"{}", authorization="Bearer sk-1", x_account="victim",
                x_forwarded_for="198.51.100.1, 203.0.113.9", x_ja4="t13d",
            )  # fmt: skip
        assert asked[-1].ip == seen
        assert asked[-1].account == ("victim" if trusted else account("sk-1"))
        assert asked[-1].ja4 == ("t13d" if trusted else "")


# -- clients


def test_a_client_that_leaves_in_the_middle_of_its_request_harms_nobody(bench: Bench) -> None:
    address = urlsplit(bench.url)
    calls = len(bench.upstream.calls)
    for _ in range(5):
        with socket.create_connection((address.hostname, address.port), 5) as client:
            client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 5000\r\n\r\n{")
    bench.upstream.script = answering(b"{}")
    assert raw(bench.url, "POST", "/v1/chat/completions", b"{}")[0] == 200
    assert len(bench.upstream.calls) == calls + 1


def test_clients_that_leave_leave_nothing_behind(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    left = threading.Semaphore(0)
    held: weakref.WeakSet[Answering] = weakref.WeakSet()

    class Seen(Answering):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            held.add(self)

    async def endless(call: Call) -> None:
        await call.begin(200, "text/event-stream")
        await call.write(b"data: {}\n\n")
        await call.gone()
        left.release()

    for module in (proxy, middleware):
        monkeypatch.setattr(module, "Answering", Seen)
    bench.upstream.script = endless
    address = urlsplit(bench.url)
    for _ in range(20):
        with socket.create_connection((address.hostname, address.port), 20) as client:
            client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}")
            assert b"200" in client.recv(20)
        assert left.acquire(timeout=20)
    bench.upstream.calls.clear()  # the script itself holds on to what it was given
    bench.upstream.script = None
    for _ in range(8):
        gc.collect()
        if len(held) <= 1:
            break
        threading.Event().wait(0.02)
    assert len(held) <= 1


# -- what the gateway tells of itself


def test_counts_are_told_to_whoever_has_a_token(bench: Bench) -> None:
    now = datetime.now(UTC)
    ends = now + timedelta(days=1)
    _, token = tokens.make(bench.room.book, owner="prometheus", scopes=["read"], ends=ends, now=now)
    while bench.room.doors.who(token, now.timestamp()) is None:
        threading.Event().wait(0.01)
    name = bench.order("suspend", account("sk-counted"))
    assert raw(bench.url, "POST", "/v1/messages", b"{}", authorization="Bearer sk-counted")[0] == 403
    calls = len(bench.upstream.calls)
    assert raw(bench.url, "GET", "/stillwatch/metrics")[0] == 401
    assert raw(bench.url, "GET", "/stillwatch/metrics", authorization="Bearer sk-1")[0] == 401
    status, _, told = raw(bench.url, "GET", "/stillwatch/metrics", x_stillwatch_token=token)
    assert status == 200
    assert f'order="{name}",action="refuse",mode="enforce"}} 1' in told.decode()
    assert len(bench.upstream.calls) == calls, "the upstream has no part in it"


# -- disks and clocks


def deliver_and_settle(room: Room, times: int) -> None:
    for _ in range(times):
        room.deliver(Delivered(grant="g-1", exchange="e", leaf=b"l" * 32))
        room.settle()


def test_a_full_disk_keeps_deliveries_until_there_is_room_and_traffic_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = Room(tmp_path, SETTINGS, enforce=True)
    room.deliver(Delivered(grant="g-1", exchange="e-1", leaf=b"l" * 32))
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (min(size, 8192), hard))  # no file may grow: as a full disk
    try:
        with pytest.raises(BookError):
            deliver_and_settle(room, 200)
        assert room.watch.decide(Asked(account="a")).action == "allow"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    waiting = len(room._waiting)
    assert waiting > 0
    room.settle()
    held = room.book.read("SELECT COUNT(*) FROM delivered")[0][0]
    used = room.book.read("SELECT SUM(exchanges) FROM used")[0][0]
    assert held == used
    assert not room._waiting


class Jumping:
    def __init__(self) -> None:
        self.now = 1_780_000_000.0

    def __call__(self) -> float:
        return self.now


def test_a_clock_that_jumps_ends_no_order_early_and_locks_nobody_out(tmp_path: Path) -> None:
    clock = Jumping()
    room = Room(tmp_path, Settings(watch=Watch(slow_per_minute=6)), enforce=True, clock=clock)
    now = datetime.fromtimestamp(clock.now, UTC)
    asked = Plan(rung="slow", accounts=("a",), reason="found", by="Ada Example", ends=now + timedelta(days=7))
    made = plan(room.book, asked, state=None, key=room.key, now=now)
    approve(room.book, made.id, by="Ada Example", why="", now=now)
    room.take(room.look())
    for _ in range(4):
        last = room.watch.decide(Asked(account="a"))
    assert last.action == "slow"
    clock.now -= 3600  # back: before the order was approved, it does not act; nobody waits for an hour
    room.take(room.look())
    assert room.watch.decide(Asked(account="a")).retry_after_s <= 60
    clock.now += 3600 + 30
    assert room.watch.decide(Asked(account="a")).action == "allow"
    assert room.book.order(made.id).step == "approved"
    clock.now += 8 * 86_400
    room.take(room.look())
    assert room.book.order(made.id).step == "expired"
    clock.now -= 8 * 86_400
    room.take(room.look())
    assert room.book.order(made.id).step == "expired", "what ended stays ended, and is on record"
    assert [note.did for note in room.book.record(made.id)].count("expired") == 1
