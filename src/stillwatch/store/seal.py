"""Seal: what replicas lay down in a shared store is readable, and can be written, only with the operator's key.

AES-256-GCM (NIST SP 800-38D) under a key that is derived from the operator's. What a value is filed under is bound to
it, so that nothing can be moved to another place. Whoever can write to the shared store but has no key can delete, and
can lay down again what was there once; neither makes an order, and merging (`replica`) passes what is older over.
"""

from __future__ import annotations

import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from stillwatch.store.key import Key

NONCE = 12


class Seal:
    """Seals and opens under one key."""

    def __init__(self, key: Key) -> None:
        self._secret = hashlib.blake2b(b"shared", digest_size=32, key=key.secret, person=b"seal").digest()
        self._cipher = AESGCM(self._secret)

    def close(self, plain: bytes, place: bytes) -> bytes:
        """Seal a value for a place."""
        nonce = os.urandom(NONCE)
        return nonce + self._cipher.encrypt(nonce, plain, place)

    def open(self, sealed: bytes, place: bytes) -> bytes | None:
        """Open a value; nothing where it was not sealed under this key for this place."""
        try:
            return self._cipher.decrypt(sealed[:NONCE], sealed[NONCE:], place)
        except (InvalidTag, ValueError):
            return None

    def field(self, *names: str) -> bytes:
        """Name a place without telling what it is of."""
        text = "\0".join(names).encode("utf-8", "replace")
        return hashlib.blake2b(text, digest_size=16, key=self._secret, person=b"field").hexdigest().encode()
