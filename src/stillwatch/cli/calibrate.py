"""`stillwatch calibrate`: how often the error control would speak where there is nothing to find."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import msgspec

from stillwatch import settings
from stillwatch.cli._progress import CALIBRATION, Journey
from stillwatch.cli._values import Instant
from stillwatch.hunt.calibrate import Calibration, calibrate
from stillwatch.hunt.request import Request

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command(name="calibrate")
@click.argument("traffic", nargs=-1, required=True)
@click.option("--format", "format_", metavar="FORMAT", help="The format of the logs; recognised when left out.")
@click.option("--map", "map_", type=FILE, help="A TOML file: which field fills which column.")
@click.option("--accounts", type=FILE, help="What you know of your customers: CSV, Parquet or JSON Lines.")
@click.option("--known", type=FILE, help="A TOML file: owners of several accounts, your own tests, reviewed crowds.")
@click.option("--since", type=Instant(), help="Look from this day or instant on.")
@click.option("--until", type=Instant(), help="Look up to, and without, this day or instant.")
@click.option(
    "--fdr", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.05, show_default=True,
    help="The rate that is put to the test.",
)  # fmt: skip
@click.option("--rounds", type=click.IntRange(1), default=60, show_default=True, help="Permuted logs to look at.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the permutations.")
@click.option("--threads", type=click.IntRange(1, 256), help="Threads at work; default: all cores.")
@click.option("--settings", "settings_file", type=FILE, help="A settings file; else ./stillwatch.toml.")
@click.option("--json", "as_json", is_flag=True, help="Print what was measured as one JSON object.")
def command(
    traffic: tuple[str, ...], format_: str | None, map_: Path | None, accounts: Path | None, known: Path | None,
    since: int | None, until: int | None, fdr: float, rounds: int, seed: int, threads: int | None,
    settings_file: Path | None, as_json: bool,
) -> int:  # fmt: skip
    """Check the false alarms of a hunt on TRAFFIC: files, directories or patterns of your own logs.

    The links between owners are cut by permutation, and strangers are drawn who resemble the members of real groups;
    what the error control still calls linked is a false alarm. Leaves with 0 when the rate asked for holds, else 1.
    """
    with TemporaryDirectory(prefix=".calibrate-", dir=".") as room, Journey(CALIBRATION) as journey:
        request = Request(
            traffic=traffic, case=Path(room), format=format_, map=map_, accounts=accounts, known=known, since=since,
            until=until, fdr=fdr, threads=threads or len(os.sched_getaffinity(0)),
            settings=settings.find(settings_file),
        )  # fmt: skip
        told = calibrate(request, rounds, journey, seed)
    if as_json:
        click.echo(msgspec.json.encode({"schema": 1, "holds": told.holds, **msgspec.to_builtins(told)}))
    else:
        click.echo("\n".join(_lines(told)))
    return 0 if told.holds else 1


def _lines(told: Calibration) -> Iterator[str]:
    yield f"{told.exchanges:,} exchanges, {told.accounts:,} accounts, {told.owners:,} owners in {told.strata:,} strata"
    if told.left_out:
        yield f"{told.left_out:,} owners in groups that the hunt holds for hidden are left out of what follows"
    yield ""
    yield "What owners hold, dealt out anew inside network x plan x time of day:"
    yield (
        f"  an entry in {told.false_rounds} of {told.rounds} such logs; the true share is at most "
        f"{told.false_at_most:.1%} (95 %, exact); asked for: {told.fdr:.1%}"
    )
    yield f"  {told.linked:g} groups in the mean are linked by what a stratum has in common, and cleared"
    yield "Strangers who resemble the members of proposed groups:"
    yield (
        f"  {told.matched_passed} of {told.matched:,} such groups reach the {told.bits_needed:g} bits needed here; "
        f"at most {told.matched_at_most:.2%} (95 %, exact)"
    )
    if told.views:
        yield "  view           e-values of 20 or more (5 % is asked)"
        for one in told.views:
            yield f"  {one.view:<13} {one.above_20:>7.2%}, at most {one.above_20_at_most:.2%}"
    yield ""
    yield "The rate asked for holds." if told.holds else "The rate asked for does NOT hold on this traffic."
    yield "What neither can see:"
    yield from (f"  - {line}" for line in told.cannot_see)
