"""Door: who asks, by token, name and token, or client certificate, and whether his quota lasts; knows no sockets.

Behind it stand the TAXII server and the matching of identifiers. Source: RFC 6750 (Bearer), RFC 7617 (Basic).
"""

from __future__ import annotations

import base64
import binascii
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from stillwatch.share.peers import Peer, Peers

HOUR_S = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request; names of headers in lower case."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    certificate: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What is answered."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class Answers(Protocol):
    """Answers requests; never raises."""

    def answer(self, request: Request) -> Response:
        """Answer one request."""

    def knows(self, request: Request) -> bool:
        """Tell whether somebody whom we know asks, before a body of his is read."""


class Refused(Exception):
    """A request that is not answered, with its status and its reason."""

    def __init__(self, status: int, title: str, hint: str = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(title)
        self.status, self.title, self.hint, self.headers = status, title, hint, headers or {}


class Door:
    """Lets peers in, each as often as he may."""

    def __init__(self, peers: Peers) -> None:
        self.peers = peers
        self._recent: dict[str, deque[float]] = {}

    def enter(self, request: Request) -> Peer:
        """Tell who asks.

        Raises:
            Refused: when it is nobody whom we know (401), or he came too often (429).
        """
        found = self._known(request)
        if found is None:
            raise Refused(401, "unauthorised", headers={"WWW-Authenticate": 'Basic realm="taxii", Bearer'})
        self._count(found)
        return found

    def knows(self, request: Request) -> bool:
        """Tell whether somebody whom we know asks; counts nothing."""
        return self._known(request) is not None

    def _known(self, request: Request) -> Peer | None:
        kind, _, shown = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return self.peers.by_token(shown.strip())
        if kind.lower() == "basic":
            try:
                name, _, secret = base64.b64decode(shown, validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                return None
            return self.peers.by_token(secret, name) if name else None
        return self.peers.by_certificate(request.certificate) if request.certificate else None

    def _count(self, peer: Peer) -> None:
        now, recent = time.monotonic(), self._recent.setdefault(peer.name, deque())
        while recent and recent[0] < now - HOUR_S:
            recent.popleft()
        if len(recent) >= peer.requests_per_hour:
            wait = int(HOUR_S - (now - recent[0])) + 1 if recent else HOUR_S
            raise Refused(429, "too many requests", f"{peer.requests_per_hour} in an hour", {"Retry-After": str(wait)})
        recent.append(now)
