"""Middleware: the same as the proxy, inside a provider's own ASGI application.

    app.add_middleware(Middleware, state="state", enforce=True)           # Starlette, FastAPI
    app = Middleware(app, state="state")                                  # any ASGI application
    vllm serve MODEL --middleware stillwatch.serve.middleware.Middleware  # place and mode from variables, see `opened`

Decisions, changes of requests and of answers are the proxy's (`gate`, `answering`). WebSockets are not looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any, Final

from stillwatch.serve.answering import Answering
from stillwatch.serve.decisions import keep_fresh
from stillwatch.serve.dialects import dialect, error
from stillwatch.serve.gate import Gate, Passing
from stillwatch.serve.http import App, Gone, Receive, Scope, Send, TooLarge, answer, read_body
from stillwatch.serve.opened import open_room
from stillwatch.watch.room import Room

BYPASSES: Final = ("http.response.pathsend", "http.response.zerocopysend")
"""Ways to answer that nobody in between could read."""


class Middleware:
    """An ASGI application around another.

    Args:
        room: an open room; else one is opened from `state`, `enforce` and `settings`, or from variables.
    """

    def __init__(
        self, app: App, *, room: Room | None = None, state: str | None = None, enforce: bool | None = None,
        settings: str | None = None,
    ) -> None:  # fmt: skip
        self.room = room or open_room(state, enforce=enforce, settings=settings)
        self.gate = Gate(self.room)
        self._app = app
        self._fresh: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request, connection or lifespan on."""
        if scope["type"] == "http":
            self.begin()
            if not await self.gate.own(scope, send):
                await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._app(scope, self._living(receive), send)
        else:
            await self._app(scope, receive, send)

    def begin(self) -> None:
        """Keep the room fresh from now on."""
        if self._fresh is None:
            self._fresh = asyncio.get_running_loop().create_task(keep_fresh(self.room))

    async def end(self) -> None:
        """Put on record what is not yet, and stop."""
        if self._fresh is not None:
            self._fresh.cancel()
            await asyncio.gather(self._fresh, return_exceptions=True)
            self._fresh = None

    def _living(self, receive: Receive) -> Receive:
        async def living() -> MutableMapping[str, Any]:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.begin()
            elif message["type"] == "lifespan.shutdown":
                await self.end()
            return message

        return living

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            raw = await read_body(receive, self.room.settings.watch.max_body_mib << 20)
        except Gone:
            return
        except TooLarge as large:
            if self.gate.settings.oversized == "refuse":
                await answer(send, 413, error(dialect(scope["path"]), 413, str(large)))
                return
            await self._pass(scope, _after(large.parts, receive), send, self.gate.unread(scope))
            return
        one = self.gate.passing(scope, raw)
        await self._pass(scope, _after([one.raw], receive, whole=True), send, one)

    async def _pass(self, scope: Scope, receive: Receive, send: Send, one: Passing) -> None:
        if one.stopped:
            await self.gate.refuse(send, one)
            return
        answering = Answering(self.gate, one, send)

        async def sending(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = [(bytes(name).lower(), bytes(value)) for name, value in message.get("headers", ())]
                await answering.begin(message["status"], headers)
            elif message["type"] == "http.response.body":
                if message.get("body"):
                    await answering.more(message["body"])
                if not message.get("more_body", False):
                    await answering.end()
            else:
                await send(message)

        await self._app(_inner(scope, one), receive, sending)


def _inner(scope: Scope, one: Passing) -> Scope:
    """Give the application its scope: without our headers, and of the body as it goes on."""
    headers = [(name, value) for name, value in scope["headers"] if not name.startswith(b"x-stillwatch-")]
    if one.hardening is not None:
        headers = [(name, value) for name, value in headers if name != b"accept-encoding"]
    if one.changed:
        headers = [(name, value) for name, value in headers if name not in (b"content-length", b"transfer-encoding")]
        headers.append((b"content-length", str(len(one.raw)).encode()))
    extensions = {name: value for name, value in (scope.get("extensions") or {}).items() if name not in BYPASSES}
    return {**scope, "headers": headers, "extensions": extensions}


def _after(parts: list[bytes], receive: Receive, *, whole: bool = False) -> Receive:
    """Receive what was read already, and then the rest."""
    waiting = list(parts)

    async def receiving() -> MutableMapping[str, Any]:
        if waiting:
            body = waiting.pop(0)
            return {"type": "http.request", "body": body, "more_body": bool(waiting) or not whole}
        return await receive()

    return receiving
