"""Store: the objects of every collection, in one SQLite file; a page costs the same however many there are.

`added` is a microsecond that no two objects have, given in the order of writing inside one transaction: it is the
date that TAXII shows, the key by which pages are read and the cursor, so that a page read twice is the same page, a
writer in between only adds behind, and nothing is lost when the process is killed.

Another database needs the methods of `Store`, and nothing of SQLite is seen outside.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from stillwatch.errors import ResourceError

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS objects (
  added INTEGER PRIMARY KEY, collection TEXT NOT NULL, id TEXT NOT NULL, type TEXT NOT NULL, version TEXT NOT NULL,
  spec TEXT NOT NULL, rank INTEGER NOT NULL, audience TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
  body BLOB NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS objects_version ON objects (collection, id, version);
CREATE INDEX IF NOT EXISTS objects_page ON objects (collection, last, added);
CREATE TABLE IF NOT EXISTS status (id TEXT PRIMARY KEY, peer TEXT NOT NULL, at INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, value BLOB NOT NULL);
"""
EVERYBODY: Final = "*"
STATUS_LIVES_S: Final = 7 * 86_400


_SETTLE: Final = """
UPDATE objects SET
  last = (version = (SELECT max(version) FROM objects WHERE collection = ?1 AND id = ?2)),
  first = (version = (SELECT min(version) FROM objects WHERE collection = ?1 AND id = ?2))
WHERE collection = ?1 AND id = ?2
"""


