"""Joins: which of one's own bulletins and which of a peer's tell of the same operation; a person says so.

What they have in common is shown to a person: networks that are no shared egress, prompt families of the same week,
over days that meet. Two operations may rent from the same house and copy the same template, so nothing is joined by
itself; and what was joined can be parted again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from stillwatch.errors import ShareError
from stillwatch.kit.plain import counted
from stillwatch.model.bulletin import Bulletin
from stillwatch.share.exchange import Imported
from stillwatch.share.files import locked, write
from stillwatch.share.log import Line, Log

FILE: Final = "joins.json"
NEAR: Final = timedelta(days=14)
"""How far apart the days of two sides may lie: as long as a network lives."""


class Join(msgspec.Struct, kw_only=True, frozen=True):
    """One of one's own bulletins and a peer's that tell of the same operation, as a person said."""

    own: str
    told: str
    by: str
    at: datetime


class Proposal(msgspec.Struct, kw_only=True, frozen=True):
    """Two bulletins that may tell of the same operation."""

    own: str
    told: str
    producer: str
    because: list[str]


def propose(own: Sequence[Bulletin], imported: Iterable[Imported], joins: Sequence[Join]) -> list[Proposal]:
    """Find what may be the same operation and was not joined yet."""
    known = {(one.own, one.told) for one in joins}
    found = []
    for one in imported:
        for mine in own:
            alive = not (mine.revoked or one.bulletin.revoked) and (mine.id, one.bulletin.id) not in known
            because = common(mine, one.bulletin) if alive and _meet(mine, one.bulletin) else []
            if because:
                producer = one.bulletin.producer
                found.append(Proposal(own=mine.id, told=one.bulletin.id, producer=producer, because=because))
    return found


def common(one: Bulletin, other: Bulletin) -> list[str]:
    """Say what two bulletins have in common: networks, and families of the same week."""
    told = []
    held = [{net.value for net in each.ranges if not net.shared_egress} for each in (one, other)]
    both = sorted(value for value in held[0] & held[1] if "/" in value)
    if both:
        of = " and ".join(str(sum("/" in value for value in each)) for each in held)
        told.append(f"{counted(len(both), 'network')} in common, of {of}: {', '.join(both[:3])}")
    for mine in one.families:
        for theirs in other.families:
            shared, least = len(set(mine.marks) & set(theirs.marks)), min(len(mine.marks), len(theirs.marks))
            if mine.epoch == theirs.epoch and shared >= max(mine.threshold, theirs.threshold) * least:
                told.append(f"family {mine.id} has {shared} of {len(theirs.marks)} fingerprints of {theirs.id}")
    return told


def _meet(one: Bulletin, other: Bulletin) -> bool:
    return one.first_seen <= other.last_seen + NEAR and other.first_seen <= one.last_seen + NEAR


class Joins:
    """The joins of one installation.

    Args:
        directory: the share directory.
    """

    def __init__(self, directory: Path) -> None:
        self._folder = directory
        self._log = Log(directory)

    def all(self) -> list[Join]:
        """Read them.

        Raises:
            ShareError: when the file is damaged.
        """
        path = self._folder / FILE
        try:
            return msgspec.json.decode(path.read_bytes(), type=list[Join]) if path.exists() else []
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as trouble:
            raise ShareError(
                f"the joins are damaged: {trouble}", where=str(path), hint="delete it, and join again"
            ) from None

    def join(self, own: str, told: str, by: str, at: datetime) -> Join:
        """Say that two bulletins tell of the same operation; said again it changes nothing."""
        with locked(self._folder):
            held = self.all()
            for one in held:
                if (one.own, one.told) == (own, told):
                    return one
            made = Join(own=own, told=told, by=by, at=at)
            self._write([*held, made])
        self._log.add(Line(at=at, who=by, did="joined", what=own, note=f"with {told}"))
        return made

    def part(self, own: str, told: str, by: str, at: datetime) -> None:
        """Take a join back.

        Raises:
            ShareError: when there is none.
        """
        with locked(self._folder):
            held = self.all()
            kept = [one for one in held if (one.own, one.told) != (own, told)]
            if len(kept) == len(held):
                raise ShareError("these two are not joined", where=own, hint="`stillwatch share joint` shows what is")
            self._write(kept)
        self._log.add(Line(at=at, who=by, did="parted", what=own, note=f"from {told}"))

    def _write(self, held: list[Join]) -> None:
        write(self._folder / FILE, msgspec.json.encode(held))
