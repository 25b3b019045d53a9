"""The server of `share`, in a module of its own: it opens nothing that hunts, so that it stays small."""

from __future__ import annotations

from pathlib import Path

import click

from stillwatch.cli._share_desk import directory, found, now, settings_option, store_place
from stillwatch.errors import UsageError
from stillwatch.settings import Share
from stillwatch.share import peers
from stillwatch.share.front import Front
from stillwatch.share.log import Line, Log
from stillwatch.share.taxii.answer import Server
from stillwatch.share.taxii.serve import bind
from stillwatch.share.taxii.store import Store


def front(section: Share) -> Front:
    """Make what peers find: bulletins and matching, behind the doors of peers.toml."""
    place = directory(section)
    log = Log(place)

    def served(peer: str, collection: str, count: int) -> None:
        log.add(Line(at=now(), who=peer, did="served", what=collection, to=[peer], note=f"{count} objects"))

    store = Store(store_place(section))
    return Front(Server(store, peers.read(place / peers.FILE), section.organisation, served), place)


@click.command("taxii")
@click.option("--listen", default="127.0.0.1:8443", show_default=True, metavar="HOST:PORT", help="Where to listen.")
@click.option("--certificate", type=click.Path(path_type=Path, exists=True), help="PEM of the server's certificate.")
@click.option("--key", type=click.Path(path_type=Path, exists=True), help="PEM of its key.")
@click.option("--clients", type=click.Path(path_type=Path, exists=True), help="PEM: whose client certificates count.")
@settings_option
def taxii(
    listen: str, certificate: Path | None, key: Path | None, clients: Path | None, settings_file: Path | None
) -> None:
    """Serve peers by TAXII 2.1, and match with them, until interrupted.

    Who they are stands in peers.toml of the share directory.
    """
    section = found(settings_file)
    host, _, port = listen.rpartition(":")
    if not port.isdigit() or not host:
        raise UsageError(f"`{listen}` is no HOST:PORT")
    listening = bind(front(section), host, int(port), certificate=certificate, key=key, clients=clients)
    scheme = "https" if certificate else "http"
    click.echo(f"{scheme}://{host}:{listening.server_address[1]}/taxii2/stillwatch/", err=True)
    try:
        listening.serve_forever()
    finally:
        listening.server_close()
