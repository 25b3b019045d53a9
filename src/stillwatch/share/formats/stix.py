"""STIX 2.1: built-in object types and one property extension, so that strict parsers take it whole.

A campaign is a `campaign` attributed to an `intrusion-set`; a network is an `intrusion-set`. Nobody is named: there
is no `threat-actor` here. Ranges are `indicator`s with patterns that any tool can run, families are `indicator`s
with a pattern type of ours. Writing the same bulletin twice gives the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import msgspec

from stillwatch.errors import ShareError
from stillwatch.model.bulletin import Bulletin, Range, SharedFamily
from stillwatch.share.formats import _objects as objects
from stillwatch.share.formats._linked import Linked
from stillwatch.share.formats._objects import EXTENSION, Object, own_id, stamp
from stillwatch.share.techniques import GAPS

SUFFIX: Final = ".json"
WINNOW: Final = "x-stillwatch-winnow"
"""Pattern type of a prompt family: JSON with `epoch`, `scheme`, `threshold` and `marks`."""

_FINDING: Final = ("finding", "volume", "weeks", "signs", "innocent", "targets", "detector", "error_control")


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
        own = [main, *([crowd] if main is not crowd else []), accounts, *indicators, *seen, *self._note(main)]
        told = [*techniques, *own, *self.links]
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
        held = {name: told[name] for name in _FINDING if told[name] not in ([], "")}
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
        )  # fmt: skip

    def _crowd(self) -> Object:
        bulletin = self.bulletin
        own = not self.campaign
        return self._sdo(
            "intrusion-set", name=bulletin.title if own else f"The accounts behind: {bulletin.title}",
            description=bulletin.description if own else "Accounts that act as one and hide it. Nobody is named.",
            confidence=bulletin.probability, first_seen=stamp(bulletin.first_seen), last_seen=_end(bulletin.last_seen),
            extensions=self._found() if own else None,
        )  # fmt: skip

    def _accounts(self) -> Object:
        return self._sdo(
            "infrastructure", name=f"About {self.bulletin.volume.accounts:,} accounts worked by one hand",
            description="Fraudulent or resold accounts through which the model was asked.",
            infrastructure_types=["unknown"],
            first_seen=stamp(self.bulletin.first_seen), last_seen=_end(self.bulletin.last_seen),
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
        """Draw the ranges as what was observed."""
        if not self.bulletin.ranges:
            return []
        found = [objects.sco(one.value) for one in self.bulletin.ranges]
        seen = self._sdo(
            "observed-data", first_observed=stamp(self.bulletin.first_seen),
            last_observed=_end(self.bulletin.last_seen),
            number_observed=max(1, self.bulletin.volume.exchanges), object_refs=[one["id"] for one in found],
        )  # fmt: skip
        return [*found, seen]

    def _note(self, main: Object) -> list[Object]:
        if not self.bulletin.note:
            return []
        return [self._sdo("note", abstract="From the preparer", content=self.bulletin.note, object_refs=[main["id"]])]

    def _link(self, source: Object, kind: str, target: Object) -> None:
        self.links.append(
            self._sdo(
                "relationship", source["id"], kind, target["id"], relationship_type=kind, source_ref=source["id"],
                target_ref=target["id"],
            )
        )  # fmt: skip

    def _grouping(self, told: Sequence[Object]) -> Object:
        return self._sdo(
            "grouping", name=self.bulletin.title, description=self.bulletin.description,
            context="suspicious-activity", object_refs=[one["id"] for one in told],
        )  # fmt: skip


def _extended(scope: str, **held: Any) -> Object:
    return {EXTENSION: {"extension_type": "property-extension", "scope": scope, **held}}


def _end(day: date) -> str:
    return f"{day.isoformat()}T23:59:59.999Z"


# -- reading back


def read(data: bytes) -> list[Bulletin]:
    """Read the bulletins of a bundle that stillwatch wrote; objects of others are left out.

    Raises:
        ShareError: naming the object, the field and the rule.
    """
    try:
        bundle = json.loads(data)
        held = {one["id"]: one for one in bundle["objects"]}
    except (ValueError, KeyError, TypeError, RecursionError) as trouble:
        raise ShareError(
            f"this is no STIX bundle: {type(trouble).__name__}", hint="a JSON object with `objects`"
        ) from None
    return assemble(held)


def assemble(held: Mapping[str, Object], refused: list[ShareError] | None = None) -> list[Bulletin]:
    """Put bulletins together from objects, by id.

    Args:
        refused: takes what is refused, so that one bad bulletin does not keep the others out.

    Raises:
        ShareError: naming the object, the field and the rule; where `refused` is left out.
    """
    found, linked = [], Linked(held)
    for name, one in held.items():
        if one.get("type") in ("campaign", "intrusion-set") and _extension(one).get("scope") == "finding":
            try:
                found.append(_bulletin(one, linked))
            except (KeyError, TypeError, ValueError, AttributeError, IndexError) as trouble:
                field = str(trouble).strip("'")[:120]
                wrong = ShareError(f"`{field}` is missing or wrong", where=name, hint="ask its producer")
                if refused is None:
                    raise wrong from None
                refused.append(wrong)
    return found


def _extension(one: Object) -> Object:
    extensions = one.get("extensions")
    held = extensions.get(EXTENSION) if isinstance(extensions, dict) else None
    return held if isinstance(held, dict) else {}


def _bulletin(main: Object, linked: Linked) -> Bulletin:
    own = _extension(main)
    gaps = {own_id("attack-pattern", name): name for name in GAPS}
    patterns, indicators, notes = linked.used(main, "attack-pattern"), linked.indicators(main), linked.notes(main)
    scoped = {
        scope: [one for one in indicators if _extension(one).get("scope") == scope] for scope in ("family", "range")
    }
    fields: Object = {name: own[name] for name in _FINDING if name in own}
    fields |= {
        "id": own["bulletin"], "producer": linked.held[main["created_by_ref"]]["name"], "marking": _marking(main),
        "purpose": _purpose(main, linked.held), "created": main["created"], "modified": main["modified"],
        "revoked": main.get("revoked", False), "revoked_because": own.get("revoked_because"), "title": main["name"],
        "description": main["description"], "first_seen": main["first_seen"][:10], "last_seen": main["last_seen"][:10],
        "probability": main["confidence"], "confidence": own["analytic_confidence"],
        "atlas": [one["external_references"][0]["external_id"] for one in patterns if one["id"] not in gaps],
        "gaps": [gaps[one["id"]] for one in patterns if one["id"] in gaps],
        "families": [_read_family(one) for one in scoped["family"]],
        "ranges": [_read_range(one) for one in scoped["range"]], "note": notes[0]["content"] if notes else "",
    }  # fmt: skip
    fields["atlas"].sort()
    fields["gaps"].sort()
    return msgspec.convert(fields, Bulletin)


def _marking(main: Object) -> str:
    """Read the marking; one without is refused, since nobody may say for its producer who may see it."""
    found = [objects.TLP_OF[one] for one in main["object_marking_refs"] if one in objects.TLP_OF]
    if len(found) != 1:
        raise KeyError("object_marking_refs")
    return found[0]


def _purpose(main: Object, held: Mapping[str, Object]) -> str:
    named = (held.get(one, {}) for one in main["object_marking_refs"])
    return next((str(one["definition"]["statement"]) for one in named if one.get("definition_type") == "statement"), "")


def _read_family(one: Object) -> Object:
    own, pattern = _extension(one), json.loads(one["pattern"])
    held = ("epoch", "scheme", "accounts", "exchanges", "control", "kinds")
    fields = {name: own[name] for name in held if name in own}
    return fields | {"id": own["family"], "marks": pattern["marks"], "threshold": pattern["threshold"]}


def _read_range(one: Object) -> Object:
    own = _extension(one)
    quoted = one["pattern"].split("'")
    value = quoted[1] if len(quoted) == 3 else "AS" + one["pattern"].rpartition("= ")[2].rstrip("]")
    fields = {name: own[name] for name in ("accounts", "frequency", "shared_egress")}
    return fields | {"value": value, "valid_until": one["valid_until"][:10]}
