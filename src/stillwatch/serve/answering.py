"""Answering: one answer on its way to the client, passed on, listened to, or changed; for the proxy and the middleware.

An answer that nothing is to be changed in leaves as it comes, byte for byte. One to a hardened account is changed event
by event where it is streamed, and whole otherwise; what cannot be read is not delivered there, since it may carry
anything. What is listened to is what was delivered.
"""

from __future__ import annotations

import hashlib
import sys
import traceback
import zlib
from typing import Any, Final

import msgspec

from stillwatch.kit.merkle import leaf_hash
from stillwatch.serve.dialects import error
from stillwatch.serve.events import Rewriter
from stillwatch.serve.gate import Gate, Passing
from stillwatch.serve.harden import Hardening
from stillwatch.serve.http import Headers, Send, answer
from stillwatch.store.licences import Delivered
from stillwatch.watch.texts import answered

MOST_ANSWER: Final = 64 << 20
"""An answer that has to be changed and is larger than this is not delivered."""
MOST_HEARD: Final = 16 << 20
"""What is beyond this of an answer is not listened to."""
DROPPED: Final = frozenset(
    {b"content-length", b"content-encoding", b"etag", b"digest", b"content-md5", b"content-digest"}
)
"""Headers that say something of the bytes of an answer, which are others once it is changed."""
MEDIA: Final = ("image/", "audio/", "video/", "font/")


class Unreadable(Exception):
    """An answer that has to be changed cannot be read."""


class Answering:
    """One answer; `begin`, `more` for each piece, `end`."""

    def __init__(self, gate: Gate, one: Passing, send: Send) -> None:
        self._gate = gate
        self._one = one
        self._send = send
        self._status = 0
        self._headers: Headers = []
        self._kind = ""
        self._coding = ""
        self._opener: Opener | None = None
        self._rewriter: Rewriter | None = None
        self._whole: list[bytes] | None = None
        self._size = 0
        self._grant: str | None = None
        self._heard: list[bytes] | None = None
        self._over = False

    async def begin(self, status: int, headers: Headers) -> None:
        """Take the head of the answer. Names of headers are in lower case."""
        self._status, self._headers = status, list(headers)
        told = dict(headers)
        self._kind = told.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
        self._coding = told.get(b"content-encoding", b"").decode("latin-1").strip().lower()
        hardening = self._one.hardening
        self._listen()
        if hardening is None or self._kind.startswith(MEDIA):
            await self._start(self._headers)
            return
        try:
            self._opener = Opener(self._coding)
        except Unreadable:
            await self._instead("the model's answer could not be read")
            return
        self._headers.append((b"x-stillwatch-transforms", hardening.told.encode()))
        self._headers = [(name, value) for name, value in self._headers if name not in DROPPED]
        if self._kind == "text/event-stream":
            self._rewriter = Rewriter(hardening)
            await self._start(self._headers)
        else:
            self._whole = []

    async def more(self, chunk: bytes) -> None:
        """Take a piece of the answer.

        Raises:
            Unreadable: when it cannot be read, and a part of it was delivered already.
        """
        if self._over:
            return
        if self._opener is None:
            await self._deliver(chunk)
            return
        try:
            plain = self._opener.feed(chunk)
        except Unreadable:
            await self._unreadable()
            return
        if self._rewriter is not None:
            if told := self._rewriter.feed(plain):
                await self._deliver(told)
        elif self._whole is not None:
            self._whole.append(plain)
            self._size += len(plain)
            if self._size > MOST_ANSWER:
                await self._instead("the answer is too large to be changed")

    async def end(self) -> None:
        """End the answer."""
        if self._over:
            return
        if self._whole is not None:
            await self._change(b"".join(self._whole))
        else:
            if self._rewriter is not None and (told := self._rewriter.close()):
                await self._deliver(told)
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        self._hear()

    async def _start(self, headers: Headers) -> None:
        await self._send({"type": "http.response.start", "status": self._status, "headers": headers})

    async def _deliver(self, chunk: bytes) -> None:
        if self._heard is not None:
            self._size += len(chunk)
            if self._size <= MOST_HEARD:
                self._heard.append(chunk)
        await self._send({"type": "http.response.body", "body": chunk, "more_body": True})

    async def _unreadable(self) -> None:
        if self._whole is None:
            raise Unreadable("the model's answer could not be read")
        await self._instead("the model's answer could not be read")

    async def _instead(self, what: str) -> None:
        """Answer ourselves; nothing was delivered yet."""
        status = self._status if self._status >= 400 else 502
        self._over = True
        await answer(self._send, status, error(self._one.dialect, status, what))

    async def _change(self, plain: bytes) -> None:
        hardening = self._one.hardening
        assert hardening is not None  # noqa: S101 - only hardened answers are kept whole
        told = changed(plain, hardening)
        if told is None and self._one.dialect is None and not self._kind.endswith(("json", "jsonl", "ndjson")):
            told = plain  # a file: neither JSON nor lines of it
        if told is None:
            await self._instead("the model's answer could not be read")
            return
        await self._start([*self._headers, (b"content-length", str(len(told)).encode())])
        if self._heard is not None:
            self._heard.append(told)
        await self._send({"type": "http.response.body", "body": told, "more_body": False})

    # -- what is listened to

    def _listen(self) -> None:
        """Listen for grants, and where an answer to a member may come back."""
        one, watch = self._one, self._gate.room.watch
        if self._status >= 300 or not one.asked.account:
            return
        grant = watch.covering(one.asked)
        if grant is not None:
            self._grant = grant.id
        if grant is not None or (one.dialect is not None and watch.remembers(one.asked.account)):
            self._heard = []

    def _hear(self) -> None:
        if self._heard is None:
            return
        try:
            raw = b"".join(self._heard)
            plain = raw if self._opener is not None else _plain(raw, self._coding)
            text = answered(_streamed(plain) if self._kind == "text/event-stream" else msgspec.json.decode(plain))
            if self._grant is not None:
                named = dict(self._headers).get(b"x-request-id", b"").decode("latin-1")
                leaf = leaf_hash(text.encode("utf-8", "replace"))
                exchange = named or hashlib.sha256(raw).hexdigest()[:32]
                self._gate.room.deliver(Delivered(grant=self._grant, exchange=exchange, leaf=leaf))
            self._gate.room.watch.answered(self._one.asked.account, text)
        except Exception:  # noqa: BLE001 - the answer is delivered; what we make of it harms nobody
            traceback.print_exc(file=sys.stderr)


