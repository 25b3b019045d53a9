"""`stillwatch audit leads`."""

from __future__ import annotations

from collections import defaultdict

import click
import msgspec

from stillwatch.errors import UsageError
from stillwatch.prove.leads.resemble import leads
from stillwatch.prove.lineage.texts import TEXT_FIELDS, rows


@click.command(name="leads")
@click.argument("answers", nargs=-1, required=True, type=click.Path(path_type=str, exists=True, dir_okay=False))
@click.option("--suspect", required=True, help="The model that is looked at.")
@click.option("--teacher", "teachers", multiple=True, required=True, help="A candidate teacher; two at least.")
@click.option("--control", "controls", multiple=True, help="A model not known to come from any [default: all others].")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    answers: tuple[str, ...], suspect: str, teachers: tuple[str, ...], controls: tuple[str, ...], as_json: bool
) -> int:  # fmt: skip
    """Ask whether a suspect resembles a candidate teacher more than unrelated models do: a lead, never proof.

    ANSWERS are tables (JSON lines or Parquet) with `model`, `prompt_id` and `output`: many models, the same prompts.

    Exit codes: 0 no lead, 10 a lead, 4 undetermined, 1 to 3 errors.
    """
    table: dict[str, dict[str, str]] = defaultdict(dict)
    for path in answers:
        for row in rows(path):
            text = next((row[name] for name in TEXT_FIELDS if isinstance(row.get(name), str)), None)
            if text is not None and row.get("model") and row.get("prompt_id") is not None:
                table[str(row["model"])][str(row["prompt_id"])] = text
    if not table:
        raise UsageError("no answers were read", hint="rows need `model`, `prompt_id` and `output`")
    others = controls or tuple(sorted(set(table) - {suspect, *teachers}))
    found = leads(table, suspect, teachers, others)
    if as_json:
        click.echo(msgspec.json.encode({"schema": 1, "suspect": suspect, "leads": found}))
    else:
        for one in found:
            click.echo(
                f"{one.verdict.replace('_', ' '):13} {one.teacher:32} surplus {one.interaction:+.2f} "
                f"({one.low:+.2f} to {one.high:+.2f}), {one.above} of {one.among} control values are as large"
            )
        click.echo("note          a lead is no proof: siblings and shared sources resemble each other too", err=True)
    verdicts = {one.verdict for one in found}
    return 10 if "lead" in verdicts else (4 if "undetermined" in verdicts else 0)
