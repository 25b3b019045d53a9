"""Key: identifiers in a case are keyed hashes; without the key nobody can guess what they stand for.

The key is a file of 32 random bytes that only its owner can read. Whoever deletes it makes every identifier in every
case meaningless for good. Hashes are BLAKE2b (RFC 7693), keyed, 8 bytes.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from stillwatch.errors import SettingsError
from stillwatch.kit.siphash import siphash_all

VARIABLE: Final = "STILLWATCH_KEY"
BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Key:
    """A secret, and what it makes of values."""

    secret: bytes

    @property
    def name(self) -> str:
        """Tell this key from others, without giving it away."""
        return self.hash("key", 0)

    def hash(self, column: str, value: int) -> str:
        """Hash a value that is a 64-bit number already: 16 hexadecimal digits.

        The column takes part, so that one text in two columns does not look the same.
        """
        person = column.encode()[:16]
        digest = hashlib.blake2b(value.to_bytes(8, "little"), digest_size=8, key=self.secret, person=person)
        return digest.hexdigest()

    def marks(self, marks: Iterable[int]) -> list[int]:
        """Hash fingerprints of texts: 63-bit numbers."""
        keyed = hashlib.blake2b(digest_size=8, key=self.secret, person=b"mark")
        found = []
        for mark in marks:
            one = keyed.copy()
            one.update(int(mark).to_bytes(4, "little"))
            found.append(int.from_bytes(one.digest(), "little") >> 1)
        return found

    def words(self) -> tuple[int, int]:
        """Derive the two words of the key under which live fingerprints are hashed (`kit.siphash`)."""
        derived = hashlib.blake2b(b"live", digest_size=16, key=self.secret, person=b"words").digest()
        return int.from_bytes(derived[:8], "little"), int.from_bytes(derived[8:], "little")

    def live(self, marks: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint64]:
        """Hash fingerprints of texts as the live state knows them."""
        out = np.empty(len(marks), np.uint64)
        first, second = self.words()
        siphash_all(marks.astype(np.uint64), np.uint64(first), np.uint64(second), out)
        return out

    def account(self, name: str) -> int:
        """Hash an account's name to 64 bits, for the live state."""
        digest = hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=8, key=self.secret, person=b"account")
        return int.from_bytes(digest.digest(), "little") or 1


def place(file: str = "") -> Path:
    """Tell where the key is: the file named in the settings, else in `STILLWATCH_KEY`, else in the home directory."""
    if named := file or os.environ.get(VARIABLE, ""):
        return Path(named).expanduser()
    home = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(home).expanduser() / "stillwatch" / "key"


def find(file: str = "") -> Key:
    """Read the key; make one where there is none.

    Raises:
        SettingsError: when it cannot be read or made, is no key, or others can read it.
    """
    path = place(file)
    if not path.exists():
        _make(path)
    try:
        secret, mode = path.read_bytes(), path.stat().st_mode
    except OSError as trouble:
        raise SettingsError(f"cannot read the key: {trouble.strerror}", where=str(path), hint=_HINT) from None
    if len(secret) != BYTES:
        raise SettingsError(f"this is no key: expected {BYTES} bytes, got {len(secret)}", where=str(path), hint=_HINT)
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SettingsError("the key can be read by others", where=str(path), hint=f"chmod 600 {path}")
    return Key(secret)


_HINT: Final = f"name a file with `key_file` in the settings, or in {VARIABLE}; one that is not there is made"


def _make(path: Path) -> None:
    """Write a new key, which no other process then overwrites."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(BYTES))
        try:
            os.link(aside, path)
        except FileExistsError:
            pass
        finally:
            aside.unlink(missing_ok=True)
    except OSError as trouble:
        raise SettingsError(f"cannot make a key: {trouble.strerror}", where=str(path), hint=_HINT) from None
