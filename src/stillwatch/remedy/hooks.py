"""Hooks: tell others what is on record, signed, until they have heard it.

Messages go out in the form of Standard Webhooks: `webhook-id` (the same each time, so that a receiver who gets it twice
knows), `webhook-timestamp`, and `webhook-signature`, the HMAC-SHA256 of `id.timestamp.body`. Delivered at least once,
in no promised order. A redirect is a failure: what is told of orders goes only where somebody said. 410 pauses the
hook.

Source: github.com/standard-webhooks/standard-webhooks, spec 1.0.0.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import ipaddress
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from stillwatch import __version__
from stillwatch.errors import BookError, StillwatchError, UsageError
from stillwatch.model.hook import Hook
from stillwatch.store import outbox
from stillwatch.store.book import Book, open_book
from stillwatch.store.outbox import Message

HOLD_S: Final = 15.0
"""A message is held for so long beyond the time that sending it may take."""
HEARD: Final = 4096
"""Bytes of an answer that are read."""


def checked(url: str) -> str:
    """Check where a hook leads: https, or http on this machine.

    Raises:
        UsageError: when it is neither, or names a user.
    """
    told = urlsplit(url)
    try:
        host, port = told.hostname or "", told.port
    except ValueError:
        host, port = "", None
    if told.scheme not in ("http", "https") or not host or port == 0:
        raise UsageError(f"`{url}` is no address of a hook", hint="write https://hooks.example.com/stillwatch")
    if told.username is not None or told.fragment:
        raise UsageError(
            "an address with a user or a `#` in it", where=url, hint="put a secret into the path, or use none"
        )
    if told.scheme == "http" and not _here(host):
        raise UsageError(
            "a hook beyond this machine needs https", where=url, hint="what it is told names orders and people"
        )
    return url


def _here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def signature(secret: str, name: str, timestamp: int, body: bytes) -> str:
    """Sign a message.

    Raises:
        UsageError: when the secret is none.
    """
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        raise UsageError("this is no secret of a hook", hint="it begins with `whsec_`") from None
    digest = hmac.new(key, f"{name}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def headers(hook: Hook, message: Message, now: float) -> dict[str, str]:
    """Write the headers of one try; while a secret is rotated, both sign."""
    secrets = [hook.secret]
    if hook.former and hook.until is not None and now < hook.until.timestamp():
        secrets.append(hook.former)
    return {
        "content-type": "application/json",
        "user-agent": f"stillwatch/{__version__}",
        "webhook-id": message.id,
        "webhook-timestamp": str(int(now)),
        "webhook-signature": " ".join(signature(one, message.id, int(now), message.body) for one in secrets),
    }


async def drain(
    book: Book, session: aiohttp.ClientSession, *, timeout_s: float, clock: Callable[[], float] = time.time
) -> int:
    """Send what is due; tells how many messages were tried."""
    taken = await asyncio.to_thread(outbox.claim, book, clock(), hold_s=timeout_s + HOLD_S)
    await asyncio.gather(*(_send(book, session, message, hook, timeout_s, clock) for message, hook in taken))
    return len(taken)


async def _send(
    book: Book,
    session: aiohttp.ClientSession,
    message: Message,
    hook: Hook,
    timeout_s: float,
    clock: Callable[[], float],
) -> None:
    wait: float | None = None
    try:
        async with session.post(
            hook.url, data=message.body, headers=headers(hook, message, clock()), allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=timeout_s),
        ) as answer:  # fmt: skip
            status, wait = answer.status, _wait(answer.headers.get("retry-after", ""))
            await answer.content.read(HEARD)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as trouble:
        told = f"after {timeout_s:g} s nothing was said" if isinstance(trouble, TimeoutError) else str(trouble)
        await asyncio.to_thread(outbox.failed, book, message, clock(), told or type(trouble).__name__)
        return
    if 200 <= status < 300:
        await asyncio.to_thread(outbox.sent, book, message, clock())
        return
    await asyncio.to_thread(outbox.failed, book, message, clock(), f"status {status}", wait)
    if status == 410:
        at = datetime.fromtimestamp(clock(), UTC)
        await asyncio.to_thread(
            outbox.change_hook, book, hook.id, "paused", by="receiver", why="it answered 410: it is gone", at=at
        )


def _wait(text: str) -> float | None:
    return min(float(text), 86_400.0) if text.isdecimal() else None


async def deliver(
    book: Book, *, timeout_s: float, every_s: float = 1.0, once: bool = False, stop: threading.Event | None = None
) -> int:
    """Send what is due, again and again; with `once` until nothing is due. Tells how many messages were tried."""
    tried = 0
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), trust_env=False) as session:
        while stop is None or not stop.is_set():
            try:
                count = await drain(book, session, timeout_s=timeout_s)
            except BookError as trouble:
                print(f"stillwatch: {trouble}", file=sys.stderr)
                count = 0
                if once:
                    raise
            tried += count
            if not count:
                if once:
                    break
                await asyncio.sleep(every_s)
    return tried


def in_background(place: Path, work: Callable[[Book], None]) -> None:
    """Do something with a book of its own in a thread of its own, for as long as the process lives."""

    def run() -> None:
        try:
            book = open_book(place)
        except StillwatchError as trouble:
            print(f"stillwatch: hooks are not told: {trouble}", file=sys.stderr)
            return
        work(book)

    threading.Thread(target=run, name="stillwatch-hooks", daemon=True).start()
