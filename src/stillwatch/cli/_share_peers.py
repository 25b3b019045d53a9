"""Peers on the command line: serve them, pull from them, look for what they told, answer."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import click
import msgspec

from stillwatch.cli._share_authority import known, tell_outcomes
from stillwatch.cli._share_desk import desk, directory, found, json_option, now, settings_option, store_place
from stillwatch.cli._share_traffic import opened, read_key
from stillwatch.errors import ShareError, UsageError
from stillwatch.kit.plain import plain
from stillwatch.settings import Share
from stillwatch.share import exchange as exchanges
from stillwatch.share.exchange import Exchange, Imported, Outcome, Seen
from stillwatch.share.files import write
from stillwatch.share.formats import stix
from stillwatch.share.log import Line, Log
from stillwatch.share.publish import publish as publish_all
from stillwatch.share.taxii.client import Client
from stillwatch.share.taxii.pending import Pending
from stillwatch.share.taxii.store import Store


@click.command("token")
def token() -> None:
    """Make a token for a peer: hand him the first line, write the second into peers.toml."""
    made = secrets.token_urlsafe(32)
    click.echo(f"token         {made}\ntoken_sha256  {hashlib.sha256(made.encode()).hexdigest()}")


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
        click.echo(f"{len(records)} released bulletins, {new} new objects")


@click.command("pull")
@click.argument("url", metavar="URL")
@click.option("--peer", required=True, metavar="NAME", help="Who it is, as in peers.toml.")
@click.option("--collection", default="bulletins", show_default=True, metavar="NAME", help="Its id or alias.")
@click.option("--token-file", type=click.Path(path_type=Path, exists=True), help="A file that holds the token.")
@click.option("--user", default="", metavar="NAME", help="User for Basic; the token is the password.")
@click.option("--authority", type=click.Path(path_type=Path, exists=True), help="PEM of the server's authority.")
@settings_option
@json_option
def pull(
    url: str, peer: str, collection: str, token_file: Path | None, user: str, authority: Path | None,
    settings_file: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Take in, in shadow, what a peer tells at URL, a TAXII 2.1 API root; goes on where it was."""
    section = found(settings_file)
    place = directory(section)
    who = known(section, peer)
    secret = token_file.read_text("utf-8").strip() if token_file else ""
    client = Client(url, secret, user=user, authority=authority)
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
    click.echo(f"{len(outcomes)} bulletins in {fresh} new objects; in shadow: nothing acts on them by itself")


@click.command("look")
@click.argument("traffic", metavar="TRAFFIC", type=click.Path(path_type=Path, exists=True))
@click.option("--group-key", type=click.Path(path_type=Path), metavar="FILE", help="The group's key, for families.")
@click.option("--on", "today", metavar="DAY", help="As if it were this day; today when left out.")
@settings_option
@json_option
def look(traffic: Path, group_key: Path | None, today: str | None, settings_file: Path | None, as_json: bool) -> None:
    """Look in TRAFFIC, canonical Parquet, for what peers told: leads for a person, and no orders."""
    section = found(settings_file)
    try:
        day = date.fromisoformat(today) if today else datetime.now(UTC).date()
    except ValueError:
        raise UsageError(f"`{today}` is no day", hint="2026-05-04") from None
    group = read_key(group_key) if group_key else None
    looked = Exchange(directory(section)).look(lambda: _seen(traffic), group, day)
    if as_json:
        click.echo(msgspec.json.encode({"schema": 1, "bulletins": [exchanges.told(one) for one in looked]}))
        return
    for one in looked:
        click.echo(
            f"{one.bulletin.id}  {plain(one.bulletin.title)}: {len(one.leads)} accounts here match it, in shadow"
        )
        for lead in one.leads[:20]:
            click.echo(f"  {plain(lead.account)}  {lead.bits:.1f} bits by {', '.join(lead.by[:4])}")


@click.command("answer")
@click.argument("bulletin", metavar="BULLETIN")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The STIX bundle to write.")
@click.option("--opinion", "view", metavar="VIEW", help="strongly-disagree to strongly-agree.")
@click.option("--because", default="", metavar="TEXT", help="Why; the peer reads it.")
@settings_option
def answer(bulletin: str, out: Path, view: str | None, because: str, settings_file: Path | None) -> None:
    """Write a sighting of an imported BULLETIN, with rounded counts, and an opinion if there is one."""
    section = found(settings_file)
    one = _imported(section, bulletin)
    told = exchanges.sighting(one, section.organisation, now())
    if view:
        told += exchanges.opinion(one.bulletin, section.organisation, view, because, now(), one.about)
    if not told:
        raise ShareError(
            f"fewer than {exchanges.LEAST_SIGHTED} accounts match: no sighting is told", where=one.bulletin.id
        )
    data = stix.bundle(list({item["id"]: item for item in told}.values()))
    write(out, data)
    Log(directory(section)).add(
        Line(at=now(), who=section.organisation, did="disputed" if view and "disagree" in view else "sighted",
             what=one.bulletin.id, to=[one.peer], marking=one.bulletin.marking, digest=hashlib.sha256(data).hexdigest())
    )  # fmt: skip
    click.echo(f"written to {out}; push it to the inbox of `{plain(one.peer)}`")


@click.command("weeks")
@settings_option
@json_option
def weeks(settings_file: Path | None, as_json: bool) -> None:
    """Show what each side sees, by week: released bulletins of one's own beside those of peers."""
    section = found(settings_file)
    own = [one.bulletin for one in desk(section).records() if one.released]
    table = exchanges.joint(own, Exchange(directory(section)).all())
    if as_json:
        click.echo(msgspec.json.encode({"schema": 1, "weeks": table}))
        return
    for week, held in table.items():
        click.echo(f"{week}  " + "  ".join(f"{plain(name)} {count:,}" for name, count in sorted(held.items())))


VERBS = (token, publish, pull, look, answer, weeks)


def _imported(section: Share, name: str) -> Imported:
    fits = [one for one in Exchange(directory(section)).all() if name and one.bulletin.id.startswith(name)]
    if len(fits) != 1:
        raise ShareError(f"{'no import' if not fits else 'more than one import'} begins with `{plain(name, 80)}`")
    return fits[0]


def _seen(traffic: Path) -> Iterator[Seen]:
    data = opened(traffic)
    columns = [name for name in ("account", "at", "ip", "asn", "messages") if name in data.schema.names]
    for batch in data.to_batches(columns=columns):
        for row in batch.to_pylist():
            turns = [turn for turn in row["messages"] or [] if turn and (turn["role"] or "")[:1] in ("u", "h")]
            yield Seen(account=row["account"], day=row["at"].date(), ip=row.get("ip"), asn=row.get("asn"),
                       prompt=(turns[-1]["content"] or "") if turns else "")  # fmt: skip
