"""`stillwatch token`: who may ask a server."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from stillwatch.cli._place import as_json, ends, now, place
from stillwatch.kit.plain import plain
from stillwatch.store import tokens
from stillwatch.store.book import open_book
from stillwatch.watch.orders import person


@click.group("token")
def command() -> None:
    """Make, list and revoke tokens; only a hash of each is kept."""


@command.command("make")
@click.argument("owner")
@click.option("--scope", "scopes", multiple=True, type=click.Choice(tokens.SCOPES), required=True,
              help="What it may do; may be given again.")  # fmt: skip
@click.option("--days", type=click.IntRange(1, 366), default=90, show_default=True, help="It ends after so many days.")
@place
@as_json
def make(owner: str, scopes: tuple[tokens.Scope, ...], days: int, place_: Path, as_json_: bool) -> None:
    """Make a token for OWNER and print it, this once."""
    if "orders" in scopes:
        owner = person(owner)  # whoever holds it approves orders in this name
    token, text = tokens.make(
        open_book(place_), owner=owner, scopes=list(scopes), ends=ends(days, None, days), now=now()
    )
    if as_json_:
        click.echo(msgspec.json.encode({"schema": 1, "id": token.id, "token": text, "ends": token.ends}))
        return
    click.echo(text)
    click.echo(f"token {token.id} of {plain(owner)} ends {token.ends:%Y-%m-%d}; it is not shown again", err=True)


@command.command("list")
@place
@as_json
def list_(place_: Path, as_json_: bool) -> None:
    """List tokens, without what they open."""
    found = tokens.tokens(open_book(place_))
    if as_json_:
        told = [{"id": t.id, "owner": t.owner, "scopes": t.scopes, "ends": t.ends, "revoked": t.revoked} for t in found]
        click.echo(msgspec.json.encode({"schema": 1, "tokens": told}))
        return
    for one in found:
        state = "revoked" if one.revoked else "ended" if one.ends <= now() else f"until {one.ends:%Y-%m-%d}"
        click.echo(f"{one.id}  {', '.join(one.scopes)}  {plain(one.owner)}  {state}")


@command.command("revoke")
@click.argument("token")
@click.option("--by", required=True, metavar="PERSON", help="Who decides; it stands on record.")
@place
def revoke(token: str, by: str, place_: Path) -> None:
    """Revoke TOKEN, by its id; running servers refuse it within a second."""
    tokens.revoke(open_book(place_), token, by=person(by), now=now())
    click.echo(f"{plain(token)}: revoked")
