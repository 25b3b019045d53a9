"""Matching on the command line: which identifiers a peer and we both hold, without showing any other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import click
import msgspec

from stillwatch.cli._share_desk import by_option, directory, found, json_option, settings_option, speaker
from stillwatch.errors import ShareError, UsageError
from stillwatch.kit.plain import plain
from stillwatch.settings import Share
from stillwatch.share import peers
from stillwatch.share.files import write
from stillwatch.share.link import Link
from stillwatch.share.match.ask import Asking
from stillwatch.share.match.runs import Offer, Run, Runs, check
from stillwatch.share.psi.canonical import KINDS
from stillwatch.share.psi.party import FLOOR

_run = click.argument("name", metavar="RUN")
_peer = click.option("--peer", required=True, metavar="NAME", help="Who it is, as in peers.toml.")
_kind = click.option(
    "--kind", required=True, type=click.Choice(list(KINDS)), help="What stands in FILE, one to a line."
)
_values = click.argument("file", metavar="FILE", type=click.Path(path_type=Path, exists=True, dir_okay=False))


class Way(NamedTuple):
    """How to get to the peer's server."""

    token: Path | None
    user: str
    authority: Path | None
    certificate: Path | None
    wait_s: float


def way_options(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say how to get to the peer's server."""
    path = click.Path(path_type=Path, exists=True)
    for option in (
        click.option("--wait", "wait_s", type=float, default=600.0, show_default=True, metavar="SECONDS",
                     help="How long to wait for the peer's machine."),
        click.option("--certificate", type=path, help="PEM with a certificate and key of ours, instead of a token."),
        click.option("--authority", type=path, help="PEM of the server's authority."),
        click.option("--user", default="", metavar="NAME", help="User for Basic; the token is the password."),
        click.option("--token-file", "token", type=path, help="A file that holds the token."),
    ):  # fmt: skip
        verb = option(verb)
    return verb


@click.group("match")
def match() -> None:
    """Learn how many identifiers a peer and we both hold, and after a person on each side released them, which."""


@match.command("offer")
@_values
@_kind
@_peer
@click.option("--until", required=True, metavar="DAY", help="The last day on which the peer may match, 2026-05-31.")
@by_option
@settings_option
def offer(file: Path, kind: str, peer: str, until: str, who: str, settings_file: Path | None) -> None:
    """Let a peer match against the identifiers of FILE until DAY; nothing leaves by this alone."""
    section = found(settings_file)
    known = _known(section, peer)
    if not known.match_size:
        raise UsageError(f"`{peer}` may not match: its `match_size` is 0",
                         hint=f"write how many identifiers he may bring into {peers.FILE}")  # fmt: skip
    try:
        day = date.fromisoformat(until)
    except ValueError:
        raise UsageError(f"`{until}` is no day", hint="2026-05-31") from None
    values = _read(file, kind)
    _runs(section).offer(Offer(peer=peer, kind=kind, until=day, by=speaker(who), values=values))
    click.echo(f"{len(values):,} identifiers of kind {kind} are offered to `{plain(peer)}` until {day}")


@match.command("withdraw")
@_kind
@_peer
@settings_option
def withdraw(kind: str, peer: str, settings_file: Path | None) -> None:
    """Take an offer back. Runs that began are not touched: `drop` them."""
    was = _runs(found(settings_file)).withdraw(peer, kind)
    click.echo("withdrawn" if was else "there was none")


@match.command("start")
@click.argument("url", metavar="URL")
@_values
@_kind
@_peer
@way_options
@by_option
@settings_option
@json_option
def start(
    url: str, file: Path, kind: str, peer: str, who: str, settings_file: Path | None, as_json: bool, **way: Any
) -> None:
    """Match the identifiers of FILE with what the peer at URL offers us, as far as the count."""
    section = found(settings_file)
    _known(section, peer)
    values, runs = _read(file, kind), _runs(section)
    asking = _asking(runs, url, Way(**way))
    run = asking.begin(peer, url, kind, values, speaker(who))
    click.echo(f"run {run.id} with `{plain(peer)}`: {run.size:,} points each way at least", err=True)
    _tell([asking.go(run)], as_json)


@match.command("go")
@_run
@way_options
@settings_option
@json_option
def go(name: str, settings_file: Path | None, as_json: bool, **way: Any) -> None:
    """Go on with a RUN of ours: after it was interrupted, or when the peer may have released the names."""
    runs = _runs(found(settings_file))
    run = _one(runs, name)
    if run.role == "responder":
        raise UsageError(f"`{run.peer}` began this run, and it goes on by itself", hint="it needs `release` alone")
    _tell([_asking(runs, run.url, Way(**way)).go(run)], as_json)


@match.command("list")
@settings_option
@json_option
def list_(settings_file: Path | None, as_json: bool) -> None:
    """List all runs, those of peers and ours, and how far each is."""
    _tell(_runs(found(settings_file)).all(), as_json)


@match.command("release")
@_run
@by_option
@settings_option
@json_option
def release(name: str, who: str, settings_file: Path | None, as_json: bool) -> None:
    """Let the names of a RUN go: the peer learns which of his identifiers we hold, and we which of ours he holds.

    Not before a person over there has released them too, and not by who began the run or offered the set.
    """
    section = found(settings_file)
    person = speaker(who)
    if section.releasers and person not in section.releasers:
        raise ShareError(f"`{plain(person)}` may not release", hint="`[share] releasers` names who may")
    runs = _runs(section)
    run = runs.released(_one(runs, name), person)
    _tell([run], as_json)
    if run.role == "inviter" and not as_json:
        click.echo(f"`stillwatch share match go {run.id[:8]}` fetches the names when the peer has released them too")


@match.command("names")
@_run
@click.option("--out", type=click.Path(path_type=Path), help="A file for the identifiers; else they are printed.")
@settings_option
def names(name: str, out: Path | None, settings_file: Path | None) -> None:
    """Write which of our own identifiers matched in a RUN, one to a line."""
    runs = _runs(found(settings_file))
    told = runs.names(_one(runs, name))
    if out is None:
        click.echo("\n".join(plain(one) for one in told))
        return
    write(out, "".join(f"{one}\n" for one in told).encode())
    click.echo(f"{len(told):,} identifiers in {out}")


@match.command("drop")
@_run
@settings_option
def drop(name: str, settings_file: Path | None) -> None:
    """Erase a RUN with its names, for good; the disclosure log keeps its line."""
    runs = _runs(found(settings_file))
    run = _one(runs, name)
    runs.drop(run)
    click.echo(f"run {run.id} is erased")


def _runs(section: Share) -> Runs:
    return Runs(directory(section))


def _known(section: Share, peer: str) -> peers.Peer:
    path = directory(section) / peers.FILE
    for one in peers.read(path):
        if one.name == peer:
            known: peers.Peer = one
            return known
    raise ShareError(f"`{plain(peer, 80)}` is no peer", where=str(path), hint="write down who he is first")


def _read(file: Path, kind: str) -> list[str]:
    """Read identifiers, one to a line; empty lines and lines that begin with # are passed over."""
    try:
        lines = [line.strip() for line in file.read_text("utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as trouble:
        raise UsageError(f"cannot read the identifiers: {trouble}", where=str(file)) from None
    values = [line for line in lines if line and not line.startswith("#")]
    if not values:
        raise UsageError("there are no identifiers", where=str(file), hint="one to a line")
    check(kind, values)
    return values


def _asking(runs: Runs, url: str, way: Way) -> Asking:
    token = way.token.read_text("utf-8").strip() if way.token else ""
    link = Link(url, token, user=way.user, authority=way.authority, certificate=way.certificate)
    return Asking(runs, link, way.wait_s)


def _one(runs: Runs, name: str) -> Run:
    fits = [one for one in runs.all() if name and one.id.startswith(name)]
    if len(fits) != 1:
        raise ShareError(f"{'no run' if not fits else 'more than one run'} begins with `{plain(name, 80)}`",
                         hint="`stillwatch share match list` names them")  # fmt: skip
    return fits[0]


def _tell(runs: list[Run], as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode({"schema": 1, "runs": [_shown(one) for one in runs]}))
        return
    for one in runs:
        click.echo(
            f"{one.id}  {one.started:%Y-%m-%d %H:%M}Z  {one.kind} with {plain(one.peer)} ({one.role}): {_state(one)}"
        )


def _shown(one: Run) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(one)
    return {name: value for name, value in told.items() if name not in ("nonce", "remote")}


def _state(one: Run) -> str:
    waits = f"released by {plain(one.released_by)}, waits for the peer's person"
    released = waits if one.released_by else "names wait for a person on each side"
    return {
        "met": "messages go to and fro; no count yet",
        "counted": f"{one.count:,} identifiers on both sides; {released}" if one.count else "",
        "below": f"fewer than {FLOOR} on both sides: neither number nor names are told",
        "named": f"{one.count or 0:,} on both sides; `names` tells which of ours",
        "refused": f"refused: {plain(one.because)}",
    }[one.step]
