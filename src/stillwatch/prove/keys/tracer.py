"""What a tracer key is: a name, how it marks, its epochs, and secrets that never leave the ring in clear."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from stillwatch.kit import merkle
from stillwatch.prove.mark import Mark, Mode
from stillwatch.prove.prf import LANE_RANGE, Words, key_words

Kind = Literal["house", "group"]


class Epoch(msgspec.Struct, kw_only=True, frozen=True):
    """A time in which one secret of a key was in use."""

    number: int
    since: datetime
    until: datetime | None = None


class Card(msgspec.Struct, kw_only=True, frozen=True):
    """The public part of a key, as it lies on disk and may stand in a report.

    Attributes:
        id: the key's name.
        kind: `house` (is it ours?) or `group` (which group of accounts?).
        group: the campaign or group that the key marks, as the operator calls it.
        order: the approved order under which answers are biased; without one only `free` marking is allowed.
        tokens: what a token is: `words`, `vocabulary:NAME` or `tokenizer:NAME` (see `lineage.tokens`).
        epochs: oldest first; the last is in use unless the key is revoked.
        revoked: when it was taken out of use. Revoked keys are still audited.
    """

    id: str
    kind: Kind
    mode: Mode
    created: datetime
    epochs: tuple[Epoch, ...]
    group: str | None = None
    order: str | None = None
    window: int = 1
    green: int = LANE_RANGE // 8
    delta: float = 3.0
    layers: int = 1
    min_entropy: float = 0.3
    tokens: str = "words"
    revoked: datetime | None = None
    sealed: str = ""

    @property
    def mark(self) -> Mark:
        """How this key marks.

        Raises:
            ValueError: when the card says something impossible.
        """
        return Mark(
            mode=self.mode, window=self.window, green=self.green, delta=self.delta,
            layers=self.layers, min_entropy=self.min_entropy,
        )  # fmt: skip


class Secret(msgspec.Struct, kw_only=True, frozen=True):
    """The secret of one epoch: hexadecimal, 32 bytes each."""

    epoch: int
    secret: str
    salt: str


@dataclass(frozen=True, kw_only=True)
class Tracer:
    """A key with its secrets open, ready to mark or to audit."""

    card: Card
    secrets: tuple[Secret, ...]

    def words(self, epoch: int) -> Words:
        """Give the PRF key of one epoch.

        Raises:
            KeyError: when there is no such epoch.
        """
        for one in self.secrets:
            if one.epoch == epoch:
                derived = hmac.digest(bytes.fromhex(one.secret), b"stillwatch tracer coin v1", "sha256")
                return key_words(derived[:16])
        raise KeyError(epoch)

    @property
    def current(self) -> Words:
        """The PRF key now in use for marking."""
        return self.words(self.card.epochs[-1].number)

    def leaf(self, secret: Secret, ring: str) -> bytes:
        """Give the Merkle leaf hash that commits to one epoch: salted, so that nothing can be guessed from it."""
        return merkle.leaf_hash(self.opening(secret, ring))

    def opening(self, secret: Secret, ring: str) -> bytes:
        """Give what opens the commitment to one epoch. It holds the secret: for an arbiter, never for a report."""
        since = next(e.since for e in self.card.epochs if e.number == secret.epoch)
        content = {
            "schema": 1, "ring": ring, "key": self.card.id, "kind": self.card.kind, "group": self.card.group,
            "epoch": secret.epoch, "since": since, "mode": self.card.mode, "window": self.card.window,
            "green": self.card.green, "delta": self.card.delta, "layers": self.card.layers,
            "min_entropy": self.card.min_entropy, "tokens": self.card.tokens, "secret": secret.secret,
            "salt": secret.salt,
        }  # fmt: skip
        return msgspec.json.encode(content, order="sorted")


def owner_words(secret: bytes) -> Words:
    """Derive the PRF key that decides which windows the house key uses and which the group keys."""
    return key_words(hmac.digest(secret, b"stillwatch tracer owner v1", "sha256")[:16])


def fingerprint(public: bytes) -> str:
    """Name a signing key by its hash, short enough to read aloud."""
    return hashlib.sha256(public).hexdigest()[:16]
