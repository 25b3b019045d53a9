"""Client: pulls from any TAXII 2.1 server, and pushes to one; a pull that was interrupted goes on where it was.

Faults of servers in the wild that it copes with: `added_after` taken as inclusive (what was seen is dropped, and a
page without anything new ends the pull), a `next` that repeats, `more` without `next`, no X-TAXII-Date-Added headers,
a media type without a version, pages larger than asked for. It does not follow redirects: they would carry the token.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import msgspec

from stillwatch.errors import ShareError
from stillwatch.share.taxii.answer import MEDIA

LARGEST: Final = 64 << 20
"""Bytes of one answer."""
SECONDS: Final = 60
MOST_PAGES: Final = 10_000
REMEMBERED: Final = 20_000
"""Objects of the last instants that are remembered, to drop what an inclusive server sends again."""

Object = dict[str, Any]


class Mark(msgspec.Struct, kw_only=True, frozen=True):
    """How far a collection was read: the date of the last object, and what was seen last."""

    added_after: str = ""
    seen: list[str] = []


class Client:
    """One peer's server.

    Args:
        url: of an API root, such as `https://peer.example.com/taxii2/stillwatch/`.
        token: sent as Bearer, or as the password of Basic where `user` is given.
        certificate: PEM with certificate and key of our own, for servers that ask for one.
        authority: PEM of the authority of the server; the system's when left out.
    """

    def __init__(
        self, url: str, token: str = "", *, user: str = "", certificate: Path | None = None,
        authority: Path | None = None, limit: int = 1000,
    ) -> None:  # fmt: skip
        parts = urlsplit(url if url.endswith("/") else url + "/")
        if parts.scheme not in ("https", "http") or not parts.hostname:
            raise ShareError("this is no address of a server", where=url, hint="https://host/taxii2/root/")
        if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "::1", "localhost"):
            raise ShareError("the token would go over the wire in clear", where=url, hint="use https")
        self._host, self._port, self._root = parts.hostname, parts.port, parts.path
        self._limit = limit
        self._context: ssl.SSLContext | None = None
        if parts.scheme == "https":
            self._context = ssl.create_default_context(cafile=str(authority) if authority else None)
            if certificate is not None:
                self._context.load_cert_chain(certificate)
        self._headers = {"Accept": MEDIA, "User-Agent": "stillwatch"}
        if token and user:
            self._headers["Authorization"] = "Basic " + base64.b64encode(f"{user}:{token}".encode()).decode()
        elif token:
            self._headers["Authorization"] = f"Bearer {token}"

    def collections(self) -> list[Object]:
        """List the collections.

        Raises:
            ShareError: when the server cannot be reached or says no.
        """
        told, _ = self._ask("GET", "collections/")
        return [one for one in told.get("collections", []) if isinstance(one, dict) and isinstance(one.get("id"), str)]

    def pull(self, collection: str, mark: Mark, keep: Callable[[Mark], None] | None = None) -> Iterator[list[Object]]:
        """Read what is new, page by page.

        Args:
            keep: told after each page that was worked on how far it got: to be written down.

        Raises:
            ShareError: when the server cannot be reached, says no, or answers what is no envelope.
        """
        seen = dict.fromkeys(mark.seen)
        after, cursor, cursors = mark.added_after, "", set[str]()
        for _ in range(MOST_PAGES):
            asked = {"limit": str(self._limit)}
            asked |= {"added_after": mark.added_after} if mark.added_after else {}
            asked |= {"next": cursor} if cursor else {}
            told, headers = self._ask("GET", f"collections/{collection}/objects/?{urlencode(asked)}")
            objects = told.get("objects", [])
            if not isinstance(objects, list):
                raise ShareError("`objects`: expected a list", where=self._host)
            fresh = [one for one in objects if isinstance(one, dict) and _name(one) not in seen]
            seen |= dict.fromkeys(map(_name, fresh))
            after = max(after, headers.get("x-taxii-date-added-last", ""))
            yield fresh
            if keep is not None:
                keep(Mark(added_after=after, seen=list(seen)[-REMEMBERED:]))
            cursor = told.get("next", "") if told.get("more") else ""
            if not (isinstance(cursor, str) and cursor and fresh) or cursor in cursors:
                if told.get("more") and not cursor and fresh and after > mark.added_after:
                    mark = Mark(added_after=after)
                    continue
                return
            cursors.add(cursor)

    def push(self, collection: str, objects: Iterable[Object]) -> Object:
        """Add objects; gives the status that the server tells.

        Raises:
            ShareError: when the server says no.
        """
        body = json.dumps({"objects": list(objects)}).encode()
        told, _ = self._ask("POST", f"collections/{collection}/objects/", body)
        return told

    def _ask(self, method: str, path: str, body: bytes | None = None) -> tuple[Object, Mapping[str, str]]:
        where = f"{self._host}{self._root}{path.partition('?')[0]}"
        headers = self._headers | ({"Content-Type": MEDIA} if body is not None else {})
        link: http.client.HTTPConnection
        if self._context is None:
            link = http.client.HTTPConnection(self._host, self._port, timeout=SECONDS)
        else:
            link = http.client.HTTPSConnection(self._host, self._port, timeout=SECONDS, context=self._context)
        try:
            link.request(method, self._root + path, body, headers)
            answer = link.getresponse()
            data = answer.read(LARGEST + 1)
        except (OSError, http.client.HTTPException) as trouble:
            raise ShareError(f"the server cannot be reached: {trouble}", where=where) from None
        finally:
            link.close()
        if answer.status >= 300:
            raise ShareError(f"the server answered {answer.status}", where=where, hint=_HINTS.get(answer.status))
        if len(data) > LARGEST:
            raise ShareError(
                f"the answer is larger than {LARGEST:,} bytes", where=where, hint="ask for fewer, `--limit`"
            )
        try:
            told = json.loads(data)
        except (ValueError, RecursionError):
            told = None
        if not isinstance(told, dict):
            raise ShareError("the answer is no envelope", where=where, hint="is this a TAXII 2.1 server?")
        return told, {name.lower(): value for name, value in answer.getheaders()}


_HINTS: Final = {
    401: "the token is not known there", 403: "not allowed with this token", 404: "no such collection for this token",
    406: "the server speaks no TAXII 2.1", 429: "its quota is used up: try later",
}  # fmt: skip


def _name(one: Any) -> str:
    return f"{one.get('id', '')}@{one.get('modified') or one.get('created') or ''}" if isinstance(one, dict) else ""
