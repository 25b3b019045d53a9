"""`stillwatch proxy`: the reverse proxy before a model's API."""

from __future__ import annotations

from pathlib import Path

import click

from stillwatch import settings
from stillwatch.cli._place import found_there, place, settings_option
from stillwatch.errors import UsageError


@click.command("proxy")
@click.option("--upstream", required=True, metavar="URL", help="The API that requests are passed on to.")
@click.option("--listen", required=True, metavar="HOST:PORT", help="Where to listen.")
@place
@click.option("--enforce", is_flag=True, help="Let orders act; else they are only counted (shadow).")
@settings_option
def command(upstream: str, listen: str, place_: Path, enforce: bool, settings_file: Path | None) -> None:
    """Pass requests on to the upstream, and do what orders say. Without --enforce: shadow."""
    from stillwatch.serve.proxy import Proxy
    from stillwatch.serve.run import bound, parse, run
    from stillwatch.watch.room import Room

    where = parse(listen)
    room = Room(place_, settings.find(settings_file), enforce=enforce)
    proxy = Proxy(room, upstream)
    mode = "orders act" if enforce else "shadow: orders are counted and nothing is enforced"
    if proxy.goes_to(where.host, where.port):
        raise UsageError("the proxy would pass requests on to itself", hint="name the model's address as `--upstream`")
    taken = bound(where)
    where = where._replace(port=taken.getsockname()[1])
    click.echo(f"stillwatch: http://{where.host}:{where.port} passes on to {upstream} ({mode})", err=True)
    click.echo(f"stillwatch: {found_there(room)}", err=True)
    run(proxy, taken)
