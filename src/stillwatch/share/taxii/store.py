"""Store: the objects of every collection; a page costs the same however many there are.

`added` is a microsecond that no two objects have, given in the order of writing inside one transaction: it is the
date that TAXII shows, the key by which pages are read and the cursor, so that a page read twice is the same page, a
writer in between only adds behind, and nothing is lost when the process is killed.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from stillwatch.share.taxii.bases import Link, base
from stillwatch.share.taxii.times import shown, stamp_text, wide

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS objects (
  added {integer} PRIMARY KEY, collection TEXT NOT NULL, id TEXT NOT NULL, type TEXT NOT NULL, version TEXT NOT NULL,
  spec TEXT NOT NULL, rank INTEGER NOT NULL, audience TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
  body {bytes} NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS objects_version ON objects (collection, id, version);
CREATE INDEX IF NOT EXISTS objects_page ON objects (collection, last, added);
CREATE TABLE IF NOT EXISTS status (
  id TEXT PRIMARY KEY, peer TEXT NOT NULL, at {integer} NOT NULL, body {bytes} NOT NULL);
CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, value {bytes} NOT NULL)
"""
EVERYBODY: Final = "*"
STATUS_LIVES_S: Final = 7 * 86_400
PAGE_BYTES: Final = 16 << 20
"""Bytes of objects after which a page ends, whatever the limit: a page is held in memory."""
_KEEP: Final = "INSERT INTO kept VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
_SETTLE: Final = """
UPDATE objects SET
  first = CASE WHEN version = (SELECT min(version) FROM objects WHERE collection = ? AND id = ?) THEN 1 ELSE 0 END,
  last = CASE WHEN version = (SELECT max(version) FROM objects WHERE collection = ? AND id = ?) THEN 1 ELSE 0 END
WHERE collection = ? AND id = ?
"""
_AT_ONCE: Final = 500
"""Ids that are looked up in one statement."""


class Item(NamedTuple):
    """An object as it is added; `rank` is its marking from 0 (clear) to 4 (red), `audience` peers or `*`.

    `version` is its time, whatever its precision; empty for an object that has none.
    """

    id: str
    type: str
    version: str
    rank: int
    audience: str
    body: bytes


class Row(NamedTuple):
    """An object as it is read."""

    added: int
    id: str
    version: str
    spec: str
    body: bytes


