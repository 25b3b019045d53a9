"""Bases: the database under the TAXII store, one class for each: SQLite by default, PostgreSQL for a team.

A base gives links. Readers borrow one from a pool; writers take turns, each inside one transaction, over all processes:
SQLite locks the file, PostgreSQL an advisory lock, so that what is committed later was also numbered later. Statements
are written once, with `?` for values; a base knows its types and nothing of what is stored.
"""

from __future__ import annotations

import queue
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, ClassVar, Final, Generic, Protocol, TypeVar, cast

from stillwatch.errors import ResourceError, UsageError

Values = Sequence[Any]
L = TypeVar("L")
IDLE: Final = 8
"""Links that are kept open for the next reader."""
_WAL_PAGES: Final = 8000
"""Pages of 4 KiB after which SQLite folds its log into the file: two flushes less for most writes."""
_WRITER_KIB: Final = -16_384
"""Memory of the writer: the index of a hundred thousand objects, which come in no order."""
_TURN: Final = 0x73_77_74_61_78_69_69
"""Which advisory lock writers take: `swtaxii`."""


class Link(Protocol):
    """A connection, lent."""

    def each(self, statement: str, values: Values = ()) -> Iterator[tuple[Any, ...]]:
        """Read rows one after the other; never holds all of them."""

    def run(self, statement: str, values: Values = ()) -> int:
        """Change rows; returns how many."""

    def many(self, statement: str, rows: Sequence[Values]) -> None:
        """Run one statement for many rows of values."""


class Base(Protocol):
    """A database; `words` fills what differs in the schema: types, and the function that finds a text in another."""

    words: ClassVar[dict[str, str]]

    def reading(self) -> AbstractContextManager[Link]:
        """Lend a link to read with."""

    def writing(self) -> AbstractContextManager[Link]:
        """Lend a link inside a transaction of one's own turn: all of it is done, or nothing."""

    def make(self, schema: str) -> None:
        """Make the tables that are missing."""

    def close(self) -> None:
        """Close all links that are not lent."""


def base(place: Path | str) -> Base:
    """Open the database at a path, or at `sqlite:///PATH` or `postgresql://…`.

    Raises:
        UsageError: when it is an address of something else.
        ResourceError: when it cannot be opened.
    """
    text = str(place)
    if text.startswith(("postgresql://", "postgres://")):
        return Postgres(text)
    if "://" in text and not text.startswith("sqlite:///"):
        raise UsageError(f"`{text.partition('://')[0]}` is no database that is known here",
                         hint="a path, sqlite:///PATH or postgresql://USER@HOST/NAME")  # fmt: skip
    return Sqlite(Path(text.removeprefix("sqlite:///")))


class _Pool(Generic[L]):
    """Links that nobody uses just now; more are made as they are needed."""

    def __init__(self, make: Callable[[], L]) -> None:
        self._make = make
        self._idle: queue.LifoQueue[L] = queue.LifoQueue(IDLE)

    def take(self) -> L:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            return self._make()

    def give(self, link: L) -> bool:
        """Take a link back; false where there are enough."""
        try:
            self._idle.put_nowait(link)
        except queue.Full:
            return False
        return True

    def drain(self) -> Iterator[L]:
        while not self._idle.empty():
            yield self._idle.get_nowait()


# -- SQLite


class _SqliteLink:
    def __init__(self, raw: sqlite3.Connection) -> None:
        self.raw = raw

    def each(self, statement: str, values: Values = ()) -> Iterator[tuple[Any, ...]]:
        return iter(self.raw.execute(statement, values))

    def run(self, statement: str, values: Values = ()) -> int:
        return self.raw.execute(statement, values).rowcount

    def many(self, statement: str, rows: Sequence[Values]) -> None:
        self.raw.executemany(statement, rows)


