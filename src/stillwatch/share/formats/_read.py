"""Reading back: bulletins out of the objects of STIX 2.1 that `stix` writes; objects of others are left out."""

from __future__ import annotations

import json
from collections.abc import Mapping

import msgspec

from stillwatch.errors import ShareError
from stillwatch.model.bulletin import Bulletin
from stillwatch.share.formats import _objects as objects
from stillwatch.share.formats._linked import Linked
from stillwatch.share.formats._objects import EXTENSION, FOUND, Object, own_id
from stillwatch.share.techniques import GAPS


def read(data: bytes) -> list[Bulletin]:
    """Read the bulletins of a bundle that stillwatch wrote; objects of others are left out.

    Raises:
        ShareError: naming the object, the field and the rule.
    """
    return assemble(objects_of(data))


def objects_of(data: bytes) -> dict[str, Object]:
    """Read the objects of a bundle, by id.

    Raises:
        ShareError: when it is none.
    """
    try:
        return {one["id"]: one for one in json.loads(data)["objects"]}
    except (ValueError, KeyError, TypeError, RecursionError) as trouble:
        raise ShareError(
            f"this is no STIX bundle: {type(trouble).__name__}", hint="a JSON object with `objects`"
        ) from None


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
    fields: Object = {name: own[name] for name in FOUND if name in own}
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
        "actor": _read_actor(main, linked),
        "references": [_read_reference(one) for one in main.get("external_references", [])],
    }  # fmt: skip
    fields["atlas"].sort()
    fields["gaps"].sort()
    return msgspec.convert(fields, Bulletin)


def _read_reference(one: Object) -> Object:
    held = {"source": one["source_name"], "external_id": one.get("external_id", ""), "url": one.get("url", "")}
    return held | {"sha256": one.get("hashes", {}).get("SHA-256", "")}


def _read_actor(main: Object, linked: Linked) -> Object | None:
    """Read who is named: by the finding itself, or by the intrusion set that it is attributed to."""
    crowds = [main, *linked.attributed(main, "intrusion-set")]
    found = [one for crowd in crowds for one in linked.attributed(crowd, "threat-actor")]
    named = [one for one in found if _extension(one).get("scope") == "actor"]
    if not named:
        return None
    newest = max(named, key=lambda one: (not one.get("revoked", False), str(one["modified"])))
    own = {name: value for name, value in _extension(newest).items() if name not in ("extension_type", "scope")}
    own["confidence"] = own.pop("analytic_confidence")
    return own | {"name": newest["name"], "probability": newest["confidence"]}


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
