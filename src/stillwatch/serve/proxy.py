"""Proxy: stands before a model's API and passes requests on; what an order says is done here.

Traffic without an order passes byte for byte: the request's body, the answer's status, end-to-end headers and body are
those of the upstream. Only what is hop-by-hop (RFC 9110, 7.6.1) and `Host` is the proxy's own. A body is read whole
before it is passed on, since its length is set anew (that ends request smuggling) and it has to be looked at.

Who the account is, and what is decided, is in `gate`; what is done to the answer, in `answering`.

What is wrong with us never stops traffic: it passes, unless `[watch] fail_closed` was chosen.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Final

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from stillwatch.errors import UsageError
from stillwatch.serve.answering import Answering, Unreadable
from stillwatch.serve.decisions import keep_fresh
from stillwatch.serve.dialects import dialect, error
from stillwatch.serve.gate import Gate, Passing
from stillwatch.serve.http import Gone, Receive, Scope, Send, TooLarge, answer, header, read_body
from stillwatch.watch.room import Room

HOP: Final = frozenset(
    {b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te",
     b"trailer", b"transfer-encoding", b"upgrade"}
)  # fmt: skip
AUTOMATIC: Final = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
"""Headers that the client library would add of itself."""
CHUNK: Final = 1 << 16


class Proxy:
    """The ASGI application of `stillwatch proxy`."""

    def __init__(self, room: Room, upstream: str) -> None:
        url = URL(upstream)
        if url.scheme not in ("http", "https") or not url.host:
            raise UsageError(f"`{upstream}` is no http address", hint="write it as https://api.example.com")
        self.room = room
        self.settings = room.settings.proxy
        self._upstream = url
        self._base = str(url).rstrip("/")
        self.gate = Gate(room)
        self._session: aiohttp.ClientSession | None = None
        self._fresh: asyncio.Task[None] | None = None

    def goes_to(self, host: str, port: int) -> bool:
        """Tell whether the upstream is this address."""
        return (self._upstream.host, self._upstream.port) == (host, port)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] == "http":
            if scope["path"] == "/healthz" and scope["method"] == "GET":
                await answer(send, 200, b'{"ok":true}')
            elif not await self.gate.own(scope, send):
                await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self.begin()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.end()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def begin(self) -> None:
        """Open the connections to the upstream."""
        stall = self.settings.stall_s
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=60),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self.settings.connect_s, sock_read=stall),
            auto_decompress=False, skip_auto_headers=AUTOMATIC, cookie_jar=aiohttp.DummyCookieJar(),
            max_line_size=1 << 16, max_field_size=1 << 16, read_bufsize=CHUNK,
        )  # fmt: skip
        self._fresh = asyncio.create_task(keep_fresh(self.room))

    async def end(self) -> None:
        """Close them."""
        if self._fresh is not None:
            self._fresh.cancel()
            await asyncio.gather(self._fresh, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    # -- one request

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            raw = await read_body(receive, self.room.settings.watch.max_body_mib << 20)
        except Gone:
            return
        except TooLarge as large:
            if self.settings.oversized == "refuse":
                await answer(send, 413, error(dialect(scope["path"]), 413, str(large)))
                return
            await self._pass(scope, receive, send, self.gate.unread(scope), _rest(large.parts, receive))
            return
        await self._pass(scope, receive, send, self.gate.passing(scope, raw))

    async def _pass(
        self, scope: Scope, receive: Receive, send: Send, one: Passing, rest: AsyncIterator[bytes] | None = None
    ) -> None:
        """Ask the upstream and deliver its answer, unless the request goes no further."""
        if one.stopped:
            await self.gate.refuse(send, one)
            return
        if self._session is None:
            await self.begin()
        assert self._session is not None  # noqa: S101 - `begin` has made it
        query = scope.get("query_string", b"").decode("latin-1")
        path = (scope.get("raw_path") or scope["path"].encode()).partition(b"?")[0].decode("latin-1")
        target = URL(self._base + path + (f"?{query}" if query else ""), encoded=True)
        try:
            upstream = await self._session.request(
                scope["method"], target, headers=self._outgoing(scope, one, unread=rest is not None),
                data=one.raw or rest,
                allow_redirects=False,
            )  # fmt: skip
        except TimeoutError:
            await answer(send, 504, error(one.dialect, 504, "the model did not answer in time"))
            return
        except (aiohttp.ClientError, OSError) as trouble:
            print(f"stillwatch: the upstream cannot be reached: {trouble}", file=sys.stderr)
            await answer(send, 502, error(one.dialect, 502, "the model cannot be reached"))
            return
        gone = asyncio.ensure_future(_gone(receive))
        gone.add_done_callback(lambda _: upstream.close())
        try:
            await self._deliver(upstream, Answering(self.gate, one, send))
        except (aiohttp.ClientError, TimeoutError, OSError, Unreadable) as trouble:
            # aiohttp raises one exception object for all closed connections, and each raise adds its frames to it
            trouble.__traceback__ = None
            if not gone.done():  # the answer broke off, so must ours: it may not look complete
                raise BrokenOff(str(trouble)) from None
        finally:
            gone.cancel()
            upstream.close() if not upstream.content.at_eof() else upstream.release()

    async def _deliver(self, upstream: aiohttp.ClientResponse, answering: Answering) -> None:
        headers = [(name.lower(), value) for name, value in upstream.raw_headers if name.lower() not in HOP]
        await answering.begin(upstream.status, headers)
        async for chunk in upstream.content.iter_any():
            await answering.more(chunk)
        await answering.end()

    def _outgoing(self, scope: Scope, one: Passing, *, unread: bool) -> CIMultiDict[str]:
        listed = {part.strip().lower().encode("latin-1") for part in header(scope, b"connection").split(",")}
        told: CIMultiDict[str] = CIMultiDict()
        for name, value in scope["headers"]:
            if name in HOP or name in listed or name in (b"host", b"content-length", b"expect"):
                continue
            if name.startswith(b"x-stillwatch-") or (one.hardening is not None and name == b"accept-encoding"):
                continue
            told.add(name.decode("latin-1"), value.decode("latin-1"))
        if one.hardening is not None:
            told.add("accept-encoding", "identity")
        if unread:
            if length := header(scope, b"content-length"):
                told["content-length"] = length
        elif one.raw or scope["method"] in ("POST", "PUT", "PATCH"):
            told["content-length"] = str(len(one.raw))
        return told


class BrokenOff(Exception):
    """The upstream broke off in the middle of an answer; the server then breaks off too."""


async def _rest(parts: list[bytes], receive: Receive) -> AsyncIterator[bytes]:
    """Give a body of which a part was read, piece by piece."""
    for part in parts:
        yield part
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise aiohttp.ClientError("the client left in the middle of its request")
        if message.get("body"):
            yield message["body"]
        if not message.get("more_body", False):
            return


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
