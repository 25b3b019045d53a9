"""Appeals: kept in the book, each with who opened it, who decided it, and why."""

from __future__ import annotations

import secrets
from datetime import datetime
from statistics import median

import msgspec

from stillwatch.errors import BookError
from stillwatch.model.appeal import Appeal, AppealFigures
from stillwatch.store.book import Book, line


def appeals(book: Book) -> list[Appeal]:
    """Read every appeal, oldest first."""
    return [msgspec.json.decode(body, type=Appeal) for (body,) in book.read("SELECT body FROM appeals ORDER BY rowid")]


def appeal(book: Book, name: str) -> Appeal:
    """Read one appeal.

    Raises:
        BookError: when there is none of that id.
    """
    for (body,) in book.read("SELECT body FROM appeals WHERE id = ?", name):
        return msgspec.json.decode(body, type=Appeal)
    raise BookError(f"no appeal is called `{name}`", where=str(book.path), hint="`stillwatch appeal list` names them")


def put(book: Book, one: Appeal) -> Appeal:
    """Open an appeal.

    Raises:
        BookError: when one of the same reference is open.
    """
    made = msgspec.structs.replace(one, id=f"a-{secrets.token_hex(4)}")
    with book.change() as change:
        for (body,) in change.execute("SELECT body FROM appeals WHERE step = 'open'").fetchall():
            other = msgspec.json.decode(body, type=Appeal)
            if other.reference == one.reference:
                raise BookError(f"an appeal of this reference is open already, as `{other.id}`")
        change.execute("INSERT INTO appeals VALUES (?, ?, ?)", (made.id, made.step, msgspec.json.encode(made)))
        line(change, f"appeal {made.id}", "opened", one.opened_by, f"of {one.order}", one.opened_at)
    return made


def decide(book: Book, one: Appeal) -> None:
    """Put a decision on record.

    Raises:
        BookError: when it was decided meanwhile.
    """
    with book.change() as change:
        moved = change.execute(
            "UPDATE appeals SET step = ?, body = ? WHERE id = ? AND step = 'open'",
            (one.step, msgspec.json.encode(one), one.id),
        )
        if moved.rowcount != 1:
            raise BookError(f"appeal `{one.id}` is decided already", hint=f"stillwatch appeal show {one.id}")
        assert one.decided_at is not None  # noqa: S101 - whoever decides says when
        line(change, f"appeal {one.id}", one.step, one.decided_by, one.why, one.decided_at)


def figures(found: list[Appeal], now: datetime) -> AppealFigures:
    """Count appeals and how long they take."""
    open_ = [(now - one.opened_at).total_seconds() / 3600 for one in found if one.step == "open"]
    took = [(one.decided_at - one.opened_at).total_seconds() / 3600 for one in found if one.decided_at is not None]
    restored = sum(one.step == "restored" for one in found)
    return AppealFigures(
        open=len(open_), decided=len(took), restored=restored,
        restored_share=restored / len(took) if took else None, median_hours=median(took) if took else None,
        oldest_open_hours=max(open_, default=None),
    )  # fmt: skip