class Opener:
    """Undoes the compression of an answer; we asked for none, but some servers do not listen.

    Raises:
        Unreadable: where it is compressed in a way that cannot be undone here, or is not what it says.
    """

    def __init__(self, coding: str) -> None:
        if coding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise Unreadable(f"the answer is compressed with {coding}")
        self._inflate = None if coding in ("", "identity") else zlib.decompressobj(zlib.MAX_WBITS | 32)

    def feed(self, chunk: bytes) -> bytes:
        """Take some bytes."""
        if self._inflate is None or not chunk:
            return chunk
        try:
            plain = self._inflate.decompress(chunk, MOST_ANSWER)
        except zlib.error as trouble:
            raise Unreadable("the answer is not compressed as it says") from trouble
        if self._inflate.unconsumed_tail:
            raise Unreadable("the answer grows too large")
        return plain


def changed(plain: bytes, hardening: Hardening) -> bytes | None:
    """Change a whole answer, JSON or lines of JSON; nothing where it is neither."""
    if not plain.strip():
        return plain
    try:
        return msgspec.json.encode(hardening.answer(msgspec.json.decode(plain)))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        lines = [line for line in plain.split(b"\n") if line.strip()]
        told = [msgspec.json.encode(hardening.answer(msgspec.json.decode(line))) for line in lines]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return b"\n".join(told) + b"\n"


def _plain(raw: bytes, coding: str) -> bytes:
    return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(raw) if coding in ("gzip", "x-gzip", "deflate") else raw


def _streamed(raw: bytes) -> Any:
    """Put a streamed answer together again."""
    from stillwatch.ingest import whole_answer

    return whole_answer(raw.decode("utf-8", "replace"))
