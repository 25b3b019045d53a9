"""`stillwatch appeal`: what refused parties ask, and what came of it."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from stillwatch import settings
from stillwatch.cli._place import as_json, by, now, place, settings_option
from stillwatch.errors import UsageError
from stillwatch.kit.plain import plain
from stillwatch.model.appeal import Appeal, AppealFigures
from stillwatch.remedy import appeals as remedy
from stillwatch.store import appeals
from stillwatch.store import key as keys
from stillwatch.store.book import open_book


@click.group("appeal")
def command() -> None:
    """Open appeals with the reference of a refusal, and decide them."""


@command.command("open")
@click.argument("reference")
@click.option("--text", required=True, help="The party's own words.")
@click.option("--contact", default="", help="How the party can be reached.")
@click.option("--account", default="", help="The account, where the order names a campaign alone.")
@click.option("--by", default="support", show_default=True, metavar="NAME", help="Who takes it down.")
@place
@settings_option
@as_json
def open_(
    reference: str,
    text: str,
    contact: str,
    account: str,
    by: str,
    place_: Path,
    settings_file: Path | None,
    as_json_: bool,
) -> None:
    """Open an appeal with the REFERENCE that a refusal told."""
    key = keys.find(settings.find(settings_file).store.key_file)
    made = remedy.open_appeal(
        open_book(place_), reference, text=text, contact=contact, by=by, key=key, now=now(), account=account
    )
    _tell(made, as_json_)


@command.command("list")
@click.option("--all", "all_", is_flag=True, help="Also those that are decided.")
@place
@as_json
def list_(all_: bool, place_: Path, as_json_: bool) -> None:
    """List open appeals, with how many there are and how long they take."""
    found = appeals.appeals(open_book(place_))
    figures = appeals.figures(found, now())
    shown = [one for one in found if all_ or one.step == "open"]
    if as_json_:
        click.echo(msgspec.json.encode({"schema": 1, "appeals": shown, "figures": figures}))
        return
    for one in shown:
        click.echo(f"{one.id}  {one.step}  {one.opened_at:%Y-%m-%d %H:%M}  {one.order}  {plain(one.account)}")
        click.echo(f"  {plain(one.text, 200)}")
    click.echo(_figures(figures))


@command.command("show")
@click.argument("appeal")
@place
@as_json
def show(appeal: str, place_: Path, as_json_: bool) -> None:
    """Tell everything about APPEAL, with its record and that of its order."""
    book = open_book(place_)
    one = appeals.appeal(book, appeal)
    notes = [*book.record(one.order), *book.record(f"appeal {one.id}")]
    if as_json_:
        click.echo(msgspec.json.encode({"schema": 1, "appeal": one, "order": book.order(one.order), "record": notes}))
        return
    _tell(one, as_json_=False)
    for note in sorted(notes, key=lambda note: note.number):
        click.echo(f"  {note.at:%Y-%m-%d %H:%M}  {note.order} {note.did} by {plain(note.by)}: {plain(note.why)}")


@command.command("decide")
@click.argument("appeal")
@click.option("--restore", is_flag=True, help="It was right: the account is served again as everybody is.")
@click.option("--refuse", is_flag=True, help="It was not.")
@click.option("--whole", is_flag=True, help="With --restore: undo the whole order, not only for this account.")
@place
@by
@as_json
def decide(
    appeal: str, restore: bool, refuse: bool, whole: bool, place_: Path, by: str, why: str, as_json_: bool
) -> None:
    """Decide APPEAL, by somebody who did not approve the order, where there is one."""
    if restore == refuse or (whole and not restore):
        raise UsageError("say what is decided", hint="`--restore`, with `--whole` for the whole order, or `--refuse`")
    made = remedy.decide(open_book(place_), appeal, restore=restore, whole=whole, by=by, why=why, now=now())
    _tell(made, as_json_)


def _tell(one: Appeal, as_json_: bool) -> None:
    if as_json_:
        click.echo(msgspec.json.encode(one))
        return
    click.echo(
        f"{one.id}: {one.step}, of {one.order} by {plain(one.account)}; opened {one.opened_at:%Y-%m-%d %H:%M} UTC"
    )
    click.echo(f"  {plain(one.text)}")
    if one.contact:
        click.echo(f"  contact: {plain(one.contact)}")
    if one.decided_at is not None:
        done = " the whole order is undone" if one.whole else " the account is spared" if one.step == "restored" else ""
        click.echo(f"  {one.step} by {plain(one.decided_by)}: {plain(one.why)};{done}".rstrip(";"))


def _figures(told: AppealFigures) -> str:
    parts = [f"{told.open} open"]
    if told.oldest_open_hours is not None:
        parts.append(f"the oldest for {told.oldest_open_hours:.1f} h")
    parts.append(f"{told.decided} decided, {told.restored} of them restored")
    if told.median_hours is not None:
        parts.append(f"median time to a decision {told.median_hours:.1f} h")
    return "; ".join(parts)
