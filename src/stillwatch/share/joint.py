"""Joint: what each side sees of one operation, by week, in rounded counts; and what each thinks of it.

One's own released bulletins stand beside what peers answered to them; what peers told stands beside what was found of
it here; two that a person joined are one operation. Below the floor of a sighting one's own side stays empty: the view
may be shown to the peer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from stillwatch.model.bulletin import WORDS, Bulletin, rounded
from stillwatch.share.actors import sentence
from stillwatch.share.answers import LEAST_SIGHTED
from stillwatch.share.exchange import Imported
from stillwatch.share.formats._objects import EXTENSION, Object, own_id
from stillwatch.share.joins import Join

FOUND: Final = "found it"


class Side(msgspec.Struct, kw_only=True, frozen=True):
    """What one organisation sees.

    Attributes:
        how: whether it found the operation, or sighted what another told.
        weeks: exchanges by ISO week, two significant figures.
    """

    organisation: str
    how: str
    accounts: int
    exchanges: int
    weeks: dict[str, int]


class View(msgspec.Struct, kw_only=True, frozen=True):
    """What one organisation thinks: an opinion, a dispute, or the answer of whoever is named."""

    organisation: str
    opinion: str
    because: str


class Operation(msgspec.Struct, kw_only=True, frozen=True):
    """One operation, as its bulletin tells of it, with all sides.

    Attributes:
        joined: bulletins of peers that tell of it too, as a person said.
    """

    bulletin: str
    producer: str
    title: str
    likelihood: str
    revoked: str
    actor: str
    sides: list[Side]
    opinions: list[View]
    joined: list[str] = []

    @property
    def disputed(self) -> bool:
        """Tell whether anybody disagrees."""
        return any("disagree" in one.opinion for one in self.opinions)


def joint(
    own: Sequence[Bulletin], imported: Sequence[Imported], answers: Iterable[tuple[str, Object]], organisation: str,
    joins: Sequence[Join] = (),
) -> list[Operation]:  # fmt: skip
    """Lay everything side by side.

    Args:
        joins: which of one's own and which of a peer's are one operation; nothing that was revoked is joined.
        answers: what peers sent back, each with the organisation in whose name it came.
        organisation: one's own.
    """
    held = list(answers)
    every = {one.id: _operation(one, held, []) for one in own}
    theirs = {one.bulletin.id: _operation(one.bulletin, held, _here(one, organisation)) for one in imported}
    for join in joins:
        mine, other = every.get(join.own), theirs.get(join.told)
        if mine is not None and other is not None and not mine.revoked and not other.revoked:
            every[join.own] = _one(mine, other)
            del theirs[join.told]
    return [*every.values(), *theirs.values()]


def _one(mine: Operation, other: Operation) -> Operation:
    """Lay two operations together that are one; who found it himself is not told as seeing it too."""
    sides: dict[str, Side] = {}
    for side in [*mine.sides, *other.sides]:
        held = sides.get(side.organisation)
        if held is None or (held.how != FOUND and side.how == FOUND):
            sides[side.organisation] = side
    return msgspec.structs.replace(
        mine, sides=list(sides.values()), opinions=[*mine.opinions, *other.opinions],
        joined=[*mine.joined, other.bulletin],
    )  # fmt: skip


def by_week(operations: Iterable[Operation]) -> Mapping[str, dict[str, int]]:
    """Add all operations up that are not revoked: week -> organisation -> exchanges."""
    found: dict[str, dict[str, int]] = {}
    for one in operations:
        for side in one.sides if not one.revoked else ():
            for week, count in side.weeks.items():
                held = found.setdefault(week, {})
                held[side.organisation] = held.get(side.organisation, 0) + count
    return dict(sorted(found.items()))


def _operation(bulletin: Bulletin, answers: Sequence[tuple[str, Object]], here: Sequence[Side]) -> Operation:
    about = {own_id(kind, bulletin.id) for kind in ("campaign", "intrusion-set")}
    maker = Side(
        organisation=bulletin.producer, how=FOUND, accounts=bulletin.volume.accounts,
        exchanges=bulletin.volume.exchanges, weeks={one.week: one.exchanges for one in bulletin.weeks},
    )  # fmt: skip
    sighted = [_sighted(name, one) for name, one in answers if one.get("sighting_of_ref") in about]
    opinions = [_view(name, one) for name, one in answers if about & set(_texts(one.get("object_refs")))]
    if bulletin.actor is not None:
        name = bulletin.actor.name
        opinions += [View(organisation=name, opinion=one.stance, because=one.says) for one in bulletin.actor.replies]
    return Operation(
        bulletin=bulletin.id, producer=bulletin.producer, title=bulletin.title, likelihood=WORDS[bulletin.probability],
        revoked=(bulletin.revoked_because or "revoked") if bulletin.revoked else "",
        actor=sentence(bulletin.actor) if bulletin.actor is not None else "", sides=[maker, *sighted, *here],
        opinions=opinions,
    )  # fmt: skip


def _here(one: Imported, organisation: str) -> list[Side]:
    if len(one.leads) < LEAST_SIGHTED:
        return []
    weeks: dict[str, int] = {}
    for lead in one.leads:
        for week, count in lead.weeks.items():
            weeks[week] = weeks.get(week, 0) + count
    exchanges = rounded(sum(lead.exchanges for lead in one.leads))
    return [Side(organisation=organisation, how="sees it too", accounts=rounded(len(one.leads)), exchanges=exchanges,
                 weeks={week: rounded(count) for week, count in sorted(weeks.items())})]  # fmt: skip


def _sighted(name: str, one: Object) -> Side:
    held: Any = one.get("extensions", {})
    own: Any = held.get(EXTENSION, {}) if isinstance(held, dict) else {}
    own = own if isinstance(own, dict) else {}
    weeks = {str(week["week"]): int(week["exchanges"]) for week in own.get("weeks", [])}
    return Side(organisation=name, how="sees it too", accounts=int(own.get("accounts", 0)),
                exchanges=int(one.get("count", 0)), weeks=weeks)  # fmt: skip


def _view(name: str, one: Object) -> View:
    return View(organisation=name, opinion=str(one.get("opinion", "")), because=str(one.get("explanation", "")))


def _texts(values: Any) -> list[str]:
    return [one for one in values if isinstance(one, str)] if isinstance(values, list) else []
