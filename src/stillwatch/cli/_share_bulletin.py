"""Bulletins of a case on the command line: preview what would leave, and put it on the desk."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from stillwatch.cli._share_case import (
    Asked,
    alive,
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
from stillwatch.cli._share_desk import by_option, desk, found, json_option, settings_option, speaker
from stillwatch.cli._share_shown import show_fields, tell
from stillwatch.cli._share_traffic import Extras
from stillwatch.cli._share_traffic import options as traffic_options
from stillwatch.model.bulletin import Marking
from stillwatch.share import preview as previews
from stillwatch.share import scrub
from stillwatch.share.desk import digest
from stillwatch.store import cases


@click.command("preview")
@case_argument
@campaigns_option
@marking_option
@note_option
@references_option
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
    told, refused = alive(told, refused, desk(section), entries_of(case, section), campaigns)
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
@case_argument
@campaigns_option
@marking_option
@note_option
@references_option
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
    told, refused = alive(told, refused, open_, entries_of(case, section), campaigns)
    for one in told:
        scrub.check(one, insiders(case))
    records = [open_.prepare(one, speaker(who), insiders(case)) for one in told]
    tell(records, as_json)
    for reason in refused:
        click.echo(f"not shared: {reason}", err=True)


VERBS = (preview, prepare)
