"""Exchange: what peers told, kept apart from what one knows oneself, and what became of it here.

An import runs in shadow: it is looked for in one's own traffic, recomputed with one's own frequencies, and shown; it
never acts by itself on anybody. What it found goes back as a sighting with rounded counts. When the producer revokes
a bulletin, everything that it caused here is taken back at once, and what it was is told once.

All or nothing for each bulletin; the same version is never applied twice; an older one, or one that comes after a
revocation, is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from stillwatch.errors import ShareError
from stillwatch.model.bulletin import Bulletin
from stillwatch.share import scrub
from stillwatch.share.desk import digest
from stillwatch.share.files import locked, write
from stillwatch.share.leads import Kind, Lead, Seen, exact, pointed, search
from stillwatch.share.log import Line, Log

IMPORTED: Final = "imported"
Became = Literal["new", "newer", "same", "revoked", "refused"]


class Imported(msgspec.Struct, kw_only=True, frozen=True):
    """A bulletin of a peer, and what it caused here.

    Attributes:
        about: id of the STIX object that it is about, where that is not one of ours.
        cases: cases of hunts to which it proposed groups.
    """

    bulletin: Bulletin
    digest: str
    peer: str
    at: datetime
    about: str = ""
    leads: list[Lead] = []
    looked_at: datetime | None = None
    cases: list[str] = []


class Outcome(msgspec.Struct, kw_only=True, frozen=True):
    """What became of one bulletin that came in.

    Attributes:
        undone: leads that it had pointed at, and that are gone.
        cases: cases that were hunted with it and have to be hunted again.
    """

    bulletin: str
    became: Became
    because: str = ""
    undone: int = 0
    cases: list[str] = []


class Exchange:
    """Bulletins of peers in one installation.

    Args:
        directory: the share directory.
    """

    def __init__(self, directory: Path) -> None:
        self._folder = directory / IMPORTED
        self.log = Log(directory)

    def all(self) -> list[Imported]:
        """Read all that peers told, the revoked ones as well."""
        return [self._read(path) for path in sorted(self._folder.glob("*.json"))]

    def take(
        self, bulletins: Iterable[Bulletin], peer: str, organisation: str, about: Mapping[str, str] | None = None
    ) -> list[Outcome]:
        """Take bulletins of a peer in, each as a whole or not at all.

        Args:
            organisation: in whose name this peer may speak; another producer's bulletins are refused.
            about: of an authority's own STIX, the object that each bulletin is about.
        """
        return [self._take(one, peer, organisation, (about or {}).get(one.id, "")) for one in bulletins]

    def _take(self, bulletin: Bulletin, peer: str, organisation: str, about: str) -> Outcome:
        if why := self._refusal(bulletin, organisation, about):
            return Outcome(bulletin=bulletin.id, became="refused", because=why)
        with locked(self._folder):
            path = self._folder / f"{bulletin.id}.json"
            held = self._read(path) if path.exists() else None
            if held is not None and held.digest == digest(bulletin):
                return Outcome(bulletin=bulletin.id, became="same")
            if held is not None and held.bulletin.producer != bulletin.producer:
                return Outcome(bulletin=bulletin.id, became="refused", because="`id`: belongs to another producer")
            if held is not None and held.bulletin.revoked:
                why = "`revoked`: it was, and that is for good"
                return Outcome(bulletin=bulletin.id, became="refused", because=why)
            if held is not None and bulletin.modified <= held.bulletin.modified:
                why = "`modified`: is not newer than the version that is here"
                return Outcome(bulletin=bulletin.id, became="refused", because=why)
            undone, cases = (len(held.leads), held.cases) if held is not None else (0, [])
            looked_at = None
            kept = exact(held.leads) if held is not None and not bulletin.revoked else []
            if held is not None and _points_alike(held.bulletin, bulletin):
                kept, looked_at, undone = held.leads, held.looked_at, 0
            taken = Imported(
                bulletin=bulletin, digest=digest(bulletin), peer=peer, at=_now(), about=about, leads=kept,
                looked_at=looked_at, cases=cases if kept and looked_at else [],
            )  # fmt: skip
            cases = [] if taken.cases else cases
            write(path, msgspec.json.encode(taken))
        became: Became = "revoked" if bulletin.revoked else "newer" if held is not None else "new"
        self.log.add(Line(at=_now(), who=peer, did="imported", what=bulletin.id, marking=bulletin.marking,
                          digest=digest(bulletin), note=f"{became}, {undone} leads undone"))  # fmt: skip
        return Outcome(bulletin=bulletin.id, became=became, undone=undone, cases=cases)

    @staticmethod
    def _refusal(bulletin: Bulletin, organisation: str, about: str) -> str:
        if not organisation or bulletin.producer != organisation:
            return f"`producer`: this peer does not speak for `{bulletin.producer[:80]}`"
        found = scrub.refusals(bulletin)
        if about:  # an authority does not tell how many accounts it counted in a network
            found = [one for one in found if not re.fullmatch(r"ranges\.\d+\.accounts", one.field)]
        return f"`{found[0].field}`: holds {found[0].rule}" if found else ""

    def look(self, seen: Callable[[], Iterable[Seen]], group: bytes | None, today: date) -> list[Imported]:
        """Look for everything that is valid today in one's own traffic; writes the leads down, in shadow.

        Args:
            seen: gives the exchanges; asked once.
            group: the group's key; without it families are not looked for.
        """
        open_ = [one for one in self.all() if not one.bulletin.revoked]
        hits = search([one.bulletin for one in open_], seen(), group, today)
        found = []
        for one in open_:
            looked = msgspec.structs.replace(
                one, leads=hits.leads(one.bulletin, exact(one.leads)), looked_at=_now()
            )  # fmt: skip
            if self._changed(looked):
                found.append(looked)
        return found

    def point(self, name: str, accounts: Iterable[str], kind: Kind) -> Imported:
        """Note accounts of one's own whose identifiers a peer holds too, as matched without showing any other.

        Raises:
            ShareError: when there is no such import, or it was revoked.
        """
        one = self.find(name)
        if one.bulletin.revoked:
            raise ShareError("it was revoked: it points at nobody", where=f"bulletin {one.bulletin.id}")
        one = msgspec.structs.replace(one, leads=pointed(one.leads, accounts, kind), looked_at=_now())
        self._changed(one)
        return one

    def hunted(self, names: Iterable[str], case: str) -> None:
        """Note that bulletins proposed groups to a hunt, whose case has to be hunted again when one is revoked."""
        for one in self.all():
            if one.bulletin.id in set(names) and case not in one.cases:
                self._changed(msgspec.structs.replace(one, cases=[*one.cases, case]))

    def find(self, name: str) -> Imported:
        """Find what a peer told by its id, or the beginning of it.

        Raises:
            ShareError: when there is none, or more than one.
        """
        fits = [one for one in self.all() if name and one.bulletin.id.startswith(name)]
        if len(fits) != 1:
            raise ShareError(f"{'no import' if not fits else 'more than one import'} begins with `{name[:80]}`",
                             where=str(self._folder), hint="`stillwatch share joint` lists them")  # fmt: skip
        return fits[0]

    def _changed(self, one: Imported) -> bool:
        """Write what an import caused, unless another version of it came meanwhile."""
        with locked(self._folder):
            path = self._folder / f"{one.bulletin.id}.json"
            if self._read(path).digest != one.digest:
                return False
            write(path, msgspec.json.encode(one))
            return True

    def leads(self) -> dict[str, list[str]]:
        """Give every account that a valid bulletin points at, with the bulletins: none of a revoked one."""
        found: dict[str, list[str]] = {}
        for one in self.all():
            if not one.bulletin.revoked:
                for lead in one.leads:
                    found.setdefault(lead.account, []).append(one.bulletin.id)
        return found

    def _read(self, path: Path) -> Imported:
        try:
            return msgspec.json.decode(path.read_bytes(), type=Imported)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as trouble:
            raise ShareError(
                f"what a peer told is damaged: {trouble}", where=str(path), hint="delete it, and pull again"
            ) from None


def _points_alike(one: Bulletin, other: Bulletin) -> bool:
    """Tell whether another version points at the same: a name or a remark changes no lead."""
    return not other.revoked and (one.families, one.ranges) == (other.families, other.ranges)


def _now() -> datetime:
    return datetime.now(UTC)


def told(one: Imported) -> dict[str, Any]:
    """Show an import, for JSON."""
    return {"bulletin": one.bulletin.id, "producer": one.bulletin.producer, "title": one.bulletin.title,
            "revoked": one.bulletin.revoked, "leads": msgspec.to_builtins(one.leads), "shadow": True}  # fmt: skip
