"""Commands: the operator's own revocation of keys, run for each account that an order hits, and undone with it.

It is a comparison, not a queue: who should be revoked by the orders, grants and allowlist of this moment, against who
was. So a grant or an entry of the allowlist that comes later undoes, a second order keeps, and whoever is killed in
the middle goes on where it was: a command may run twice, and has to bear that. No shell: an argument is what the
settings say, with `{account}`, `{order}` and `{campaign}` put in; an account that would be taken for an option is not.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec

from stillwatch.errors import BookError
from stillwatch.kit.plain import plain
from stillwatch.model.answer import Order
from stillwatch.settings import Command
from stillwatch.store.book import Book, line
from stillwatch.store.key import Key
from stillwatch.watch.standing import Standing, in_force, standing

Deed = Literal["do", "undo"]
WAITS_S: Final = (10, 60, 600, 3600, 14_400, 43_200)
"""How long to wait after each failure; after the last one it is stuck until a person looks."""
GRACE_S: Final = 15.0
SAID: Final = 1000
"""Characters kept of what a command printed."""


class Act(msgspec.Struct, kw_only=True, frozen=True):
    """A command that is to be run, and what came of it.

    Attributes:
        because: for an undo, why.
    """

    adapter: str
    deed: Deed
    account: str
    order: str
    argv: list[str]
    because: str = ""
    status: int | None = None
    said: str = ""


class Kept(msgspec.Struct, kw_only=True, frozen=True):
    """How an account stands with an adapter: `doing`, `done`, `undoing`, `undone`, `stuck do` or `stuck undo`."""

    adapter: str
    account: str
    order: str
    step: str
    tries: int
    due: float
    held: float
    told: str


def kept(book: Book) -> list[Kept]:
    """Read how every account stands with every adapter."""
    rows = book.read("SELECT adapter, account, named, step, tries, due, held, told FROM commands ORDER BY rowid")
    names = ("adapter", "account", "order", "step", "tries", "due", "held", "told")
    return [Kept(**dict(zip(names, row, strict=True))) for row in rows]


def due(book: Book, adapters: Iterable[Command], key: Key, now: float) -> list[Act]:
    """Tell what has to be done, or undone, at an instant."""
    stands = standing(book)
    orders = {one.id: one for one in book.orders()}
    have = {(one.adapter, one.account): one for one in kept(book)}
    acts: list[Act] = []
    for adapter in adapters:
        wanted = _wanted(adapter, stands, orders.values(), key, now)
        for account, order in wanted.items():
            row = have.get((adapter.name, account))
            ready = row is None or (row.step in ("undone", "undoing", "stuck undo") and _free(row, adapter, now))
            again = row is not None and row.step == "doing" and _free(row, adapter, now) and _come(row.due, now)
            if ready or again:
                acts.append(_act(adapter, "do", account, order, ""))
        for (name, account), row in have.items():
            if name != adapter.name or account in wanted or row.step in ("undone", "stuck undo"):
                continue
            if _free(row, adapter, now) and (row.step != "undoing" or _come(row.due, now)):
                former = orders.get(row.order)
                why = _why(former, account, stands, now)
                acts.append(_act(adapter, "undo", account, row.order if former is None else former, why))
    return acts


def _free(row: Kept, adapter: Command, now: float) -> bool:
    """Tell whether nobody is at it; a hold that no command could have is of a clock that has jumped back since."""
    return row.held <= now or row.held > now + 2 * (adapter.timeout_s + GRACE_S)


def _come(due: float, now: float) -> bool:
    return due <= now or due > now + 2 * WAITS_S[-1]


def nameless(book: Book, adapters: Iterable[Command]) -> list[str]:
    """Name the orders in force that call for a command and name nobody: their campaign is known by hashes alone."""
    rungs = {rung for one in adapters for rung in one.rungs}
    return [
        order.id for order in book.orders()
        if order.step == "approved" and order.rung in rungs and not order.accounts and not order.members
    ]  # fmt: skip


def _wanted(adapter: Command, stands: Standing, orders: Iterable[Order], key: Key, now: float) -> dict[str, Order]:
    """Find the accounts whom an order in force hits, and neither a grant nor the allowlist spares."""
    wanted: dict[str, Order] = {}
    for order in orders:
        if order.step != "approved" or order.rung not in adapter.rungs:
            continue
        for account in order.accounts or order.members:
            if account not in wanted and in_force(order, account, now, key) and not _spared(account, stands, now):
                wanted[account] = order
    return wanted


def _spared(account: str, stands: Standing, now: float) -> bool:
    """Tell whether the allowlist or any grant of these days keeps an account: keys do not know models or caps."""
    day = datetime.fromtimestamp(now, UTC).date()
    return stands.spared.get(account, 0.0) > now or any(one.runs_on(day) for one in stands.grants.get(account, ()))


def _why(order: Order | None, account: str, stands: Standing, now: float) -> str:
    if _spared(account, stands, now):
        return "a grant or the allowlist covers the account"
    return (
        "the order is gone"
        if order is None
        else f"the order is {'snoozed' if order.step == 'approved' else order.step}"
    )


def _act(adapter: Command, deed: Deed, account: str, order: Order | str, because: str) -> Act:
    values = {"{account}": account, "{order}": order if isinstance(order, str) else order.id,
              "{campaign}": "" if isinstance(order, str) else order.campaign or ""}  # fmt: skip
    argv = []
    for word in adapter.do if deed == "do" else adapter.undo:
        for name, value in values.items():
            word = word.replace(name, value)
        argv.append(word)
    return Act(adapter=adapter.name, deed=deed, account=account, order=values["{order}"], argv=argv, because=because)


def work(
    book: Book, adapters: Iterable[Command], key: Key, *, clock: Callable[[], float] = time.time, most: int = 1000
) -> list[Act]:
    """Do and undo what is due, one account after the other; gives what came of each.

    Raises:
        BookError: when the book cannot be written; nothing is run that is not on record first.
    """
    known = {one.name: one for one in adapters}
    done = []
    for act in due(book, known.values(), key, clock())[:most]:
        adapter = known[act.adapter]
        if _begin(book, act, clock(), adapter.timeout_s + GRACE_S):
            done.append(_ended(book, _run(act, adapter), clock()))
    return done


def _begin(book: Book, act: Act, now: float, hold_s: float) -> bool:
    """Put on record that it is begun; tells whether nobody else is at it."""
    step = "doing" if act.deed == "do" else "undoing"
    with book.change() as change:
        begun = change.execute(
            "INSERT INTO commands VALUES (?, ?, ?, ?, 0, 0, ?, '') ON CONFLICT DO UPDATE SET named = excluded.named, "
            "tries = CASE WHEN step = excluded.step THEN tries ELSE 0 END, step = excluded.step, held = excluded.held "
            "WHERE held <= ? OR held > ?",
            (act.adapter, act.account, act.order, step, now + hold_s, now, now + 2 * hold_s),
        )
        return begun.rowcount == 1


def _run(act: Act, adapter: Command) -> Act:
    if not act.argv:
        return msgspec.structs.replace(act, status=0, said="there is no undo command; mend it by hand")
    if any(word.startswith("-") and word == act.account for word in act.argv) or any("\0" in word for word in act.argv):
        return msgspec.structs.replace(
            act, said="the account would be taken for an option: write `--account={account}`"
        )
    allowed = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    told = {**allowed, "STILLWATCH_ORDER": act.order, "STILLWATCH_ACCOUNT": act.account, "STILLWATCH_DEED": act.deed}
    try:
        with subprocess.Popen(  # noqa: S603 - what the operator's settings name, without a shell
            act.argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=told,
            start_new_session=True, cwd="/",
        ) as process:  # fmt: skip
            try:
                said, _ = process.communicate(timeout=adapter.timeout_s)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
                return msgspec.structs.replace(act, said=f"it was not done after {adapter.timeout_s:g} s and was ended")
    except (OSError, ValueError) as trouble:
        return msgspec.structs.replace(act, said=f"it could not be run: {trouble}")
    return msgspec.structs.replace(act, status=process.returncode, said=plain(said.decode("utf-8", "replace"), SAID))


def _ended(book: Book, act: Act, now: float) -> Act:
    well = act.status == 0
    told = act.said if act.status is None else f"exit {act.status}{': ' if act.said else ''}{act.said}"
    at = datetime.fromtimestamp(now, UTC)
    with book.change() as change:
        ((tries,),) = change.execute(
            "SELECT tries FROM commands WHERE adapter = ? AND account = ?", (act.adapter, act.account)
        ).fetchall()
        step = ("done" if act.deed == "do" else "undone") if well else ("doing" if act.deed == "do" else "undoing")
        if not well and tries >= len(WAITS_S):
            step = f"stuck {act.deed}"
        wait = 0.0 if well or step.startswith("stuck") else float(WAITS_S[tries])
        change.execute(
            "UPDATE commands SET step = ?, tries = ?, due = ?, held = 0, told = ? WHERE adapter = ? AND account = ?",
            (step, 0 if well else tries + 1, now + wait, told, act.adapter, act.account),
        )
        why = f"{act.deed} for {act.order}{', since ' + act.because if act.because else ''}: {told}"
        line(change, f"adapter {act.adapter}", "ran" if well else "failed", "stillwatch", why, at)
    return act


def retry(book: Book, now: float) -> int:
    """Let what is stuck be tried anew; tells how many."""
    with book.change() as change:
        return change.execute(
            "UPDATE commands SET step = CASE step WHEN 'stuck do' THEN 'doing' ELSE 'undoing' END, tries = 0, due = ?, "
            "held = 0 WHERE step LIKE 'stuck %'", (now,),
        ).rowcount  # fmt: skip


def forever(book: Book, adapters: tuple[Command, ...], key: Key, every_s: float) -> None:
    """Do and undo what is due, for as long as the process lives."""
    while True:
        try:
            work(book, adapters, key)
        except BookError as trouble:
            print(f"stillwatch: {trouble}", file=sys.stderr)
        time.sleep(every_s)
