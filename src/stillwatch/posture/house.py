"""House: what an installation shows of itself: its book, live state, keys, desk, peers and tracer keys.

Everything is read and nothing is made: an installation that was never begun stays as it is.
"""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from stillwatch.errors import CaseError, ShareError, StillwatchError
from stillwatch.model.answer import Order
from stillwatch.model.hook import Hook
from stillwatch.prove.keys import commit, ring
from stillwatch.prove.keys.tracer import Card
from stillwatch.settings import Settings
from stillwatch.share import peers as known
from stillwatch.share.exchange import Exchange, Imported
from stillwatch.share.log import Log
from stillwatch.share.peers import Peer
from stillwatch.store import book as books
from stillwatch.store import key as keys
from stillwatch.store import live
from stillwatch.store.licences import Issued
from stillwatch.store.tokens import Token


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """What the book of a state directory holds."""

    orders: Sequence[Order]
    tokens: Sequence[Token]
    grants: Sequence[Issued]
    hooks: Sequence[Hook] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What an installation shows; `None` where there is no such thing.

    Attributes:
        place: the state directory.
        state_made: when the live state was made.
        state_trouble, key_trouble, log_trouble, tracer_trouble: why one of them cannot be used.
        mode: `shadow` or `enforce`, as the server that was asked decides; empty where it has decided nothing yet.
        disclosures: lines of the disclosure log.
        cards: tracer keys; `committed` names their epochs that were committed to.
    """

    place: Path | None
    book: Book | None
    state_made: datetime | None
    state_trouble: str
    mode: str | None
    key: Path
    key_there: bool
    key_trouble: str
    peers: Sequence[Peer]
    imported: Sequence[Imported]
    disclosures: int | None
    log_trouble: str
    cards: Sequence[Card] | None
    committed: frozenset[str]
    tracer_trouble: str


def look(
    settings: Settings, *, place: Path | None, desk: Path, tracers: Path | None = None, mode: str | None = None
) -> House:
    """Look at an installation.

    Args:
        place: the state directory.
        desk: the share directory.
        tracers: the directory of tracer keys.
        mode: how the server that was asked decides.

    Raises:
        SettingsError: when peers.toml is wrong.
        ShareError: when an import is damaged.
    """
    made, state_trouble = _state(place)
    disclosures, log_trouble = _log(desk)
    cards, committed, tracer_trouble = _tracers(tracers)
    key = keys.place(settings.store.key_file)
    return House(
        place=place, book=_book(place), state_made=made, state_trouble=state_trouble, mode=mode, key=key,
        key_there=key.exists(), key_trouble=_key(key), peers=list(known.read(desk / known.FILE)),
        imported=Exchange(desk).all(), disclosures=disclosures, log_trouble=log_trouble, cards=cards,
        committed=committed, tracer_trouble=tracer_trouble,
    )  # fmt: skip


def _book(place: Path | None) -> Book | None:
    """Read the book without opening it for writing, so that one on a disk that is read only can be looked at."""
    path = place / books.FILE if place is not None else None
    if path is None or not path.exists():
        return None
    try:
        base = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10.0)
        try:
            return Book(
                orders=[msgspec.json.decode(body, type=Order) for (body,) in base.execute("SELECT body FROM orders")],
                tokens=[msgspec.json.decode(body, type=Token) for (body,) in base.execute("SELECT body FROM tokens")],
                grants=[msgspec.json.decode(body, type=Issued) for (body,) in base.execute("SELECT body FROM grants")],
                hooks=[msgspec.json.decode(body, type=Hook) for (body,) in _hooks(base)],
            )
        finally:
            base.close()
    except (sqlite3.Error, msgspec.DecodeError) as trouble:
        raise CaseError(f"the book cannot be read: {trouble}", where=str(path), hint="restore it from a copy") from None


def _hooks(base: sqlite3.Connection) -> list[tuple[bytes]]:
    """Read the hooks; a book of an earlier program has no table of them."""
    known = base.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'hooks'").fetchone()
    return base.execute("SELECT body FROM hooks").fetchall() if known else []


def _state(place: Path | None) -> tuple[datetime | None, str]:
    if place is None or not (place / live.POINTER).exists():
        return None, ""
    try:
        pointer = msgspec.json.decode((place / live.POINTER).read_bytes(), type=live.Pointer)
        meta = msgspec.json.decode((place / Path(pointer.folder).name / live.META).read_bytes(), type=live.Meta)
    except (OSError, msgspec.DecodeError) as trouble:
        return None, f"the live state is damaged: {trouble}"
    return meta.made, ""


def _key(path: Path) -> str:
    try:
        raw, mode = path.read_bytes(), path.stat().st_mode
    except FileNotFoundError:
        return ""
    except OSError as trouble:
        return f"it cannot be read: {trouble.strerror}"
    if len(raw) != keys.BYTES:
        return f"it has {len(raw)} bytes instead of {keys.BYTES}"
    return "others can read it" if mode & (stat.S_IRWXG | stat.S_IRWXO) else ""


def _log(desk: Path) -> tuple[int | None, str]:
    log = Log(desk)
    if not log.path.exists():
        return None, ""
    try:
        return len(log.lines()), ""
    except ShareError as trouble:
        return None, trouble.what


def _tracers(place: Path | None) -> tuple[Sequence[Card] | None, frozenset[str], str]:
    """Read the cards and the commitments: neither needs the passphrase."""
    if place is None:
        return None, frozenset(), ""
    try:
        cards = [ring.read(path, Card) for path in sorted((place / "keys").glob("*.json"))]
        heads = [(path, ring.read(path, commit.Head)) for path in sorted((place / "commitments").glob("*.json"))]
        commit.check(heads)
    except StillwatchError as trouble:
        return None, frozenset(), trouble.what
    return cards, frozenset(leaf.name for _, head in heads for leaf in head.added), ""
