"""Exchange: what peers told, kept apart from what one knows oneself, and what became of it here.

An import runs in shadow: it is looked for in one's own traffic, recomputed with one's own frequencies, and shown; it
never acts by itself on anybody. What it found goes back as a sighting with rounded counts. When the producer revokes
a bulletin, everything that it caused here is taken back at once, and what it was is told once.

All or nothing for each bulletin; the same version is never applied twice; an older one, or one that comes after a
revocation, is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from stillwatch.errors import ShareError
from stillwatch.model.bulletin import Bulletin, rounded
from stillwatch.share import scrub
from stillwatch.share.desk import digest
from stillwatch.share.families import Matcher
from stillwatch.share.files import locked, write
from stillwatch.share.formats import _objects as objects
from stillwatch.share.formats._objects import Object, own_id, stamp
from stillwatch.share.log import Line, Log
from stillwatch.share.ranges import widened

IMPORTED: Final = "imported"
LEAST_SIGHTED: Final = 5
"""Accounts below which no sighting is told."""
CAP_BITS: Final = 8.0
"""Bits that what a peer told may propose for one account, all of it together."""

Became = Literal["new", "newer", "same", "revoked", "refused"]


class Lead(msgspec.Struct, kw_only=True, frozen=True):
    """An account of one's own that a bulletin points at: a lead to look at, and no order.

    Attributes:
        bits: how much rarer it is here to match by chance; of one's own frequencies, capped.
        by: what matched: ids of families and ranges.
        shadow: always true: nothing acts on a lead by itself.
    """

    account: str
    bits: float
    by: list[str]
    exchanges: int
    shadow: bool = True


class Imported(msgspec.Struct, kw_only=True, frozen=True):
    """A bulletin of a peer, and what it caused here.

    Attributes:
        about: id of the STIX object that it is about, where that is not one of ours.
    """

    bulletin: Bulletin
    digest: str
    peer: str
    at: datetime
    about: str = ""
    leads: list[Lead] = []
    looked_at: datetime | None = None


class Outcome(msgspec.Struct, kw_only=True, frozen=True):
    """What became of one bulletin that came in."""

    bulletin: str
    became: Became
    because: str = ""
    undone: int = 0


class Seen(msgspec.Struct, kw_only=True, frozen=True):
    """One exchange of one's own, as far as bulletins can match it."""

    account: str
    day: date
    ip: str | None = None
    asn: int | None = None
    prompt: str = ""


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
            undone = len(held.leads) if held is not None else 0
            taken = Imported(bulletin=bulletin, digest=digest(bulletin), peer=peer, at=_now(), about=about)
            write(path, msgspec.json.encode(taken))
        became: Became = "revoked" if bulletin.revoked else "newer" if held is not None else "new"
        self.log.add(Line(at=_now(), who=peer, did="imported", what=bulletin.id, marking=bulletin.marking,
                          digest=digest(bulletin), note=f"{became}, {undone} leads undone"))  # fmt: skip
        return Outcome(bulletin=bulletin.id, became=became, undone=undone)

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
        hits = _hits(open_, seen(), group, today)
        found = []
        for one in open_:
            looked = msgspec.structs.replace(one, leads=hits.leads(one.bulletin), looked_at=_now())
            with locked(self._folder):
                path = self._folder / f"{one.bulletin.id}.json"
                if self._read(path).digest == one.digest:  # not revoked while we looked
                    write(path, msgspec.json.encode(looked))
                    found.append(looked)
        return found

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


class _Hits:
    """What matched, by the value that matched and the account."""

    def __init__(self, known: set[str]) -> None:
        self.known = known
        self.counts: dict[str, dict[str, int]] = {}
        self.accounts: set[str] = set()

    def add(self, value: str, account: str) -> None:
        held = self.counts.setdefault(value, {})
        held[account] = held.get(account, 0) + 1

    def leads(self, bulletin: Bulletin) -> list[Lead]:
        """Weigh what matched by how few of one's own accounts match it."""
        bits: dict[str, float] = {}
        by: dict[str, list[str]] = {}
        exchanges: dict[str, int] = {}
        egress = {one.value for one in bulletin.ranges if one.shared_egress}
        for value in [*(one.id for one in bulletin.families), *(one.value for one in bulletin.ranges)]:
            holders = self.counts.get(value, {})
            rare = -math.log2((len(holders) + 1) / (len(self.accounts) + 2)) if holders and value not in egress else 0.0
            for account, count in holders.items():
                bits[account] = bits.get(account, 0.0) + rare
                by.setdefault(account, []).append(value)
                exchanges[account] = max(exchanges.get(account, 0), count)
        names = sorted((one for one in bits if bits[one] >= 1.0), key=lambda one: (-bits[one], one))
        return [
            Lead(account=one, bits=round(min(bits[one], CAP_BITS), 1), by=sorted(by[one]), exchanges=exchanges[one])
            for one in names
        ]


