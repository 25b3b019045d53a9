"""The ring: a directory of tracer keys.

    ring.json            how it is locked, the signing key's public half, the house's share of windows
    keys/<id>.json       one card per key, its secrets sealed
    commitments/NNNN.json  signed tree heads over all epochs of all keys

Files are written aside and renamed, readable by the owner alone.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from stillwatch.errors import SettingsError, UsageError
from stillwatch.prove.keys import vault
from stillwatch.prove.keys.tracer import Card, Epoch, Kind, Secret, Tracer, owner_words
from stillwatch.prove.prf import LANE_RANGE, Words

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
T = TypeVar("T")


class RingFile(msgspec.Struct, kw_only=True, frozen=True):
    """`ring.json`."""

    id: str
    created: datetime
    lock: vault.Lock
    public_key: str
    sealed_signer: str
    sealed_owner: str
    house_share: int = LANE_RANGE // 4
    schema: int = 1


@dataclass(frozen=True, kw_only=True)
class Ring:
    """An open ring."""

    place: Path
    file: RingFile
    vault: vault.Vault

    @property
    def id(self) -> str:
        """The ring's name."""
        return self.file.id

    def signer(self) -> Ed25519PrivateKey:
        """Open the key that signs commitments."""
        return Ed25519PrivateKey.from_private_bytes(self.vault.open(self.file.sealed_signer, f"{self.id} signer"))

    def owner(self) -> Words:
        """Open the PRF key that shares windows out between the house key and the group keys."""
        return owner_words(self.vault.open(self.file.sealed_owner, f"{self.id} owner"))

    def cards(self) -> list[Card]:
        """List the cards of all keys, ordered by time of making, then by name.

        Raises:
            SettingsError: naming the card that cannot be read.
        """
        found = [read(path, Card) for path in sorted((self.place / "keys").glob("*.json"))]
        return sorted(found, key=lambda card: (card.created, card.id))

    def tracer(self, name: str) -> Tracer:
        """Open one key.

        Raises:
            UsageError: when there is none of that name.
            SettingsError: when it cannot be opened.
        """
        path = self._path(name)
        if not path.exists():
            names = ", ".join(card.id for card in self.cards()) or "none"
            raise UsageError(f"no key `{name}` in {self.place}", hint=f"it has {names}")
        return self._open(read(path, Card))

    def tracers(self) -> list[Tracer]:
        """Open all keys, revoked ones too, in the order of `cards`."""
        return [self._open(card) for card in self.cards()]

    def make(self, card: Card) -> Card:
        """Add a key with a fresh secret in its first epoch.

        Raises:
            UsageError: when the name is taken or unfit, when the marking is impossible, or when a biased mark
                has no order.
        """
        if not _NAME.fullmatch(card.id):
            raise UsageError(f"`{card.id}` cannot name a key", hint="letters, digits, dot, dash and underscore")
        if self._path(card.id).exists():
            raise UsageError(f"a key `{card.id}` exists", hint=f"use another name, or `tracer rotate {card.id}`")
        if card.kind == "house" and any(c.kind == "house" and c.revoked is None for c in self.cards()):
            raise UsageError("this ring has a house key in use", hint="rotate it, or revoke it first")
        if card.mode == "bias" and not card.order:
            raise UsageError(
                "a mark that biases answers needs an approved order",
                hint="name it with `--order`, or use `--mode free`, which leaves each answer's distribution as it is",
            )
        try:
            _ = card.mark
        except ValueError as why:
            raise UsageError(str(why)) from why
        return self._keep(card, (_fresh(card.epochs[-1].number),))

    def key_for(self, group: str) -> str | None:
        """Give the key in use that marks for a group, named as the group or the key; the newest of several."""
        found = [card for card in self.cards() if card.kind == "group" and card.revoked is None]
        fits = [card for card in found if group in (card.group, card.id)]
        return max(fits, key=lambda card: card.created).id if fits else None

    def rotate(self, name: str, now: datetime) -> Card:
        """Begin a new epoch of a key, with an own secret; the old one stays for audits.

        Raises:
            UsageError: when there is no such key or it is revoked.
        """
        tracer = self.tracer(name)
        if tracer.card.revoked is not None:
            raise UsageError(f"key `{name}` is revoked", hint="make a new one")
        *past, last = tracer.card.epochs
        number = last.number + 1
        epochs = (*past, msgspec.structs.replace(last, until=now), Epoch(number=number, since=now))
        return self._keep(msgspec.structs.replace(tracer.card, epochs=epochs), (*tracer.secrets, _fresh(number)))

    def revoke(self, name: str, now: datetime) -> Card:
        """Take a key out of use; it is still audited, since what it marked is out there.

        Raises:
            UsageError: when there is no such key or it is revoked already.
        """
        tracer = self.tracer(name)
        if tracer.card.revoked is not None:
            raise UsageError(f"key `{name}` is revoked already, since {tracer.card.revoked:%Y-%m-%d %H:%M}")
        *past, last = tracer.card.epochs
        epochs = (*past, msgspec.structs.replace(last, until=now))
        return self._keep(msgspec.structs.replace(tracer.card, epochs=epochs, revoked=now), tracer.secrets)

    def _open(self, card: Card) -> Tracer:
        sealed = self.vault.open(card.sealed, f"{self.id} key {card.id}")
        return Tracer(card=card, secrets=msgspec.json.decode(sealed, type=tuple[Secret, ...]))

    def _keep(self, card: Card, kept: tuple[Secret, ...]) -> Card:
        sealed = self.vault.seal(msgspec.json.encode(kept), f"{self.id} key {card.id}")
        card = msgspec.structs.replace(card, sealed=sealed)
        write(self._path(card.id), card)
        return card

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise UsageError(f"`{name}` cannot name a key", hint="letters, digits, dot, dash and underscore")
        return self.place / "keys" / f"{name}.json"