class Status(NamedTuple):
    """What became of a request, kept for a week for the peer who made it."""

    id: str
    peer: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What of a collection is asked for.

    Attributes:
        peer: who asks; what its audience does not name him is as if it were not there.
        rank: the highest marking that he may see.
        after: only what was added later than this microsecond.
        versions: `last`, `first`, `all` and version stamps.
    """

    collection: str
    peer: str
    rank: int
    after: int = 0
    ids: Sequence[str] = ()
    types: Sequence[str] = ()
    versions: Sequence[str] = ("last",)


class Store:
    """The objects, in a database; many threads and processes may use one.

    Args:
        place: a file, made where it is missing and readable by its owner alone, or `postgresql://…`.

    Raises:
        ResourceError: when it cannot be opened.
    """

    def __init__(self, place: Path | str) -> None:
        self._base = base(place)
        self._base.make(_SCHEMA.format(**self._base.words))
        with self._base.writing() as link:
            link.run("INSERT INTO kept VALUES ('cursor', ?) ON CONFLICT (name) DO NOTHING", (secrets.token_bytes(32),))
            self.cursor_key = _kept(link, "cursor")
            _widen(link)

    def close(self) -> None:
        """Close it."""
        self._base.close()

    def add(self, collection: str, items: Iterable[Item], status: Status | None = None) -> int:
        """Add objects that are not there yet, all or none; returns how many were new."""
        with self._base.writing() as link:
            latest = max((row[0] or 0 for row in link.each("SELECT max(added) FROM objects")), default=0)
            stamp = max(latest, int(_kept(link, "latest") or 0), time.time_ns() // 1000 - 1)
            batch = _Batch(link, collection, list(items), stamp)
            batch.write()
            if batch.new:
                link.run(_KEEP, ("latest", str(batch.stamp).encode()))
            if status is not None:
                _keep_status(link, status)
        return batch.new

    def page(self, query: Query, limit: int, *, bodies: bool = True) -> tuple[list[Row], bool]:
        """Read up to `limit` objects in the order in which they were added, and tell whether there are more."""
        where, values = _where(query, self._base.words["find"])
        body = "body" if bodies else "NULL"
        statement = f"SELECT added, id, version, spec, {body} FROM objects WHERE {where} ORDER BY added LIMIT ?"  # noqa: S608
        found: list[Row] = []
        held = 0
        with self._base.reading() as link, closing(link.each(statement, (*values, limit + 1))) as rows:  # type: ignore[type-var]
            for added, name, version, spec, raw in rows:
                if len(found) == limit or held > PAGE_BYTES:
                    return found, True
                found.append(Row(added, name, shown(version), spec, bytes(raw or b"")))
                held += len(found[-1].body)
        return found, False

    def delete(self, query: Query) -> int:
        """Delete objects for good; returns how many there were."""
        where, values = _where(query, self._base.words["find"])
        with self._base.writing() as link:
            gone = link.run(f"DELETE FROM objects WHERE {where}", values)  # noqa: S608
            _settle(link, query.collection, query.ids)
        return gone

    def keep_status(self, status: Status) -> None:
        """Keep what became of a request."""
        with self._base.writing() as link:
            _keep_status(link, status)

    def status(self, name: str, peer: str) -> dict[str, Any] | None:
        """Read what became of a request of this peer."""
        with self._base.reading() as link:
            rows = list(link.each("SELECT body FROM status WHERE id = ? AND peer = ?", (name, peer)))
        return msgspec.json.decode(bytes(rows[0][0]), type=dict[str, Any]) if rows else None


class _Batch:
    """Objects that are added together: one look-up for all that is held of them, then one statement for each change."""

    def __init__(self, link: Link, collection: str, items: Sequence[Item], stamp: int) -> None:
        self._link, self._collection, self.stamp, self.new = link, collection, stamp, 0
        self._held = self._look_up({item.id for item in items})
        self._fresh: dict[tuple[str, str], tuple[Any, ...]] = {}
        self._doomed: list[tuple[str, str, str]] = []
        self._unsettled: set[str] = set()
        for item in items:
            self._take(item)

    def _look_up(self, names: set[str]) -> dict[str, dict[str, str]]:
        """Give of every id its versions, and the audience of each."""
        held: dict[str, dict[str, str]] = {}
        ordered = sorted(names)
        for at in range(0, len(ordered), _AT_ONCE):
            some = ordered[at : at + _AT_ONCE]
            statement = f"SELECT id, version, audience FROM objects WHERE collection = ? AND id IN ({_marks(some)})"  # noqa: S608
            for name, version, audience in self._link.each(statement, (self._collection, *some)):
                held.setdefault(name, {})[version] = audience
        return held

    def _take(self, item: Item) -> None:
        versions = self._held.setdefault(item.id, {})
        version = wide(item.version) or max(versions, default="") or wide(stamp_text(self.stamp + 1))
        if versions.get(version) == item.audience:
            return
        if version in versions:
            # released to more peers: they must find it behind what they have read, and the others read it once more
            self._doomed.append((self._collection, item.id, version))
            self._fresh.pop((item.id, version), None)
        elif versions:
            self._unsettled.add(item.id)
        if len(versions) > 1:
            self._unsettled.add(item.id)
        versions[version] = item.audience
        self.new, self.stamp = self.new + 1, self.stamp + 1
        self._fresh[item.id, version] = (self.stamp, self._collection, item.id, item.type, version, item.rank,
                                         item.audience, item.body)  # fmt: skip

    def write(self) -> None:
        """Write it all."""
        if self._doomed:
            self._link.many("DELETE FROM objects WHERE collection = ? AND id = ? AND version = ?", self._doomed)
        if self._fresh:
            self._link.many("INSERT INTO objects VALUES (?, ?, ?, ?, ?, '2.1', ?, ?, 1, 1, ?)", [*self._fresh.values()])
        _settle(self._link, self._collection, sorted(self._unsettled))


def _settle(link: Link, collection: str, names: Sequence[str]) -> None:
    """Mark anew which version of each object is its first and which its last."""
    if names:
        link.many(_SETTLE, [(collection, name) * 3 for name in names])


def _keep_status(link: Link, status: Status) -> None:
    now = int(time.time())
    link.run("DELETE FROM status WHERE at < ?", (now - STATUS_LIVES_S,))
    link.run("INSERT INTO status VALUES (?, ?, ?, ?)", (status.id, status.peer, now, msgspec.json.encode(status.body)))


def _kept(link: Link, name: str) -> bytes:
    return next((bytes(row[0]) for row in link.each("SELECT value FROM kept WHERE name = ?", (name,))), b"")


def _widen(link: Link) -> None:
    """Write the times of a store of before, once, in the width in which they can be compared."""
    if _kept(link, "wide"):
        return
    old = [(wide(version), added) for added, version in link.each("SELECT added, version FROM objects")]
    if old:
        link.many("UPDATE objects SET version = ? WHERE added = ?", old)
    link.run(_KEEP, ("wide", b"1"))


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def _where(query: Query, find: str) -> tuple[str, list[Any]]:
    parts = ["collection = ?", "added > ?", "rank <= ?", f"(audience = '*' OR {find}(audience, ?) > 0)"]
    values: list[Any] = [query.collection, query.after, query.rank, f"|{query.peer}|"]
    for column, wanted in (("id", query.ids), ("type", query.types)):
        if wanted:
            parts.append(f"{column} IN ({_marks(wanted)})")
            values += wanted
    if "all" not in query.versions:
        stamps = [wide(one) for one in query.versions if one not in ("last", "first")]
        either = [f"{name} = 1" for name in ("last", "first") if name in query.versions]
        if stamps:
            either.append(f"version IN ({_marks(stamps)})")
            values += stamps
        parts.append(f"({' OR '.join(either)})")
    return " AND ".join(parts), values
