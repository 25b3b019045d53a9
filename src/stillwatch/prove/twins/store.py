"""Where twins are kept: the samples of a request, which of them the lot chose, sealed until an audit.

One SQLite file. The samples and the lot are sealed with the key ring's vault; accounts are kept as keyed hashes, so
that a campaign found later can be looked up; every record has a salted leaf for a Merkle commitment, published before
any suspect is released. Served answers are ordinary samples: the customer's distribution is untouched.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from stillwatch.errors import CaseError, UsageError
from stillwatch.kit import merkle
from stillwatch.prove.keys.ring import Ring

_SCHEMA = """
create table if not exists twins (
  place integer primary key autoincrement,
  id text not null unique,
  at text not null,
  account text not null,
  sealed text not null,
  leaf blob not null
);
create index if not exists twins_account on twins (account);
create table if not exists about (ring text not null);
"""


class Sealed(msgspec.Struct, kw_only=True, frozen=True):
    """What lies sealed in the store, and opens the commitment to it."""

    id: str
    prompt: str
    samples: tuple[str, ...]
    served: int
    salt: str


@dataclass(frozen=True, kw_only=True)
class Twin:
    """One opened record; `leaf` is what a commitment to it names, hexadecimal."""

    id: str
    at: datetime
    account: str
    prompt: str
    samples: tuple[str, ...]
    served: int
    leaf: str = ""


class Twins:
    """An open store.

    Args:
        path: the SQLite file; made when it does not exist.
        ring: the key ring whose vault seals the samples.

    Raises:
        UsageError: when the store belongs to another ring.
        CaseError: when the file is no store or cannot be used.
    """

    def __init__(self, path: Path, ring: Ring) -> None:
        self._ring = ring
        self._owner = ring.vault.open(ring.file.sealed_owner, f"{ring.id} owner")
        try:
            self._db = sqlite3.connect(path, isolation_level=None, timeout=30.0)
            self._db.executescript("pragma journal_mode=wal; pragma synchronous=full;" + _SCHEMA)
            known = self._db.execute("select ring from about").fetchone()
            if known is None:
                self._db.execute("insert into about values (?)", (ring.id,))
        except sqlite3.Error as why:
            raise CaseError(f"`{path}` cannot be used as a store of twins: {why}") from why
        if known is not None and known[0] != ring.id:
            raise UsageError(f"`{path}` belongs to the keys `{known[0]}`, not `{ring.id}`", hint="name its own keys")

    def keep(self, name: str, account: str, prompt: str, samples: Sequence[str], *, at: datetime | None = None) -> int:
        """Draw the lot and keep the twins; returns which sample to serve. It is on disk before this returns.

        Args:
            name: the request's id.
            account: whose request it is; kept as a keyed hash.
            prompt: what was asked, as text.
            samples: at least two independent samples of the same model, prompt and parameters.
            at: when; now when left out.

        Raises:
            UsageError: when there are fewer than two samples, or the request has twins already.
        """
        if len(samples) < 2:
            raise UsageError(f"twins need at least two samples, got {len(samples)}")
        served = secrets.randbelow(len(samples))
        sealed = Sealed(
            id=name, prompt=prompt, samples=tuple(samples), served=served, salt=secrets.token_hex(32)
        )  # fmt: skip
        content = msgspec.json.encode(sealed)
        try:
            self._db.execute(
                "insert into twins (id, at, account, sealed, leaf) values (?, ?, ?, ?, ?)",
                (
                    name, (at or datetime.now(UTC)).isoformat(), self._hashed(account),
                    self._ring.vault.seal(content, f"{self._ring.id} twin {name}"), merkle.leaf_hash(content),
                ),
            )  # fmt: skip
        except sqlite3.IntegrityError as why:
            raise UsageError(f"request `{name}` has twins already") from why
        except sqlite3.Error as why:
            raise CaseError(f"the twins of `{name}` could not be kept: {why}") from why
        return served

    def __len__(self) -> int:
        return int(self._db.execute("select count(*) from twins").fetchone()[0])

    def records(self) -> Iterator[Twin]:
        """Open all records, oldest first.

        Raises:
            SettingsError: when one was changed.
        """
        rows = self._db.execute("select id, at, account, sealed from twins order by place")
        for name, at, account, sealed in rows:
            content = self._ring.vault.open(sealed, f"{self._ring.id} twin {name}")
            kept = msgspec.json.decode(content, type=Sealed)
            yield Twin(
                id=name, at=datetime.fromisoformat(at), account=account, prompt=kept.prompt, samples=kept.samples,
                served=kept.served, leaf=merkle.leaf_hash(content).hex(),
            )  # fmt: skip

    def index(self) -> bytes:
        """Give the index to commit to: the hash of every record's salted leaf, and their Merkle root.

        It names no account and no text; `stillwatch tracer commit --with FILE` signs its hash.
        """
        leaves = [bytes(row[0]) for row in self._db.execute("select leaf from twins order by place")]
        root = merkle.Tree.of_hashes(leaves).root().hex()
        return msgspec.json.encode(
            {"schema": 1, "ring": self._ring.id, "root": root, "leaves": [x.hex() for x in leaves]}
        )

    def hashed_accounts(self, accounts: Sequence[str]) -> dict[str, str]:
        """Give the keyed hash of each account, as the store knows it."""
        return {account: self._hashed(account) for account in accounts}

    def forget(self, *, account: str | None = None, before: datetime | None = None) -> int:
        """Erase an account's twins, or all older than a date; returns how many. What was committed to stays a hash."""
        if account is None and before is None:
            return 0
        where, values = [], []
        if account is not None:
            where.append("account = ?")
            values.append(self._hashed(account))
        if before is not None:
            where.append("at < ?")
            values.append(before.astimezone(UTC).isoformat())
        erased = self._db.execute(f"delete from twins where {' and '.join(where)}", values).rowcount  # noqa: S608
        self._db.execute("vacuum")
        return int(erased)

    def close(self) -> None:
        """Close the store."""
        self._db.close()

    def _hashed(self, account: str) -> str:
        return hmac.new(self._owner, b"twin account " + account.encode(), hashlib.sha256).hexdigest()[:32]


def chosen(share: float) -> bool:
    """Draw whether a request gets twins, by a lot that nobody can foresee."""
    return secrets.randbelow(1 << 32) < share * (1 << 32)
