"""What of a case is asked for on the command line, and the bulletins that are composed of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import click
import msgspec

from stillwatch.cli._share_traffic import Extras
from stillwatch.errors import ShareError, UsageError
from stillwatch.kit.plain import plain
from stillwatch.model.bulletin import MARKINGS, Bulletin, Marking, Reference
from stillwatch.model.case import Case, Entry
from stillwatch.settings import Share
from stillwatch.share.compose import bulletin_id, compose
from stillwatch.share.desk import Desk
from stillwatch.store import cases

case_argument = click.argument("directory", metavar="CASE", type=click.Path(path_type=Path))
campaigns_option = click.option("--campaign", "campaigns", multiple=True, metavar="ID",
                                help="Only this entry; may be given again.")  # fmt: skip
marking_option = click.option("--marking", type=click.Choice(MARKINGS), help="Traffic Light Protocol 2.0; else as set.")
references_option = click.option("--reference", "references", multiple=True, metavar="SOURCE=URL",
                                 help="Where more stands in public; may be given again.")  # fmt: skip
note_option = click.option("--note", default="", metavar="TEXT", help="A remark of yours that goes with it.")


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


def entries_of(case: Case, section: Share) -> dict[str, str]:
    """Tell which entry of a case each bulletin is about."""
    return {bulletin_id(section.organisation, entry.id): entry.id for entry in case.campaigns}


def alive(
    told: Sequence[Bulletin], refused: Sequence[str], open_: Desk, entries: Mapping[str, str], asked: Sequence[str]
) -> tuple[list[Bulletin], list[str]]:  # fmt: skip
    """Leave out what was revoked, and say so; whoever asks for one by name is refused."""
    gone = [] if asked else [one.id for one in told if open_.taken_back(one.id)]
    left = [one for one in told if one.id not in gone]
    return left, [*refused, *(f"{entries[one]}: it was revoked, and that is for good" for one in gone)]
