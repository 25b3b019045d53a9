"""Replica: what the books of several replicas tell one another, and how two tellings become one.

An item is an order, an entry of the allowlist, a grant, a token, an appeal or a run of a playbook, with the lines of
the record that tell how it came to be so. Merging takes the item that went further (a step that cannot be taken back
beats one that can, then more lines of the record, then the later one) and keeps the lines of both: in whatever order
items arrive, and however often, all books come to hold the same, and nothing is done twice. An appeal that two people
decided apart is restored if either restored; of a run each step stands as it was marked last. Uses of grants are
counted by writer; the larger count is right.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import Final, Literal, NamedTuple, get_args

import msgspec

from stillwatch.model.answer import Order
from stillwatch.model.appeal import Appeal
from stillwatch.model.playbook import Run
from stillwatch.store.book import Book, line
from stillwatch.store.licences import Issued
from stillwatch.store.tokens import Token

Kind = Literal["order", "spared", "grant", "token", "appeal", "run"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
TABLES: Final = {
    "order": "orders", "spared": "spared", "grant": "grants", "token": "tokens", "appeal": "appeals", "run": "runs",
}  # fmt: skip
STEPPED: Final = ("order", "appeal")
"""Kinds whose step stands beside the body."""
PREFIX: Final = {
    "order": "", "spared": "account ", "grant": "grant ", "token": "token ", "appeal": "appeal ", "run": "run ",
}  # fmt: skip
"""What the record calls an item of each kind, before its name."""
STEPS: Final = {"planned": 0, "approved": 1, "expired": 2, "undone": 3, "open": 0, "refused": 1, "restored": 2}


class Line(NamedTuple):
    """One line of the record, as it travels."""

    at: str
    did: str
    by: str
    why: str


class Item(msgspec.Struct, array_like=True, frozen=True, kw_only=True):
    """One thing that the book holds.

    Attributes:
        body: as the book keeps it; empty for what was taken off.
        lines: how it came to be so, oldest first.
    """

    kind: Kind
    name: str
    body: bytes
    lines: list[Line]

    @property
    def rank(self) -> str:
        """Tell how far it went, in 26 characters that compare as they are read."""
        last = max((datetime.fromisoformat(one.at).timestamp() for one in self.lines), default=0.0)
        return f"{_step(self)}{len(self.lines):010d}{max(int(last * 1000), 0):015d}"[:26]


def _step(item: Item) -> int:
    if item.kind in STEPPED:
        return STEPS[_stands(item)]
    if item.kind == "grant":
        return int(msgspec.json.decode(item.body, type=Issued).revoked_at is not None)
    if item.kind == "token":
        return int(msgspec.json.decode(item.body, type=Token).revoked)
    return 0


def _stands(item: Item) -> str:
    """Tell the step of an item that has one."""
    if item.kind == "appeal":
        return msgspec.json.decode(item.body, type=Appeal).step
    return msgspec.json.decode(item.body, type=Order).step


class Changed(NamedTuple):
    """What changed in a book since a line of its record, and the last line there is."""

    last: int
    items: list[Item]


def changed(book: Book, since: int) -> Changed:
    """Read every item of which the record tells something after a line.

    Raises:
        BookError: when the book cannot be read.
    """
    rows = book.read("SELECT named, MAX(number) FROM record WHERE number > ? GROUP BY named", since)
    last = max([since, *(int(number) for _, number in rows)])
    found = (_item(book, *_parted(named)) for named, _ in rows)
    return Changed(last, [item for item in found if item is not None])


def _parted(named: str) -> tuple[Kind, str]:
    for kind in KINDS[1:]:
        if named.startswith(PREFIX[kind]):
            return kind, named.removeprefix(PREFIX[kind])
    return "order", named


def _item(book: Book, kind: Kind, name: str) -> Item | None:
    column = "account" if kind == "spared" else "id"
    bodies = book.read(f"SELECT body FROM {TABLES[kind]} WHERE {column} = ?", name)  # noqa: S608 - our own names
    lines = book.read("SELECT at, did, person, why FROM record WHERE named = ? ORDER BY number", PREFIX[kind] + name)
    if not bodies and kind != "spared":
        return None
    return Item(kind=kind, name=name, body=bodies[0][0] if bodies else b"", lines=[Line(*one) for one in lines])


def adopt(book: Book, items: list[Item]) -> int:
    """Take in what other books hold; tells how many items changed here.

    Raises:
        BookError: when it cannot be written; nothing is taken in then.
    """
    new = [(item, _item(book, item.kind, item.name)) for item in items]
    new = [(item, mine) for item, mine in new if mine is None or _missing(item, mine) or item.rank > mine.rank]
    if not new:
        return 0
    with book.change() as change:
        for item, _ in new:
            _merge(change, item, _item(book, item.kind, item.name))
    return len(new)


def _missing(item: Item, mine: Item | None) -> list[Line]:
    """Find the lines that are not here; that an order expired is told once, whoever saw it."""
    held = set(mine.lines) if mine is not None else set()
    ended = any(one.did == "expired" for one in held)
    return [one for one in item.lines if one not in held and not (ended and one.did == "expired")]


def _merge(change: sqlite3.Connection, item: Item, mine: Item | None) -> None:
    if item.kind == "run" and mine is not None:
        _write(change, _marked(item, mine))
    elif mine is None or item.rank > mine.rank:
        _write(change, item)
    order = msgspec.json.decode(item.body, type=Order) if item.kind == "order" else None
    for one in _missing(item, mine):
        line(change, PREFIX[item.kind] + item.name, one.did, one.by, one.why, datetime.fromisoformat(one.at), order)


def _marked(item: Item, mine: Item) -> Item:
    """Make one run of two: each step as it was marked last."""
    one, other = (msgspec.json.decode(each.body, type=Run) for each in (mine, item))
    marks = dict(one.marks)
    for step, mark in other.marks.items():
        if step not in marks or (mark.at, mark.state, mark.by) > (marks[step].at, marks[step].state, marks[step].by):
            marks[step] = mark
    both = msgspec.structs.replace(one, marks=marks, order=max(one.order, other.order))
    return msgspec.structs.replace(item, body=msgspec.json.encode(both))


def _write(change: sqlite3.Connection, item: Item) -> None:
    if item.kind in STEPPED:
        change.execute(
            f"INSERT INTO {TABLES[item.kind]} (id, step, body) VALUES (?, ?, ?)"  # noqa: S608 - our own names
            " ON CONFLICT (id) DO UPDATE SET step = excluded.step, body = excluded.body",
            (item.name, _stands(item), item.body),
        )
    elif item.kind == "spared" and not item.body:
        change.execute("DELETE FROM spared WHERE account = ?", (item.name,))
    else:
        change.execute(
            f"INSERT OR REPLACE INTO {TABLES[item.kind]} VALUES (?, ?)",  # noqa: S608 - our own names
            (item.name, item.body),
        )


class Use(msgspec.Struct, array_like=True, frozen=True):
    """How many exchanges one writer counted under a grant."""

    grant: str
    writer: str
    exchanges: int


def uses(book: Book) -> list[Use]:
    """Read the uses of grants, by writer."""
    return [Use(*row) for row in book.read("SELECT named, writer, exchanges FROM used")]


def take_uses(book: Book, told: list[Use]) -> int:
    """Take in what other books counted; tells how many counts changed here.

    Raises:
        BookError: when it cannot be written.
    """
    held = {(one.grant, one.writer): one.exchanges for one in uses(book)}
    new = [one for one in told if one.exchanges > held.get((one.grant, one.writer), 0)]
    if new:
        with book.change() as change:
            change.executemany(
                "INSERT INTO used VALUES (?, ?, ?)"
                " ON CONFLICT DO UPDATE SET exchanges = MAX(exchanges, excluded.exchanges)",
                [(one.grant, one.writer, one.exchanges) for one in new],
            )
    return len(new)
