"""Counted: what processes counted of newcomers, kept so that it survives a restart, in a file beside the book.

Accounts stand here by their keyed hashes, and so does every value that they showed; no text is in it. Each process
has a slot of its own, held by a lock while it lives; one that starts takes the first free slot and goes on with what
it finds there, so that several processes of one machine never count one request twice. At most a second of counts is
lost by a kill. The file can be deleted at any time: newcomers are then counted anew.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from stillwatch.errors import BookError

FILE: Final = "counted.db"
SLOTS: Final = 256
GONE_S: Final = 3600.0
"""How long it is remembered, by its keyed hash alone, that an account is to be forgotten; until all have heard."""
KEPT_DAYS: Final = 60
"""How long an account that sends nothing any more is remembered."""


_TABLES: Final = """
CREATE TABLE IF NOT EXISTS counted (slot INTEGER NOT NULL, account TEXT NOT NULL, at REAL NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY (slot, account)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS heard (slot INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS gone (account TEXT PRIMARY KEY, at REAL NOT NULL) STRICT, WITHOUT ROWID;
"""


class Kept(msgspec.Struct, array_like=True, frozen=True):
    """What was counted of one account.

    Attributes:
        against: by campaign: requests, hits, handed, rate, spread, network, client, looked,
            tied.
        seen: keyed hashes of the values that were looked at; `places` those of the network among them.
        campaign: the campaign that it was recognised as of; empty for none.
        since: when, epoch seconds.
    """

    against: dict[str, tuple[int, int, int, float, float, float, float, bool, bool]]
    seen: list[int]
    campaign: str = ""
    since: float = 0.0
    places: list[int] = []


class Counted:
    """The file, and the slot that this process holds."""

    def __init__(self, place: Path) -> None:
        self.path = place / FILE
        self._lock: IO[bytes] | None = None
        try:
            if not self.path.exists():
                os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600))
            self._base = sqlite3.connect(self.path, timeout=5.0, isolation_level=None, check_same_thread=False)
            self._base.execute("PRAGMA journal_mode = WAL")
            self._base.execute("PRAGMA synchronous = NORMAL")
            self._base.executescript(_TABLES)
        except (sqlite3.Error, OSError) as trouble:
            raise BookError(
                f"the counts of newcomers cannot be opened: {trouble}", where=str(self.path),
                hint="it may be deleted: newcomers are then counted anew",
            ) from trouble  # fmt: skip
        self.slot = self._free(place)

    def _free(self, place: Path) -> int:
        """Take the first slot that no living process holds."""
        for slot in range(SLOTS):
            lock = (place / f".counted-{slot}.lock").open("ab")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                lock.close()
                continue
            self._lock = lock
            return slot
        raise BookError(f"{SLOTS} processes count newcomers here already", where=str(place))

    def read(self) -> tuple[dict[str, bytes], bytes]:
        """Read what the slot holds: accounts by keyed hash, still packed, and what was heard of other replicas."""
        rows = dict(self._all("SELECT account, body FROM counted WHERE slot = ? ORDER BY at", self.slot))
        heard = [body for (body,) in self._all("SELECT body FROM heard WHERE slot = ?", self.slot)]
        return rows, heard[0] if heard else b""

    def write(self, counts: dict[str, bytes], heard: bytes, now: float | None = None) -> frozenset[str]:
        """Write what changed; gives the accounts that were to be forgotten meanwhile, and are not written.

        Raises:
            BookError: when it cannot be written; it is to be tried again.
        """
        at = time.time() if now is None else now
        try:
            self._base.execute("BEGIN IMMEDIATE")
            try:
                gone = frozenset(account for (account,) in self._base.execute("SELECT account FROM gone").fetchall())
                self._base.executemany(
                    "INSERT OR REPLACE INTO counted VALUES (?, ?, ?, ?)",
                    [(self.slot, account, at, body) for account, body in counts.items() if account not in gone],
                )
                self._base.execute("INSERT OR REPLACE INTO heard VALUES (?, ?)", (self.slot, heard))
                self._base.execute("DELETE FROM counted WHERE at < ?", (at - KEPT_DAYS * 86_400,))
                self._base.execute("COMMIT")
            except BaseException:
                if self._base.in_transaction:
                    self._base.execute("ROLLBACK")
                raise
        except sqlite3.Error as trouble:
            raise BookError(f"the counts of newcomers cannot be written: {trouble}", where=str(self.path)) from trouble
        return gone

    def gone(self) -> frozenset[str]:
        """Read which accounts are to be forgotten."""
        return frozenset(account for (account,) in self._all("SELECT account FROM gone"))

    def _all(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        try:
            rows: list[tuple[Any, ...]] = self._base.execute(statement, values).fetchall()
            return rows
        except sqlite3.Error as trouble:
            raise BookError(f"the counts of newcomers cannot be read: {trouble}", where=str(self.path)) from trouble

    def close(self) -> None:
        """Close the file and give the slot back."""
        self._base.close()
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def recognised(place: Path) -> dict[str, list[float]]:
    """Tell when accounts were recognised as newcomers, by campaign, over all slots; each account once.

    Raises:
        BookError: when the file cannot be read.
    """
    found: dict[tuple[str, str], float] = {}
    for account, kept in _everything(place):
        if kept.campaign:
            key = (kept.campaign, account)
            found[key] = min(found.get(key, kept.since), kept.since)
    by: dict[str, list[float]] = {}
    for (campaign, _), since in found.items():
        by.setdefault(campaign, []).append(since)
    return by


def forget(place: Path, accounts: list[str], before: float | None, *, dry_run: bool) -> int:
    """Erase accounts by keyed hash, or those not seen since a time; tells how many rows.

    Processes that count them forget them too, when they write next.

    Raises:
        BookError: when the file cannot be read or written.
    """
    path = place / FILE
    if not path.exists():
        return 0
    try:
        with sqlite3.connect(path, timeout=10.0) as base:
            base.execute("PRAGMA secure_delete = ON")
            base.executescript(_TABLES)
            rows = base.execute("SELECT slot, account, at FROM counted").fetchall()
            wanted = set(accounts)
            named = [(slot, one) for slot, one, at in rows if one in wanted or (before is not None and at < before)]
            if not dry_run:
                base.executemany("DELETE FROM counted WHERE slot = ? AND account = ?", named)
                base.execute("DELETE FROM gone WHERE at < ?", (time.time() - GONE_S,))
                base.executemany("INSERT OR REPLACE INTO gone VALUES (?, ?)", [(one, time.time()) for one in wanted])
        return len(named)
    except sqlite3.Error as trouble:
        raise BookError(f"the counts of newcomers cannot be erased: {trouble}", where=str(path)) from trouble


def _everything(place: Path) -> Iterator[tuple[str, Kept]]:
    path = place / FILE
    if not path.exists():
        return
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10.0) as base:
            for account, body in base.execute("SELECT account, body FROM counted"):
                yield account, msgspec.msgpack.decode(body, type=Kept)
    except (sqlite3.Error, msgspec.DecodeError) as trouble:
        raise BookError(f"the counts of newcomers cannot be read: {trouble}", where=str(path)) from trouble
