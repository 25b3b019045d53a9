"""`stillwatch ingest`: logs in any known format, into canonical Parquet partitioned by day."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from stillwatch import ingest as room
from stillwatch import settings
from stillwatch.ingest import Taken
from stillwatch.kit.plain import counted

_SHOWN_EVERY_S: Final = 0.1


@click.command()
@click.argument("traffic", nargs=-1, required=True)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The dataset to write or to add to.",
)
@click.option("--format", "format_", metavar="FORMAT", help="The format of the logs; recognised when left out.")
@click.option("--map", "map_file", type=click.Path(path_type=Path), help="A TOML file: which field fills which column.")
@click.option(
    "--settings",
    "settings_file",
    type=click.Path(path_type=Path),
    help="A settings file; else ./stillwatch.toml.",
)
@click.option(
    "--threads",
    type=click.IntRange(1),
    default=lambda: os.cpu_count() or 1,
    help="Processes at work; all cores.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was done as one JSON object.")
def command(
    traffic: tuple[str, ...],
    out: Path,
    format_: str | None,
    map_file: Path | None,
    settings_file: Path | None,
    threads: int,
    as_json: bool,
) -> None:
    """Read TRAFFIC (files, directories, patterns, or - for stdin) into canonical Parquet, partitioned by day.

    Running it again adds what is new; what is in stays, and nothing stands twice.
    """
    console = Console(stderr=True)
    with _bar(console) as bar:
        task, shown = bar.add_task("reading", total=None), 0.0

        def tell(what: str, done: int, total: int) -> None:
            nonlocal shown
            due = (now := time.monotonic()) - shown >= _SHOWN_EVERY_S
            shown = now if due else shown
            bar.update(task, description=what, completed=done, total=total, refresh=due)

        taken = room.ingest(
            traffic,
            out=out,
            format=format_,
            map_file=map_file,
            settings=settings.find(settings_file).ingest,
            threads=threads,
            progress=tell,
        )
    _summary(taken, out)
    if as_json:
        click.echo(msgspec.json.encode(_told(taken, out)))


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        auto_refresh=False,  # a thread that draws would keep readers from being forked
        disable=not console.is_terminal,
    )


def _told(taken: Taken, out: Path) -> dict[str, object]:
    return {
        "schema": 1,
        "out": str(out),
        "exchanges": taken.rows,
        "duplicates": taken.duplicates,
        "rejected": taken.rejected,
        "mended": taken.mended,
        "sources": taken.sources,
        "sources_skipped": taken.skipped,
        "formats": dict(taken.formats),
        "columns": sorted(taken.columns),
        "mend_with": [line for line, _ in taken.maps.most_common()],
    }


def _summary(taken: Taken, out: Path) -> None:
    say = click.echo
    say(f"{counted(taken.rows, 'exchange')} from {counted(taken.sources, 'source')}: now in {out}", err=True)
    if taken.skipped:
        say(f"{counted(taken.skipped, 'source')} {'was' if taken.skipped == 1 else 'were'} in already", err=True)
    if taken.duplicates:
        say(f"left out: {counted(taken.duplicates, 'record')} that stood there before", err=True)
    if taken.mended:
        say(f"{counted(taken.mended, 'record')} had a field of another type than expected; it was left empty", err=True)
    if taken.rejected:
        say(f"{counted(taken.rejected, 'line')} could not be read: see {out / 'rejected.jsonl'}", err=True)
    for line, count in taken.maps.most_common(1):
        say(f"hint: {count} of them would be mended by a --map file with the line\n    {line}", err=True)
