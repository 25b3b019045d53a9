"""Whoever reaches the port, without any token: he holds no thread for long, and not all of them."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from tests.share.taxii.conftest import TOKENS, Running

from stillwatch.share.link import Link
from stillwatch.share.taxii import serve


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> object:
    """The database plays no part here."""
    return tmp_path_factory.mktemp("store") / "t.sqlite"


LOGIN = b"Authorization: Bearer " + TOKENS["writer"].encode() + b"\r\n"


def connected(running: Running) -> socket.socket:
    parts = urlsplit(running.url)
    one = socket.create_connection((parts.hostname, parts.port), timeout=20)
    one.settimeout(20)
    return one


def closed(one: socket.socket) -> bool:
    """Tell whether the other side has closed it; waits for that."""
    try:
        return one.recv(1000) == b""
    except ConnectionError:
        return True


@pytest.mark.parametrize(
    "said",
    [b"", b"GET /taxii2/ HTTP/1.1\r\nHost: x\r\n",
     b"POST /taxii2/stillwatch/collections/x/objects/ HTTP/1.1\r\nContent-Length: 1000\r\n" + LOGIN + b"\r\n{"],
    ids=["nothing", "half a head", "half a body"],
)  # fmt: skip
def test_who_drips_is_cut_off(running: Running, monkeypatch: pytest.MonkeyPatch, said: bytes) -> None:
    monkeypatch.setattr(serve, "WHOLE_S", 0.2)
    with connected(running) as one:
        one.sendall(said)
        assert closed(one)


def test_no_body_of_a_stranger_is_waited_for(running: Running) -> None:
    head = b"POST /taxii2/stillwatch/collections/inbox-writer/objects/ HTTP/1.1\r\nContent-Length: 30000000\r\n"
    for more in (b"", b"Authorization: Bearer wrong\r\n"):
        with connected(running) as one:
            one.sendall(head + more + b"\r\n")
            assert one.recv(12) == b"HTTP/1.1 401"


def test_a_flood_of_connections_leaves_room_when_it_goes(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "MOST", 5)
    flood = [connected(running) for _ in range(5)]
    with connected(running) as one:
        assert closed(one)
    for held in flood:
        held.close()
    assert until(lambda: not running.listening.held)
    link = Link(running.url, TOKENS["reader"])
    assert link.ask("GET", "", None, {}).status == 200
    link.close()


def until(true: Callable[[], bool]) -> bool:
    """Wait for a condition."""
    end = time.monotonic() + 20
    while not true() and time.monotonic() < end:
        time.sleep(0.01)
    return true()


@pytest.mark.parametrize(
    "body", [b"\x16\x03\x01\x02\x00", b"NONSENSE\r\n\r\n", b"\x00" * 3000, b"GET " + b"/" * 70_000]
)
def test_what_is_no_request_is_no_trouble(running: Running, body: bytes) -> None:
    with connected(running) as one:
        one.sendall(body + b"\r\n\r\n")
        said = one.recv(4000)
    assert b"Traceback" not in said
    link = Link(running.url, TOKENS["reader"])
    assert link.ask("GET", "", None, {}).status == 200
    link.close()


def test_a_long_request_in_good_time_is_not_cut_off(running: Running) -> None:
    with connected(running) as one:
        head = b"GET /taxii2/ HTTP/1.1\r\nHost: x\r\n"
        for at in range(0, len(head), 8):
            one.sendall(head[at : at + 8])
        one.sendall(b"\r\n")
        assert one.recv(20).startswith(b"HTTP/1.1 401")
