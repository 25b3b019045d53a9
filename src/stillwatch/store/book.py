"""Book: orders, the allowlist, tokens and receipts of one operator, in one SQLite file that a kill cannot tear.

Every change is one transaction, flushed to disk before it counts (WAL, `synchronous=FULL`), and leaves a line in the
record; lines are only added. SQLite alone, without a mapper, since four tables need none; see `sqlite.org/wal.html`.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from stillwatch.errors import BookError
from stillwatch.model.answer import Note, Order, Spared
from stillwatch.model.hook import Hook, event, payload

FILE: Final = "book.db"
VERSION: Final = 2
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, step TEXT NOT NULL, body BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS record (
  number INTEGER PRIMARY KEY AUTOINCREMENT, named TEXT NOT NULL, at TEXT NOT NULL, did TEXT NOT NULL,
  person TEXT NOT NULL, why TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS record_named ON record (named);
CREATE TABLE IF NOT EXISTS spared (account TEXT PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS tokens (id TEXT PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS grants (id TEXT PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS used (named TEXT NOT NULL, writer TEXT NOT NULL, exchanges INTEGER NOT NULL,
  PRIMARY KEY (named, writer)) STRICT;
CREATE TABLE IF NOT EXISTS delivered (named TEXT NOT NULL, place INTEGER NOT NULL, exchange TEXT NOT NULL,
  leaf BLOB NOT NULL, PRIMARY KEY (named, place)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS runs (id TEXT PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS appeals (id TEXT PRIMARY KEY, step TEXT NOT NULL, body BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS hooks (id TEXT PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS outbox (
  number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, hook TEXT NOT NULL, step TEXT NOT NULL, tries INTEGER
  NOT NULL, due REAL NOT NULL, held REAL NOT NULL, told TEXT NOT NULL, body BLOB NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS outbox_due ON outbox (step, due);
CREATE TABLE IF NOT EXISTS commands (
  adapter TEXT NOT NULL, account TEXT NOT NULL, named TEXT NOT NULL, step TEXT NOT NULL, tries INTEGER NOT NULL,
  due REAL NOT NULL, held REAL NOT NULL, told TEXT NOT NULL, PRIMARY KEY (adapter, account)) STRICT;
"""