class Item(NamedTuple):
    """An object as it is added; `rank` is its marking from 0 (clear) to 4 (red), `audience` peers or `*`."""

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
    """The objects, on disk; one connection for each thread.

    Args:
        path: the file; made where it is missing, and readable by its owner alone.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.touch(mode=0o600)
            with self._writing() as base:
                base.executescript(_SCHEMA)
            with self._writing() as base:
                base.execute("INSERT OR IGNORE INTO kept VALUES ('cursor', ?)", (secrets.token_bytes(32),))
        except (OSError, sqlite3.Error) as trouble:
            raise ResourceError(f"cannot open the store: {trouble}", where=str(path)) from None

    @property
    def cursor_key(self) -> bytes:
        """The key under which cursors are signed: it lives as long as the store."""
        key: bytes = self._base().execute("SELECT value FROM kept WHERE name = 'cursor'").fetchone()[0]
        return key

    def add(self, collection: str, items: Iterable[Item]) -> int:
        """Add objects that are not there yet, all or none; returns how many were new."""
        new = 0
        with self._writing() as base:
            base.execute("BEGIN IMMEDIATE")
            latest = base.execute("SELECT max(added) FROM objects").fetchone()[0] or 0
            removed = base.execute("SELECT value FROM kept WHERE name = 'latest'").fetchone()
            stamp = max(latest, int(removed[0]) if removed else 0, time.time_ns() // 1000 - 1)
            for item in items:
                new += self._insert(base, collection, item, stamp + 1)
                stamp += 1
            base.execute("INSERT OR REPLACE INTO kept VALUES ('latest', ?)", (str(stamp).encode(),))
            base.execute("COMMIT")
        return new

    @staticmethod
    def _insert(base: sqlite3.Connection, collection: str, item: Item, added: int) -> int:
        held = base.execute(
            "SELECT max(version), min(version) FROM objects WHERE collection = ? AND id = ?", (collection, item.id)
        ).fetchone()
        newest, oldest = held
        version = item.version or newest or f"{stamp_text(added)}"
        # released to more peers: they must find it behind what they have read, and the others read it once more
        base.execute(
            "DELETE FROM objects WHERE collection = ? AND id = ? AND version = ? AND audience <> ?",
            (collection, item.id, version, item.audience),
        )
        done = base.execute(
            "INSERT OR IGNORE INTO objects VALUES (?, ?, ?, ?, ?, '2.1', ?, ?, ?, ?, ?)",
            (added, collection, item.id, item.type, version, item.rank, item.audience,
             oldest is None or version <= oldest, newest is None or version >= newest, item.body),
        )  # fmt: skip
        if done.rowcount and newest is not None:
            if version > newest:
                base.execute("UPDATE objects SET last = 0 WHERE collection = ? AND id = ? AND added <> ?",
                             (collection, item.id, added))  # fmt: skip
            elif version < oldest:
                base.execute("UPDATE objects SET first = 0 WHERE collection = ? AND id = ? AND added <> ?",
                             (collection, item.id, added))  # fmt: skip
        return done.rowcount

    def page(self, query: Query, limit: int) -> tuple[list[Row], bool]:
        """Read up to `limit` objects in the order in which they were added, and tell whether there are more."""
        where, values = _where(query)
        rows = self._base().execute(
            f"SELECT added, id, version, spec, body FROM objects WHERE {where} ORDER BY added LIMIT ?",  # noqa: S608
            (*values, limit + 1),
        ).fetchall()  # fmt: skip
        return [Row(*row) for row in rows[:limit]], len(rows) > limit

    def delete(self, query: Query) -> int:
        """Delete objects for good; returns how many there were."""
        where, values = _where(query)
        with self._writing() as base:
            base.execute("BEGIN IMMEDIATE")
            gone = base.execute(f"DELETE FROM objects WHERE {where}", values).rowcount  # noqa: S608
            for name in query.ids:
                at = (query.collection, name)
                base.execute(_SETTLE, at)
            base.execute("COMMIT")
        return gone

    def keep_status(self, name: str, peer: str, body: dict[str, Any]) -> None:
        """Keep what became of a request, for a week."""
        now = int(time.time())
        with self._writing() as base:
            base.execute("DELETE FROM status WHERE at < ?", (now - STATUS_LIVES_S,))
            base.execute(
                "INSERT OR REPLACE INTO status VALUES (?, ?, ?, ?)", (name, peer, now, json.dumps(body).encode())
            )

    def status(self, name: str, peer: str) -> dict[str, Any] | None:
        """Read what became of a request of this peer."""
        row = self._base().execute("SELECT body FROM status WHERE id = ? AND peer = ?", (name, peer)).fetchone()
        found: dict[str, Any] | None = json.loads(row[0]) if row else None
        return found

    def _base(self) -> sqlite3.Connection:
        base: sqlite3.Connection | None = getattr(self._local, "base", None)
        if base is None:
            base = sqlite3.connect(self._path, isolation_level=None, timeout=30)
            base.execute("PRAGMA journal_mode = WAL")
            base.execute("PRAGMA synchronous = FULL")
            self._local.base = base
        return base

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        base = self._base()
        try:
            yield base
        except BaseException:
            if base.in_transaction:
                base.execute("ROLLBACK")
            raise


def stamp_text(microseconds: int) -> str:
    """Write a date with all six digits of its second, as TAXII asks."""
    seconds, rest = divmod(microseconds, 1_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest:06d}Z"


def _where(query: Query) -> tuple[str, list[Any]]:
    parts = ["collection = ?", "added > ?", "rank <= ?", "(audience = '*' OR instr(audience, ?) > 0)"]
    values: list[Any] = [query.collection, query.after, query.rank, f"|{query.peer}|"]
    for column, wanted in (("id", query.ids), ("type", query.types)):
        if wanted:
            parts.append(f"{column} IN ({', '.join('?' * len(wanted))})")
            values += wanted
    if "all" not in query.versions:
        stamps = [one for one in query.versions if one not in ("last", "first")]
        either = [f"{name} = 1" for name in ("last", "first") if name in query.versions]
        if stamps:
            either.append(f"version IN ({', '.join('?' * len(stamps))})")
            values += stamps
        parts.append(f"({' OR '.join(either)})")
    return " AND ".join(parts), values
