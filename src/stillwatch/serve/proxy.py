"""Proxy: stands before a model's API and passes requests on; what an order says is done here.

Traffic without an order passes byte for byte: the request's body, the answer's status, end-to-end headers and body are
those of the upstream. Only what is hop-by-hop (RFC 9110, 7.6.1) and `Host` is the proxy's own. A body is read whole
before it is passed on, since its length is set anew (that ends request smuggling) and it has to be looked at.

Who the account is: the header that `[proxy] account_header` names, from a trusted proxy only; else the SHA-256 of the
API key, as LiteLLM names it. The client's address is the peer's, unless the peer is one of `[ingest] trusted_proxies`.

What is wrong with us never stops traffic: it passes, unless `[watch] fail_closed` was chosen.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
import traceback
import zlib
from collections.abc import AsyncIterator
from typing import Any, Final

import aiohttp
import msgspec
from multidict import CIMultiDict
from yarl import URL

from stillwatch.errors import UsageError
from stillwatch.ingest import Clients, networks
from stillwatch.kit.merkle import leaf_hash
from stillwatch.model.answer import Asked, Decision
from stillwatch.serve.decisions import decide, keep_fresh
from stillwatch.serve.dialects import Dialect, dialect, error, refusal
from stillwatch.serve.events import Rewriter
from stillwatch.serve.harden import Hardening
from stillwatch.serve.http import Gone, Headers, Receive, Scope, Send, TooLarge, answer, header, read_body
from stillwatch.store.licences import Delivered
from stillwatch.watch.room import Room
from stillwatch.watch.texts import answered

HOP: Final = frozenset(
    {b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te",
     b"trailer", b"transfer-encoding", b"upgrade"}
)  # fmt: skip
AUTOMATIC: Final = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
"""Headers that the client library would add of itself."""
CHUNK: Final = 1 << 16
MOST_ANSWER: Final = 64 << 20
"""An answer that has to be changed and is larger than this is not delivered."""


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
        self._clients = Clients(networks(room.settings.ingest.trusted_proxies))
        self._session: aiohttp.ClientSession | None = None
        self._fresh: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] == "http":
            if scope["path"] == "/healthz" and scope["method"] == "GET":
                await answer(send, 200, b'{"ok":true}')
            else:
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
        name = dialect(scope["path"])
        try:
            raw = await read_body(receive, self.room.settings.watch.max_body_mib << 20)
        except Gone:
            return
        except TooLarge:
            await answer(send, 413, error(name, 413, "the request is too large for this gateway"))
            return
        asked, body = self._asked(scope, name, raw)
        decision = decide(self.room, asked)
        if decision.action in ("refuse", "challenge", "slow"):
            watch = self.room.settings.watch
            status, told, headers = refusal(name, decision, appeal=watch.appeal_url, step_up=watch.step_up_url)
            await answer(send, status, told, headers)
            return
        hardening = None
        if decision.action == "harden" and decision.transforms:
            hardening = Hardening(decision.transforms, self.room.settings.watch.n_most)
            if isinstance(body, dict) and name is not None:
                raw = msgspec.json.encode(hardening.request(name, body))
        await self._pass(scope, receive, send, Passing(asked, decision, name, raw, hardening))

    def _asked(self, scope: Scope, name: Dialect | None, raw: bytes) -> tuple[Asked, Any]:
        """Say who asks what. What cannot be read is passed on all the same: the upstream will say what it thinks."""
        body: Any = None
        if name is not None and raw and scope["method"] == "POST":
            try:
                body = msgspec.json.decode(raw)
            except (msgspec.DecodeError, RecursionError):
                body = None
        key = header(scope, b"authorization")
        key = (
            key[7:].strip()
            if key[:7].lower() == "bearer "
            else header(scope, b"x-api-key") or header(scope, b"api-key")
        )
        hashed = hashlib.sha256(key.encode("utf-8", "replace")).hexdigest() if key else ""
        peer = (scope.get("client") or ("", 0))[0]
        trusted = self._clients.trusts(peer)
        account = hashed
        if self.settings.account_header and trusted:
            account = header(scope, self.settings.account_header.lower().encode()) or hashed
        client = self._clients.client(peer, header(scope, b"x-forwarded-for") or None) if trusted else peer
        model = body.get("model") if isinstance(body, dict) else None
        return (
            Asked(
                account=account, key=hashed, ip=client or "",
                user_agent=header(scope, b"user-agent"), ja4=header(scope, b"x-ja4") if trusted else "",
                model=model if isinstance(model, str) else "", operation=name or "", body=body,
            ),
            body,
        )  # fmt: skip

    async def _pass(self, scope: Scope, receive: Receive, send: Send, one: Passing) -> None:
        """Ask the upstream and deliver its answer."""
        if self._session is None:
            await self.begin()
        assert self._session is not None  # noqa: S101 - `begin` has made it
        query = scope.get("query_string", b"").decode("latin-1")
        path = (scope.get("raw_path") or scope["path"].encode()).partition(b"?")[0].decode("latin-1")
        target = URL(self._base + path + (f"?{query}" if query else ""), encoded=True)
        try:
            upstream = await self._session.request(
                scope["method"], target, headers=self._outgoing(scope, one), data=one.raw or None,
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
            await self._deliver(send, upstream, one)
        except (aiohttp.ClientError, TimeoutError, OSError) as trouble:
            if not gone.done():  # the answer broke off, so must ours: it may not look complete
                raise BrokenOff(str(trouble)) from None
        finally:
            gone.cancel()
            upstream.close() if not upstream.content.at_eof() else upstream.release()

    def _outgoing(self, scope: Scope, one: Passing) -> CIMultiDict[str]:
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
        if one.raw or scope["method"] in ("POST", "PUT", "PATCH"):
            told["content-length"] = str(len(one.raw))
        return told

    # -- the answer

    async def _deliver(self, send: Send, upstream: aiohttp.ClientResponse, one: Passing) -> None:
        headers: Headers = [(name.lower(), value) for name, value in upstream.raw_headers if name.lower() not in HOP]
        kind = upstream.headers.get("content-type", "").partition(";")[0].strip().lower()
        if one.hardening is not None:
            headers.append((b"x-stillwatch-transforms", ", ".join(one.decision.transforms).encode()))
            if kind == "text/event-stream":
                await self._rewrite(send, upstream, headers, one)
                return
            if one.dialect is not None or kind.endswith("json"):
                await self._change(send, upstream, headers, one)
                return
        grant = self.room.watch.covering(one.asked) if upstream.status < 300 and one.asked.account else None
        heard = self._hears(one, grant is not None)
        kept: list[bytes] = []
        await send({"type": "http.response.start", "status": upstream.status, "headers": headers})
        async for chunk in upstream.content.iter_any():
            if heard:
                kept.append(chunk)
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        if heard:
            self._heard(one, grant.id if grant is not None else None, b"".join(kept), upstream, kind)

    def _hears(self, one: Passing, licensed: bool) -> bool:
        """Tell whether the answer is listened to: for grants, and where an answer to a member may come back."""
        return licensed or (one.dialect is not None and self.room.watch.remembers(one.asked.account))

    def _heard(self, one: Passing, grant: str | None, raw: bytes, upstream: aiohttp.ClientResponse, kind: str) -> None:
        try:
            plain = _plain(raw, upstream.headers.get("content-encoding", ""))
            text = answered(_streamed(plain) if kind == "text/event-stream" else msgspec.json.decode(plain))
            if grant is not None:
                exchange = upstream.headers.get("x-request-id") or hashlib.sha256(raw).hexdigest()[:32]
                self.room.deliver(Delivered(grant=grant, exchange=exchange, leaf=leaf_hash(text.encode())))
            self.room.watch.answered(one.asked.account, text)
        except Exception:  # noqa: BLE001 - the answer is delivered; what we make of it harms nobody
            traceback.print_exc(file=sys.stderr)

    async def _rewrite(self, send: Send, upstream: aiohttp.ClientResponse, headers: Headers, one: Passing) -> None:
        """Deliver a streamed answer, changed event by event."""
        assert one.hardening is not None  # noqa: S101 - only hardened answers come here
        rewriter = Rewriter(one.dialect or "chat", one.hardening)
        kept = [(n, v) for n, v in headers if n not in (b"content-length", b"content-encoding", b"etag", b"digest")]
        await send({"type": "http.response.start", "status": upstream.status, "headers": kept})
        async for chunk in _opened(upstream):
            if told := rewriter.feed(chunk):
                await send({"type": "http.response.body", "body": told, "more_body": True})
        await send({"type": "http.response.body", "body": rewriter.close()})

    async def _change(self, send: Send, upstream: aiohttp.ClientResponse, headers: Headers, one: Passing) -> None:
        """Deliver a whole answer, changed; one that cannot be read is not delivered, since it may carry anything."""
        assert one.hardening is not None  # noqa: S101 - only hardened answers come here
        parts, size = [], 0
        async for chunk in _opened(upstream):
            parts.append(chunk)
            size += len(chunk)
            if size > MOST_ANSWER:
                await answer(send, 502, error(one.dialect, 502, "the answer is too large"))
                return
        plain = b"".join(parts)
        try:
            told = msgspec.json.encode(one.hardening.answer(one.dialect or "chat", msgspec.json.decode(plain)))
        except (msgspec.DecodeError, RecursionError):
            if plain and upstream.status < 400:
                await answer(send, 502, error(one.dialect, 502, "the model's answer could not be read"))
                return
            told = plain
        kept = [(n, v) for n, v in headers if n not in (b"content-length", b"content-encoding", b"etag", b"digest")]
        await answer(send, upstream.status, told, kept)


class Passing:
    """One request on its way."""

    __slots__ = ("asked", "decision", "dialect", "hardening", "raw")

    def __init__(
        self, asked: Asked, decision: Decision, name: Dialect | None, raw: bytes, hardening: Hardening | None
    ) -> None:
        self.asked = asked
        self.decision = decision
        self.dialect = name
        self.raw = raw
        self.hardening = hardening


class BrokenOff(Exception):
    """The upstream broke off in the middle of an answer; the server then breaks off too."""


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _opened(upstream: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Read an answer without its compression; we asked for none, but some servers do not listen.

    Raises:
        aiohttp.ClientError: when it is compressed in a way that cannot be undone here.
    """
    coding = upstream.headers.get("content-encoding", "").strip().lower()
    if coding in ("", "identity"):
        async for chunk in upstream.content.iter_any():
            yield chunk
        return
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise aiohttp.ClientError(f"the answer is compressed with {coding}")
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)
    async for chunk in upstream.content.iter_any():
        try:
            yield inflate.decompress(chunk)
        except zlib.error as trouble:
            raise aiohttp.ClientError(f"the answer is not {coding}") from trouble
    yield inflate.flush()


def _plain(raw: bytes, coding: str) -> bytes:
    return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(raw) if coding in ("gzip", "x-gzip", "deflate") else raw


def _streamed(raw: bytes) -> Any:
    """Put a streamed answer together again."""
    from stillwatch.ingest import whole_answer

    return whole_answer(raw.decode("utf-8", "replace"))
