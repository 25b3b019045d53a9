"""Peers on the command line: make their tokens and the key of a group, publish to them, pull from them."""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path

import click
import msgspec

from stillwatch.cli._share_authority import tell_outcomes
from stillwatch.cli._share_desk import desk, directory, found, json_option, known, now, settings_option, store_place
from stillwatch.errors import UsageError
from stillwatch.kit.plain import counted
from stillwatch.share.exchange import Exchange, Outcome
from stillwatch.share.files import write
from stillwatch.share.formats import stix
from stillwatch.share.log import Line
from stillwatch.share.publish import publish as publish_all
from stillwatch.share.taxii.client import Client
from stillwatch.share.taxii.pending import Pending
from stillwatch.share.taxii.store import Store


@click.command("token")
def token() -> None:
    """Make a token for a peer: hand him the first line, write the second into peers.toml."""
    made = secrets.token_urlsafe(32)
    click.echo(f"token         {made}\ntoken_sha256  {hashlib.sha256(made.encode()).hexdigest()}")


@click.command("group-key")
@click.argument("file", type=click.Path(path_type=Path))
def make_group_key(file: Path) -> None:
    """Make the key that a group of peers has in common, in FILE; hand it to them by a safe way of your own."""
    if file.exists():
        raise UsageError(f"`{file}` is there already", hint="name another file, or take the old one away first")
    write(file, secrets.token_bytes(32))
    click.echo(f"a new group key in {file}; only its owner can read it")


@click.command("publish")
@settings_option
@json_option
def publish(settings_file: Path | None, as_json: bool) -> None:
    """Put what was released where peers pull it, and revocations after it."""
    section = found(settings_file)
    open_, store = desk(section), Store(store_place(section))
    records = [one for one in open_.records() if one.released]
    new = publish_all(records, store)
    if new:
        for one in records:
            open_.log.add(Line(at=now(), who=section.organisation, did="published", what=one.bulletin.id, to=one.to,
                               marking=one.bulletin.marking, digest=one.digest))  # fmt: skip
    if as_json:
        click.echo(msgspec.json.encode({"schema": 1, "bulletins": len(records), "new_objects": new}))
    else:
        click.echo(f"{counted(len(records), 'released bulletin')}, {counted(new, 'new object')}")


@click.command("pull")
@click.argument("url", metavar="URL")
@click.option("--peer", required=True, metavar="NAME", help="Who it is, as in peers.toml.")
@click.option("--collection", default="bulletins", show_default=True, metavar="NAME", help="Its id or alias.")
@click.option("--token-file", type=click.Path(path_type=Path, exists=True), help="A file that holds the token.")
@click.option("--user", default="", metavar="NAME", help="User for Basic; the token is the password.")
@click.option("--authority", type=click.Path(path_type=Path, exists=True), help="PEM of the server's authority.")
@click.option("--certificate", type=click.Path(path_type=Path, exists=True),
              help="PEM with a certificate and key of ours, instead of a token.")  # fmt: skip
@settings_option
@json_option
def pull(
    url: str, peer: str, collection: str, token_file: Path | None, user: str, authority: Path | None,
    certificate: Path | None, settings_file: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Take in, in shadow, what a peer tells at URL, a TAXII 2.1 API root; goes on where it was."""
    section = found(settings_file)
    place = directory(section)
    who = known(section, peer)
    secret = token_file.read_text("utf-8").strip() if token_file else ""
    client = Client(url, secret, user=user, authority=authority, certificate=certificate)
    pending = Pending(place, f"{peer}|{url}|{collection}")
    fresh = sum(pending.add(page) for page in client.pull(collection, pending.mark(), pending.reached))
    held, refused = pending.objects(), pending.refused
    outcomes = Exchange(place).take(stix.assemble(held, refused), peer, who.organisation)
    outcomes += [Outcome(bulletin=str(one.where), became="refused", because=one.what) for one in refused]
    pending.done(held)
    if as_json:
        click.echo(msgspec.json.encode({"schema": 1, "objects": fresh, "bulletins": outcomes}))
        return
    tell_outcomes(outcomes)
    bulletins = counted(len(outcomes), "bulletin")
    click.echo(f"{bulletins} in {counted(fresh, 'new object')}; in shadow: nothing acts on them by itself")


VERBS = (token, make_group_key, publish, pull)
