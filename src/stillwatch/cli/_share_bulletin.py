"""Bulletins on the command line: preview, prepare, release, revoke, export, and the log."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import click
import msgspec

from stillwatch import rooms
from stillwatch.cli._share_desk import by_option, desk, found, json_option, known, now, settings_option, speaker
from stillwatch.cli._share_traffic import Extras
from stillwatch.cli._share_traffic import options as traffic_options
from stillwatch.errors import ShareError, UsageError
from stillwatch.kit.plain import counted, plain
from stillwatch.model.bulletin import MARKINGS, Bulletin, Marking, Reference
from stillwatch.model.case import Case, Entry
from stillwatch.settings import Share
from stillwatch.share import preview as previews
from stillwatch.share import refer, scrub
from stillwatch.share.compose import bulletin_id, compose
from stillwatch.share.desk import Desk, Record, digest
from stillwatch.share.files import write
from stillwatch.share.formats import csv, misp, stix
from stillwatch.share.log import Line
from stillwatch.store import cases

_case = click.argument("directory", metavar="CASE", type=click.Path(path_type=Path))
_campaigns = click.option("--campaign", "campaigns", multiple=True, metavar="ID",
                          help="Only this entry; may be given again.")  # fmt: skip
_marking = click.option("--marking", type=click.Choice(MARKINGS), help="Traffic Light Protocol 2.0; else as set.")
_references = click.option("--reference", "references", multiple=True, metavar="SOURCE=URL",
                           help="Where more stands in public; may be given again.")  # fmt: skip
_note = click.option("--note", default="", metavar="TEXT", help="A remark of yours that goes with it.")


@click.command("preview")
@_case
@_campaigns
@_marking
@_note
@_references
@traffic_options
@settings_option
@json_option
def preview(
    directory: Path, campaigns: tuple[str, ...], marking: Marking | None, note: str, references: tuple[str, ...],
    traffic: Path | None, group_key: Path | None, settings_file: Path | None, as_json: bool,
) -> int:  # fmt: skip
    """Show every field that would leave of CASE, and why; nothing leaves.

    Ends with 1 when something would be refused.
    """
    section = found(settings_file)
    case = cases.read(directory)
    extras = Extras(directory, case, traffic, group_key)
    told, refused = bulletins(directory, case, section, Asked(campaigns, marking, note, extras, referred(references)))
    told, refused = _alive(told, refused, desk(section), _entries(case, section), campaigns)
    drawn = [desk(section).versioned(one) for one in told]
    bad = {one.id: scrub.refusals(one, insiders(case)) for one in drawn}
    if as_json:
        click.echo(msgspec.json.encode({
            "schema": 1, "stays": previews.STAYS, "refused": refused,
            "bulletins": [
                {"bulletin": one, "digest": digest(one), "fields": previews.leaving(one),
                 "refusals": [refusal._asdict() for refusal in bad[one.id]]}
                for one in drawn
            ],
        }))  # fmt: skip
    else:
        for one in drawn:
            show_fields(one)
            for refusal in bad[one.id]:
                click.echo(f"  REFUSED  `{refusal.field}` holds {refusal.rule}: {refusal.hint}")
            click.echo()
        for reason in refused:
            click.echo(f"not shared: {reason}")
        click.echo("Stays in the house: " + "; ".join(previews.STAYS) + ".")
    return 1 if any(bad.values()) else 0


@click.command("prepare")
@_case
@_campaigns
@_marking
@_note
@_references
@traffic_options
@by_option
@settings_option
@json_option
def prepare(
    directory: Path, campaigns: tuple[str, ...], marking: Marking | None, note: str, references: tuple[str, ...],
    traffic: Path | None, group_key: Path | None, who: str, settings_file: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Put the bulletins of CASE on the desk, for a second person to release."""
    section = found(settings_file)
    case = cases.read(directory)
    extras = Extras(directory, case, traffic, group_key)
    told, refused = bulletins(directory, case, section, Asked(campaigns, marking, note, extras, referred(references)))
    open_ = desk(section)
    told, refused = _alive(told, refused, open_, _entries(case, section), campaigns)
    for one in told:
        scrub.check(one, insiders(case))
    records = [open_.prepare(one, speaker(who), insiders(case)) for one in told]
    tell(records, as_json)
    for reason in refused:
        click.echo(f"not shared: {reason}", err=True)


