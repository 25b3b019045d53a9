"""A small vault: what is sealed here can be read only with the passphrase.

The passphrase, stretched by scrypt, wraps one random data key; the data key seals each secret with AES-256-GCM,
bound to the name of what it seals, so that sealed secrets cannot be swapped. Source: RFC 7914 (scrypt), NIST SP
800-38D (GCM).
"""

from __future__ import annotations

import base64
import secrets

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from stillwatch.errors import SettingsError

_NONCE = 12
SCRYPT_N = 1 << 15
"""Cost of one guess at the passphrase: about 0.1 s and 32 MB."""


class Lock(msgspec.Struct, kw_only=True, frozen=True):
    """How the data key is wrapped; public."""

    salt: str
    wrapped: str
    n: int = SCRYPT_N
    r: int = 8
    p: int = 1


class Vault:
    """Seals and opens secrets under one data key."""

    def __init__(self, data_key: bytes) -> None:
        self._aead = AESGCM(data_key)

    def seal(self, secret: bytes, name: str) -> str:
        """Encrypt a secret, bound to a name."""
        nonce = secrets.token_bytes(_NONCE)
        return _text(nonce + self._aead.encrypt(nonce, secret, name.encode()))

    def open(self, sealed: str, name: str) -> bytes:
        """Decrypt a secret that was sealed under this name.

        Raises:
            SettingsError: when it was changed, or sealed under another name or key.
        """
        try:
            raw = _bytes(sealed)
            return self._aead.decrypt(raw[:_NONCE], raw[_NONCE:], name.encode())
        except (InvalidTag, ValueError) as why:
            raise SettingsError(
                f"the sealed part of `{name}` cannot be opened: it was changed or belongs elsewhere",
                hint="restore the key directory from a backup",
            ) from why


def new(passphrase: str, *, n: int = SCRYPT_N) -> tuple[Lock, Vault]:
    """Make a vault with a fresh data key."""
    data_key, salt = secrets.token_bytes(32), secrets.token_bytes(16)
    lock = Lock(salt=_text(salt), wrapped="", n=n)
    wrapped = Vault(_stretch(passphrase, lock)).seal(data_key, "data key")
    return msgspec.structs.replace(lock, wrapped=wrapped), Vault(data_key)


def unlock(lock: Lock, passphrase: str) -> Vault:
    """Open a vault.

    Raises:
        SettingsError: when the passphrase is wrong.
    """
    wrapper = Vault(_stretch(passphrase, lock))
    try:
        return Vault(wrapper.open(lock.wrapped, "data key"))
    except SettingsError as why:
        raise SettingsError(
            "the passphrase does not open these keys",
            hint="name the file that holds it with `--passphrase-file`, or set STILLWATCH_PASSPHRASE",
        ) from why


def _stretch(passphrase: str, lock: Lock) -> bytes:
    if not (1 << 10 <= lock.n <= 1 << 20 and 1 <= lock.r <= 16 and 1 <= lock.p <= 4):
        raise SettingsError(f"scrypt parameters n={lock.n} r={lock.r} p={lock.p} are out of range", where="ring.json")
    return Scrypt(salt=_bytes(lock.salt), length=32, n=lock.n, r=lock.r, p=lock.p).derive(passphrase.encode())


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
