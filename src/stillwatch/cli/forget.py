"""`stillwatch forget`: erase what cases, state and share directories keep of an account, or of a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from stillwatch import settings
from stillwatch.cli._place import settings_option
from stillwatch.cli._values import Instant
from stillwatch.errors import UsageError
from stillwatch.kit.plain import counted, plain
from stillwatch.model.erased import ErasedParts
from stillwatch.report.page import page
from stillwatch.share.forget import forget_share, is_share
from stillwatch.store import cases
from stillwatch.store import key as keys
from stillwatch.store.forget import Erased, Wanted, forget
from stillwatch.store.forget_state import forget_state, is_state


@click.command("forget")
@click.argument("stores", metavar="STORE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--account", "accounts", multiple=True, metavar="A", help="Forget this account; may be given again.")
@click.option("--identifier", "identifiers", multiple=True, metavar="VALUE",
              help="In a share directory: this e-mail address, telephone number, card or device.")  # fmt: skip
@click.option("--before", type=Instant(), help="Forget everything before this day or instant.")
@click.option("--dry-run", is_flag=True, help="Say what would be erased, and erase nothing.")
@settings_option
@click.option("--json", "as_json", is_flag=True, help="Print what was erased as one JSON object.")
def command(
    stores: tuple[Path, ...], accounts: tuple[str, ...], identifiers: tuple[str, ...], before: int | None,
    dry_run: bool, settings_file: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Erase what each STORE (case, state or share directory) keeps of somebody. The log itself is yours to erase."""
    if bool(accounts or identifiers) == (before is not None):
        raise UsageError("say whom or what to forget", hint="name `--account A` or `--before T`, one of the two")
    wanted = Wanted(
        accounts=frozenset(accounts), before=datetime.fromtimestamp(before / 1000, UTC) if before is not None else None
    )
    states = [store for store in stores if is_state(store)]
    shares = [store for store in stores if store not in states and is_share(store)]
    if identifiers and not accounts and (others := [store for store in stores if store not in shares]):
        raise UsageError("identifiers stand in share directories only", where=str(others[0]),
                         hint="name the account too, `--account A`, or leave this store out")  # fmt: skip
    for store in stores:
        if store not in states and store not in shares:
            cases.read(store)
    key = keys.find(settings.find(settings_file).store.key_file) if states else None
    erased: list[Erased | ErasedParts] = []
    for store in stores:
        if store in states and key is not None:
            erased.append(forget_state(store, wanted, key, dry_run=dry_run))
        elif store in shares:
            erased.append(forget_share(store, accounts, identifiers, wanted.before, dry_run=dry_run))
        else:
            erased.append(forget(store, wanted, page, dry_run=dry_run))
    if as_json:
        click.echo(msgspec.json.encode({"schema": 1, "dry_run": dry_run, "stores": erased}))
        return
    for one in erased:
        for line in _lines(one, dry_run) if isinstance(one, Erased) else _state_lines(one, dry_run):
            click.echo(line)


def _state_lines(erased: ErasedParts, dry_run: bool) -> Iterator[str]:
    name = plain(erased.store)
    verb = "would be erased" if dry_run else "erased"
    if not erased.anything and not erased.left:
        yield f"{name}: keeps nothing of it"
    for part, count in erased.rows.items():
        yield f"{name}: {verb}: {count} of {part}"
    for left in erased.left:
        yield f"{name}: left: {plain(left)}"


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
