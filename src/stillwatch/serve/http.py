"""Http: the little of ASGI and HTTP that the endpoint and the proxy share."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

import msgspec

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

JSON: Final = (b"content-type", b"application/json")


class TooLarge(Exception):
    """A body is larger than it may be.

    Attributes:
        parts: what was read of it.
    """

    def __init__(self, parts: list[bytes] | None = None) -> None:
        super().__init__("the request is too large for this gateway")
        self.parts = parts or []


class Gone(Exception):
    """The client has gone."""


async def read_body(receive: Receive, most: int) -> bytes:
    """Read a whole body.

    Raises:
        TooLarge: when it is larger than `most` bytes.
        Gone: when the client left before its end.
    """
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        part = message.get("body", b"")
        if part:
            parts.append(part)
            size += len(part)
            if size > most:
                raise TooLarge(parts)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


async def answer(send: Send, status: int, body: bytes, headers: Headers | None = None) -> None:
    """Send a whole answer; JSON where the headers do not say otherwise."""
    told = list(headers or [])
    if not any(name == b"content-type" for name, _ in told):
        told.append(JSON)
    told.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": told})
    await send({"type": "http.response.body", "body": body})


async def say(send: Send, status: int, what: str, hint: str = "", headers: Headers | None = None) -> None:
    """Send an error of our own: what went wrong, and what next."""
    told = {"error": what} | ({"hint": hint} if hint else {})
    await answer(send, status, msgspec.json.encode(told), headers)


def header(scope: Scope, name: bytes) -> str:
    """Read one header, in lower case; empty where it is absent."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value).decode("latin-1")
    return ""


def hashed_key(authorization: str) -> str:
    """Name the account of an API key as LiteLLM does: by its SHA-256; empty where there is none."""
    key = authorization[7:] if authorization[:7].lower() == "bearer " else authorization
    return hashlib.sha256(key.strip().encode("utf-8", "replace")).hexdigest() if key.strip() else ""
