"""Tokens: who may ask for decisions, send logs, or act on orders. Only a hash of each is kept.

A token is `sw_ID_SECRET`, shown once when it is made; the secret has 256 bits of chance, so that a plain SHA-256 of it
can be turned back by nobody. Each has an owner, scopes and an end. Source: RFC 6750 for how it is sent.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime
from typing import Final, Literal

import msgspec

from stillwatch.errors import BookError
from stillwatch.store.book import Book, line

Scope = Literal["decide", "ingest", "read", "orders", "appeals"]
SCOPES: Final[tuple[Scope, ...]] = ("decide", "ingest", "read", "orders", "appeals")


class Token(msgspec.Struct, kw_only=True, frozen=True):
    """A token as it is kept."""

    id: str
    owner: str
    scopes: list[Scope]
    hash: str
    made: datetime
    ends: datetime
    revoked: bool = False


def tokens(book: Book) -> list[Token]:
    """Read every token, oldest first."""
    return [msgspec.json.decode(body, type=Token) for (body,) in book.read("SELECT body FROM tokens ORDER BY rowid")]


def make(book: Book, *, owner: str, scopes: list[Scope], ends: datetime, now: datetime) -> tuple[Token, str]:
    """Make a token; returns it and its text, which is never shown again."""
    name, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
    token = Token(id=name, owner=owner, scopes=scopes, hash=_hash(secret), made=now, ends=ends)
    with book.change() as change:
        change.execute("INSERT INTO tokens VALUES (?, ?)", (name, msgspec.json.encode(token)))
        line(change, f"token {name}", "made", owner, ", ".join(scopes), now)
    return token, f"sw_{name}_{secret}"


def revoke(book: Book, name: str, *, by: str, now: datetime) -> None:
    """Revoke a token.

    Raises:
        BookError: when there is none of that id.
    """
    with book.change() as change:
        row = change.execute("SELECT body FROM tokens WHERE id = ?", (name,)).fetchone()
        if row is None:
            raise BookError(f"no token is called `{name}`", hint="`stillwatch token list` names them")
        token = msgspec.json.decode(row[0], type=Token)
        body = msgspec.json.encode(msgspec.structs.replace(token, revoked=True))
        change.execute("UPDATE tokens SET body = ? WHERE id = ?", (body, name))
        line(change, f"token {name}", "revoked", by, "", now)


class Doors:
    """Tells who stands at the door, from memory."""

    def __init__(self, known: list[Token]) -> None:
        self._known = {token.id: token for token in known if not token.revoked}
        self._seen: dict[bytes, Token] = {}

    def who(self, text: str, now: float) -> Token | None:
        """Find the token that a text is; nothing where it is none, has ended or was revoked."""
        digest = hashlib.sha256(text.encode("utf-8", "replace")).digest()
        token = self._seen.get(digest)
        if token is None:
            parts = text.split("_", 2)
            if len(parts) != 3 or parts[0] != "sw":
                return None
            token = self._known.get(parts[1])
            if token is None or not hmac.compare_digest(token.hash, _hash(parts[2])):
                return None
            self._seen[digest] = token
        return token if now < token.ends.timestamp() else None


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
