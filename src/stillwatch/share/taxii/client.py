"""Client: pulls from any TAXII 2.1 server, and pushes to one; a pull that was interrupted goes on where it was.

Faults of servers in the wild that it copes with:

- `added_after` taken as inclusive, and objects added together that share one date: it asks from a microsecond before
  the last date that it saw, and drops what it has seen;
- a `next` that repeats, or that works only once: it is never asked for twice; a pull that broke goes on by date;
- `more` without `next`: it goes on by date, with larger pages where one date fills a page;
- pages without anything new, of which it takes some before it says that the server goes round;
- no X-TAXII-Date-Added headers, a media type without a version, pages larger than asked for, answers without an end.

It follows no redirect, which would carry the token. Sources: oasis-tcs/cti-taxii2#23 and #50, OpenCTI#4537 and #5681,
OpenCTI connectors#7604, minemeld-core#400, cti-taxii-server#137.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from stillwatch.errors import ShareError
from stillwatch.share.link import Link
from stillwatch.share.taxii import MEDIA
from stillwatch.share.taxii.asked import LIMIT
from stillwatch.share.taxii.times import AT, microseconds, stamp_text

UNVERSIONED: Final = "application/taxii+json"
MOST_PAGES: Final = 10_000
MOST_BARREN: Final = 20
"""Pages one after the other without anything new, after which a server is said to go round."""
REMEMBERED: Final = 20_000
"""Objects of the last instants that are remembered, to drop what comes again."""

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

    def __init__(self, url: str, token: str = "", *, limit: int = 1000, **options: Any) -> None:
        self._link = Link(url, token, **options)
        self._limit, self._accept = limit, MEDIA

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        self._link.close()

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
            ShareError: when the server cannot be reached, says no, answers what is no envelope, or goes round.
        """
        turn = _Turn(mark, self._limit)
        for _ in range(MOST_PAGES):
            told, headers = self._ask("GET", f"collections/{collection}/objects/?{urlencode(turn.asked())}")
            objects = told.get("objects", [])
            if not isinstance(objects, list):
                raise ShareError("`objects`: expected a list", where=self._link.host)
            yield turn.fresh(objects, headers.get("x-taxii-date-added-last", ""))
            if keep is not None:
                keep(turn.mark())
            if not turn.goes_on(bool(told.get("more")), told.get("next"), self._link.host):
                return
        raise ShareError(f"more than {MOST_PAGES:,} pages", where=self._link.host, hint="pull again: it goes on there")

    def push(self, collection: str, objects: Iterable[Object]) -> Object:
        """Add objects; gives the status that the server tells.

        Raises:
            ShareError: when the server says no.
        """
        told, _ = self._ask("POST", f"collections/{collection}/objects/", msgspec.json.encode({"objects": [*objects]}))
        return told

    def _ask(self, method: str, path: str, body: bytes | None = None) -> tuple[Object, dict[str, str]]:
        headers = {"Accept": self._accept} | ({"Content-Type": MEDIA} if body is not None else {})
        answer = self._link.ask(method, path, body, headers)
        if answer.status == 406 and self._accept == MEDIA:
            self._accept = UNVERSIONED
            return self._ask(method, path, body)
        answer.check(_HINTS)
        try:
            told = json.loads(answer.body)
        except (ValueError, RecursionError):
            told = None
        if not isinstance(told, dict):
            raise ShareError("the answer is no envelope", where=answer.where, hint="is this a TAXII 2.1 server?")
        return told, answer.headers


_HINTS: Final = {
    401: "the token is not known there", 403: "not allowed with this token", 404: "no such collection for this token",
    406: "the server speaks no TAXII 2.1", 429: "its quota is used up: try later",
}  # fmt: skip


class _Turn:
    """One pull: what was seen, and where to go on."""

    def __init__(self, mark: Mark, limit: int) -> None:
        self._seen = dict.fromkeys(mark.seen)
        self._start, self._last, self._limit = mark.added_after, mark.added_after, limit
        self._cursor, self._cursors, self._barren, self._new = "", set[str](), 0, 0

    def asked(self) -> dict[str, str]:
        """Give the parameters of the next page."""
        asked = {"limit": str(self._limit)}
        asked |= {"added_after": _before(self._start)} if self._start else {}
        return asked | ({"next": self._cursor} if self._cursor else {})

    def fresh(self, objects: list[Any], last: str) -> list[Object]:
        """Keep what was not seen yet, and remember it."""
        fresh = [one for one in objects if isinstance(one, dict) and _name(one) not in self._seen]
        self._seen |= dict.fromkeys(map(_name, fresh))
        self._last = max(self._last, last if AT.fullmatch(last) else "")
        self._new = len(fresh)
        self._barren = 0 if fresh else self._barren + 1
        return fresh

    def mark(self) -> Mark:
        """Tell how far it got."""
        return Mark(added_after=self._last, seen=list(self._seen)[-REMEMBERED:])

    def goes_on(self, more: bool, cursor: object, host: str) -> bool:
        """Choose how the next page is asked for; false where there is none.

        Raises:
            ShareError: when the server goes round.
        """
        if not more:
            return False
        if self._barren > MOST_BARREN:
            raise ShareError(f"{MOST_BARREN} pages without anything new, and there is said to be more", where=host,
                             hint="the server goes round; what came before is kept")  # fmt: skip
        if isinstance(cursor, str) and cursor:
            known = cursor in self._cursors
            self._cursors.add(cursor)
            self._cursor = cursor
            return not known
        return self._by_date(host)

    def _by_date(self, host: str) -> bool:
        """Go on from the last date; where one date fills the page, with a larger page."""
        self._cursor = ""
        if self._last > self._start:
            self._start = self._last
            return True
        if self._new or not self._last:
            return bool(self._new and self._last)
        if self._limit >= LIMIT:
            raise ShareError(f"more than {LIMIT:,} objects were added at one date, and there is no `next`", where=host,
                             hint="its owner must mend it: what came before is kept")  # fmt: skip
        self._limit = min(self._limit * 4, LIMIT)
        return True


def _before(stamp: str) -> str:
    """Give the microsecond before a date: what was added together with the last object seen is asked for again."""
    try:
        return stamp_text(microseconds(stamp) - 1)
    except (ValueError, OverflowError):
        return stamp


def _name(one: Object) -> str:
    return f"{one.get('id', '')}@{one.get('modified') or one.get('created') or ''}"
