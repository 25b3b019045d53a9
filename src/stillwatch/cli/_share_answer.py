"""What comes of what peers told: look for it, point at accounts, answer, lay all sides beside each other."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import get_args

import click
import msgspec
import pyarrow as pa

from stillwatch import ingest
from stillwatch.cli._share_desk import (
    by_option,
    desk,
    directory,
    found,
    json_option,
    now,
    settings_option,
    speaker,
    store_place,
)
from stillwatch.cli._share_traffic import opened, read_key
from stillwatch.errors import ShareError, UsageError
from stillwatch.kit.plain import counted, plain
from stillwatch.settings import Share
from stillwatch.share import answers, inbox, joint, peers
from stillwatch.share import exchange as exchanges
from stillwatch.share.exchange import Exchange
from stillwatch.share.files import write
from stillwatch.share.formats._objects import Object
from stillwatch.share.joins import Joins, Proposal, propose
from stillwatch.share.joint import Operation
from stillwatch.share.leads import Kind, Seen
from stillwatch.share.log import Line, Log
from stillwatch.share.psi.canonical import KINDS
from stillwatch.share.taxii.client import Client
from stillwatch.share.taxii.store import Store

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


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
    if not looked:
        click.echo("no peer has told anything that is in force: `stillwatch share pull`, or `take`", err=True)
    for one in looked:
        click.echo(
            f"{one.bulletin.id}  {plain(one.bulletin.title)}: {len(one.leads)} accounts here match it, in shadow"
        )
        if over := [told.valid_until for told in one.bulletin.ranges if told.valid_until < day]:
            click.echo(
                f"  {counted(len(over), 'network')} of it ran out, the last on {max(over)}: not looked for"
                + ("" if today else "; `--on DAY` looks as if it were that day")
            )
        if group is None and one.bulletin.families:
            click.echo("  its families were not looked for: that needs the group's key, `--group-key FILE`")
        for lead in one.leads[:20]:
            click.echo(f"  {plain(lead.account)}  {lead.bits:.1f} bits by {', '.join(lead.by[:4])}")


@click.command("point")
@click.argument("bulletin", metavar="BULLETIN")
@click.argument("file", metavar="FILE", type=_FILE)
@click.option("--kind", required=True, type=click.Choice(get_args(Kind)[3:]), help="What was matched.")
@click.option("--accounts", "accounts_file", type=_FILE,
              help="Your accounts: FILE then holds identifiers, as `match names` writes them.")  # fmt: skip
@by_option
@settings_option
@json_option
def point(
    bulletin: str, file: Path, kind: Kind, accounts_file: Path | None, who: str, settings_file: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Note that accounts of yours hold identifiers that a peer holds too, as leads of an imported BULLETIN.

    FILE has one account to a line; with --accounts one identifier, and the accounts that hold it are looked up.
    """
    section = found(settings_file)
    names = [line.strip() for line in file.read_text("utf-8").splitlines() if line.strip()]
    if accounts_file is not None:
        names = _holders(ingest.read_accounts(accounts_file), kind, names)
    one = Exchange(directory(section)).point(bulletin, names, kind)
    Log(directory(section)).add(
        Line(at=now(), who=speaker(who), did="matched", what=one.bulletin.id, marking=one.bulletin.marking,
             note=f"{len(names)} accounts by {kind}")
    )  # fmt: skip
    if as_json:
        click.echo(msgspec.json.encode({"schema": 1, "bulletins": [exchanges.told(one)]}))
    else:
        click.echo(
            f"{counted(len(names), 'account')} by {kind}; {plain(one.bulletin.title)} points at {len(one.leads)} now"
        )


def _holders(accounts: pa.Table, kind: Kind, values: list[str]) -> list[str]:
    """Find the accounts that hold identifiers, both written in the canonical way."""
    if kind == "card":
        raise UsageError("accounts hold fingerprints of cards, and not what is matched",
                         hint="name the accounts themselves in FILE, without --accounts")  # fmt: skip
    if kind not in accounts.column_names:
        raise UsageError(
            f"the accounts have no column `{kind}`", hint="name the accounts themselves, without --accounts"
        )
    wanted = {written for value in values if (written := _written(kind, value))}
    rows = zip(accounts["account"].to_pylist(), accounts[kind].to_pylist(), strict=True)
    return [account for account, value in rows if value and _written(kind, value) in wanted]


