"""`stillwatch score`: a case against planted truth."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec


@click.command("score")
@click.argument("case", type=click.Path(path_type=Path))
@click.argument("truth", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the score as one JSON object.")
def command(case: Path, truth: Path, as_json: bool) -> None:
    """Score CASE (a case directory or its case.json) against TRUTH (a world directory or its truth.json)."""
    from stillwatch.sim import score

    result = score.score(case, truth)
    click.echo(msgspec.json.encode(result) if as_json else score.table(result))