@click.command("list")
@settings_option
@json_option
def list_(settings_file: Path | None, as_json: bool) -> None:
    """List the bulletins on the desk, and how far each is."""
    tell(desk(found(settings_file)).records(), as_json)


@click.command("show")
@click.argument("bulletin", metavar="BULLETIN")
@settings_option
@json_option
def show(bulletin: str, settings_file: Path | None, as_json: bool) -> None:
    """Show every field of a BULLETIN on the desk, and its digest."""
    record = desk(found(settings_file)).find(bulletin)
    if as_json:
        click.echo(msgspec.json.encode(record))
        return
    show_fields(record.bulletin)
    click.echo(f"\n{_state(record)}")


@click.command("release")
@click.argument("bulletin", metavar="BULLETIN")
@click.option("--to", "peers", multiple=True, metavar="PEER",
              help="To this peer only; may be given again. Else to who had it before, else to everybody.")  # fmt: skip
@click.option("--seen", default="", metavar="DIGEST", help="The digest that you saw; refused when it has changed.")
@by_option
@settings_option
@json_option
def release(
    bulletin: str, peers: tuple[str, ...], seen: str, who: str, settings_file: Path | None, as_json: bool
) -> None:
    """Let a BULLETIN leave. Who prepared it cannot release it."""
    section = found(settings_file)
    for name in peers:
        known(section, name)
    tell([desk(section).release(bulletin, speaker(who), peers, seen)], as_json)


@click.command("revoke")
@click.argument("bulletin", metavar="BULLETIN")
@click.option("--because", default="", metavar="TEXT", help="Why; the receivers read it.")
@by_option
@settings_option
@json_option
def revoke(bulletin: str, because: str, who: str, settings_file: Path | None, as_json: bool) -> None:
    """Take a BULLETIN back, for good and from everybody. One person is enough."""
    open_ = desk(found(settings_file))
    record = open_.revoke(bulletin, speaker(who), because)
    tell([record], as_json)
    for one in refer.everything(open_):
        if one.bulletin.id == record.bulletin.id and one.proof is not None:
            click.echo(f"it was referred to {plain(one.authority)}, which no server tells: tell it yourself", err=True)


