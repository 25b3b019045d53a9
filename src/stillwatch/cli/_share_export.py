"""Export on the command line: the bulletins of a case, written to a file in a format."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from stillwatch import rooms
from stillwatch.cli._share_case import (
    Asked,
    bulletins,
    campaigns_option,
    case_argument,
    entries_of,
    insiders,
    marking_option,
    note_option,
    references_option,
    referred,
)
from stillwatch.cli._share_desk import by_option, desk, found, json_option, now, settings_option, speaker
from stillwatch.cli._share_traffic import Extras
from stillwatch.cli._share_traffic import options as traffic_options
from stillwatch.errors import ShareError, UsageError
from stillwatch.kit.plain import counted
from stillwatch.model.bulletin import Bulletin, Marking
from stillwatch.share import scrub
from stillwatch.share.desk import Desk
from stillwatch.share.files import write
from stillwatch.share.formats import csv, misp, stix
from stillwatch.share.log import Line
from stillwatch.store import cases


@click.command("export")
@case_argument
@click.option("--format", "form", required=True, type=click.Choice(rooms.names("share.formats")), help="The format.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A file; for misp a directory is a feed.")
@campaigns_option
@marking_option
@note_option
@references_option
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
        entries = entries_of(case, section)
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


def _markings(told: Sequence[Bulletin]) -> str:
    return ", ".join(sorted({one.marking.upper() for one in told})) or "-"


VERBS = (export,)
