"""Keys of the marks in answers: make, rotate, revoke, commit, list."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from stillwatch.cli import _passphrase
from stillwatch.errors import UsageError
from stillwatch.prove.keys import commit as commitments
from stillwatch.prove.keys import ring as rings
from stillwatch.prove.keys.ring import Ring
from stillwatch.prove.keys.tracer import Card
from stillwatch.prove.prf import LANE_RANGE

_keys = click.option(
    "--keys", required=True, type=click.Path(path_type=Path, file_okay=False), help="Directory of the keys."
)
_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group(name="tracer")
def command() -> None:
    """Keys that mark answers, so that a model trained on them can be recognised.

    A key is committed to before it is used, and never shown: not here, not in any report.
    """


@command.command()
@click.argument("name")
@_keys
@click.option("--house", is_flag=True, help="The house key: is it ours?")
@click.option("--group", help="A key for one suspected group or campaign.")
@click.option("--order", help="The approved order that allows a biased mark.")
@click.option("--mode", type=click.Choice(["free", "bias"]), help="[default: bias under an order, else free]")
@click.option("--gamma", type=click.FloatRange(0, 1, min_open=True, max_open=True), help="Share of green tokens.")
@click.option("--delta", type=float, default=3.0, show_default=True, help="Bias of green logits.")
@click.option("--layers", type=int, help="Coins per token in mode free [default: 30].")
@click.option("--window", type=click.IntRange(1, 4), default=1, show_default=True, help="Tokens that choose the coins.")
@click.option("--min-entropy", type=float, default=0.3, show_default=True, help="Nats below which nothing is marked.")
@click.option("--tokens", default="words", show_default=True, help="words, vocabulary:NAME or tokenizer:NAME.")
@click.option(
    "--house-share", type=float, default=0.25, show_default=True, help="For a new directory: the house's share."
)
@_passphrase.option
@_json
def make(
    name: str, keys: Path, house: bool, group: str | None, order: str | None, mode: str | None, gamma: float | None,
    delta: float, layers: int | None, window: int, min_entropy: float, tokens: str, house_share: float,
    passphrase_file: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Make the key NAME, and the directory of keys if it does not exist."""
    if house == (group is not None):
        raise UsageError("a key is either for the house or for a group", hint="add `--house`, or `--group NAME`")
    mode = mode or ("bias" if order else "free")
    share = gamma if gamma is not None else (0.125 if mode == "bias" else 0.5)
    fields: dict[str, Any] = {
        "group": group, "order": order, "mode": mode, "window": window, "green": round(share * LANE_RANGE),
        "delta": delta, "layers": layers or (1 if mode == "bias" else 30), "min_entropy": min_entropy, "tokens": tokens,
    }  # fmt: skip
    now = datetime.now(UTC)
    wanted = rings.card(name, "house" if house else "group", now, **fields)
    exists = (keys / "ring.json").exists()
    if exists:
        ring = rings.open_ring(keys, _passphrase.find(passphrase_file))
    else:
        ring = rings.create(keys, _passphrase.find_or_make(passphrase_file), house_share=house_share)
    card = ring.make(wanted)
    _tell(card, as_json, f"made {card.id}; commit to it before it is used: `stillwatch tracer commit --keys {keys}`")


@command.command()
@click.argument("name")
@_keys
@_passphrase.option
@_json
def rotate(name: str, keys: Path, passphrase_file: Path | None, as_json: bool) -> None:
    """Begin a new epoch of the key NAME, with an own secret."""
    card = _open(keys, passphrase_file).rotate(name, datetime.now(UTC))
    _tell(card, as_json, f"{card.id} is in epoch {card.epochs[-1].number}; commit to it before it is used")


@command.command()
@click.argument("name")
@_keys
@_passphrase.option
@_json
def revoke(name: str, keys: Path, passphrase_file: Path | None, as_json: bool) -> None:
    """Take the key NAME out of use. It is still audited: what it marked is out there."""
    card = _open(keys, passphrase_file).revoke(name, datetime.now(UTC))
    _tell(card, as_json, f"{card.id} is revoked; audits go on looking for it")


@command.command()
@_keys
@click.option(
    "--with", "files", multiple=True, type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Commit to a file too: the plan of a test, the index of a twin store.",
)  # fmt: skip
@_passphrase.option
@_json
def commit(keys: Path, files: tuple[Path, ...], passphrase_file: Path | None, as_json: bool) -> None:
    """Commit to all keys: a dated, signed Merkle root. Publish it, or hand it to a third party."""
    head = commitments.commit(_open(keys, passphrase_file), files=files)
    if as_json:
        click.echo(msgspec.json.encode(head))
    else:
        click.echo(f"root {head.root}\nleaves {head.size}\nat {head.at:%Y-%m-%dT%H:%M:%SZ}\nsigned {head.signature}")
        click.echo("publish these four lines: only what others saw in time proves anything", err=True)


@command.command(name="twin-index")
@_keys
@click.option("--store", required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="The store of twins.")  # fmt: skip
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The index to write.")
@_passphrase.option
def twin_index(keys: Path, store: Path, out: Path, passphrase_file: Path | None) -> None:
    """Write the index of a store of twins, hashes only; commit to it before the suspect is released."""
    from stillwatch.prove.twins.store import Twins

    kept = Twins(store, _open(keys, passphrase_file))
    with rings.aside(out) as part:
        part.write_bytes(kept.index())
    click.echo(f"{len(kept):,} records; now `stillwatch tracer commit --keys {keys} --with {out}`")
    kept.close()


@command.command(name="list")
@_keys
@_passphrase.option
@_json
def list_(keys: Path, passphrase_file: Path | None, as_json: bool) -> None:
    """List the keys and since when each is committed to."""
    ring = _open(keys, passphrase_file)
    log = commitments.load(ring)
    rows = [(t.card, commitments.standing(t, ring, log)) for t in ring.tracers()]
    if as_json:
        shown = [{**_public(card), "commitment": standing} for card, standing in rows]
        click.echo(msgspec.json.encode({"schema": 1, "ring": ring.id, "keys": shown}))
        return
    for card, standing in rows:
        state = "revoked" if card.revoked else f"epoch {card.epochs[-1].number}"
        since = f"committed {standing.at:%Y-%m-%d}" if standing.committed and standing.at else "NOT COMMITTED"
        click.echo(f"{card.id:24} {card.kind:6} {card.group or '':24} {card.mode:4} {state:9} {since}")


def _open(keys: Path, passphrase_file: Path | None) -> Ring:
    if not (keys / "ring.json").exists():
        raise UsageError(f"no keys in `{keys}`", hint="make the first with `stillwatch tracer make`")
    return rings.open_ring(keys, _passphrase.find(passphrase_file))


def _public(card: Card) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.to_builtins(card)
    del shown["sealed"]
    return shown


def _tell(card: Card, as_json: bool, sentence: str) -> None:
    if as_json:
        click.echo(msgspec.json.encode(_public(card)))
    else:
        click.echo(sentence)
