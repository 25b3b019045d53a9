"""Commitments: prove later that a key existed before the suspect did, without showing the key.

Each epoch of each key is one leaf of an append-only Merkle tree; further leaves may commit to files, such as the
plan of a test or the index of a twin store. A signed head names size, root and time. What it proves: whoever saw
the head at that time knows that nothing was chosen afterwards. That is why a head must be *published* or handed to
a third party: a clock that only the provider controls proves nothing, and the report says so.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from stillwatch.errors import SettingsError, UsageError
from stillwatch.kit import merkle
from stillwatch.prove.keys.ring import Ring, read, write
from stillwatch.prove.keys.tracer import Tracer


class Leaf(msgspec.Struct, kw_only=True, frozen=True):
    """One committed thing: the hash of its salted content, and what it is."""

    hash: str
    kind: Literal["key", "file"]
    name: str


class Head(msgspec.Struct, kw_only=True, frozen=True):
    """A signed tree head, with the hashes of the leaves that it added."""

    ring: str
    size: int
    root: str
    at: datetime
    public_key: str
    added: tuple[Leaf, ...]
    signature: str = ""
    schema: int = 1

    def signed(self) -> bytes:
        """Give the bytes that the signature covers."""
        parts = (f"stillwatch commitment v{self.schema}", self.ring, str(self.size), self.root, self.at.isoformat())
        return "\n".join(parts).encode()


@dataclass(frozen=True)
class Log:
    """All heads of a ring, checked: signatures, growth, and each root against its leaves."""

    heads: tuple[Head, ...]
    tree: merkle.Tree
    places: dict[str, int]

    def since(self, leaf: bytes) -> Head | None:
        """Give the first head that covers a leaf hash, or nothing when it was never committed to."""
        place = self.places.get(leaf.hex())
        if place is None:
            return None
        return next(head for head in self.heads if head.size > place)

    def proof(self, leaf: bytes) -> list[str]:
        """Give the inclusion proof of a leaf in the latest head, hexadecimal.

        Raises:
            KeyError: when it was never committed to.
        """
        return [h.hex() for h in self.tree.inclusion(self.places[leaf.hex()])]


def commit(ring: Ring, *, files: tuple[Path, ...] = (), now: datetime | None = None) -> Head:
    """Commit to every epoch that is not yet committed to, and to the files named; returns the new head.

    Raises:
        UsageError: when there is nothing new to commit to, or a file cannot be read.
        SettingsError: when the earlier heads do not hold together.
    """
    log = load(ring)
    added = [
        Leaf(hash=digest, kind="key", name=f"{tracer.card.id} epoch {secret.epoch}")
        for tracer in ring.tracers()
        for secret in tracer.secrets
        if (digest := tracer.leaf(secret, ring.id).hex()) not in log.places
    ]
    for path in files:
        try:
            content = hashlib.sha256(path.read_bytes()).digest()
        except OSError as why:
            raise UsageError(f"cannot read `{path}`: {why.strerror}") from why
        added.append(Leaf(hash=merkle.leaf_hash(content).hex(), kind="file", name=path.name))
    if not added:
        raise UsageError("every key is committed to already", hint="make or rotate a key first")
    for leaf in added:
        log.tree.append_hash(bytes.fromhex(leaf.hash))
    head = Head(
        ring=ring.id,
        size=len(log.tree),
        root=log.tree.root().hex(),
        at=now or datetime.now(UTC),
        public_key=ring.file.public_key,
        added=tuple(added),
    )
    head = msgspec.structs.replace(head, signature=ring.signer().sign(head.signed()).hex())
    write(ring.place / "commitments" / f"{len(log.heads) + 1:04d}.json", head)
    return head


def load(ring: Ring) -> Log:
    """Read and check the ring's heads.

    Raises:
        SettingsError: naming the head that does not hold.
    """
    return check([(path, read(path, Head)) for path in sorted((ring.place / "commitments").glob("*.json"))])


def check(named: list[tuple[Path, Head]]) -> Log:
    """Check heads in their order: anybody can, with nothing but the files.

    Raises:
        SettingsError: when a signature is wrong, the signer changed, the tree did not only grow, or the clock ran
            backwards.
    """
    tree = merkle.Tree()
    places: dict[str, int] = {}
    last: Head | None = None
    for path, head in named:
        for leaf in head.added:
            places[leaf.hash] = tree.append_hash(bytes.fromhex(leaf.hash))
        why = _fault(head, tree, last)
        if why:
            raise SettingsError(f"the commitment does not hold: {why}", where=str(path), hint="restore it from a copy")
        last = head
    return Log(tuple(head for _, head in named), tree, places)


def _fault(head: Head, tree: merkle.Tree, last: Head | None) -> str | None:
    if len(tree) != head.size or tree.root().hex() != head.root:
        return "its root is not that of its leaves"
    if last and (head.public_key != last.public_key or head.ring != last.ring):
        return "it is signed by another key than the one before"
    if last and head.at < last.at:
        return "it is older than the one before"
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(head.public_key))
        public.verify(bytes.fromhex(head.signature), head.signed())
    except (InvalidSignature, ValueError):
        return "its signature is wrong"
    return None


class Standing(msgspec.Struct, kw_only=True, frozen=True):
    """What a report says of a key's commitment."""

    committed: bool
    at: datetime | None = None
    size: int | None = None
    root: str | None = None
    because: str = ""


def standing(tracer: Tracer, ring: Ring, log: Log, *, released: datetime | None = None) -> Standing:
    """Say whether all epochs of a key were committed to, and before the suspect was released if that is known."""
    heads = [log.since(tracer.leaf(secret, ring.id)) for secret in tracer.secrets]
    if any(head is None for head in heads):
        missing = [s.epoch for s, head in zip(tracer.secrets, heads, strict=True) if head is None]
        return Standing(committed=False, because=f"epoch {missing[0]} is in no signed commitment")
    latest = max((head for head in heads if head), key=lambda head: head.at)
    if released is not None and latest.at >= released:
        return Standing(
            committed=False, at=latest.at, size=latest.size, root=latest.root,
            because=f"the commitment of {latest.at:%Y-%m-%d} is not older than the suspect, of {released:%Y-%m-%d}",
        )  # fmt: skip
    return Standing(committed=True, at=latest.at, size=latest.size, root=latest.root)