def _hits(imported: Sequence[Imported], seen: Iterable[Seen], group: bytes | None, today: date) -> _Hits:
    ranges = {one.value: one for held in imported for one in held.bulletin.ranges if one.valid_until >= today}
    families = [one for held in imported for one in held.bulletin.families]
    matcher = Matcher(families, group) if group is not None and families else None
    hits = _Hits(set(ranges))
    for one in seen:
        hits.accounts.add(one.account)
        for value in (widened(one.ip) if one.ip else None, f"AS{one.asn}" if one.asn else None):
            if value in ranges:
                hits.add(value, one.account)
        if matcher is not None and one.prompt:
            for name in matcher.match(one.prompt):
                hits.add(name, one.account)
    return hits


# -- what goes back


def sighting(imported: Imported, organisation: str, at: datetime) -> list[Object]:
    """Write that one sees it too: rounded counts, and nobody's name; nothing below the floor.

    Returns:
        the identity of the organisation and the sighting; nothing when fewer than LEAST_SIGHTED accounts match.
    """
    if len(imported.leads) < LEAST_SIGHTED:
        return []
    bulletin, maker = imported.bulletin, objects.organisation(organisation)
    kind = "campaign" if bulletin.finding == "distillation_campaign" else "intrusion-set"
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    told: Object = {
        "type": "sighting", "spec_version": "2.1", "id": own_id("sighting", organisation, bulletin.id),
        "created_by_ref": maker["id"], "created": stamp(bulletin.modified),
        "modified": stamp(max(day, bulletin.modified)),
        "count": rounded(sum(one.exchanges for one in imported.leads)),
        "sighting_of_ref": imported.about or own_id(kind, bulletin.id), "where_sighted_refs": [maker["id"]],
        "description": f"About {rounded(len(imported.leads)):,} accounts here match it; nobody acted on that alone.",
        "object_marking_refs": [objects.TLP[bulletin.marking]],
    }  # fmt: skip
    return [maker, told]


def opinion(
    bulletin: Bulletin, organisation: str, view: str, because: str, at: datetime, about: str = ""
) -> list[Object]:
    """Write that one agrees or disagrees, without taking anything back: `strongly-disagree` to `strongly-agree`.

    Raises:
        ShareError: when the reason must not leave, or the view is none of the five.
    """
    views = ("strongly-disagree", "disagree", "neutral", "agree", "strongly-agree")
    if view not in views:
        raise ShareError(f"`{view}` is no opinion", hint=f"one of {', '.join(views)}")
    scrub.check(msgspec.structs.replace(bulletin, note=because))
    maker = objects.organisation(organisation)
    kind = "campaign" if bulletin.finding == "distillation_campaign" else "intrusion-set"
    told: Object = {
        "type": "opinion", "spec_version": "2.1", "id": own_id("opinion", organisation, bulletin.id),
        "created_by_ref": maker["id"], "created": stamp(bulletin.modified),
        "modified": stamp(max(at, bulletin.modified)),
        "opinion": view, "explanation": because, "object_refs": [about or own_id(kind, bulletin.id)],
        "object_marking_refs": [objects.TLP[bulletin.marking]],
    }  # fmt: skip
    return [maker, told]


def joint(own: Sequence[Bulletin], imported: Sequence[Imported]) -> Mapping[str, dict[str, int]]:
    """Lay side by side what each side sees, by week: week -> organisation -> exchanges, of what is not revoked."""
    found: dict[str, dict[str, int]] = {}
    for bulletin in [*own, *(one.bulletin for one in imported)]:
        if not bulletin.revoked:
            for week in bulletin.weeks:
                held = found.setdefault(week.week, {})
                held[bulletin.producer] = held.get(bulletin.producer, 0) + week.exchanges
    return dict(sorted(found.items()))


def _now() -> datetime:
    return datetime.now(UTC)


def told(one: Imported) -> dict[str, Any]:
    """Show an import, for JSON."""
    return {"bulletin": one.bulletin.id, "producer": one.bulletin.producer, "title": one.bulletin.title,
            "revoked": one.bulletin.revoked, "leads": msgspec.to_builtins(one.leads), "shadow": True}  # fmt: skip