def _written(kind: str, value: str) -> str:
    try:
        return KINDS[kind](value)
    except ShareError:
        return ""


@click.command("answer")
@click.argument("bulletin", metavar="BULLETIN")
@click.option("--out", type=click.Path(path_type=Path), help="Write the answer to a file: a STIX bundle.")
@click.option("--to", "url", metavar="URL", help="Or push it to our inbox at the peer's TAXII API root.")
@click.option("--token-file", type=_FILE, help="A file that holds the token there.")
@click.option("--user", default="", metavar="NAME", help="User for Basic; the token is the password.")
@click.option("--authority", type=_FILE, help="PEM of the server's authority.")
@click.option("--opinion", "view", metavar="VIEW", help="strongly-disagree to strongly-agree.")
@click.option("--because", default="", metavar="TEXT", help="Why; the peer reads it.")
@by_option
@settings_option
def answer(
    bulletin: str, out: Path | None, url: str | None, token_file: Path | None, user: str, authority: Path | None,
    view: str | None, because: str, who: str, settings_file: Path | None,
) -> None:  # fmt: skip
    """Tell that you see an imported BULLETIN too, in rounded counts, and what you think of it."""
    if (out is None) == (url is None):
        raise UsageError("say where the answer goes", hint="`--out FILE` or `--to URL`, one of the two")
    section = found(settings_file)
    one = Exchange(directory(section)).find(bulletin)
    told = answers.sighting(one, section.organisation, now())
    if view:
        told += answers.opinion(one.bulletin, section.organisation, view, because, now(), one.about)
    if not told:
        raise ShareError(
            f"fewer than {answers.LEAST_SIGHTED} accounts match: no sighting is told", where=one.bulletin.id,
            hint="look for it first: `stillwatch share look TRAFFIC`; an `--opinion` needs no accounts",
        )  # fmt: skip
    objects = list({item["id"]: item for item in told}.values())
    data = answers.bundle(objects)
    if out is not None:
        write(out, data)
    elif url is not None:
        _push(
            Client(url, token_file.read_text("utf-8").strip() if token_file else "", user=user, authority=authority),
            objects,
        )
    Log(directory(section)).add(
        Line(at=now(), who=speaker(who), did="disputed" if view and "disagree" in view else "sighted",
             what=one.bulletin.id, to=[one.peer], marking=one.bulletin.marking, digest=hashlib.sha256(data).hexdigest())
    )  # fmt: skip
    where = f"written to {out}: hand it to `{plain(one.peer)}`" if out else f"told to `{plain(one.peer)}`"
    click.echo(where)


def _push(client: Client, objects: list[Object]) -> None:
    """Push to the one collection there that we may write to."""
    open_ = [one["id"] for one in client.collections() if one.get("can_write")]
    if len(open_) != 1:
        raise ShareError(f"{len(open_)} collections there may be written to by us, expected 1",
                         hint="`write = true` for us in their peers.toml")  # fmt: skip
    told = client.push(open_[0], objects)
    if told.get("failure_count"):
        raise ShareError(f"the peer refused {told['failure_count']} of {len(objects)} objects: {told.get('failures')}")


@click.command("joint")
@click.option("--bulletin", "name", default="", metavar="BULLETIN", help="This one only.")
@settings_option
@json_option
def joint_(name: str, settings_file: Path | None, as_json: bool) -> None:
    """Show what each side sees of every operation, by week and in rounded counts, and what each thinks of it."""
    section = found(settings_file)
    place = directory(section)
    own = [one.bulletin for one in desk(section).records() if one.released]
    held, made = Exchange(place).all(), Joins(place).all()
    told = joint.joint(own, held, _answers(section), section.organisation, made)
    told = [one for one in told if any(known.startswith(name) for known in (one.bulletin, *one.joined))]
    shown = {one.bulletin for one in told}
    proposed = [one for one in propose(own, held, made) if shown & {one.own, one.told}]
    if as_json:
        view = {"schema": 1, "operations": told, "weeks": joint.by_week(told), "proposals": proposed}
        click.echo(msgspec.json.encode(view))
        return
    if not told:
        click.echo("nothing was released here, and no peer has told anything", err=True)
    for one in told:
        _show(one)
    for week, counts in joint.by_week(told).items():
        click.echo(
            f"all of it, {week}  " + "  ".join(f"{plain(who)} {count:,}" for who, count in sorted(counts.items()))
        )
    for pair in proposed:
        _propose(pair)


