"""`stillwatch grant`: who may distil; what was used of it; receipts for what was delivered under it."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from stillwatch import ingest, settings
from stillwatch.cli._place import as_json, by, now, place, settings_option
from stillwatch.cli._traffic import opened, read_as
from stillwatch.errors import UsageError
from stillwatch.kit.plain import counted, plain
from stillwatch.remedy.deliver import from_log
from stillwatch.store import key as keys
from stillwatch.store import licences, live, receipts
from stillwatch.store.book import open_book
from stillwatch.watch.orders import person


@click.group("grant")
def command() -> None:
    """Issue, list and revoke grants; sign and check data receipts."""


@command.command("issue")
@click.argument("grants", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@place
@by
@as_json
def issue(grants: Path, place_: Path, by: str, why: str, as_json_: bool) -> None:
    """Issue every grant of a grants file (TOML, as for `hunt --grants`)."""
    book = open_book(place_)
    told = ingest.read_grants(grants)
    known = {one.grant.id for one in licences.grants(book)}
    for grant in told:
        if grant.id in known:
            raise UsageError(f"there is a grant `{grant.id}` already", where=str(grants), hint="nothing was issued")
    for grant in told:
        licences.issue(book, grant, by=person(by), why=why, at=now())
    if as_json_:
        click.echo(msgspec.json.encode({"schema": 1, "issued": [grant.id for grant in told]}))
        return
    for grant in told:
        click.echo(f"{plain(grant.id)}: issued to {plain(grant.holder)}, {counted(len(grant.accounts), 'account')}")


@command.command("list")
@place
@as_json
def list_(place_: Path, as_json_: bool) -> None:
    """List grants with what was used of them."""
    book = open_book(place_)
    used = licences.used(book)
    found = licences.grants(book)
    if as_json_:
        told = [
            {"id": one.grant.id, "holder": one.grant.holder, "state": one.state(now().date()),
             "exchanges": one.grant.exchanges, "used": used.get(one.grant.id, 0), "ends": one.grant.ends}
            for one in found
        ]  # fmt: skip
        click.echo(msgspec.json.encode({"schema": 1, "grants": told}))
        return
    for one in found:
        cap = f" of {one.grant.exchanges}" if one.grant.exchanges else ""
        spent = f"{used.get(one.grant.id, 0)}{cap} used"
        click.echo(f"{plain(one.grant.id)}  {one.state(now().date())}  {spent}  {plain(one.grant.holder)}")


@command.command("revoke")
@click.argument("grant")
@place
@by
def revoke(grant: str, place_: Path, by: str, why: str) -> None:
    """Revoke GRANT; what was delivered under it stays on record."""
    licences.revoke(open_book(place_), grant, by=person(by), why=why, at=now())
    click.echo(f"{plain(grant)}: revoked")


@command.command("deliver")
@click.argument("grant")
@click.argument("traffic", nargs=-1, required=True)
@place
@read_as
@settings_option
@as_json
def deliver(
    grant: str, traffic: tuple[str, ...], place_: Path, format_: str | None, map_: Path | None,
    settings_file: Path | None, as_json_: bool,
) -> None:  # fmt: skip
    """Put the answers of TRAFFIC, a log, that GRANT covers on its record: those that the proxy did not deliver."""
    told = settings.find(settings_file)
    key = keys.find(told.store.key_file)
    with opened(traffic, format_, map_, told) as gathered:
        assert gathered is not None  # noqa: S101 - traffic is required
        found = from_log(open_book(place_), grant, gathered, state=live.read(place_, key), key=key)
    if as_json_:
        click.echo(msgspec.json.encode(found))
        return
    click.echo(
        f"{plain(grant)}: {counted(found.delivered, 'answer')} of {counted(found.exchanges, 'exchange')} on record"
    )
    click.echo(
        f"  {found.known:,} were already; {found.outside:,} outside its terms; {found.unanswered:,} without an answer"
    )


@command.command("receipt")
@click.argument("grant")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The file to write.")
@place
def receipt(grant: str, out: Path, place_: Path) -> None:
    """Sign a receipt of everything delivered under GRANT, for its holder."""
    made = receipts.receipt(open_book(place_), grant, now=now(), place=place_)
    aside = out.with_name(f".{out.name}.part")
    try:
        aside.write_bytes(msgspec.json.format(msgspec.json.encode(made)))
        aside.replace(out)
    except OSError as trouble:
        raise UsageError(f"cannot write the receipt: {trouble.strerror}", where=str(out)) from trouble
    click.echo(f"{plain(str(out))}: {counted(made.size, 'answer')} under {plain(grant)}; public key {made.public_key}")


@command.command("check")
@click.argument("receipt", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("answers", nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--key", "public_key", help="The provider's public key, as published.")
@as_json
@click.pass_context
def check(ctx: click.Context, receipt: Path, answers: tuple[Path, ...], public_key: str | None, as_json_: bool) -> None:
    """Check a RECEIPT, and whether it covers ANSWERS (text files). Needs no state, key or network of the provider.

    Exit code 1 where the receipt does not hold, or does not cover an answer.
    """
    try:
        one = msgspec.json.decode(receipt.read_bytes(), type=receipts.Receipt)
    except (OSError, msgspec.DecodeError) as trouble:
        raise UsageError(f"this is no receipt: {trouble}", where=str(receipt)) from trouble
    found = receipts.check(one, [path.read_bytes() for path in answers], public_key)
    if as_json_:
        click.echo(msgspec.json.encode(found))
    else:
        state = "sound" if found.sound else f"NOT sound: {found.because}"
        click.echo(f"receipt of {plain(one.holder)} under {plain(one.grant)}, {counted(one.size, 'answer')}: {state}")
        for path, covered in zip(answers, found.covered, strict=True):
            click.echo(f"  {plain(str(path))}: {'delivered under the grant' if covered else 'not covered'}")
    ctx.exit(0 if found.sound and all(found.covered) else 1)
