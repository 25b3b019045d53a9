"""Outbox: what hooks are still to be told, in the book itself, so that nothing put on record goes untold.

A message is written in the transaction that it tells of. It is held while somebody sends it, and is gone only when
the other side has said 2xx; whoever dies while sending leaves a hold that ends by itself, and the message goes out
again under the same id, by which the receiver knows it. What cannot be delivered for days is kept, as `stuck`, until
a person looks.
"""

from __future__ import annotations

import base64
import random
import secrets
from datetime import datetime, timedelta
from typing import Final

import msgspec

from stillwatch.errors import BookError
from stillwatch.model.hook import Hook, Shape
from stillwatch.store.book import Book, line

WAITS_S: Final = (5, 30, 300, 1800, 7200, 18_000, 36_000, 36_000, 72_000)
"""How long to wait after each failure; after the last one a message is stuck. The schedule of Standard Webhooks."""
KEPT_DAYS: Final = 30
"""How long it is remembered that a message was sent."""
ROTATION_H: Final = 24
FAR_S: Final = 2 * 86_400.0
"""Nothing waits for so long: what is due later than this was written by a clock that has jumped back since."""
_DUE: Final = "step = 'waiting' AND (due <= ? OR due > ?) AND (held <= ? OR held > ?)"


class Message(msgspec.Struct, kw_only=True, frozen=True):
    """A message for one hook.

    Attributes:
        step: `waiting`, `sent` or `stuck`.
        told: what became of the last try.
    """

    id: str
    hook: str
    step: str
    tries: int
    due: float
    told: str
    body: bytes = b""


def hooks(book: Book) -> list[Hook]:
    """Read every hook, oldest first."""
    return [msgspec.json.decode(body, type=Hook) for (body,) in book.read("SELECT body FROM hooks ORDER BY rowid")]


def hook(book: Book, name: str) -> Hook:
    """Read one hook.

    Raises:
        BookError: when there is none of that id.
    """
    for one in hooks(book):
        if one.id == name:
            return one
    raise BookError(f"no hook is called `{name}`", where=str(book.path), hint="`stillwatch hook list` names them")


def add(
    book: Book, url: str, *, shape: Shape, events: list[str], accounts: bool, by: str, why: str, at: datetime
) -> Hook:
    """Add a hook; its secret is in what is returned."""
    made = Hook(
        id=f"h-{secrets.token_hex(4)}",
        url=url,
        shape=shape,
        events=events,
        accounts=accounts,
        secret=secret(),
        by=by,
        at=at,
    )
    with book.change() as change:
        change.execute("INSERT INTO hooks VALUES (?, ?)", (made.id, msgspec.json.encode(made)))
        line(change, f"hook {made.id}", "added", by, why, at)
    return made


def secret() -> str:
    """Make a secret of 32 random bytes."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


def change_hook(book: Book, name: str, did: str, *, by: str, why: str, at: datetime) -> Hook:
    """Pause, resume or rotate a hook.

    Raises:
        BookError: when there is none of that id.
    """
    before = hook(book, name)
    after = msgspec.structs.replace(before, paused=did == "paused")
    if did == "rotated":
        after = msgspec.structs.replace(
            before, secret=secret(), former=before.secret, until=at + timedelta(hours=ROTATION_H)
        )
    with book.change() as change:
        change.execute("UPDATE hooks SET body = ? WHERE id = ?", (msgspec.json.encode(after), name))
        line(change, f"hook {name}", did, by, why, at)
    return after


def remove(book: Book, name: str, *, by: str, why: str, at: datetime) -> int:
    """Remove a hook, with what it was not told yet; tells how much that was.

    Raises:
        BookError: when there is none of that id.
    """
    hook(book, name)
    with book.change() as change:
        line(change, f"hook {name}", "removed", by, why, at)
        lost = change.execute("DELETE FROM outbox WHERE hook = ? AND step != 'sent'", (name,)).rowcount
        change.execute("DELETE FROM outbox WHERE hook = ?", (name,))
        change.execute("DELETE FROM hooks WHERE id = ?", (name,))
    return max(lost - 1, 0)  # the last was that it is removed


def claim(book: Book, now: float, *, hold_s: float, most: int = 20) -> list[tuple[Message, Hook]]:
    """Take messages that are due, and hold them so that nobody else sends them meanwhile."""
    ready = {one.id: one for one in hooks(book) if not one.paused}
    if not ready:
        return []
    times = (now, now + FAR_S, now, now + 2 * hold_s)
    if book.read(f"SELECT count(*) FROM outbox WHERE {_DUE}", *times) == [(0,)]:  # noqa: S608 - our own words
        return []
    taken: list[tuple[Message, Hook]] = []
    with book.change() as change:
        rows = change.execute(
            f"SELECT id, hook, step, tries, due, told, body FROM outbox WHERE {_DUE} ORDER BY number LIMIT ?",  # noqa: S608
            (*times, 10 * most),
        ).fetchall()
        for name, of, step, tries, due, told, body in rows:
            if of in ready and len(taken) < most:
                change.execute("UPDATE outbox SET held = ? WHERE id = ?", (now + hold_s, name))
                taken.append(
                    (Message(id=name, hook=of, step=step, tries=tries, due=due, told=told, body=body), ready[of])
                )
    return taken


def sent(book: Book, message: Message, now: float) -> None:
    """Note that a message arrived; its body goes."""
    with book.change() as change:
        change.execute(
            "UPDATE outbox SET step = 'sent', tries = tries + 1, due = ?, held = 0, told = 'delivered', body = x'' "
            "WHERE id = ?",
            (now, message.id),
        )
        change.execute("DELETE FROM outbox WHERE step = 'sent' AND due < ?", (now - KEPT_DAYS * 86_400,))


def failed(book: Book, message: Message, now: float, told: str, wait_s: float | None = None) -> None:
    """Note that a message did not arrive; it waits, the longer the more often, and at last is stuck."""
    last = message.tries >= len(WAITS_S)
    wait = 0.0 if last else max(WAITS_S[message.tries] * random.uniform(0.9, 1.1), wait_s or 0.0)  # noqa: S311 - no secret
    with book.change() as change:
        change.execute(
            "UPDATE outbox SET step = ?, tries = tries + 1, due = ?, held = 0, told = ? WHERE id = ?",
            ("stuck" if last else "waiting", now + wait, told[:500], message.id),
        )


def outbox(book: Book) -> list[Message]:
    """List what is not delivered yet, oldest first."""
    rows = book.read(
        "SELECT id, hook, step, tries, due, told, body FROM outbox WHERE step != 'sent' ORDER BY number LIMIT 10000"
    )
    return [
        Message(id=name, hook=of, step=step, tries=tries, due=due, told=told, body=body)
        for name, of, step, tries, due, told, body in rows
    ]


def retry(book: Book, now: float, name: str | None = None) -> int:
    """Let what waits or is stuck go out at once, as if for the first time; tells how many."""
    with book.change() as change:
        return change.execute(
            "UPDATE outbox SET step = 'waiting', tries = 0, due = ?, held = 0 "
            "WHERE step != 'sent' AND (? IS NULL OR id = ?)",
            (now, name, name),
        ).rowcount
