"""Desk: a bulletin is prepared by one person and released by another; only what is released goes to peers.

A change of one letter makes another digest, and a release holds for one digest only. A version that says something
new is always newer than the one before it, and one that says the same is the same to the last byte.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from stillwatch.errors import ShareError
from stillwatch.model.actor import Actor, Reply
from stillwatch.model.bulletin import Bulletin
from stillwatch.share import actors, compose, scrub
from stillwatch.share.files import locked, write
from stillwatch.share.log import Line, Log

BULLETINS: Final = "bulletins"


class Record(msgspec.Struct, kw_only=True, frozen=True):
    """A bulletin on the desk, and who did what with it.

    Attributes:
        to: names of the peers that it was released to; `*` for every peer that its marking allows.
        reached: all whom any version was released to: what is taken back is taken back from all of them.
    """

    bulletin: Bulletin
    digest: str
    prepared_by: str
    prepared_at: datetime
    released_by: str = ""
    released_at: datetime | None = None
    to: list[str] = []
    reached: list[str] = []

    @property
    def released(self) -> bool:
        """Tell whether it may leave."""
        return self.released_at is not None


def digest(bulletin: Bulletin) -> str:
    """Hash exactly what a bulletin says: SHA-256 over its JSON."""
    return hashlib.sha256(msgspec.json.encode(bulletin, order="sorted")).hexdigest()


class Desk:
    """The bulletins of one installation.

    Args:
        directory: kept private; the disclosure log lies beside.
        preparers: who may prepare; empty for anybody.
        releasers: who may release; empty for anybody but the preparer.
    """

    def __init__(self, directory: Path, preparers: Sequence[str] = (), releasers: Sequence[str] = ()) -> None:
        self.directory = directory
        self.preparers = preparers
        self.releasers = releasers
        self.log = Log(directory)

    def records(self) -> list[Record]:
        """Read everything on the desk, in the order of the ids."""
        return [self._read(path) for path in sorted((self.directory / BULLETINS).glob("*.json"))]

    def find(self, name: str) -> Record:
        """Read one record by its bulletin's id, or by the beginning of it.

        Raises:
            ShareError: when there is none, or more than one.
        """
        found = [one for one in self.records() if name and one.bulletin.id.startswith(name)]
        if len(found) != 1:
            raise ShareError(
                f"{'no bulletin' if not found else 'more than one bulletin'} begins with `{name}`",
                where=str(self.directory), hint="list them with `stillwatch share list`",
            )  # fmt: skip
        return found[0]

    def versioned(self, bulletin: Bulletin) -> Bulletin:
        """Give a bulletin the `created` and `modified` that its last version asks for.

        Raises:
            ShareError: when it was revoked: that is for good.
        """
        last = self._last(bulletin.id)
        if last is None:
            return bulletin
        if bulletin.actor is None and last.actor is not None:  # a name is given, answered and taken back by itself
            bulletin = msgspec.structs.replace(bulletin, actor=last.actor)
        if last.revoked and not bulletin.revoked:
            raise ShareError(
                "it was revoked, and that is for good", where=f"bulletin {bulletin.id}",
                hint="what was found anew is told under a new finding",
            )  # fmt: skip
        same = msgspec.structs.replace(bulletin, created=last.created, modified=last.modified)
        if same == last:
            return last
        newer = max(bulletin.modified, last.modified + timedelta(milliseconds=1))
        return msgspec.structs.replace(bulletin, created=last.created, modified=newer)

    def taken_back(self, name: str) -> Bulletin | None:
        """Give the last version of a bulletin, by its whole id, where that takes it back."""
        last = self._last(name)
        return last if last is not None and last.revoked else None

    def is_released(self, bulletin: Bulletin) -> bool:
        """Tell whether exactly this may leave."""
        record = self._record(bulletin.id)
        return record is not None and record.released and record.digest == digest(bulletin)

    def prepare(self, bulletin: Bulletin, who: str, known: Collection[str] = ()) -> Record:
        """Put a bulletin on the desk; what is released already and has not changed stays released.

        Raises:
            ShareError: when something in it must not leave, or the person may not prepare.
        """
        allowed(who, self.preparers, "prepare")
        scrub.check(bulletin, known)
        with locked(self.directory / BULLETINS):
            bulletin = self.versioned(bulletin)
            last = self._record(bulletin.id)
            if last is not None and last.digest == digest(bulletin):
                return last
            record = Record(
                bulletin=bulletin, digest=digest(bulletin), prepared_by=who, prepared_at=now(),
                reached=_reached(last),
            )  # fmt: skip
            self._write(record)
        self._note(record, who, "prepared")
        return record

    def release(self, name: str, who: str, to: Sequence[str], seen: str = "") -> Record:
        """Let a bulletin leave, to the peers named; else to those who had an earlier version, else to everybody.

        Args:
            seen: the digest that the releaser saw; refused when the bulletin has changed since.

        Raises:
            ShareError: when the person prepared it, may not release, or saw something else.
        """
        allowed(who, self.releasers, "release")
        with locked(self.directory / BULLETINS):
            record = self.find(name)
            if same_person(who, record.prepared_by):
                raise ShareError(
                    f"`{who}` prepared it: a second person releases", where=f"bulletin {record.bulletin.id}"
                )
            if seen and not record.digest.startswith(seen):
                raise ShareError(
                    "it has changed since it was previewed", where=f"bulletin {record.bulletin.id}",
                    hint="look at it again with `stillwatch share show`",
                )  # fmt: skip
            to = to or _reached(record)
            if record.bulletin.marking == "red" and (not to or "*" in to):
                raise ShareError(
                    "`red` is for those named only",
                    where=f"bulletin {record.bulletin.id}",
                    hint="name them, `--to`",
                )
            whom = sorted({*record.to, *(to or ["*"])})
            record = msgspec.structs.replace(
                record, released_by=who, released_at=now(), to=whom, reached=sorted({*_reached(record), *whom})
            )
            self._write(record)
        self._note(record, who, "released")
        return record

    def revoke(self, name: str, who: str, because: str) -> Record:
        """Take a bulletin back: at once, by one person, to everybody who had it.

        Raises:
            ShareError: when no reason is given, or the reason must not leave.
        """
        if not because.strip():
            raise ShareError("a revocation needs a reason", hint='`--because "…"`')
        with locked(self.directory / BULLETINS):
            record = self.find(name)
            if record.bulletin.revoked:
                return record
            at = max(now(), record.bulletin.modified + timedelta(milliseconds=1))
            taken = compose.revoke(record.bulletin, at, because)
            scrub.check(taken)
            whom = _reached(record)
            record = msgspec.structs.replace(
                record, bulletin=taken, digest=digest(taken), released_by=who if whom else "",
                released_at=at if whom else None, to=whom, reached=whom,
            )  # fmt: skip
            self._write(record)
        self._note(record, who, "revoked")
        return record

    def claim(self, name: str, actor: Actor) -> Record:
        """Name somebody, by the rules of `actors`; a second person releases it, as any other version.

        Raises:
            ShareError: naming the rule that is not kept.
        """
        return self._changed(name, lambda one: actors.claimed(one, actor), actor.stands_behind, "claimed", to=[])

    def reply(self, name: str, reply: Reply, who: str) -> Record:
        """Write down what whoever is named answered.

        Raises:
            ShareError: when nobody is named, or the reply must not leave.
        """
        return self._changed(name, lambda one: actors.replied(one, reply), who, "replied")

    def withdraw(self, name: str, who: str, because: str) -> Record:
        """Take a name back: at once, by one person, to everybody who had it; the finding stands.

        Raises:
            ShareError: when nobody is named, or no reason is given.
        """
        return self._changed(name, lambda one: actors.withdrawn(one, because), who, "withdrawn", back=True)

    def _changed(
        self, name: str, change: Callable[[Bulletin], Bulletin], who: str, did: str, *, back: bool = False,
        to: Sequence[str] | None = None,
    ) -> Record:  # fmt: skip
        """Change a bulletin on the desk; it waits for a release anew, unless it takes something back."""
        allowed(who, () if back else self.preparers, "prepare")
        with locked(self.directory / BULLETINS):
            last = self.find(name)
            changed = change(last.bulletin)
            scrub.check(changed)
            changed = msgspec.structs.replace(changed, modified=max(changed.modified, now()))
            whom = _reached(last)
            record = Record(
                bulletin=changed, digest=digest(changed), prepared_by=who, prepared_at=now(),
                to=whom if back else last.to if to is None else list(to), released_by=who if back and whom else "",
                released_at=changed.modified if back and whom else None, reached=whom,
            )  # fmt: skip
            self._write(record)
        self._note(record, who, did)
        return record

    def _last(self, name: str) -> Bulletin | None:
        record = self._record(name)
        return record.bulletin if record else None

    def _record(self, name: str) -> Record | None:
        path = self.directory / BULLETINS / f"{name}.json"
        return self._read(path) if path.exists() else None

    def _read(self, path: Path) -> Record:
        try:
            record = msgspec.json.decode(path.read_bytes(), type=Record)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as trouble:
            raise ShareError(f"the record is damaged: {trouble}", where=str(path), hint="prepare it again") from None
        if record.digest != digest(record.bulletin):
            raise ShareError("the bulletin was changed on the disk", where=str(path), hint="prepare it again")
        return record

    def _write(self, record: Record) -> None:
        write(self.directory / BULLETINS / f"{record.bulletin.id}.json", msgspec.json.encode(record))

    def _note(self, record: Record, who: str, did: str) -> None:
        line = {
            "at": now(), "who": who, "did": did, "what": record.bulletin.id, "to": record.to,
            "marking": record.bulletin.marking, "digest": record.digest,
        }  # fmt: skip
        self.log.add(msgspec.convert(line, Line))


def _reached(record: Record | None) -> list[str]:
    """Tell whom any version went to; records of earlier programs tell only whom the last one went to."""
    return sorted({*record.reached, *(record.to if record.released else [])}) if record is not None else []


def allowed(who: str, people: Sequence[str], verb: str) -> None:
    """Let a person do something, or refuse it.

    Raises:
        ShareError: when nobody stands behind it, or the person is not among those named.
    """
    if not who.strip():
        raise ShareError(f"a person must stand behind it: who wants to {verb}?", hint="`--by NAME`")
    if people and not any(same_person(who, one) for one in people):
        raise ShareError(
            f"`{who}` may not {verb}", hint=f"`[share] {verb.removesuffix('e')}ers` in the settings names who may"
        )


def same_person(one: str, other: str) -> bool:
    """Tell whether two names are one person's."""
    return one.strip().casefold() == other.strip().casefold()


def now() -> datetime:
    """Tell the time, to the millisecond, as STIX keeps it."""
    at = datetime.now(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
