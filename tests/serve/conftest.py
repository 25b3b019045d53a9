"""Real servers on loopback: a scripted upstream, the proxy before it, and the decision endpoint."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from stillwatch.model.answer import Rung
from stillwatch.serve.middleware import Middleware
from stillwatch.serve.proxy import Proxy
from stillwatch.serve.run import Listen, config
from stillwatch.settings import Settings, Watch
from stillwatch.watch.orders import Plan, approve, plan
from stillwatch.watch.room import Room

SETTINGS = Settings(watch=Watch(reload_s=0.05, appeal_url="https://example.com/appeal"))


class Server:
    """A server in a thread of its own."""

    def __init__(self, app: Any) -> None:
        self.server = uvicorn.Server(config(app, Listen("127.0.0.1", 0)))
        self.server.config.timeout_graceful_shutdown = 1
        self.thread = threading.Thread(target=self.server.run, daemon=True)

    @property
    def url(self) -> str:
        port = self.server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"


@contextmanager
def serving(app: Any) -> Iterator[str]:
    server = Server(app)
    server.thread.start()
    while not server.server.started:
        assert server.thread.is_alive()
        threading.Event().wait(0.005)
    try:
        yield server.url
    finally:
        server.server.should_exit = True
        server.thread.join(20)


Script = Callable[["Call"], Awaitable[None]]


class Call:
    """One request that the upstream got."""

    def __init__(self, scope: Any, body: bytes, receive: Any, send: Any) -> None:
        self.path = scope["path"]
        self.query = scope["query_string"]
        self.method = scope["method"]
        self.headers = [(k.decode(), v.decode("latin-1")) for k, v in scope["headers"]]
        self.body = body
        self._receive = receive
        self._send = send

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    async def begin(self, status: int = 200, kind: str = "application/json", **headers: str) -> None:
        told = [(b"content-type", kind.encode())]
        told += [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": told})

    async def write(self, body: bytes, *, more: bool = True) -> None:
        await self._send({"type": "http.response.body", "body": body, "more_body": more})

    async def whole(self, body: bytes, status: int = 200, kind: str = "application/json", **headers: str) -> None:
        await self.begin(status, kind, content_length=str(len(body)), **headers)
        await self.write(body, more=False)

    async def stream(self, pieces: list[bytes], kind: str = "text/event-stream; charset=utf-8") -> None:
        await self.begin(200, kind, cache_control="no-cache")
        for piece in pieces:
            await self.write(piece)
            await asyncio.sleep(0)
        await self.write(b"", more=False)

    async def gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass


class Upstream:
    """An API that answers as the test says."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.script: Script | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                await send({"type": f"{message['type']}.complete"})
                if message["type"] == "lifespan.shutdown":
                    return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        call = Call(scope, body, receive, send)
        self.calls.append(call)
        assert self.script is not None
        await self.script(call)


class Bench:
    """The upstream, the proxy, and what the operator does."""

    def __init__(self, room: Room, upstream: Upstream, direct: str, url: str) -> None:
        self.room = room
        self.upstream = upstream
        self.direct = direct
        self.url = url

    def order(self, rung: Rung, account: str, **asked: Any) -> str:
        now = datetime.now(UTC)
        given = {"reason": "found", "by": "Ada Example", "ends": now + timedelta(days=1), **asked}
        made = plan(
            self.room.book, Plan(rung=rung, accounts=(account,), **given), state=None, key=self.room.key, now=now
        )
        approve(self.room.book, made.id, by="Ada Example", why="", now=now)
        while account not in self.room.watch.standing.accounts:
            threading.Event().wait(0.01)
        return made.id


@contextmanager
def benched(folder: Path, upstream: Upstream, *, inside: bool, settings: Settings = SETTINGS) -> Iterator[Bench]:
    """Serve an upstream directly, and through the proxy or inside the middleware."""
    with ExitStack() as stack:
        direct = stack.enter_context(serving(upstream))
        room = Room(folder, settings, enforce=True)
        app = Middleware(upstream, room=room) if inside else Proxy(room, direct)
        yield Bench(room, upstream, direct, stack.enter_context(serving(app)))


@pytest.fixture(scope="module", params=[False, True], ids=["proxy", "middleware"])
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with benched(tmp_path_factory.mktemp("bench"), Upstream(), inside=request.param) as one:
        yield one
