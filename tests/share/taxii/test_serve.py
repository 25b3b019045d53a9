"""The same answers inside an ASGI application: `stillwatch serve` gives peers theirs beside its own."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from tests.share.taxii.conftest import PEERS, TOKENS, an_object

from stillwatch.cli.serve import _with_peers
from stillwatch.settings import Share
from stillwatch.share.front import Front
from stillwatch.share.link import Link
from stillwatch.share.peers import Peers
from stillwatch.share.taxii import serve
from stillwatch.share.taxii.answer import Server
from stillwatch.share.taxii.client import Client
from stillwatch.share.taxii.serve import App, application, beside
from stillwatch.share.taxii.store import Store


async def other(scope: Any, receive: Any, send: Any) -> None:
    """Whatever else is served."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
        await send({"type": "http.response.body", "body": b"other"})


@pytest.fixture
def front(tmp_path: Path) -> Front:
    return Front(Server(Store(tmp_path / "t.sqlite"), PEERS, "Example Lab"), tmp_path)


@pytest.fixture
def url(front: Front) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(beside(other, front), port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    until = time.monotonic() + 30
    while not server.started and time.monotonic() < until:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
    server.should_exit = True
    thread.join()


def test_peers_find_theirs_and_everybody_else_the_rest(url: str) -> None:
    client = Client(f"{url}taxii2/stillwatch/", TOKENS["writer"])
    assert client.push("inbox-writer", [an_object(1)])["success_count"] == 1
    client.close()
    link = Link(url, TOKENS["writer"])
    assert [link.ask("GET", path, None, {}).status for path in ("match/v1/runs", "taxii2/", "v1/decide")] == [
        403,
        200,
        200,
    ]
    assert link.ask("GET", "healthz", None, {}).body == b"other"
    link.close()


def asked(app: App, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Speak ASGI to an application."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    head = [(b"authorization", b"Bearer " + TOKENS["writer"].encode()), (b"content-type", serve.MEDIA.encode())]
    scope = {"type": "http", "method": "POST", "path": "/taxii2/stillwatch/collections/inbox-writer/objects/",
             "query_string": b"", "headers": head}  # fmt: skip
    asyncio.run(app(scope, receive, send))
    return sent


def test_a_body_that_stops_in_the_middle_changes_nothing(front: Front) -> None:
    assert asked(application(front), [{"type": "http.request", "body": b'{"obj', "more_body": True},
                                      {"type": "http.disconnect"}]) == []  # fmt: skip


def test_no_body_of_a_stranger_is_waited_for(front: Front) -> None:
    front._taxii.door.peers = Peers([])
    sent = asked(application(front), [])
    assert sent[0]["status"] == 401


def test_a_body_that_is_too_large_is_refused_before_it_is_all_here(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "LARGEST", 100)
    part = {"type": "http.request", "body": b" " * 60, "more_body": True}
    sent = asked(application(front), [part, dict(part), {"type": "never"}])
    assert sent[0]["status"] == 413


def test_serve_gives_peers_theirs_only_where_it_is_told_who_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    section = Share(organisation="Example Lab", directory=str(tmp_path))
    assert _with_peers(other, section) is other
    hashed = hashlib.sha256(TOKENS["writer"].encode()).hexdigest()
    (tmp_path / "peers.toml").write_text(f'[[peer]]\nname = "writer"\ntoken_sha256 = "{hashed}"\n')
    assert _with_peers(other, Share(directory=str(tmp_path))) is other
    assert _with_peers(other, section) is not other
    assert "/taxii2/stillwatch/" in capsys.readouterr().err