class Book:
    """An open book; threads of one process take turns."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._lock = threading.RLock()
        self.path = path

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @property
    def version(self) -> int:
        """Tell a number that changes when another connection has changed the book."""
        (number,) = self._connection.execute("PRAGMA data_version").fetchone()
        return int(number)

    @property
    def changes(self) -> int:
        """Count the rows that this connection itself has changed."""
        return self._connection.total_changes

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """Change the book: all of what is done inside, or nothing.

        Raises:
            BookError: when the disk is full, or another process holds the book for too long.
        """
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    yield self._connection
                    self._connection.execute("COMMIT")
                except BaseException:
                    if self._connection.in_transaction:
                        self._connection.execute("ROLLBACK")
                    raise
            except sqlite3.Error as trouble:
                raise _trouble(trouble, self.path) from trouble

    # -- orders

    def orders(self) -> list[Order]:
        """Read every order, oldest first."""
        rows = self.read("SELECT body FROM orders ORDER BY rowid")
        return [msgspec.json.decode(body, type=Order) for (body,) in rows]

    def order(self, name: str) -> Order:
        """Read one order.

        Raises:
            BookError: when there is no such order.
        """
        for (body,) in self.read("SELECT body FROM orders WHERE id = ?", name):
            return msgspec.json.decode(body, type=Order)
        raise BookError(f"no order is called `{name}`", where=str(self.path), hint="`stillwatch order list` names them")

    def record(self, name: str | None = None) -> list[Note]:
        """Read the record, of one order or of all."""
        rows = self.read(
            "SELECT number, named, at, did, person, why FROM record WHERE ? IS NULL OR named = ? ORDER BY number",
            name, name,
        )  # fmt: skip
        return [
            Note(number=number, order=named, at=datetime.fromisoformat(at), did=did, by=person, why=why)
            for number, named, at, did, person, why in rows
        ]

    def put(self, order: Order, *, did: str, by: str, why: str, at: datetime, was: str | None) -> None:
        """Write an order and the line that says how it came to be so.

        Args:
            was: the step that it had; None for a new one. Whoever comes second, on an order that moved on meanwhile, is
                refused, so that nothing is done twice.

        Raises:
            BookError: when the order is not at that step any more.
        """
        body = msgspec.json.encode(order)
        with self.change() as book:
            if was is None:
                book.execute("INSERT INTO orders VALUES (?, ?, ?)", (order.id, order.step, body))
            else:
                moved = book.execute(
                    "UPDATE orders SET step = ?, body = ? WHERE id = ? AND step = ?", (order.step, body, order.id, was)
                )
                if moved.rowcount != 1:
                    raise BookError(f"order `{order.id}` is not {was} any more", hint="look at it again, then decide")
            line(book, order.id, did, by, why, at, order)

    # -- the allowlist

    def spared(self) -> list[Spared]:
        """Read the allowlist."""
        return [msgspec.json.decode(body, type=Spared) for (body,) in self.read("SELECT body FROM spared")]

    def spare(self, one: Spared, at: datetime) -> None:
        """Put an account on the allowlist."""
        with self.change() as book:
            book.execute("INSERT OR REPLACE INTO spared VALUES (?, ?)", (one.account, msgspec.json.encode(one)))
            line(book, f"account {one.account}", "spared", one.by, one.reason, at)

    def unspare(self, account: str, *, by: str, why: str, at: datetime) -> bool:
        """Take an account off the allowlist; tells whether it was on it."""
        with self.change() as book:
            gone = book.execute("DELETE FROM spared WHERE account = ?", (account,)).rowcount == 1
            if gone:
                line(book, f"account {account}", "no longer spared", by, why, at)
        return gone

    def read(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Read rows as they are stored."""
        try:
            with self._lock:
                rows: list[tuple[Any, ...]] = self._connection.execute(statement, values).fetchall()
            return rows
        except sqlite3.Error as trouble:
            raise _trouble(trouble, self.path) from trouble


def line(
    book: sqlite3.Connection, name: str, did: str, by: str, why: str, at: datetime, order: Order | None = None
) -> None:
    """Add a line to the record, inside a change; what hooks shall be told of it goes into the outbox with it."""
    written = book.execute(
        "INSERT INTO record (named, at, did, person, why) VALUES (?, ?, ?, ?, ?)",
        (name, at.astimezone(UTC).isoformat(), did, by, why),
    )
    note = Note(number=written.lastrowid or 0, order=name, at=at, did=did, by=by, why=why)
    for (body,) in book.execute("SELECT body FROM hooks").fetchall():
        hook = msgspec.json.decode(body, type=Hook)
        if hook.wants(event(note)) or (name, did) == (f"hook {hook.id}", "tested"):
            book.execute(
                "INSERT INTO outbox (id, hook, step, tries, due, held, told, body) "
                "VALUES (?, ?, 'waiting', 0, ?, 0, '', ?)",
                (f"msg_{secrets.token_hex(12)}", hook.id, at.timestamp(), payload(hook, note, order)),
            )


def open_book(place: Path) -> Book:
    """Open the book of a state directory, or the file itself; one that is not there is made.

    Raises:
        BookError: when it cannot be opened, or was written by a later version.
    """
    path = place if place.suffix == ".db" else place / FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
        connection = sqlite3.connect(path, timeout=10.0, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise BookError(f"the book has version {version}, and this stillwatch knows {VERSION}", where=str(path))
        if version < VERSION:
            connection.executescript(f"BEGIN IMMEDIATE; {_TABLES} PRAGMA user_version = {VERSION}; COMMIT;")
    except sqlite3.Error as trouble:
        raise _trouble(trouble, path) from trouble
    except OSError as trouble:
        raise BookError(f"cannot open the book: {trouble.strerror}", where=str(path)) from trouble
    return Book(connection, path)


def _trouble(trouble: sqlite3.Error, path: Path) -> BookError:
    hint = "free some room; nothing was changed" if "full" in str(trouble) else None
    return BookError(f"the book could not be read or written: {trouble}", where=str(path), hint=hint)
