"""`stillwatch returns`: whether suspended campaigns came back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from stillwatch.cli._place import DEFAULT, as_json
from stillwatch.cli._values import Instant
from stillwatch.errors import UsageError
from stillwatch.kit.plain import counted, plain
from stillwatch.model.returned import Return, Returns
from stillwatch.remedy.returns import Suspended, suspensions, track
from stillwatch.store.book import FILE, open_book
from stillwatch.store.counted import recognised


@click.command("returns")
@click.argument("cases", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--state", "place_", type=click.Path(path_type=Path), default=DEFAULT, show_default=True,
              help="The state directory, whose book knows which campaigns were suspended.")  # fmt: skip
@click.option("--suspended", multiple=True, metavar="CAMPAIGN=TIME",
              help="A campaign that was suspended elsewhere, and when; may be given again.")  # fmt: skip
@as_json
def command(cases: tuple[Path, ...], place_: Path, suspended: tuple[str, ...], as_json_: bool) -> None:
    """Tell which suspended campaigns came back, and how soon.

    CASES are the case that a campaign was suspended from and the hunts made since, best with `--previous`, so that it
    kept its id.
    """
    known = [_elsewhere(one) for one in suspended]
    live: dict[str, list[datetime]] = {}
    if (place_ / FILE).exists():
        known = [*suspensions(open_book(place_).orders()), *known]
        live = {
            campaign: [datetime.fromtimestamp(at, UTC) for at in times]
            for campaign, times in recognised(place_).items()
        }
    if not known:
        raise UsageError(
            "nothing was suspended", where=str(place_),
            hint="an approved order `suspend --campaign ID` counts, or name one: `--suspended ID=2026-05-09`",
        )  # fmt: skip
    told = track(known, cases, live)
    click.echo(msgspec.json.encode(told) if as_json_ else "\n".join(_lines(told)))


def _elsewhere(text: str) -> Suspended:
    name, sign, when = text.partition("=")
    if not sign or not name.strip():
        raise UsageError(f"`{text}` names no campaign and time", hint="write `--suspended cam-1f3c=2026-05-09T12:00Z`")
    at = Instant().convert(when, None, None)
    return Suspended(campaign=name.strip(), at=datetime.fromtimestamp(at / 1000, UTC))


def _lines(told: Returns) -> Iterator[str]:
    for one in told.campaigns:
        yield from _one(one)
    of = counted(len(told.campaigns), "suspended campaign")
    middle = f"median time to return {told.median_hours:.1f} h" if told.median_hours is not None else (
        "fewer than half came back, so there is no median"
    )  # fmt: skip
    yield f"{told.came_back} of {of} came back; {middle}"
    yield told.guarantee


def _one(one: Return) -> Iterator[str]:
    by = f" by {one.order}" if one.order else ""
    yield (f"{plain(one.campaign)}: suspended {one.suspended_at:%Y-%m-%d %H:%M} UTC{by}, "
           f"{counted(one.accounts, 'account')}; watched for {one.watched_hours:.0f} h")  # fmt: skip
    if one.returned:
        tenth = f", the tenth after {one.tenth_hours:.1f} h" if one.tenth_hours is not None else ""
        yield f"  back after {one.first_hours:.1f} h in {counted(len(one.returned), 'new account')}{tenth}"
        views: dict[str, int] = {}
        for account in one.returned:
            for view in account.views:
                views[view] = views.get(view, 0) + 1
        yield f"  tied to it by {', '.join(f'{view} ({count})' for view, count in views.items()) or 'the entry alone'}"
        if one.after >= 0 and one.before >= 0:
            yield f"  {one.after:.0f} exchanges a day, before it was suspended {one.before:.0f}"
    elif not one.accounts:
        yield "  no case given here knows it: name the one that it was suspended from, and check its id"
    else:
        yield "  not found again"
    if one.joined_before >= 0:
        yield f"  growth alone: {counted(one.joined_before, 'account')} joined in as long a time before"
    if one.echoes_expected >= 0:
        new = counted(one.new_accounts, "new account")
        yield f"  echoes: {one.echoes} of {new} in no entry carry a template of it;"
        yield f"    of as many strangers before {one.echoes_expected:.1f} would have"
    if one.live:
        newcomers = counted(one.live, "newcomer")
        yield f"  live: {newcomers} recognised, the first after {one.live_hours:.1f} h"
