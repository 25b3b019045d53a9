"""STIX 2.1: built-in object types and one property extension, so that strict parsers take it whole.

A campaign is a `campaign` attributed to an `intrusion-set`; a network is an `intrusion-set`. Nobody is named unless the
bulletin holds an actor: then the set is attributed to a `threat-actor`, with the answers of whoever is named. Ranges
are `indicator`s with patterns that any tool can run, families are `indicator`s with a pattern type of ours. Writing the
same bulletin twice gives the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import msgspec

from stillwatch.model.actor import Reply
from stillwatch.model.bulletin import Bulletin, Range, SharedFamily
from stillwatch.share.actors import sentence
from stillwatch.share.formats import _objects as objects
from stillwatch.share.formats._objects import EXTENSION, FOUND, Object, own_id, stamp
from stillwatch.share.formats._read import assemble, objects_of, read

__all__ = ["SUFFIX", "WINNOW", "assemble", "bundle", "draw", "objects_of", "read", "write"]

SUFFIX: Final = ".json"
WINNOW: Final = "x-stillwatch-winnow"
"""Pattern type of a prompt family: JSON with `epoch`, `scheme`, `threshold` and `marks`."""

OPINIONS: Final = {
    "denies": "strongly-disagree", "comments": "neutral", "silent": "neutral", "admits": "strongly-agree",
}  # fmt: skip
"""What an answer of whoever is named is as an opinion of STIX."""
_DRAWN: Final = ("name", "probability", "confidence")
"""Fields of an actor that have a place of their own in STIX."""


def write(bulletins: Iterable[Bulletin]) -> bytes:
    """Write a bundle: objects that several bulletins need stand in it once."""
    found: dict[str, Object] = {}
    for bulletin in bulletins:
        for one in draw(bulletin):
            found.setdefault(one["id"], one)
    return bundle(list(found.values()))


def bundle(found: Sequence[Object]) -> bytes:
    """Write objects as a bundle, whose id is made of theirs."""
    name = own_id("bundle", *(f"{one['id']}@{one.get('modified', '')}" for one in found))
    return json.dumps({"type": "bundle", "id": name, "objects": found}, ensure_ascii=False, indent=1).encode() + b"\n"


def draw(bulletin: Bulletin) -> list[Object]:
    """Draw one bulletin as objects, those first that others refer to."""
    drawn = _Drawing(bulletin)
    return [
        objects.organisation(objects.OURSELVES), objects.organisation(bulletin.producer), objects.victims(),
        objects.tlp(bulletin.marking), objects.statement(bulletin.purpose), objects.definition(), *drawn.all(),
    ]  # fmt: skip


class _Drawing:
    """Draws the objects of one bulletin."""

    def __init__(self, bulletin: Bulletin) -> None:
        self.bulletin = bulletin
        self.campaign = bulletin.finding == "distillation_campaign"
        self.links: list[Object] = []

    def all(self) -> list[Object]:
        bulletin = self.bulletin
        techniques = [*map(objects.technique, bulletin.atlas), *(objects.gap(name) for name in bulletin.gaps)]
        crowd, accounts = self._crowd(), self._accounts()
        main = self._campaign() if self.campaign else crowd
        indicators = [*map(self._family, bulletin.families), *map(self._range, bulletin.ranges)]
        seen = self._seen()
        self._link(main, "targets", objects.victims())
        self._link(main, "uses", accounts)
        for one in techniques:
            self._link(main, "uses", one)
        for one in indicators:
            self._link(one, "indicates", main)
        if main is not crowd:
            self._link(main, "attributed-to", crowd)
        named = self._actor(crowd)
        own = [main, *([crowd] if main is not crowd else []), accounts, *indicators, *seen, *named, *self._note(main)]
        answers = {one["id"]: one for number in bulletin.atlas for one in objects.mitigations(number)}
        told = [*techniques, *answers.values(), *own, *self.links]
        return [*told, self._grouping(told)]

    def _sdo(self, kind: str, *parts: str, **fields: Any) -> Object:
        """Begin an object of ours; `None` leaves a field out."""
        bulletin = self.bulletin
        head: Object = {
            "type": kind, "spec_version": "2.1", "id": own_id(kind, bulletin.id, *parts),
            "created_by_ref": own_id("identity", bulletin.producer), "created": stamp(bulletin.created),
            "modified": stamp(bulletin.modified),
        }  # fmt: skip
        if bulletin.revoked:
            head["revoked"] = True
        head |= {name: value for name, value in fields.items() if value is not None}
        head["object_marking_refs"] = [
            objects.TLP[bulletin.marking], own_id("marking-definition", bulletin.purpose)
        ]  # fmt: skip
        return head

    def _found(self) -> Object:
        told = msgspec.to_builtins(self.bulletin)
        held = {name: told[name] for name in FOUND if told[name] not in ([], "")}
        held |= {"bulletin": self.bulletin.id, "analytic_confidence": self.bulletin.confidence}
        if self.bulletin.revoked_because:
            held["revoked_because"] = self.bulletin.revoked_because
        return _extended("finding", **held)

    def _campaign(self) -> Object:
        bulletin = self.bulletin
        return self._sdo(
            "campaign", name=bulletin.title, description=bulletin.description, confidence=bulletin.probability,
            first_seen=stamp(bulletin.first_seen), last_seen=_end(bulletin.last_seen),
            objective="Gather a model's answers as training data for another model.", extensions=self._found(),
            external_references=self._references(),
        )  # fmt: skip

    def _crowd(self) -> Object:
        bulletin = self.bulletin
        own = not self.campaign
        return self._sdo(
            "intrusion-set", name=bulletin.title if own else f"The accounts behind: {bulletin.title}",
            description=bulletin.description if own else "Accounts that act as one and hide it.",
            confidence=bulletin.probability, first_seen=stamp(bulletin.first_seen), last_seen=_end(bulletin.last_seen),
            extensions=self._found() if own else None, external_references=self._references() if own else None,
        )  # fmt: skip

    def _accounts(self) -> Object:
        return self._sdo(
            "infrastructure", name=f"About {self.bulletin.volume.accounts:,} accounts worked by one hand",
            description="Fraudulent or resold accounts through which the model was asked.",
            infrastructure_types=["unknown"],
            first_seen=stamp(self.bulletin.first_seen), last_seen=_end(self.bulletin.last_seen),
        )  # fmt: skip

    def _actor(self, crowd: Object) -> list[Object]:
        """Draw who is named, what he answers, and the links; a claim that is withdrawn is drawn as revoked."""
        actor = self.bulletin.actor
        if actor is None:
            return []
        taken = {"revoked": True} if actor.withdrawn else {}
        held = msgspec.to_builtins(actor)
        told = {name: value for name, value in held.items() if value not in ("", None, []) and name not in _DRAWN}
        one = self._sdo(
            "threat-actor", actor.name, name=actor.name, description=sentence(actor), threat_actor_types=["unknown"],
            confidence=actor.probability, **taken,
            extensions=_extended("actor", analytic_confidence=actor.confidence, **told),
        )  # fmt: skip
        who = self._sdo("identity", actor.name, name=actor.name, identity_class="organization", **taken)
        self._link(crowd, "attributed-to", one, confidence=actor.probability, **taken)
        self._link(one, "attributed-to", who, **taken)
        return [one, who, *(self._reply(one, who, number, reply) for number, reply in enumerate(actor.replies))]

    def _reply(self, one: Object, who: Object, number: int, reply: Reply) -> Object:
        """Draw an answer as an opinion whose author is whoever is named, told by the producer.

        It refers to the identity too: misp-stix keeps an opinion on that alone.
        """
        return self._sdo(
            "opinion", one["id"], str(number), opinion=OPINIONS[reply.stance], explanation=reply.says,
            authors=[one["name"]], object_refs=[one["id"], who["id"]],
        )  # fmt: skip

    def _family(self, family: SharedFamily) -> Object:
        begin = datetime.strptime(f"{family.epoch}-1", "%G-W%V-%u").replace(tzinfo=UTC)
        pattern = {name: getattr(family, name) for name in ("epoch", "scheme", "threshold", "marks")}
        return self._sdo(
            "indicator", family.id, family.epoch, name=f"Prompt family {family.id}, week {family.epoch}",
            description=(
                f"Prompts of one template, sent by about {family.accounts:,} accounts. Matches a text that contains at "
                f"least {family.threshold:.0%} of these keyed fingerprints; the template itself is not shared."
            ),
            indicator_types=["anomalous-activity"], pattern=json.dumps(pattern, separators=(",", ":")),
            pattern_type=WINNOW, pattern_version="1", valid_from=stamp(begin), valid_until=stamp(begin + timedelta(7)),
            confidence=self.bulletin.probability,
            extensions=_extended(
                "family", family=family.id, epoch=family.epoch, scheme=family.scheme, accounts=family.accounts,
                exchanges=family.exchanges, control=family.control, **({"kinds": family.kinds} if family.kinds else {}),
            ),
        )  # fmt: skip

    def _range(self, one: Range) -> Object:
        if one.value.startswith("AS"):
            pattern = f"[autonomous-system:number = {one.value[2:]}]"
        else:
            pattern = f"[ipv{6 if ':' in one.value else 4}-addr:value ISSUBSET '{one.value}']"
        warning = " Many strangers come out of it too: never act on it alone." if one.shared_egress else ""
        return self._sdo(
            "indicator", one.value, name=f"Network {one.value}",
            description=f"About {one.accounts:,} accounts of the finding came from it.{warning}",
            indicator_types=["anomalous-activity"], pattern=pattern, pattern_type="stix", pattern_version="2.1",
            valid_from=stamp(self.bulletin.first_seen), valid_until=stamp(one.valid_until),
            confidence=self.bulletin.probability,
            extensions=_extended(
                "range", accounts=one.accounts, frequency=one.frequency, shared_egress=one.shared_egress
            ),
        )  # fmt: skip

    def _seen(self) -> list[Object]:
        """Draw the ranges as what was observed, networks and systems apart: misp-stix stumbles over both in one."""
        found = [objects.sco(one.value) for one in self.bulletin.ranges]
        systems = [one for one in found if one["type"] == "autonomous-system"]
        networks = [one for one in found if one["type"] != "autonomous-system"]
        return [*found, *self._observed(networks), *self._observed(systems, "systems")]

    def _observed(self, found: Sequence[Object], *parts: str) -> list[Object]:
        if not found:
            return []
        seen = self._sdo(
            "observed-data", *parts, first_observed=stamp(self.bulletin.first_seen),
            last_observed=_end(self.bulletin.last_seen),
            number_observed=max(1, self.bulletin.volume.exchanges), object_refs=[one["id"] for one in found],
        )  # fmt: skip
        return [seen]

    def _note(self, main: Object) -> list[Object]:
        if not self.bulletin.note:
            return []
        refs = [main["id"], own_id("grouping", self.bulletin.id)]  # misp-stix keeps a note on the latter alone
        return [self._sdo("note", abstract="From the preparer", content=self.bulletin.note, object_refs=refs)]

    def _link(self, source: Object, kind: str, target: Object, **fields: Any) -> None:
        self.links.append(
            self._sdo(
                "relationship", source["id"], kind, target["id"], relationship_type=kind, source_ref=source["id"],
                target_ref=target["id"], **fields,
            )
        )  # fmt: skip

    def _grouping(self, told: Sequence[Object]) -> Object:
        return self._sdo(
            "grouping", name=self.bulletin.title, description=self.bulletin.description,
            context="suspicious-activity", object_refs=[one["id"] for one in told],
            external_references=self._references(),
        )  # fmt: skip

    def _references(self) -> list[Object] | None:
        """Write where more stands; a hash tells a receiver that he has the same."""
        found: list[Object] = []
        for one in self.bulletin.references:
            held: Object = {"source_name": one.source, "external_id": one.external_id, "url": one.url}
            held["hashes"] = {"SHA-256": one.sha256} if one.sha256 else ""
            found.append({name: value for name, value in held.items() if value})
        return found or None


def _extended(scope: str, **held: Any) -> Object:
    return {EXTENSION: {"extension_type": "property-extension", "scope": scope, **held}}


def _end(day: date) -> str:
    return f"{day.isoformat()}T23:59:59.999Z"
