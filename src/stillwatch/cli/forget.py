"""`stillwatch forget`: erase what cases keep of an account, or of a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from stillwatch.cli._values import Instant
from stillwatch.errors import UsageError
from stillwatch.kit.plain import counted, plain
from stillwatch.report.page import page
from stillwatch.store import cases
from stillwatch.store.forget import Erased, Wanted, forget


@click.command("forget")
@click.argument("stores", metavar="STORE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--account", "accounts", multiple=True, metavar="A", help="Forget this account; may be given again.")
@click.option("--before", type=Instant(), help="Forget everything before this day or instant.")
@click.option("--dry-run", is_flag=True, help="Say what would be erased, and erase nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print what was erased as one JSON object.")
def command(
    stores: tuple[Path, ...], accounts: tuple[str, ...], before: int | None, dry_run: bool, as_json: bool
) -> None:
    """Erase what each STORE, a case, keeps of somebody. The log itself is yours to erase."""
    if bool(accounts) == (before is not None):
        raise UsageError("say whom or what to forget", hint="name `--account A` or `--before T`, one of the two")
    wanted = Wanted(
        accounts=frozenset(accounts), before=datetime.fromtimestamp(before / 1000, UTC) if before is not None else None
    )
    for store in stores:
        cases.read(store)
    erased = [forget(store, wanted, page, dry_run=dry_run) for store in stores]
    if as_json:
        click.echo(msgspec.json.encode({"schema": 1, "dry_run": dry_run, "stores": erased}))
        return
    for one in erased:
        for line in _lines(one, dry_run):
            click.echo(line)


def _lines(erased: Erased, dry_run: bool) -> Iterator[str]:
    name = plain(erased.store)
    if not erased.anything:
        yield f"{name}: keeps nothing of it"
        return
    verb = "would be erased" if dry_run else "erased"
    if erased.whole:
        yield f"{name}: {verb}: the whole case, with {counted(erased.entries, 'finding')}"
    else:
        exchanges = counted(erased.exchanges, "exchange")
        yield f"{name}: {verb}: {counted(erased.accounts, 'account')}, {exchanges} of findings"
        if erased.entries:
            yield f"  {counted(erased.entries, 'finding')} of which nobody is left"
        if erased.exemplars:
            yield f"  {counted(erased.exemplars, 'exemplar')}"
        for table, count in erased.rows.items():
            yield f"  {counted(count, 'row')} of {table}"
    if erased.unfinished:
        yield "  what an interrupted hunt had read"