class Sqlite:
    """One file, readable by its owner alone; what is committed is on the disk (WAL, `synchronous=FULL`)."""

    words: ClassVar[dict[str, str]] = {"integer": "INTEGER", "bytes": "BLOB", "find": "instr"}

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turn = threading.Lock()
        self._pool = _Pool(self._open)
        with self._told():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.touch(mode=0o600)
            self._writer = self._open()
            self._writer.run(f"PRAGMA cache_size = {_WRITER_KIB}")

    @contextmanager
    def reading(self) -> Iterator[Link]:
        """Lend a link to read with."""
        with self._told():
            link = self._pool.take()
            try:
                yield link
            finally:
                if not self._pool.give(link):
                    link.raw.close()

    @contextmanager
    def writing(self) -> Iterator[Link]:
        """Lend the writer's link, inside a transaction."""
        with self._turn, self._told():
            self._writer.run("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.run("COMMIT")
            except BaseException:
                if self._writer.raw.in_transaction:
                    self._writer.run("ROLLBACK")
                raise

    def make(self, schema: str) -> None:
        """Make the tables that are missing."""
        with self._turn, self._told():
            self._writer.raw.executescript(schema)

    def close(self) -> None:
        """Close all links that are not lent."""
        for link in [*self._pool.drain(), self._writer]:
            link.raw.close()

    def _open(self) -> _SqliteLink:
        raw = sqlite3.connect(self._path, isolation_level=None, timeout=30, check_same_thread=False)
        raw.execute("PRAGMA journal_mode = WAL")
        raw.execute("PRAGMA synchronous = FULL")
        raw.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")
        return _SqliteLink(raw)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as trouble:
            raise ResourceError(f"the store cannot be used: {trouble}", where=str(self._path)) from None


# -- PostgreSQL


class _PostgresLink:
    def __init__(self, raw: Any) -> None:
        self.raw = raw

    def each(self, statement: str, values: Values = ()) -> Iterator[tuple[Any, ...]]:
        with self.raw.transaction(), self.raw.cursor(name="each") as cursor:
            cursor.itersize = 200
            yield from cursor.execute(statement.replace("?", "%s"), values)

    def run(self, statement: str, values: Values = ()) -> int:
        return int(self.raw.execute(statement.replace("?", "%s"), values).rowcount)

    def many(self, statement: str, rows: Sequence[Values]) -> None:
        with self.raw.cursor() as cursor:
            cursor.executemany(statement.replace("?", "%s"), rows)


class Postgres:
    """A database of a PostgreSQL server, 13 or later; needs the extra `postgres`.

    Args:
        address: `postgresql://USER@HOST/NAME`; the password from `PGPASSWORD` or `~/.pgpass`, as for any client.
    """

    words: ClassVar[dict[str, str]] = {"integer": "BIGINT", "bytes": "BYTEA", "find": "strpos"}

    def __init__(self, address: str) -> None:
        try:
            import psycopg
        except ImportError:
            raise UsageError("PostgreSQL needs a driver", hint="pip install 'stillwatch[postgres]'") from None
        self._driver, self._address = psycopg, address
        self._where = re.sub(r"//[^@/]*@", "//", address).partition("?")[0]
        self._pool = _Pool(self._open)

    @contextmanager
    def reading(self) -> Iterator[Link]:
        """Lend a link to read with."""
        with self._told():
            link = self._pool.take()
            try:
                yield link
            finally:
                self._back(link)

    @contextmanager
    def writing(self) -> Iterator[Link]:
        """Lend a link inside a transaction that holds the lock of writers."""
        with self.reading() as link, cast("_PostgresLink", link).raw.transaction():
            link.run("SELECT pg_advisory_xact_lock(?)", (_TURN,))
            yield link

    def make(self, schema: str) -> None:
        """Make the tables that are missing."""
        with self.writing() as link:
            for statement in filter(str.strip, schema.split(";")):
                link.run(statement)

    def close(self) -> None:
        """Close all links that are not lent."""
        for link in self._pool.drain():
            link.raw.close()

    def _open(self) -> _PostgresLink:
        return _PostgresLink(self._driver.connect(self._address, autocommit=True, connect_timeout=10))

    def _back(self, link: _PostgresLink) -> None:
        if link.raw.closed or link.raw.broken:
            self.close()  # the server went away: the other links are as dead as this one
        elif not self._pool.give(link):
            link.raw.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except self._driver.Error as trouble:
            first = str(trouble).strip().partition("\n")[0]
            raise ResourceError(f"the store cannot be used: {first}", where=self._where) from None
