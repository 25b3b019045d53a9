"""`stillwatch posture`: the field's best practices, checked against your own installation and logs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import msgspec
import pyarrow as pa

from stillwatch import ingest, settings
from stillwatch.cli._place import DEFAULT, settings_option
from stillwatch.cli._share_desk import directory
from stillwatch.kit.plain import plain
from stillwatch.posture import ask, house
from stillwatch.posture.catalogue import AREAS, catalogue
from stillwatch.posture.facts import Facts
from stillwatch.posture.run import Posture, posture
from stillwatch.posture.traffic import Traffic, measure
from stillwatch.settings import Settings

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
_SIGN = {"met": "met            ", "not met": "NOT MET        ", "cannot be seen": "cannot be seen "}


@click.command("posture")
@click.argument("traffic", nargs=-1)
@click.option("--format", "format_", metavar="FORMAT", help="The format of the logs; recognised when left out.")
@click.option("--map", "map_", type=FILE, help="A TOML file: which field fills which column.")
@click.option("--accounts", "accounts_file", type=FILE, help="What you know of your customers.")
@click.option(
    "--state", "place", type=FOLDER, metavar="DIR", help="The state directory of your servers; ./state if there."
)
@click.option("--keys", "tracers", type=FOLDER, metavar="DIR", help="The directory of tracer keys.")
@click.option("--ask", "url", metavar="URL", help="A running server: does it act, or only count?")
@click.option("--token-file", type=FILE, help="A file that holds its token, of scope `read`.")
@click.option("--only", type=click.Choice(["not-met", "unseen"]), help="Leave the other lines out.")
@click.option("--list", "listed", is_flag=True, help="Print the catalogue, and check nothing.")
@settings_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    traffic: tuple[str, ...], format_: str | None, map_: Path | None, accounts_file: Path | None, place: Path | None,
    tracers: Path | None, url: str | None, token_file: Path | None, only: str | None, listed: bool,
    settings_file: Path | None, as_json: bool,
) -> int:  # fmt: skip
    """Check the field's best practices against this installation, and against TRAFFIC where it is named.

    Each line is met, not met, or cannot be seen from here, with its evidence and what to do next. Nothing is changed.
    Leaves with 1 when a practice is not met, else 0.
    """
    if listed:
        click.echo(msgspec.json.encode(catalogue()) if as_json else "\n".join(_catalogue()))
        return 0
    known = settings.find(settings_file)
    here = Path(DEFAULT)
    looked = house.look(
        known, place=place or (here if here.is_dir() else None), desk=directory(known.share), tracers=tracers,
        mode=ask.mode(url, token_file.read_text("utf-8").strip() if token_file else "") if url else None,
    )  # fmt: skip
    accounts = ingest.read_accounts(accounts_file) if accounts_file else None
    licensed = {name for one in looked.book.grants for name in one.grant.accounts} if looked.book else set()
    with _read(traffic, format_, map_, known, accounts, licensed) as log:
        found = posture(
            Facts(settings=known, now=datetime.now(UTC), traffic=log, accounts=accounts, house=looked)
        )  # fmt: skip
    click.echo(msgspec.json.encode(found) if as_json else "\n".join(_lines(found, only)))
    return 1 if found.not_met else 0


@contextmanager
def _read(
    traffic: Sequence[str], form: str | None, map_file: Path | None, known: Settings, accounts: pa.Table | None,
    licensed: set[str],
) -> Iterator[Traffic | None]:  # fmt: skip
    """Measure the traffic; logs that are not canonical are converted aside, and erased."""
    if not traffic:
        yield None
        return
    with TemporaryDirectory(prefix=".posture-", dir=".") as room:
        gathered = ingest.gather(
            traffic, into=Path(room), format=form, map_file=map_file, settings=known.ingest,
            threads=len(os.sched_getaffinity(0)),
        )  # fmt: skip
        for warning in gathered.warnings:
            click.echo(f"warning: {plain(warning)}", err=True)
        yield measure(gathered, licensed, accounts)


def _lines(found: Posture, only: str | None) -> Iterator[str]:
    wanted = {"not-met": "not met", "unseen": "cannot be seen"}.get(only or "")
    for area, title in AREAS.items():
        lines = [one for one in found.practices if one.area == area and wanted in (None, one.state)]
        if lines:
            yield f"{title} ({area})"
        for one in lines:
            atlas = f"  [{', '.join(one.mitigation)}]" if one.mitigation else ""
            yield f"  {_SIGN[one.state]} {one.id}: {one.what}{atlas}"
            yield f"                  {plain(one.evidence)}"
            if one.next and one.state != "met":
                yield f"                  next: {plain(one.next)}"
        if lines:
            yield ""
    yield (
        f"{found.met} met, {found.not_met} not met, {found.cannot_be_seen} cannot be seen; catalogue {found.catalogue}"
    )


def _catalogue() -> Iterator[str]:
    known = catalogue()
    yield f"Catalogue {known.version} of {known.dated}"
    for one in known.practice:
        yield f"{one.id}: {one.what}\n  why: {one.why}\n  here: {one.here}\n  check: {one.check}; limit {one.limit:g}"
