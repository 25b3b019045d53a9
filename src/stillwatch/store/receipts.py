"""Receipts: a licensed distiller proves later which answers he was allowed to train on.

Every answer delivered under a grant is a leaf: the RFC 6962 leaf hash of its text, as UTF-8, as it was delivered. A
receipt names the grant, the number of leaves and the root of their tree, signed with Ed25519 (RFC 8032), and carries
the leaf hashes, so that whoever holds an answer's text can check it with nothing but the receipt and the provider's
public key. No text is in it. What it does not prove: that an answer was used, or that nothing else was.
"""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from stillwatch.errors import BookError, SettingsError
from stillwatch.kit.merkle import Tree, leaf_hash, verify_inclusion
from stillwatch.store.book import Book
from stillwatch.store.licences import grants, leaves

KEY: Final = "receipts.key"


class Receipt(msgspec.Struct, kw_only=True, frozen=True):
    """A signed receipt.

    Attributes:
        leaves: leaf hashes in the order of delivery, hexadecimal; left out where proofs are handed out one by one.
    """

    schema: int = 1
    grant: str
    holder: str
    size: int
    root: str
    at: datetime
    public_key: str
    signature: str = ""
    leaves: list[str] = []

    def signed(self) -> bytes:
        """Give the bytes that the signature covers."""
        head = f"stillwatch data receipt v{self.schema}"
        return "\n".join((head, self.grant, self.holder, str(self.size), self.root, self.at.isoformat())).encode()


def signer(place: Path) -> Ed25519PrivateKey:
    """Read the signing key of a state directory; one that is not there is made, readable by its owner only.

    Raises:
        SettingsError: when it cannot be read, or is no key.
    """
    path = place / KEY
    try:
        if not path.exists():
            raw = Ed25519PrivateKey.generate().private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
            aside = path.with_name(f".{KEY}.{os.getpid()}")
            with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(raw)
            try:
                os.link(aside, path)
            except FileExistsError:
                pass
            finally:
                aside.unlink()
        return Ed25519PrivateKey.from_private_bytes(path.read_bytes())
    except OSError as trouble:
        raise SettingsError(f"cannot read the signing key: {trouble.strerror}", where=str(path)) from trouble
    except ValueError:
        raise SettingsError("this is no signing key", where=str(path), hint="restore it from a copy") from None


def receipt(book: Book, name: str, *, now: datetime, place: Path) -> Receipt:
    """Sign what was delivered under a grant.

    Raises:
        BookError: when there is no such grant, or nothing was delivered under it.
    """
    issued = next((one for one in grants(book) if one.grant.id == name), None)
    if issued is None:
        raise BookError(f"no grant is called `{name}`", hint="`stillwatch grant list` names them")
    held = [leaf for _, leaf in leaves(book, name)]
    if not held:
        raise BookError(f"nothing was delivered under `{name}`", hint="deliveries are recorded by `stillwatch proxy`")
    key = signer(place)
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
    made = Receipt(
        grant=name, holder=issued.grant.holder, size=len(held), root=Tree.of_hashes(held).root().hex(), at=now,
        public_key=public, leaves=[leaf.hex() for leaf in held],
    )  # fmt: skip
    return msgspec.structs.replace(made, signature=key.sign(made.signed()).hex())


class Checked(msgspec.Struct, kw_only=True, frozen=True):
    """What came of checking answers against a receipt.

    Attributes:
        because: why the receipt does not hold; empty where it does.
        covered: for each text, whether it was delivered under the grant.
    """

    sound: bool
    because: str
    covered: list[bool]


def check(one: Receipt, texts: list[bytes], public_key: str | None = None) -> Checked:
    """Check a receipt, and which answers it covers: with nothing but the receipt itself.

    Args:
        public_key: the provider's, as published; without it only the receipt's own key is checked against.
    """
    why = _fault(one, public_key)
    if why:
        return Checked(sound=False, because=why, covered=[False] * len(texts))
    root = bytes.fromhex(one.root)
    hashes = [bytes.fromhex(leaf) for leaf in one.leaves]
    tree = Tree.of_hashes(hashes)
    place = {leaf: number for number, leaf in enumerate(hashes)}
    covered = []
    for text in texts:
        leaf = leaf_hash(text)
        number = place.get(leaf)
        proven = number is not None and verify_inclusion(
            root, leaf, index=number, size=one.size, proof=tree.inclusion(number)
        )
        covered.append(proven)
    return Checked(sound=True, because="", covered=covered)


def _fault(one: Receipt, public_key: str | None) -> str:
    if public_key is not None and public_key.strip().lower() != one.public_key:
        return "it is signed by another key than the one named"
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(one.public_key))
        key.verify(bytes.fromhex(one.signature), one.signed())
        tree = Tree.of_hashes([bytes.fromhex(leaf) for leaf in one.leaves])
    except InvalidSignature:
        return "its signature is wrong"
    except ValueError:
        return "it is damaged"
    if len(tree) != one.size or tree.root().hex() != one.root:
        return "its root is not that of its leaves"
    return ""
