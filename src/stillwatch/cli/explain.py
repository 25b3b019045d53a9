"""`stillwatch explain`: the way of one account, exchange or entry through a hunt."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click
import msgspec
import pyarrow.compute as pc

from stillwatch import ingest, settings
from stillwatch.errors import CaseError, NothingToRead
from stillwatch.model.way import ExchangeWay, Way
from stillwatch.report.way import lines
from stillwatch.store import cases, way


@click.command("explain")
@click.argument("case", type=click.Path(path_type=Path))
@click.argument("name", metavar="(EXCHANGE | ACCOUNT | CAMPAIGN)")
@click.option(
    "--traffic", multiple=True, metavar="LOG",
    help="Your own log: finds an exchange that the case does not name, to explain its account.",
)  # fmt: skip
@click.option("--format", "format_", metavar="FORMAT", help="The format of that log; recognised when left out.")
@click.option("--map", "map_", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Its `--map` file.")
@click.option(
    "--settings", "settings_file", type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A settings file; else ./stillwatch.toml.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print it as one JSON object.")
def command(
    case: Path, name: str, traffic: tuple[str, ...], format_: str | None, map_: Path | None,
    settings_file: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Tell the way of an account, an exchange or an entry through the hunt of CASE, and why it was found, or not."""
    try:
        found: Way = way.way(case, name)
    except CaseError:
        searched = _search(case, name, traffic, format_, map_, settings_file) if traffic else None
        if searched is None:
            raise
        found = searched
    click.echo(msgspec.json.encode(found) if as_json else "\n".join(lines(found)))


def _search(
    case: Path, name: str, traffic: tuple[str, ...], format_: str | None, map_: Path | None, settings_file: Path | None
) -> ExchangeWay | None:
    """Look for an exchange in the operator's own log, and tell the way of its account."""
    book = way.Book(case, cases.read(case))
    with tempfile.TemporaryDirectory(prefix="stillwatch-") as folder:
        try:
            gathered = ingest.gather(
                traffic, into=Path(folder), format=format_, map_file=map_, settings=settings.find(settings_file).ingest
            )
        except NothingToRead:
            return None
        for batch in gathered.batches(["exchange", "account", "at"]):
            rows = batch.filter(pc.equal(batch.column("exchange"), name)).to_pylist()
            if rows:
                return book.unattributed(name, rows[0]["account"], rows[0]["at"])
    return None
