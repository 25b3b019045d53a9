"""`stillwatch replay`: an old day under a new policy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from stillwatch import ingest, settings
from stillwatch.cli._place import as_json, now, place, settings_option
from stillwatch.cli._progress import Journey
from stillwatch.cli._traffic import FILE, opened, read_as
from stillwatch.kit.plain import counted, plain
from stillwatch.model.replayed import Outcome, Replayed
from stillwatch.remedy.policy import BOOK, policy
from stillwatch.remedy.replay import replay
from stillwatch.store import key as keys
from stillwatch.store import live
from stillwatch.store.book import open_book


@click.command("replay")
@click.argument("traffic", nargs=-1, required=True)
@click.option("--policy", "new", required=True, metavar="NEW",
              help="A policy file (TOML), the id of an order, `book`, or `none`.")  # fmt: skip
@click.option("--against", "old", default=BOOK, show_default=True, metavar="OLD", help="What it is compared with.")
@click.option("--accounts", type=FILE, help="The accounts file: tells who pays.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write every request that differs there.")
@place
@read_as
@settings_option
@as_json
def command(
    traffic: tuple[str, ...], new: str, old: str, accounts: Path | None, out: Path | None, place_: Path,
    format_: str | None, map_: Path | None, settings_file: Path | None, as_json_: bool,
) -> None:  # fmt: skip
    """Replay TRAFFIC, an old day, under the policy NEW, and compare it with OLD: who would have been met how."""
    told = settings.find(settings_file)
    book, key = open_book(place_), keys.find(told.store.key_file)
    policies = [policy(name, book, told.watch, now()) for name in (new, old)]
    declared = ingest.read_accounts(accounts) if accounts is not None else None
    journey = Journey(("replay",))
    with opened(traffic, format_, map_, told) as gathered, journey:
        assert gathered is not None  # noqa: S101 - traffic is required
        journey.stage("replay", gathered.exchanges)
        found = replay(
            gathered, policies[0], policies[1], book=book, state=live.read(place_, key), key=key, declared=declared,
            out=out, advance=journey.advance,
        )  # fmt: skip
    click.echo(msgspec.json.encode(found) if as_json_ else "\n".join(_lines(found)))


def _lines(told: Replayed) -> Iterator[str]:
    if told.from_ is not None and told.to is not None:
        span = f"{told.from_:%Y-%m-%d %H:%M} to {told.to:%Y-%m-%d %H:%M}"
        yield f"{counted(told.exchanges, 'request')} of {counted(told.accounts, 'account')}, {span}"
    for name, outcome in (("against", told.against), ("policy", told.policy)):
        yield from _outcome(name, outcome)
    yield f"{counted(told.differing, 'request')} would be met otherwise"
    for change, count in told.changes.items():
        yield f"  {change}: {count:,}"
    paying = "" if told.hit_anew_paying < 0 else f", {told.hit_anew_paying} of them pay"
    yield f"  {counted(told.hit_anew, 'account')} hit that passed before{paying}; {told.let_go:,} let go"
    for one in told.first[:5]:
        because = plain("; ".join(one.because), 100)
        yield f"  {plain(one.exchange)} of {plain(one.account)}: {one.against} → {one.policy} ({because})"
    for limit in told.limits:
        yield f"not known: {limit}"


def _outcome(name: str, told: Outcome) -> Iterator[str]:
    yield f"{name} `{plain(told.policy)}` ({counted(told.orders, 'order')})"
    for action, count in told.actions.items():
        paying = "" if count.paying < 0 else f", {count.paying} of them pay"
        yield (f"  {action:9} {counted(count.requests, 'request')} of {counted(count.accounts, 'account')}{paying}; "
               f"{count.outside} in no campaign")  # fmt: skip
    yield f"  {told.recognised} recognised as newcomers; nearest crowd: {told.near} more carried a campaign's template"
    yield f"  {told.covered:,} requests under a grant or the allowlist"
