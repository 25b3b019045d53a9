"""Hunt for campaigns in a provider's own logs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from stillwatch.hunt.request import Request
from stillwatch.hunt.run import run


class Stages:
    """Tells the stages of a hunt on stderr."""

    def stage(self, name: str, total: int) -> None:
        """Say which stage begins."""
        click.echo(f"{name} {total:,} …" if total else f"{name} …", err=True)

    def advance(self, count: int) -> None:
        """Say nothing."""


@click.command(name="hunt")
@click.argument("traffic", nargs=-1, required=True)
@click.option("--format", "format_", default=None)
@click.option("--map", "map_", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--accounts", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--grants", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--known", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--case", type=click.Path(path_type=Path, file_okay=False))
@click.option("--fdr", type=click.FloatRange(0, 1, min_open=True), default=0.05, show_default=True)
@click.option("--no-content", is_flag=True)
@click.option("--json", "as_json", is_flag=True)
def command(
    traffic: tuple[str, ...], format_: str | None, map_: Path | None, accounts: Path | None, grants: Path | None,
    known: Path | None, case: Path | None,
    fdr: float, no_content: bool, as_json: bool,
) -> int:  # fmt: skip
    """Hunt for campaigns in TRAFFIC: files, directories or globs of logs, or - for stdin."""
    place = case or Path(f"case-{datetime.now(UTC):%Y%m%d-%H%M%S}")
    found = run(
        Request(
            traffic=traffic,
            case=place,
            format=format_,
            map=map_,
            accounts=accounts,
            grants=grants,
            known=known,
            fdr=fdr,
            no_content=no_content,
        ),
        Stages(),
    )
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        for entry in found.campaigns:
            click.echo(f"{entry.id} {entry.finding} {len(entry.accounts)} accounts {entry.exchanges} exchanges")
    return found.exit_code