def create(place: Path, passphrase: str, *, house_share: float = 0.25, scrypt_n: int = vault.SCRYPT_N) -> Ring:
    """Make an empty ring.

    Args:
        place: a directory that does not exist yet, or is empty.
        passphrase: what opens it.
        house_share: share of windows that use the house key, where a group key is in use too.
        scrypt_n: cost of one guess at the passphrase.

    Raises:
        UsageError: when the place is taken, the share is none, or the passphrase is empty.
    """
    if place.exists() and any(place.iterdir()):
        raise UsageError(f"`{place}` is not empty", hint="name a new directory for the keys")
    if not 0.0 <= house_share <= 1.0:
        raise UsageError(f"the house's share is {house_share}", hint="a number between 0 and 1")
    if not passphrase:
        raise UsageError("the passphrase is empty")
    lock, opened = vault.new(passphrase, n=scrypt_n)
    name = f"ring-{secrets.token_hex(4)}"
    signer = Ed25519PrivateKey.generate()
    file = RingFile(
        id=name,
        created=datetime.now(UTC),
        lock=lock,
        public_key=signer.public_key().public_bytes_raw().hex(),
        sealed_signer=opened.seal(signer.private_bytes_raw(), f"{name} signer"),
        sealed_owner=opened.seal(secrets.token_bytes(32), f"{name} owner"),
        house_share=round(house_share * LANE_RANGE),
    )
    for folder in (place, place / "keys", place / "commitments"):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    write(place / "ring.json", file)
    return Ring(place=place, file=file, vault=opened)


def open_ring(place: Path, passphrase: str) -> Ring:
    """Open a ring.

    Raises:
        SettingsError: when there is none, it is damaged, or the passphrase is wrong.
    """
    file = read(place / "ring.json", RingFile)
    return Ring(place=place, file=file, vault=vault.unlock(file.lock, passphrase))


def card(name: str, kind: Kind, now: datetime, **fields: Any) -> Card:
    """Describe a new key; see `Card` for the fields."""
    return Card(id=name, kind=kind, created=now, epochs=(Epoch(number=1, since=now),), **fields)


def _fresh(epoch: int) -> Secret:
    return Secret(epoch=epoch, secret=secrets.token_hex(32), salt=secrets.token_hex(32))


def read(path: Path, shape: type[T]) -> T:
    """Read one of the ring's files.

    Raises:
        SettingsError: when it is missing or is not what it should be.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=shape)
    except FileNotFoundError as why:
        raise SettingsError(
            f"`{path}` is missing",
            hint="name the key directory with `--keys`, or make one with `stillwatch tracer make`",
        ) from why
    except (OSError, msgspec.DecodeError) as why:
        raise SettingsError(f"cannot read `{path}`: {why}", hint="restore it from a backup") from why


def write(path: Path, content: Any) -> None:
    """Write one of the ring's files: aside, then renamed, readable by the owner alone."""
    with aside(path) as part:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            out.write(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")
            out.flush()
            os.fsync(out.fileno())


@contextmanager
def aside(path: Path) -> Iterator[Path]:
    """Give a name to write to, which becomes `path` when all went well and vanishes when not."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