@click.command("export")
@_case
@click.option("--format", "form", required=True, type=click.Choice(rooms.names("share.formats")), help="The format.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A file; for misp a directory is a feed.")
@_campaigns
@_marking
@_note
@_references
@click.option("--draft", is_flag=True, help="Write what nobody has released, for eyes of the house.")
@traffic_options
@by_option
@settings_option
@json_option
def export(
    directory: Path, form: str, out: Path, campaigns: tuple[str, ...], marking: Marking | None, note: str,
    references: tuple[str, ...], draft: bool, traffic: Path | None, group_key: Path | None, who: str,
    settings_file: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Write the bulletins of CASE to a file of yours; the log says so.

    Where the settings name releasers, what was released is written as it was, with the networks and families that it
    had; the rest is left out and said. What was revoked is written as revoked. The same case gives the same bytes. For
    misp, PATH ending in .json is one document, anything else a feed.
    """
    section = found(settings_file)
    case = cases.read(directory)
    extras = Extras(directory, case, traffic, group_key)
    told, refused = bulletins(directory, case, section, Asked(campaigns, marking, note, extras, referred(references)))
    open_ = desk(section)
    for one in told:
        scrub.check(one, insiders(case))
    told = [open_.taken_back(one.id) or open_.versioned(one) for one in told]
    if section.releasers and not draft:
        entries = _entries(case, section)
        told, left = _released(told, open_, as_they_are=not (marking or note or references or traffic))
        if left and (campaigns or not told):
            raise ShareError(
                "nobody has released it in this version", where=f"{entries[left[0]]}, bulletin {left[0]}",
                hint="`share prepare`, then `share release` by a second person; or `--draft`, for eyes of the house",
            )  # fmt: skip
        refused = [*refused, *(f"{entries[one]}: nobody has released it" for one in left)]
    waiting = [one.id for one in told if not open_.is_released(one)]
    if waiting:
        click.echo(f"{counted(len(waiting), 'bulletin')} of these nobody has released: for eyes of the house", err=True)
    written = drawn(told, form, out)
    for one in told:
        hashed = hashlib.sha256(b"".join(written)).hexdigest()
        line = Line(
            at=now(), who=speaker(who), did="exported", what=one.id, marking=one.marking, digest=hashed,
            note=f"{form}, not released" if one.id in waiting else form,
        )  # fmt: skip
        open_.log.add(line)
    for reason in refused:
        click.echo(f"not shared: {reason}", err=True)
    if as_json:
        click.echo(msgspec.json.encode({"schema": 1, "out": str(out), "bulletins": [one.id for one in told]}))
    else:
        click.echo(f"{len(told)} bulletin{'s' if len(told) != 1 else ''} in {out}, TLP:{_markings(told)}")


def _entries(case: Case, section: Share) -> dict[str, str]:
    """Tell which entry of a case each bulletin is about."""
    return {bulletin_id(section.organisation, entry.id): entry.id for entry in case.campaigns}


def _alive(
    told: Sequence[Bulletin], refused: Sequence[str], open_: Desk, entries: Mapping[str, str], asked: Sequence[str]
) -> tuple[list[Bulletin], list[str]]:  # fmt: skip
    """Leave out what was revoked, and say so; whoever asks for one by name is refused."""
    gone = [] if asked else [one.id for one in told if open_.taken_back(one.id)]
    alive = [one for one in told if one.id not in gone]
    return alive, [*refused, *(f"{entries[one]}: it was revoked, and that is for good" for one in gone)]


def _released(told: Sequence[Bulletin], open_: Desk, *, as_they_are: bool) -> tuple[list[Bulletin], list[str]]:
    """Give what was released, and the ids of what was not.

    Args:
        as_they_are: whether nothing else was asked for than what was released, in the version that was.
    """
    held = {one.bulletin.id: one.bulletin for one in open_.records() if one.released}
    whole = {one.id: held.get(one.id) if as_they_are else one if open_.is_released(one) else None for one in told}
    return [one for one in whole.values() if one is not None], [name for name, one in whole.items() if one is None]


def drawn(told: Sequence[Bulletin], form: str, out: Path) -> list[bytes]:
    """Write bulletins in a format; gives what was written."""
    if form == "misp" and out.suffix != ".json":
        if out.exists() and not out.is_dir():
            raise UsageError(f"`{out}` is a file, and a feed is a directory", hint="name another `--out`")
        files = misp.files(told)
        for name, data in sorted(files.items(), key=lambda pair: pair[0] == "manifest.json"):
            write(out / name, data, private=False)
        return [files[name] for name in sorted(files)]
    data = {"stix": stix.write, "misp": misp.write, "csv": csv.write}[form](told)
    write(out, data)
    return [data]


@click.command("log")
@settings_option
@json_option
def log(settings_file: Path | None, as_json: bool) -> None:
    """Show the disclosure log, and check that no line was changed."""
    open_ = desk(found(settings_file)).log
    lines, (size, root) = open_.lines(), open_.root()
    if as_json:
        click.echo(msgspec.json.encode({"schema": 1, "lines": lines, "size": size, "root": root}))
        return
    for line in lines:
        to = f" to {', '.join(map(plain, line.to))}" if line.to else ""
        marking = f" TLP:{line.marking.upper()}" if line.marking else ""
        note = f": {plain(line.note)}" if line.note else ""
        click.echo(f"{line.at:%Y-%m-%d %H:%M}Z  {plain(line.who)} {line.did} {plain(line.what)}{marking}{to}{note}")
    click.echo(f"{size} lines, unbroken; root {root}")


@click.command("group-key")
@click.argument("file", type=click.Path(path_type=Path))
def make_group_key(file: Path) -> None:
    """Make the key that a group of peers has in common, in FILE; hand it to them by a safe way of your own."""
    if file.exists():
        raise UsageError(f"`{file}` is there already", hint="name another file, or take the old one away first")
    write(file, secrets.token_bytes(32))
    click.echo(f"a new group key in {file}; only its owner can read it")


VERBS = (make_group_key, preview, prepare, list_, show, release, revoke, export, log)


class Asked(NamedTuple):
    """What of a case is asked for, and how it is to be told."""

    campaigns: Sequence[str]
    marking: Marking | None
    note: str
    extras: Extras
    references: Sequence[Reference] = ()


def bulletins(directory: Path, case: Case, section: Share, asked: Asked) -> tuple[list[Bulletin], list[str]]:
    """Compose the bulletins of a case; tells besides what of it is not told, and why.

    Raises:
        ShareError: when an entry was asked for by name and may not be told, or there is none of that name.
    """
    first = {line.id: line.first for line in cases.lineage(directory).lines}
    named = {entry.id: entry for entry in case.campaigns}
    if unknown := [name for name in asked.campaigns if name not in named]:
        raise ShareError(
            f"no entry `{plain(unknown[0], 80)}`", where=str(directory), hint=f"it has {', '.join(named) or 'none'}"
        )
    told, refused = [], []
    for entry in [named[name] for name in asked.campaigns] or case.campaigns:
        try:
            told.append(_composed(entry, case, section, asked, first.get(entry.id)))
        except ShareError as mistake:
            if asked.campaigns:
                raise
            refused.append(f"{entry.id}: {mistake.what}")
    return told, [*refused, *asked.extras.told]


def _composed(entry: Entry, case: Case, section: Share, asked: Asked, created: datetime | None) -> Bulletin:
    plainly = compose(
        entry, case, producer=section.organisation, marking=asked.marking or section.marking, note=asked.note,
        created=created,
    )  # fmt: skip
    families, ranges = asked.extras.families(entry), asked.extras.ranges(entry)
    return msgspec.structs.replace(plainly, families=families, ranges=ranges, references=list(asked.references))


def referred(texts: Sequence[str]) -> list[Reference]:
    """Read references as the command line writes them, `SOURCE=URL`.

    Raises:
        UsageError: when one has no address.
    """
    found = []
    for text in texts:
        source, _, url = text.partition("=")
        if not source.strip() or not url.strip():
            raise UsageError(f"`{plain(text, 80)}` is no reference", hint="`--reference 'MITRE ATLAS=https://…'`")
        found.append(Reference(source=source.strip(), url=url.strip()))
    return found


def insiders(case: Case) -> set[str]:
    """Gather the ids of the house that must stand nowhere."""
    parts = (case.campaigns, case.cleared, case.undecided)
    found_ = {account for part in parts for entry in part for account in entry.accounts}
    return found_ | {entry.id for entry in case.campaigns} | {grant.holder for grant in case.grants if grant.holder}


def show_fields(bulletin: Bulletin) -> None:
    """Print every field that would leave, and why."""
    fields = previews.leaving(bulletin)
    width = max(len(one.field) for one in fields)
    click.echo(f"bulletin {bulletin.id}  TLP:{bulletin.marking.upper()}  digest {digest(bulletin)[:16]}")
    for one in fields:
        click.echo(f"  {one.field:{width}}  {one.value}\n  {'':{width}}    because: {one.why}")


def tell(records: Sequence[Record], as_json: bool) -> None:
    """Print records of the desk."""
    if as_json:
        click.echo(msgspec.json.encode({"schema": 1, "bulletins": records}))
        return
    for record in records:
        click.echo(_state(record))


def _state(record: Record) -> str:
    bulletin = record.bulletin
    state = f"prepared by {record.prepared_by}, waits for a second person"
    if record.released:
        state = f"released by {record.released_by} to {', '.join(record.to)}"
    if bulletin.revoked:
        state = f"REVOKED: {bulletin.revoked_because}"
    head = f"{bulletin.id}  TLP:{bulletin.marking.upper()}  digest {record.digest[:16]}"
    return f"{head}  {plain(bulletin.title)}\n  {plain(state)}"


def _markings(told: Sequence[Bulletin]) -> str:
    return ", ".join(sorted({one.marking.upper() for one in told})) or "-"
