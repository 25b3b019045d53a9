"""Authorities on the command line: refer a finding to one, check such an archive, take in what one tells."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import click
import msgspec

from stillwatch.cli._share_desk import by_option, desk, directory, found, json_option, known, settings_option, speaker
from stillwatch.cli._share_shown import show_fields
from stillwatch.errors import ShareError
from stillwatch.kit.plain import counted, plain
from stillwatch.model.bulletin import Bulletin
from stillwatch.share import foreign, inbox, refer, referred
from stillwatch.share.exchange import Exchange, Outcome
from stillwatch.share.files import write
from stillwatch.share.formats import stix
from stillwatch.share.peers import Peer
from stillwatch.share.refer import Referral

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command("refer")
@click.argument("bulletin", metavar="BULLETIN")
@click.option("--to", "name", required=True, metavar="AUTHORITY", help="Its name in peers.toml, of kind `authority`.")
@click.option("--asks", default="", metavar="TEXT", help="What the authority is asked to do.")
@click.option("--basis", default="", metavar="TEXT", help="Under which law or agreement it is told.")
@by_option
@settings_option
@json_option
def refer_(
    bulletin: str, name: str, asks: str, basis: str, who: str, settings_file: Path | None, as_json: bool
) -> None:
    """Prepare to refer a BULLETIN on the desk to a public authority, and show every field that would go."""
    section = found(settings_file)
    made = refer.prepare(desk(section), bulletin, known(section, name), asks=asks, basis=basis, who=speaker(who))
    _show(made, as_json)


@click.command("refer-show")
@click.argument("referral", metavar="REFERRAL")
@settings_option
@json_option
def show(referral: str, settings_file: Path | None, as_json: bool) -> None:
    """Show every field of a REFERRAL, and its digest."""
    _show(refer.find(desk(found(settings_file)), referral), as_json)


@click.command("refer-release")
@click.argument("referral", metavar="REFERRAL")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The archive to write.")
@click.option("--seen", default="", metavar="DIGEST", help="The digest that you saw; refused when it has changed.")
@by_option
@settings_option
@json_option
def release(referral: str, out: Path, seen: str, who: str, settings_file: Path | None, as_json: bool) -> None:
    """Let a REFERRAL go, as one archive. Who prepared it cannot. Again it gives the same archive."""
    made, data = refer.release(desk(found(settings_file)), referral, speaker(who), seen)
    write(out, data)
    if as_json:
        click.echo(msgspec.json.encode({"schema": 1, "out": str(out), "referral": made}))
    else:
        click.echo(f"{out}: hand it to {plain(made.authority)} by a safe way of your own; anybody can check it with "
                   "`stillwatch share refer-check`, or with `sha256sum -c SHA256SUMS`")  # fmt: skip


@click.command("refer-check")
@click.argument("file", metavar="FILE", type=_FILE)
@json_option
def check(file: Path, as_json: bool) -> int:
    """Check an archive that was referred, offline: hashes, the line of the disclosure log, STIX against JSON.

    Leaves with 1 when it is not sound.
    """
    told = referred.check(file.read_bytes())
    if as_json:
        click.echo(msgspec.json.encode(told))
    else:
        for fault in told.faults:
            click.echo(f"NOT SOUND: {plain(fault)}")
        if told.sound and told.bulletin is not None:
            click.echo(f"sound: {plain(told.bulletin.title)}, by {plain(told.bulletin.producer)}")
            click.echo(f"ask the sender whether his disclosure log of {told.size} lines has the root {told.root}")
    return 0 if told.sound else 1


@click.command("take")
@click.argument("file", metavar="FILE", type=_FILE)
@click.option("--peer", "name", required=True, metavar="NAME", help="Who told it, as in peers.toml.")
@settings_option
@json_option
def take(file: Path, name: str, settings_file: Path | None, as_json: bool) -> None:
    """Take in, in shadow, what a peer or an authority told in a FILE: STIX 2.1, or an archive of `refer`."""
    section = found(settings_file)
    peer, exchange, data = known(section, name), Exchange(directory(section)), file.read_bytes()
    bulletins, left, about, answers = _told(data, peer, directory(section))
    outcomes = exchange.take(bulletins, peer.name, peer.organisation, about)
    if as_json:
        told = {"schema": 1, "bulletins": outcomes, "answers": answers, "left_out": left}
        click.echo(msgspec.json.encode(told))
        return
    tell_outcomes(outcomes)
    if answers:
        click.echo(f"{counted(answers, 'answer')} to bulletins of ours: `stillwatch share joint` shows them")
    for one in left:
        click.echo(f"left out: {plain(one)}")
    click.echo(f"{counted(len(outcomes), 'bulletin')}; in shadow: nothing acts on them by itself")


class _Told(NamedTuple):
    """What a file tells: bulletins, what of it was left out, of an authority what each is about, and answers."""

    bulletins: list[Bulletin]
    left: list[str]
    about: dict[str, str]
    answers: int = 0


def _told(data: bytes, peer: Peer, place: Path) -> _Told:
    """Read what a file tells: an archive, STIX of ours, answers to bulletins of ours, or of an authority its own."""
    if data[:4] == b"PK\x03\x04":
        told = referred.check(data)
        if not told.sound or told.bulletin is None:
            raise ShareError(f"the archive is not sound: {told.faults[0]}", hint="ask for it again")
        return _Told([told.bulletin], [], {})
    objects = stix.objects_of(data)
    refused: list[ShareError] = []
    bulletins = stix.assemble(objects, refused)
    kept, left = inbox.take(place, objects.values(), peer)
    left += [f"{one.where}: {one.what}" for one in refused]
    if bulletins or kept or left:
        return _Told(bulletins, left, {}, kept)
    if peer.kind != "authority":
        hint = 'STIX of others is taken from a peer of `kind = "authority"`'
        raise ShareError("no bulletin of stillwatch and no new answer is in it", hint=hint)
    return _Told(*foreign.read(data, peer.organisation))


def tell_outcomes(outcomes: list[Outcome]) -> None:
    """Print what became of bulletins that came in."""
    for one in outcomes:
        undone = f"; {counted(one.undone, 'lead')} undone" if one.undone else ""
        because = f": {plain(one.because)}" if one.because else ""
        click.echo(f"{one.bulletin}  {one.became}{because}{undone}")
        for case in one.cases if one.became != "same" else ():
            click.echo(f"  hunt again: it proposed groups to {plain(case)}")


def _show(made: Referral, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode({"schema": 1, "referral": made}))
        return
    click.echo(f"referral {made.id}  digest {made.digest[:16]}")
    for name, value in made.said().items():
        click.echo(f"  {name}  {plain(value)}")
    show_fields(made.bulletin)
    state = (
        f"released by {made.released_by}"
        if made.proof
        else f"prepared by {made.prepared_by}, waits for a second person"
    )
    click.echo(f"\n{plain(state)}")


VERBS = (refer_, show, release, check, take)
