"""Bulletins on the desk, on the command line: list, show, release, revoke, and the disclosure log."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from stillwatch.cli._share_desk import by_option, desk, found, json_option, known, settings_option, speaker
from stillwatch.cli._share_shown import show_fields, state_of, tell
from stillwatch.kit.plain import plain
from stillwatch.share import refer


@click.command("list")
@settings_option
@json_option
def list_(settings_file: Path | None, as_json: bool) -> None:
    """List the bulletins on the desk, and how far each is."""
    tell(desk(found(settings_file)).records(), as_json)


@click.command("show")
@click.argument("bulletin", metavar="BULLETIN")
@settings_option
@json_option
def show(bulletin: str, settings_file: Path | None, as_json: bool) -> None:
    """Show every field of a BULLETIN on the desk, and its digest."""
    record = desk(found(settings_file)).find(bulletin)
    if as_json:
        click.echo(msgspec.json.encode(record))
        return
    show_fields(record.bulletin)
    click.echo(f"\n{state_of(record)}")


@click.command("release")
@click.argument("bulletin", metavar="BULLETIN")
@click.option("--to", "peers", multiple=True, metavar="PEER",
              help="To this peer only; may be given again. Else to who had it before, else to everybody.")  # fmt: skip
@click.option("--seen", default="", metavar="DIGEST", help="The digest that you saw; refused when it has changed.")
@by_option
@settings_option
@json_option
def release(
    bulletin: str, peers: tuple[str, ...], seen: str, who: str, settings_file: Path | None, as_json: bool
) -> None:
    """Let a BULLETIN leave. Who prepared it cannot release it."""
    section = found(settings_file)
    for name in peers:
        known(section, name)
    tell([desk(section).release(bulletin, speaker(who), peers, seen)], as_json)


@click.command("revoke")
@click.argument("bulletin", metavar="BULLETIN")
@click.option("--because", default="", metavar="TEXT", help="Why; the receivers read it.")
@by_option
@settings_option
@json_option
def revoke(bulletin: str, because: str, who: str, settings_file: Path | None, as_json: bool) -> None:
    """Take a BULLETIN back, for good and from everybody. One person is enough."""
    open_ = desk(found(settings_file))
    record = open_.revoke(bulletin, speaker(who), because)
    tell([record], as_json)
    for one in refer.everything(open_):
        if one.bulletin.id == record.bulletin.id and one.proof is not None:
            click.echo(f"it was referred to {plain(one.authority)}, which no server tells: tell it yourself", err=True)


@click.command("log")
@settings_option
@json_option
def log(settings_file: Path | None, as_json: bool) -> None:
    """Show the disclosure log, and check that no line was changed."""
    open_ = desk(found(settings_file)).log
    lines, (size, root) = open_.lines(), open_.root()
    if as_json:
        click.echo(msgspec.json.encode({"schema": 1, "lines": lines, "size": size, "root": root}))
        return
    for line in lines:
        to = f" to {', '.join(map(plain, line.to))}" if line.to else ""
        marking = f" TLP:{line.marking.upper()}" if line.marking else ""
        note = f": {plain(line.note)}" if line.note else ""
        click.echo(f"{line.at:%Y-%m-%d %H:%M}Z  {plain(line.who)} {line.did} {plain(line.what)}{marking}{to}{note}")
    click.echo(f"{size} lines, unbroken; root {root}")


VERBS = (list_, show, release, revoke, log)
