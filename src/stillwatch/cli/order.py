"""`stillwatch order`: plan, approve, undo and look at orders."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import click
import msgspec

from stillwatch import ingest, settings
from stillwatch.cli._place import as_json, by, ends, now, place, settings_option
from stillwatch.cli._values import Instant
from stillwatch.kit.plain import counted, plain
from stillwatch.model.answer import Order, Rung
from stillwatch.store import key as keys
from stillwatch.store import live
from stillwatch.store.book import open_book
from stillwatch.watch import orders

RUNGS = click.Choice(get_args(Rung))


@click.group("order")
def command() -> None:
    """Plan, approve and undo countermeasures. Nothing acts before somebody has approved it."""


@command.command("plan")
@click.argument("rung", type=RUNGS)
@click.option("--account", "accounts", multiple=True, metavar="A", help="An account; may be given again.")
@click.option("--campaign", metavar="ID", help="A campaign: all its members, where no account is named.")
@click.option("--case", type=click.Path(path_type=Path), help="The case it is in: for evidence and whom it would hit.")
@click.option("--accounts", "accounts_file", type=click.Path(path_type=Path), help="The accounts file: tells who pays.")
@click.option("--newcomers", type=RUNGS, default="observe", help="Ceiling for accounts that join later.")
@click.option("--transform", "transforms", multiple=True, help="Of `harden`, only this; may be given again.")
@click.option("--days", type=int, help="It ends after so many days; 14 when left out.")
@click.option("--ends", "until", type=Instant(), help="Or at this instant.")
@click.option(
    "--delay", "delay_s", type=int, default=0, help="Begin for each account at random within so many seconds."
)
@place
@by
@settings_option
@as_json
def plan(
    rung: Rung, accounts: tuple[str, ...], campaign: str | None, case: Path | None, accounts_file: Path | None,
    newcomers: Rung, transforms: tuple[str, ...], days: int | None, until: int | None, delay_s: int, place_: Path,
    by: str, why: str, settings_file: Path | None, as_json_: bool,
) -> None:  # fmt: skip
    """Plan an order and count whom it would hit. It does nothing until it is approved."""
    told = settings.find(settings_file)
    key = keys.find(told.store.key_file)
    asked = orders.Plan(
        rung=rung, accounts=accounts, campaign=campaign, case=case, newcomers=newcomers, transforms=transforms,
        declared=ingest.read_accounts(accounts_file) if accounts_file is not None else None,
        reason=why, by=by, ends=ends(days, until, 14), delay_s=delay_s,
    )  # fmt: skip
    made = orders.plan(
        open_book(place_), asked, state=live.read(place_, key), key=key, now=now(),
        innocent=told.watch.innocent_newcomers,
    )  # fmt: skip
    _tell(made, as_json_)


@command.command("approve")
@click.argument("order")
@place
@by
@as_json
def approve(order: str, place_: Path, by: str, why: str, as_json_: bool) -> None:
    """Approve ORDER: from now on it acts, until it ends or is undone."""
    _tell(orders.approve(open_book(place_), order, by=by, why=why, now=now()), as_json_)


@command.command("undo")
@click.argument("order")
@place
@by
@as_json
def undo(order: str, place_: Path, by: str, why: str, as_json_: bool) -> None:
    """Undo ORDER: its accounts are served again as everybody is."""
    _tell(orders.undo(open_book(place_), order, by=by, why=why, now=now()), as_json_)


@command.command("snooze")
@click.argument("order")
@click.option("--until", type=Instant(), required=True, help="Rest until this instant.")
@place
@by
@as_json
def snooze(order: str, until: int, place_: Path, by: str, why: str, as_json_: bool) -> None:
    """Let ORDER rest for a while, as during an appeal."""
    made = orders.snooze(open_book(place_), order, until=ends(None, until, 0), by=by, why=why, now=now())
    _tell(made, as_json_)


@command.command("spare")
@click.argument("account")
@click.option("--days", type=int, default=90, show_default=True, help="For so many days.")
@click.option("--end", "end_", is_flag=True, help="Take it off the allowlist instead.")
@place
@by
def spare(account: str, days: int, end_: bool, place_: Path, by: str, why: str) -> None:
    """Put ACCOUNT on the allowlist: no order touches it."""
    book = open_book(place_)
    if end_:
        was = book.unspare(account, by=orders.person(by), why=why, at=now())
        click.echo(f"{plain(account)}: {'no longer spared' if was else 'was not on the allowlist'}")
        return
    until = ends(days, None, days)
    orders.spare(book, account, by=by, why=why, ends=until, now=now())
    click.echo(f"{plain(account)}: spared until {until:%Y-%m-%d %H:%M} UTC")


@command.command("list")
@click.option("--all", "all_", is_flag=True, help="Also those that are over.")
@place
@as_json
def list_(all_: bool, place_: Path, as_json_: bool) -> None:
    """List the orders that are planned or in force, and the allowlist."""
    book = open_book(place_)
    orders.expire(book, now())
    found = [one for one in book.orders() if all_ or one.step in ("planned", "approved")]
    spared = [one for one in book.spared() if all_ or one.ends > now()]
    if as_json_:
        click.echo(msgspec.json.encode({"schema": 1, "orders": found, "spared": spared}))
        return
    if not found and not spared:
        click.echo(f"stillwatch: nothing is planned, in force or spared in {plain(str(book.path))}", err=True)
    for one in found:
        whom = (
            f"campaign {plain(one.campaign)}"
            if one.campaign and not one.accounts
            else counted(len(one.accounts), "account")
        )
        step = "resting" if rests(one) else one.step
        click.echo(f"{one.id}  {one.rung:9}  {step:8}  {whom}  until {one.ends:%Y-%m-%d}  {plain(one.reason)}")
    for kept in spared:
        why = f"by {plain(kept.by)}: {plain(kept.reason)}"
        click.echo(f"{plain(kept.account)}  spared  until {kept.ends:%Y-%m-%d}  {why}")


@command.command("show")
@click.argument("order")
@place
@as_json
def show(order: str, place_: Path, as_json_: bool) -> None:
    """Tell everything about ORDER, with its record."""
    book = open_book(place_)
    one, record = book.order(order), book.record(order)
    if as_json_:
        click.echo(msgspec.json.encode({"schema": 1, "order": one, "record": record}))
        return
    _tell(one, as_json_=False)
    for note in record:
        click.echo(f"  {note.at:%Y-%m-%d %H:%M}  {note.did} by {plain(note.by)}: {plain(note.why)}")


def _tell(order: Order, as_json_: bool) -> None:
    if as_json_:
        click.echo(msgspec.json.encode(order))
        return
    for line in _lines(order):
        click.echo(line)


def _innocents(expected: float) -> str:
    if not expected:
        return ""
    return f"; innocent ones expected: at most {expected:g}, among as many new accounts as the hunt saw"


def rests(order: Order) -> bool:
    """Tell whether an order rests at the moment."""
    return order.step == "approved" and order.snoozed_until is not None and order.snoozed_until > now()


def _lines(order: Order) -> Iterator[str]:
    yield f"{order.id}: {order.rung}, {order.step}; ends {order.ends:%Y-%m-%d %H:%M} UTC"
    if rests(order):
        yield f"  it rests until {order.snoozed_until:%Y-%m-%d %H:%M} UTC, and acts again then"
    yield f"  reason: {plain(order.reason)}"
    for one in order.evidence:
        yield f"  evidence: {plain(one)}"
    hit = order.blast
    paying = "unknown how many pay (name the accounts file)" if hit.paying < 0 else f"{hit.paying} of them pay"
    whom = f"{counted(hit.accounts, 'account')}, {counted(hit.exchanges, 'exchange')}"
    yield f"  would hit {whom}; {paying}; {hit.spared} spared"
    if order.campaign is not None:
        crowd = counted(hit.crowd, "account")
        yield f"  nearest innocent crowd: {crowd} outside carry one of its families"
        yield f"  newcomers: {order.newcomers}{_innocents(hit.newcomers_expected)}"
    if hit.strongest:
        yield f"  under another order already: {hit.strongest}"
    if order.step == "planned":
        yield f"  it does nothing yet: stillwatch order approve {order.id} --by PERSON"
