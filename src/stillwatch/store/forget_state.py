"""Forget, in a state directory: what the book, the live state, the counts and the inbox keep of somebody, or of a time.

What still acts is not erased under somebody's feet: an order or a grant in force, and an open appeal, are named, and
are to be ended first. Of what is over the account goes and the line stays, so that the record still tells that
somebody was suspended, by whom and why, and no longer who it was. SQLite overwrites what it erases (`secure_delete`).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from stillwatch.kit import lookup
from stillwatch.model.answer import Order
from stillwatch.model.appeal import Appeal
from stillwatch.model.erased import ErasedParts
from stillwatch.store import book as books
from stillwatch.store import counted, live
from stillwatch.store.appeals import appeals
from stillwatch.store.book import Book, open_book
from stillwatch.store.forget import Wanted
from stillwatch.store.key import Key
from stillwatch.store.licences import Issued, grants

FORGOTTEN: Final = "forgotten"
INBOX: Final = "inbox"
OVER: Final = ("expired", "undone")


def is_state(directory: Path) -> bool:
    """Tell whether a directory is one of state, and not a case."""
    return (directory / books.FILE).exists() or (directory / live.POINTER).exists()


def forget_state(place: Path, wanted: Wanted, key: Key, *, dry_run: bool = False) -> ErasedParts:
    """Erase from a state directory.

    Its parts are `orders`, `allowlist`, `grants`, `appeals`, `record`, `outbox`, `commands`, `runs`, `members` (of the
    live state), `newcomers` and `inbox` (days of logs).

    Raises:
        BookError: when the book or the counts cannot be read or written.
        CaseError: when the live state is damaged.
    """
    names = sorted(wanted.accounts)
    before = wanted.before.timestamp() if wanted.before is not None else None
    rows: dict[str, int] = {}
    left: list[str] = []
    if (place / books.FILE).exists():
        book = open_book(place)
        with _erasing(book, dry_run) as change:
            part = _Part(book, change, frozenset(names), wanted.before)
            for erase in (_orders, _allowlist, _grants, _appeals, _commands, _texts):
                erase(part)
            rows, left = part.rows, part.left
        if not dry_run:
            book.read("VACUUM")  # what was written over before `secure_delete` lies in free pages until then
            book.read("PRAGMA wal_checkpoint(TRUNCATE)")
        book.close()
    hashes = [f"{key.account(name):016x}" for name in names]
    rows["newcomers"] = counted.forget(place, hashes, before, dry_run=dry_run)
    rows["members"] = _members(place, key, names, dry_run=dry_run)
    rows["inbox"], waiting = _inbox(place, wanted, dry_run=dry_run)
    if waiting and names:
        left.append(
            f"{waiting} files of logs as they came, in {place / INBOX}: take them in with `ingest`, then erase them"
        )
    return ErasedParts(store=str(place), rows={name: count for name, count in rows.items() if count}, left=left)


class _Part:
    """The book, in a change, and what has been erased of it so far."""

    def __init__(self, book: Book, change: Any, names: frozenset[str], before: datetime | None) -> None:
        self.book = book
        self.change = change
        self.names = names
        self.before = before
        self.rows: dict[str, int] = {}
        self.left: list[str] = []

    def count(self, name: str, more: int) -> None:
        self.rows[name] = self.rows.get(name, 0) + more


@contextmanager
def _erasing(book: Book, dry_run: bool) -> Iterator[Any]:
    class Dry(Exception):
        pass

    book.read("PRAGMA secure_delete = ON")
    try:
        with book.change() as change:
            yield change
            if dry_run:
                raise Dry
    except Dry:
        pass


def _orders(part: _Part) -> None:
    for order in part.book.orders():
        held = part.names & {*order.accounts, *order.members}
        over = order.step in OVER
        if held and not over and order.accounts:
            part.left.append(f"order `{order.id}` is {order.step} and names it: undo it first")
        elif held or any(name in text for name in part.names for text in (order.reason, *order.evidence)):
            _save(part, "orders", order.id, _without(order, part.names))
            part.count("orders", 1)
        elif part.before is not None and over and order.ends < part.before:
            part.change.execute("DELETE FROM orders WHERE id = ?", (order.id,))
            part.count("record", part.change.execute("DELETE FROM record WHERE named = ?", (order.id,)).rowcount)
            part.count("orders", 1)


def _without(order: Order, names: frozenset[str]) -> Order:
    reason, evidence = order.reason, order.evidence
    for name in names:
        reason, evidence = _blank(reason, name), [_blank(one, name) for one in evidence]
    accounts, members = ([one for one in held if one not in names] for held in (order.accounts, order.members))
    campaign = order.campaign or (None if accounts else FORGOTTEN)
    return msgspec.structs.replace(
        order, accounts=accounts, members=members, reason=reason, evidence=evidence, campaign=campaign
    )


def _save(part: _Part, table: str, name: str, body: Any) -> None:
    part.change.execute(f"UPDATE {table} SET body = ? WHERE id = ?", (msgspec.json.encode(body), name))  # noqa: S608


def _allowlist(part: _Part) -> None:
    for one in part.book.spared():
        if one.account in part.names or (part.before is not None and one.ends < part.before):
            part.change.execute("DELETE FROM spared WHERE account = ?", (one.account,))
            part.count("allowlist", 1)


def _grants(part: _Part) -> None:
    today = datetime.now(UTC).date()
    for issued in grants(part.book):
        held = part.names & issued.grant.accounts
        if held and issued.revoked_at is None and issued.grant.ends >= today:
            part.left.append(f"grant `{issued.grant.id}` stands and names it: revoke it first")
        elif held:
            grant = replace(issued.grant, accounts=(issued.grant.accounts - held) | {FORGOTTEN})
            after: Issued = msgspec.structs.replace(issued, grant=grant)
            _save(part, "grants", issued.grant.id, after)
            part.count("grants", 1)


def _appeals(part: _Part) -> None:
    for one in appeals(part.book):
        old = part.before is not None and one.decided_at is not None and one.decided_at < part.before
        if one.account in part.names and one.step == "open":
            part.left.append(f"appeal `{one.id}` is open: decide it first")
        elif one.account in part.names or old:
            after: Appeal = msgspec.structs.replace(
                one, account=FORGOTTEN, text=FORGOTTEN, contact="", reference=f"{one.order}-{FORGOTTEN}", why=FORGOTTEN
            )
            _save(part, "appeals", one.id, after)
            part.count("appeals", 1)


def _commands(part: _Part) -> None:
    for adapter, account, step in part.book.read("SELECT adapter, account, step FROM commands"):
        if account in part.names and step != "undone":
            part.left.append(f"command `{adapter}` has revoked it ({step}): end the order first, so that it is undone")
        elif account in part.names:
            part.change.execute("DELETE FROM commands WHERE adapter = ? AND account = ?", (adapter, account))
            part.count("commands", 1)


def _texts(part: _Part) -> None:
    """Take names out of the record, of messages that wait and of runs; what is before the time goes from the outbox."""
    for name in part.names:
        lines = part.book.read("SELECT number, named, why FROM record WHERE instr(named || why, ?)", name)
        for number, named, why in lines:
            part.change.execute(
                "UPDATE record SET named = ?, why = ? WHERE number = ?",
                (_blank(named, name), _blank(why, name), number),
            )
            part.count("record", 1)
        told = msgspec.json.encode(name)[1:-1]
        for table in ("outbox", "runs"):
            key = "number" if table == "outbox" else "id"
            found = part.book.read(f"SELECT {key}, body FROM {table} WHERE instr(body, ?)", told)  # noqa: S608
            for place, body in found:
                part.change.execute(
                    f"UPDATE {table} SET body = ? WHERE {key} = ?",  # noqa: S608 - names are ours
                    (bytes(body).replace(told, FORGOTTEN.encode()), place),
                )
            part.count(table, len(found))
    if part.before is not None:
        gone = part.change.execute("DELETE FROM outbox WHERE step = 'sent' AND due < ?", (part.before.timestamp(),))
        part.count("outbox", gone.rowcount)


def _blank(text: str, name: str) -> str:
    return text.replace(name, FORGOTTEN)


def _members(place: Path, key: Key, names: list[str], *, dry_run: bool) -> int:
    """Take accounts out of the live state: a new one is put in place, and the one before goes at once."""
    state = live.read(place, key) if names else None
    if state is None:
        return 0
    gone = np.array([key.account(name) for name in names], np.uint64)
    keys, values = state.members
    held = keys != 0
    drop, others = held & np.isin(keys, gone), ~np.isin(state.known, gone)
    if (drop.any() or not others.all()) and not dry_run:
        kept = held & ~drop
        members = lookup.build(keys[kept], values[kept])
        after = replace(state, members=members, known=state.known[others], known_carried=state.known_carried[others])
        live.write(place, after)
        newest = live.pointed(place)
        for old in place.glob("live-*"):
            if old.is_dir() and old.name != newest:
                shutil.rmtree(old, ignore_errors=True)
    return int(drop.sum() + (~others).sum())


def _inbox(place: Path, wanted: Wanted, *, dry_run: bool) -> tuple[int, int]:
    """Erase days of logs before the time; tells how many, and how many files are left."""
    days = sorted((place / INBOX).glob("*/day=*"))
    gone = [day for day in days if wanted.before is not None and day.name[4:] < wanted.before.date().isoformat()]
    if not dry_run:
        for day in gone:
            shutil.rmtree(day, ignore_errors=True)
    return len(gone), sum(1 for day in days if day not in gone for _ in day.glob("*.jsonl"))
