"""Licences: grants issued in the book, what was used of them, and which answers were delivered under them."""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from stillwatch.errors import BookError
from stillwatch.model.grant import Grant
from stillwatch.store.book import Book, line


class Issued(msgspec.Struct, kw_only=True, frozen=True):
    """A grant as it was issued, by whom, and whether it still stands."""

    grant: Grant
    by: str
    at: datetime
    revoked_at: datetime | None = None

    def state(self, day: date) -> str:
        """Say how it stands on a day."""
        if self.revoked_at is not None:
            return "revoked"
        return "in force" if self.grant.runs_on(day) else "not begun" if day < self.grant.starts else "ended"


def grants(book: Book) -> list[Issued]:
    """Read every grant, oldest first."""
    return [msgspec.json.decode(body, type=Issued) for (body,) in book.read("SELECT body FROM grants ORDER BY rowid")]


def issue(book: Book, grant: Grant, *, by: str, why: str, at: datetime) -> None:
    """Issue a grant.

    Raises:
        BookError: when there is one of that id.
    """
    with book.change() as change:
        if change.execute("SELECT 1 FROM grants WHERE id = ?", (grant.id,)).fetchone():
            raise BookError(f"there is a grant `{grant.id}` already", hint="give it another id, or revoke that one")
        change.execute(
            "INSERT INTO grants VALUES (?, ?)", (grant.id, msgspec.json.encode(Issued(grant=grant, by=by, at=at)))
        )
        line(change, f"grant {grant.id}", "issued", by, why, at)


def revoke(book: Book, name: str, *, by: str, why: str, at: datetime) -> None:
    """Revoke a grant; what was delivered under it stays on record.

    Raises:
        BookError: when there is none of that id, or it is revoked already.
    """
    with book.change() as change:
        row = change.execute("SELECT body FROM grants WHERE id = ?", (name,)).fetchone()
        if row is None:
            raise BookError(f"no grant is called `{name}`", hint="`stillwatch grant list` names them")
        issued = msgspec.json.decode(row[0], type=Issued)
        if issued.revoked_at is not None:
            raise BookError(f"grant `{name}` is revoked already", where=f"on {issued.revoked_at:%Y-%m-%d}")
        body = msgspec.json.encode(msgspec.structs.replace(issued, revoked_at=at))
        change.execute("UPDATE grants SET body = ? WHERE id = ?", (body, name))
        line(change, f"grant {name}", "revoked", by, why, at)


def used(book: Book) -> dict[str, int]:
    """Count what was used of each grant, by all processes."""
    return dict(book.read("SELECT named, SUM(exchanges) FROM used GROUP BY named"))


class Delivered(msgspec.Struct, kw_only=True, frozen=True):
    """One answer delivered under a grant: the leaf of the receipt's tree, not the text.

    Attributes:
        leaf: the RFC 6962 leaf hash.
    """

    grant: str
    exchange: str
    leaf: bytes


def deliver(book: Book, writer: str, delivered: list[Delivered]) -> None:
    """Put answers on record and count them: both, or neither."""
    with book.change() as change:
        for one in delivered:
            (place,) = change.execute(
                "SELECT COALESCE(MAX(place), -1) + 1 FROM delivered WHERE named = ?", (one.grant,)
            ).fetchone()
            change.execute("INSERT INTO delivered VALUES (?, ?, ?, ?)", (one.grant, place, one.exchange, one.leaf))
            change.execute(
                "INSERT INTO used VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET exchanges = exchanges + 1",
                (one.grant, writer),
            )


def leaves(book: Book, name: str) -> list[tuple[str, bytes]]:
    """Read (exchange, leaf hash) of everything delivered under a grant, in order."""
    return book.read("SELECT exchange, leaf FROM delivered WHERE named = ? ORDER BY place", name)
