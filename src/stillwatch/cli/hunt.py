"""`stillwatch hunt`: from a provider's own logs to campaigns with evidence."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from stillwatch import settings
from stillwatch.cli._progress import Journey
from stillwatch.cli._rehearsed import rehearsed
from stillwatch.cli._values import Instant, Size
from stillwatch.errors import UsageError
from stillwatch.hunt import told
from stillwatch.hunt.rehearse import rehearse
from stillwatch.hunt.request import Request
from stillwatch.hunt.run import run
from stillwatch.report import table
from stillwatch.share.exchange import Exchange
from stillwatch.store import cases

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command(name="hunt")
@click.argument("traffic", nargs=-1, required=True)
@click.option("--format", "format_", metavar="FORMAT", help="The format of the logs; recognised when left out.")
@click.option("--map", "map_", type=FILE, help="A TOML file: which field fills which column.")
@click.option("--accounts", type=FILE, help="What you know of your customers: CSV, Parquet or JSON Lines.")
@click.option("--grants", type=FILE, help="A TOML file: who may distil what, how much and until when.")
@click.option("--known", type=FILE, help="A TOML file: owners of several accounts, your own tests, reviewed crowds.")
@click.option("--since", type=Instant(), help="Hunt from this day or instant on.")
@click.option("--until", type=Instant(), help="Hunt up to, and without, this day or instant.")
@click.option(
    "--previous", type=click.Path(path_type=Path, file_okay=False),
    help="The case of an earlier hunt: ids persist, and each entry is told as new, known or grown.",
)  # fmt: skip
@click.option(
    "--leads", type=click.Path(path_type=Path, file_okay=False, exists=True), metavar="DIR",
    help="The share directory: what peers told, and was looked for here, proposes groups; it weighs nothing.",
)  # fmt: skip
@click.option(
    "--case", type=click.Path(path_type=Path, file_okay=False), help="The directory to write; else a new one here."
)
@click.option(
    "--fdr", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.05, show_default=True,
    help="Share of the findings that may name accounts linked by coincidence only.",
)  # fmt: skip
@click.option("--no-content", is_flag=True, help="Leave prompts and answers closed; hunt on metadata alone.")
@click.option(
    "--engine", type=click.Choice(["duckdb"]), default="duckdb", show_default=True, help="One machine, for now."
)
@click.option("--memory", type=Size(), default="6GB", show_default=True, help="Memory that the large tables may take.")
@click.option("--threads", type=click.IntRange(1, 256), help="Threads at work; default: all cores.")
@click.option("--settings", "settings_file", type=FILE, help="A settings file; else ./stillwatch.toml.")
@click.option("--resume", is_flag=True, help="Go on with a hunt that was interrupted, asked for in the same way.")
@click.option("--dry-run", is_flag=True, help="Look at the sources, say what would be read and needed, and stop.")
@click.option("--json", "as_json", is_flag=True, help="Print the case as one JSON object.")
def command(
    traffic: tuple[str, ...], format_: str | None, map_: Path | None, accounts: Path | None, grants: Path | None,
    known: Path | None, since: int | None, until: int | None, previous: Path | None, case: Path | None, fdr: float,
    no_content: bool, engine: str, memory: int, threads: int | None, settings_file: Path | None, resume: bool,
    leads: Path | None, dry_run: bool, as_json: bool,
) -> int:  # fmt: skip
    """Hunt for campaigns in TRAFFIC: files, directories or patterns of logs, or - for stdin.

    Leaves with the gravest finding: 14 distillation campaign, 13 account network, 12 grant exceeded, 11 open
    extraction, 0 nothing; 1 error, 2 usage, 3 nothing could be read.
    """
    if since is not None and until is not None and since >= until:
        raise UsageError("`--since` is not before `--until`", hint="`--until` is the first instant left out")
    if resume and case is None:
        raise UsageError("`--resume` needs the case that was interrupted", hint="name it with `--case`")
    request = Request(
        traffic=traffic, case=case or _fresh(), format=format_, map=map_, accounts=accounts, grants=grants,
        known=known, since=since, until=until, previous=previous, leads=leads, fdr=fdr,
        no_content=no_content, engine=engine, memory=memory, threads=threads or len(os.sched_getaffinity(0)),
        resume=resume, settings=settings.find(settings_file),
    )  # fmt: skip
    if dry_run:
        rehearsal = rehearse(request)
        click.echo(msgspec.json.encode(rehearsal) if as_json else "\n".join(rehearsed(rehearsal)))
        return 0
    try:
        with Journey() as journey:
            found = run(request, journey)
    except KeyboardInterrupt:
        click.echo(f"\nwhat was read is kept in {request.case}; the same command with `--resume` goes on", err=True)
        raise
    if leads is not None:
        Exchange(leads).hunted(told.used(leads), str(request.case.absolute()))
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        table.show(found, str(request.case / cases.REPORT))
    return found.exit_code


def _fresh() -> Path:
    return Path(f"case-{datetime.now(UTC):%Y%m%d-%H%M%S}")
