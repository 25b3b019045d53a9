"""`stillwatch state`: the live state that decisions are made from."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from stillwatch import settings
from stillwatch.cli._place import as_json, place, settings_option
from stillwatch.errors import CaseError
from stillwatch.kit.plain import counted, plain
from stillwatch.store import key as keys
from stillwatch.store import live
from stillwatch.store.counted import recognised
from stillwatch.watch.export import export


@click.group("state")
def command() -> None:
    """Export what a hunt found for live decisions, and look at it."""


@command.command("export")
@click.argument("case", type=click.Path(path_type=Path))
@place
@settings_option
@as_json
def export_(case: Path, place_: Path, settings_file: Path | None, as_json_: bool) -> None:
    """Make the live state of CASE; running servers take it up by themselves."""
    key = keys.find(settings.find(settings_file).store.key_file)
    _tell(export(case, place_, key), as_json_)


@command.command("show")
@place
@settings_option
@as_json
def show(place_: Path, settings_file: Path | None, as_json_: bool) -> None:
    """Tell what the live state holds."""
    state = live.read(place_, keys.find(settings.find(settings_file).store.key_file))
    if state is None:
        raise CaseError(
            "there is no live state", where=str(place_), hint="make one with `stillwatch state export CASE`"
        )
    _tell(state.meta, as_json_)
    if not as_json_:
        for campaign, times in sorted(recognised(place_).items()):
            first = datetime.fromtimestamp(min(times), UTC)
            told = counted(len(times), "newcomer")
            click.echo(
                f"  {plain(campaign)}: {told} recognised since {first:%Y-%m-%d %H:%M} UTC, by keyed hashes alone"
            )


def _tell(meta: live.Meta, as_json_: bool) -> None:
    if as_json_:
        click.echo(msgspec.json.encode(meta))
        return
    click.echo(f"live state of {meta.made:%Y-%m-%d %H:%M} UTC: {counted(len(meta.campaigns), 'campaign')}")
    for one in meta.campaigns:
        crowd = f"{counted(one.crowd, 'account')} outside carry one of its families"
        click.echo(f"  {plain(one.id)}  {one.finding}  {counted(one.accounts, 'account')}; {crowd}")
