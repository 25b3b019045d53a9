"""Appeals: opened with the reference of a refusal, decided by a named person, and restored where that is right.

Restoring one account of an order that names several spares that account until the order ends; the order is undone
where it names nobody else, or where the person says so. Whoever approved an order does not decide an appeal against
it, where there is somebody else to do so.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

import msgspec

from stillwatch.errors import BookError, UsageError
from stillwatch.model.answer import Order
from stillwatch.model.appeal import Appeal
from stillwatch.store import appeals
from stillwatch.store.book import Book
from stillwatch.store.key import Key
from stillwatch.store.tokens import tokens
from stillwatch.watch import orders
from stillwatch.watch.standing import reference

REFERENCE: Final = re.compile(r"^(o-[0-9a-f]{8})-[0-9a-f]{8}$")
WORDS: Final = 4000
"""Characters of an appeal that are kept."""
ACTS: Final = ("planned", "approved", "snoozed", "undone", "refused", "restored")
"""What only a person of the operator's does, by the words of the record."""


def open_appeal(
    book: Book, quoted: str, *, text: str, contact: str, by: str, key: Key, now: datetime, account: str = ""
) -> Appeal:
    """Open an appeal.

    Args:
        account: whom it is about, where the order names a campaign whose members are known by their hashes alone.

    Raises:
        UsageError: when the reference is none, or nobody it was given to.
        BookError: when an appeal of it is open already.
    """
    found = REFERENCE.match(quoted.strip().lower())
    if found is None:
        raise UsageError(
            f"`{quoted[:60]}` is no reference",
            hint="it stands in the refusal as `reference`, and looks like o-1f3c9a02-8d1e22b0",
        )
    if not text.strip():
        raise UsageError("an appeal needs words", hint="say what happened and why it is wrong, with `--text`")
    order = next((one for one in book.orders() if one.id == found[1]), None)
    whose = None if order is None else _account(order, found[0], key, account)
    if order is None or whose is None:
        raise UsageError("no order was told to anybody under this reference", hint="copy it again from the refusal")
    return appeals.put(
        book,
        Appeal(
            id="", reference=found[0], order=order.id, account=whose, text=text.strip()[:WORDS],
            contact=contact.strip()[:200], opened_by=by, opened_at=now,
        ),
    )  # fmt: skip


def _account(order: Order, quoted: str, key: Key, account: str) -> str | None:
    for one in (account, *order.accounts, *order.members) if account else (*order.accounts, *order.members):
        if reference(key, order.id, one) == quoted:
            return one
    return None


def decide(book: Book, name: str, *, restore: bool, whole: bool, by: str, why: str, now: datetime) -> Appeal:
    """Decide an appeal.

    Raises:
        UsageError: when no person or no reason is named.
        BookError: when it is decided already, or the person approved the order and somebody else could decide.
    """
    by = orders.person(by)
    if not why.strip():
        raise UsageError("a decision needs a reason", hint="say why, with `--reason`")
    one = appeals.appeal(book, name)
    if one.step != "open":
        raise BookError(f"appeal `{name}` is {one.step} already", where=f"by {one.decided_by}")
    order = book.order(one.order)
    if order.approved_by is not None and _alike(by, order.approved_by) and (others := _others(book, order, now)):
        raise BookError(
            f"`{order.approved_by}` approved `{order.id}`, and somebody else decides appeals against it",
            hint=f"ask {', '.join(sorted(others)[:3])}",
        )
    ends = order.step not in ("planned", "approved")
    alone = whole or (order.accounts == [one.account])
    if restore and not ends:
        if alone:
            orders.undo(book, order.id, by=by, why=f"appeal {name}: {why}", now=now)
        else:
            orders.spare(book, one.account, by=by, why=f"appeal {name}: {why}", ends=order.ends, now=now)
    decided = msgspec.structs.replace(
        one, step="restored" if restore else "refused", decided_by=by, decided_at=now, why=why, whole=restore and alone
    )
    appeals.decide(book, decided)
    return decided


def _alike(one: str, other: str) -> bool:
    return " ".join(one.casefold().split()) == " ".join(other.casefold().split())


def _others(book: Book, order: Order, now: datetime) -> set[str]:
    """Find persons who could decide instead: who acted on orders before, or holds a token that may."""
    acted = {note.by for note in book.record() if note.did in ACTS}
    held = {one.owner for one in tokens(book) if "orders" in one.scopes and not one.revoked and one.ends > now}
    return {
        name for name in acted | held
        if not orders.NOBODY.match(name.strip()) and not _alike(name, order.approved_by or "")
    }  # fmt: skip