def _propose(one: Proposal) -> None:
    """Ask a person whether two bulletins tell of one operation."""
    click.echo(f"\nyour {one.own[:8]} and {one.told[:8]} of {plain(one.producer)} may be one operation:")
    for reason in one.because:
        click.echo(f"  {plain(reason)}")
    click.echo(f"  if you think so: stillwatch share join {one.own[:8]} {one.told[:8]}")


@click.command("join")
@click.argument("own", metavar="BULLETIN")
@click.argument("told", metavar="BULLETIN_OF_A_PEER")
@by_option
@settings_option
def join(own: str, told: str, who: str, settings_file: Path | None) -> None:
    """Say that your BULLETIN and a peer's tell of one operation; `joint` then shows it once, with all sides."""
    mine, theirs, section = *_both(own, told, settings_file), found(settings_file)
    Joins(directory(section)).join(mine, theirs, speaker(who), now())
    click.echo(f"{mine} and {theirs} are one operation in `joint`; `stillwatch share part` takes it back")


@click.command("part")
@click.argument("own", metavar="BULLETIN")
@click.argument("told", metavar="BULLETIN_OF_A_PEER")
@by_option
@settings_option
def part(own: str, told: str, who: str, settings_file: Path | None) -> None:
    """Take a `join` back: two bulletins are two operations again."""
    mine, theirs, section = *_both(own, told, settings_file), found(settings_file)
    Joins(directory(section)).part(mine, theirs, speaker(who), now())
    click.echo(f"{mine} and {theirs} are two operations again")


def _both(own: str, told: str, settings_file: Path | None) -> tuple[str, str]:
    section = found(settings_file)
    return desk(section).find(own).bulletin.id, Exchange(directory(section)).find(told).bulletin.id


def _answers(section: Share) -> list[tuple[str, Object]]:
    place, where = directory(section), store_place(section)
    there = not isinstance(where, Path) or where.exists()
    return list(inbox.answers(place, Store(where) if there else None, list(peers.read(place / peers.FILE))))


def _show(one: Operation) -> None:
    state = f"  REVOKED: {plain(one.revoked)}" if one.revoked else "  DISPUTED" if one.disputed else ""
    click.echo(f"{one.bulletin}  {plain(one.title)} ({one.likelihood}){state}")
    if one.joined:
        click.echo(f"  joined with {', '.join(one.joined)}")
    if one.actor:
        click.echo(f"  {plain(one.actor)}")
    weeks = sorted({week for side in one.sides for week in side.weeks})
    width = max((len(plain(side.organisation)) for side in one.sides), default=0)
    for side in one.sides:
        told = f"about {side.accounts:,} accounts, {side.exchanges:,} exchanges"
        click.echo(f"  {plain(side.organisation):{width}}  {side.how}: {told}")
        for week in weeks:
            click.echo(f"  {'':{width}}  {week}  {side.weeks.get(week, 0):>12,}")
    for view in one.opinions:
        click.echo(f"  {plain(view.organisation)}: {view.opinion}: {plain(view.because)}")
    click.echo()


VERBS = (look, point, answer, joint_, join, part)


def _seen(traffic: Path) -> Iterator[Seen]:
    data = opened(traffic)
    columns = [name for name in ("account", "at", "ip", "asn", "messages") if name in data.schema.names]
    for batch in data.to_batches(columns=columns):
        for row in batch.to_pylist():
            turns = [turn for turn in row["messages"] or [] if turn and (turn["role"] or "")[:1] in ("u", "h")]
            yield Seen(account=row["account"], day=row["at"].date(), ip=row.get("ip"), asn=row.get("asn"),
                       prompt=(turns[-1]["content"] or "") if turns else "")  # fmt: skip
