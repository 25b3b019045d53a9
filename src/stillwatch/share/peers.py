"""Peers: who may pull and push what, from a TOML file.

    [[peer]]
    name = "peer-b"
    organisation = "Other Lab"           # whose bulletins he may push
    token_sha256 = "…"                   # of a token made by `stillwatch share token`
    certificate_sha256 = "…"             # of his client certificate, instead or besides
    clearance = "amber+strict"           # the narrowest marking that he may see
    write = true                         # may push into his own inbox
    requests_per_hour = 3600
    match_size = 100000                  # identifiers that he may bring to a run of matching; 0, as when left out: none
    match_runs_per_week = 3
    kind = "provider"                    # or "authority": a public one, to which findings are referred

A token has 256 random bits: its plain SHA-256 cannot be guessed, and the file gives no access.
"""

from __future__ import annotations

import hashlib
import hmac
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import msgspec

from stillwatch.errors import SettingsError
from stillwatch.model.bulletin import MARKINGS, Marking

FILE: Final = "peers.toml"


class Peer(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """One peer, and what he may do."""

    name: str
    organisation: str = ""
    token_sha256: str = ""
    certificate_sha256: str = ""
    clearance: Marking = "amber+strict"
    write: bool = False
    delete: bool = False
    requests_per_hour: int = 3600
    match_size: int = 0
    match_runs_per_week: int = 3
    kind: Literal["provider", "authority"] = "provider"

    def may_see(self, marking: Marking) -> bool:
        """Tell whether something with this marking may go to him."""
        return MARKINGS.index(marking) <= self.rank

    @property
    def rank(self) -> int:
        """The highest marking that he may see, from 0 for clear to 4 for red."""
        return MARKINGS.index(self.clearance)


class _File(msgspec.Struct, forbid_unknown_fields=True):
    peer: list[Peer] = []


class Peers:
    """All peers, found by what they show of themselves."""

    def __init__(self, peers: list[Peer]) -> None:
        self._peers = peers

    def __iter__(self) -> Iterator[Peer]:
        return iter(self._peers)

    def by_token(self, token: str, name: str = "") -> Peer | None:
        """Find who holds a token; with a name only if it is his."""
        shown = hashlib.sha256(token.encode()).hexdigest()
        found = None
        for peer in self._peers:
            if peer.token_sha256 and hmac.compare_digest(shown, peer.token_sha256.lower()):
                found = peer
        return found if found is not None and (not name or name == found.name) else None

    def by_certificate(self, der: bytes) -> Peer | None:
        """Find whose client certificate this is; that it is valid was checked by TLS."""
        shown = hashlib.sha256(der).hexdigest()
        return next((one for one in self._peers if one.certificate_sha256.lower() == shown), None)


def read(path: Path) -> Peers:
    """Read the peers; none where there is no file.

    Raises:
        SettingsError: naming what is wrong.
    """
    if not path.exists():
        return Peers([])
    try:
        found = msgspec.convert(tomllib.loads(path.read_text("utf-8")), _File)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as mistake:
        raise SettingsError(f"cannot read the peers: {mistake}", where=str(path)) from None
    names = [one.name for one in found.peer]
    for one in found.peer:
        if names.count(one.name) > 1 or not one.name or "|" in one.name or ":" in one.name:
            raise SettingsError(f"`name`: `{one.name}` is empty, there twice, or holds `|` or `:`", where=str(path))
        for field in ("token_sha256", "certificate_sha256"):
            value = getattr(one, field)
            if value and (len(value) != 64 or set(value.lower()) - set("0123456789abcdef")):
                raise SettingsError(f"`{field}` of `{one.name}` is no SHA-256", where=str(path),
                                    hint="`stillwatch share token` prints one")  # fmt: skip
    return Peers(found.peer)
