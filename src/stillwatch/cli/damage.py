"""`stillwatch damage`: what a campaign took."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from stillwatch import ingest, settings
from stillwatch.cli._place import as_json, settings_option
from stillwatch.cli._traffic import FILE, opened, read_as
from stillwatch.kit.plain import counted, plain
from stillwatch.model.damage import Breadth, Damage
from stillwatch.remedy import prices as pricing
from stillwatch.remedy.damage import assess


@click.command("damage")
@click.argument("case", type=click.Path(path_type=Path))
@click.argument("campaign")
@click.option("--traffic", multiple=True, metavar="LOG", help="The traffic that was hunted; may be given again.")
@click.option("--prices", type=FILE, help="Your price list (TOML); else `[remedy] prices`; none is shipped.")
@click.option("--accounts", type=FILE, help="The accounts file: tells what went to plans that nobody pays for.")
@read_as
@settings_option
@as_json
def command(
    case: Path, campaign: str, traffic: tuple[str, ...], prices: Path | None, accounts: Path | None,
    format_: str | None, map_: Path | None, settings_file: Path | None, as_json_: bool,
) -> None:  # fmt: skip
    """Say what the entry CAMPAIGN of CASE took: in tokens, tasks and capabilities, and at your own list price."""
    told = settings.find(settings_file)
    named = prices or (Path(told.remedy.prices).expanduser() if told.remedy.prices else None)
    listed = pricing.read(named) if named is not None else None
    declared = ingest.read_accounts(accounts) if accounts is not None else None
    with opened(traffic, format_, map_, told) as gathered:
        found = assess(case, campaign, traffic=gathered, prices=listed, declared=declared)
    click.echo(msgspec.json.encode(found) if as_json_ else "\n".join(_lines(found)))


def _lines(told: Damage) -> Iterator[str]:
    yield f"{plain(told.campaign)}: {told.finding}, {told.from_:%Y-%m-%d} to {told.to:%Y-%m-%d}"
    accounts = counted(told.accounts, "account")
    yield f"  {counted(told.exchanges, 'exchange')} of {accounts}, {counted(told.tasks, 'task')}"
    yield f"  {counted(told.distinct_prompts, 'distinct prompt')}, {counted(told.output_tokens, 'output token')}"
    if told.answered >= 0:
        parts = [f"{told.answered:,} answered"]
        if told.input_tokens >= 0:
            parts.append(counted(told.input_tokens, "input token"))
        if told.reasoning_tokens >= 0:
            parts.append(f"{counted(told.reasoning_tokens, 'reasoning token')} among the output")
        yield f"  {'; '.join(parts)}"
        if told.with_reasoning >= 0:
            characters = counted(told.reasoning_characters, "character")
            yield f"  reasoning text in {counted(told.with_reasoning, 'answer')}, {characters}"
        yield f"  {told.gave_away:,} of {told.looked_at:,} answers looked at gave away instructions or hidden reasoning"
    yield f"capabilities: {', '.join(told.targets) or 'none named'}"
    for family in told.families:
        share = f", {family.share:.0%} of all use of its template" if family.share else ""
        yield f"  {family.id}: {counted(family.exchanges, 'exchange')} of {counted(family.accounts, 'account')}{share}"
        if family.items >= 0:
            least = f"; the list behind them holds at least {family.list_at_least:,}" if family.list_at_least else ""
            yield f"    {counted(family.items, 'distinct item')}, {family.once:,} of them asked once{least}"
    for name, breadth in (("scripts", told.scripts), ("tools", told.tools)):
        if breadth is not None and breadth.taken:
            yield f"  {name}: {_breadth(breadth)}"
    for model in told.models:
        price = f"; {model.price:,.2f} at list" if model.price is not None else ""
        name = plain(model.model) or "no model named"
        yield f"  {name}: {counted(model.exchanges, 'exchange')}, {model.output_tokens:,} tokens out{price}"
    if told.price is not None:
        yield f"at your list price the same would have cost {told.price.sum:,.2f} {plain(told.price.currency)}"
        if told.price.unpaid is not None:
            yield f"  of that {told.price.unpaid:,.2f} went to plans that nobody pays for"
            yield "  what was paid for the rest, no log shows"
    if told.prompts_answered > 0:
        yield f"as a training set, by number alone: {counted(told.prompts_answered, 'answered distinct prompt')}"
        for one in told.beside:
            yield f"  {one.ratio:,.2f} x {one.name} ({one.pairs:,} pairs; {one.source})"
        yield "  what a model would learn from them, and whether any was trained, this does not say"
    for lost in told.missing:
        yield f"not said: {plain(lost)}"


def _breadth(breadth: Breadth) -> str:
    first = ", ".join(f"{plain(name)} {count:,}" for name, count in list(breadth.taken.items())[:8])
    return f"{len(breadth.taken)} of {breadth.everywhere} in this traffic ({first})"
