"""`stillwatch serve`: the decision endpoint."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stillwatch import settings
from stillwatch.cli._place import DEFAULT, found_there, settings_option
from stillwatch.errors import UsageError

if TYPE_CHECKING:
    from stillwatch.serve.http import App
    from stillwatch.settings import Share
    from stillwatch.store.book import Book
    from stillwatch.watch.room import Room


@click.command("serve")
@click.option("--listen", default="127.0.0.1:8711", show_default=True, metavar="HOST:PORT", help="Where to listen.")
@click.option("--store", default=DEFAULT, show_default=True, metavar="URL",
              help="The state directory, as a path or as sqlite:///PATH.")  # fmt: skip
@click.option("--enforce", is_flag=True, help="Let orders act; else they are only counted (shadow).")
@settings_option
def command(listen: str, store: str, enforce: bool, settings_file: Path | None) -> None:
    """Answer POST and GET /v1/decide, /metrics, /openapi.json and /healthz until interrupted.

    Peers get /taxii2/ and /match/ besides, where `[share] organisation` is set and peers.toml names some.
    """
    from stillwatch.serve.decisions import Decisions
    from stillwatch.serve.run import bound, parse, run
    from stillwatch.watch.room import Room

    where = parse(listen)
    room = Room(folder(store), settings.find(settings_file), enforce=enforce)
    mode = "orders act" if enforce else "shadow: orders are counted and nothing is enforced"
    taken = bound(where)
    where = where._replace(port=taken.getsockname()[1])
    _hooks(room, enforce)
    click.echo(f"stillwatch: decisions on http://{where.host}:{where.port} ({mode})", err=True)
    click.echo(f"stillwatch: {found_there(room)}", err=True)
    run(_with_peers(Decisions(room), room.settings.share), taken)


def _with_peers(app: App, section: Share) -> App:
    """Answer peers too, where an organisation is named and `peers.toml` says who they are."""
    from stillwatch.cli._share_desk import directory
    from stillwatch.share.peers import FILE

    if not section.organisation.strip() or not (directory(section) / FILE).exists():
        return app
    from stillwatch.cli._share_serve import front
    from stillwatch.share.taxii.serve import beside

    click.echo("stillwatch: peers at /taxii2/stillwatch/ and /match/", err=True)
    return beside(app, front(section))


def _hooks(room: Room, enforce: bool) -> None:
    """Tell hooks, and run commands where orders act, beside the server and never in the way of a request."""
    from stillwatch.remedy import commands, hooks

    told = room.settings.hooks

    def deliver(book: Book) -> None:
        asyncio.run(hooks.deliver(book, timeout_s=told.timeout_s, every_s=told.every_s))

    hooks.in_background(room.place, deliver)
    if enforce and told.command:
        hooks.in_background(room.place, lambda book: commands.forever(book, told.command, room.key, told.every_s))


def folder(store: str) -> Path:
    """Read where the state is.

    Raises:
        UsageError: when it is an address of something else.
    """
    plain = store.removeprefix("sqlite:///") if store.startswith("sqlite:///") else store
    if "://" in plain:
        raise UsageError(f"`{store}` is no place for the state", hint="a directory, or sqlite:///DIRECTORY")
    path = Path(plain)
    return path.parent if path.suffix == ".db" else path
