"""Objects of STIX 2.1 that do not depend on a finding: identities, markings, techniques, the extension.

All ids are version-5 UUIDs and all times are fixed, so that writing twice gives the same bytes.
Source: STIX 2.1 OASIS standard, 10 June 2021; TLP 2.0 in STIX by OASIS (cti-stix-common-objects).
"""

from __future__ import annotations

import json
import uuid
from datetime import date, datetime
from functools import cache
from importlib import resources
from typing import Any, Final

from stillwatch.model.bulletin import PURPOSE, Marking
from stillwatch.share.compose import NAMESPACE
from stillwatch.share.techniques import ATLAS, GAPS, MITIGATES, MITIGATIONS, OLDEST, OWN_SINCE

Object = dict[str, Any]

SCO_NAMESPACE: Final = uuid.UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")
TLP_EXTENSION: Final = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
EXTENSION: Final = f"extension-definition--{uuid.uuid5(NAMESPACE, 'extension|1')}"
TLP: Final[dict[Marking, str]] = {
    "clear": "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    "green": "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    "amber": "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    "amber+strict": "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
    "red": "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
}
TLP_OF: Final = {name: marking for marking, name in TLP.items()}
EXTENSION_SINCE: Final = "2026-11-28T00:00:00.000Z"
"""When the present version of our extension was written: its newest wins wherever it is held."""
FOUND: Final = ("finding", "volume", "weeks", "signs", "innocent", "targets", "detector", "error_control")
"""Fields of a bulletin that stand in the extension as they are."""
OURSELVES: Final = "stillwatch"


def own_id(kind: str, *parts: str) -> str:
    """Make the id of an object of ours: the same for the same parts."""
    return f"{kind}--{uuid.uuid5(NAMESPACE, '|'.join((kind, *parts)))}"


def stamp(at: datetime | date) -> str:
    """Write an instant, or the beginning of a day, as STIX does: UTC, milliseconds."""
    if not isinstance(at, datetime):
        return f"{at.isoformat()}T00:00:00.000Z"
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def organisation(name: str) -> Object:
    """Write the identity of an organisation that shares, or of this program, whose objects are common property."""
    program = name == OURSELVES
    told = "The program that wrote this; no organisation." if program else "An organisation that shares bulletins."
    return {
        "type": "identity", "spec_version": "2.1", "id": own_id("identity", name), "created": OWN_SINCE,
        "modified": OWN_SINCE, "name": name, "identity_class": "system" if program else "organization",
        "description": told,
    }  # fmt: skip


def victims() -> Object:
    """Write whom such campaigns target: a class, and no company."""
    return {
        "type": "identity", "spec_version": "2.1", "id": own_id("identity", "victims"), "created": OWN_SINCE,
        "modified": OWN_SINCE, "created_by_ref": own_id("identity", OURSELVES), "name": "Providers of AI services",
        "identity_class": "class", "sectors": ["technology"],
        "description": "Organisations that serve a model of their own through an API.",
    }  # fmt: skip


def tlp(marking: Marking) -> Object:
    """Write the TLP 2.0 marking as OASIS publishes it."""
    return {
        "type": "marking-definition", "spec_version": "2.1", "id": TLP[marking], "created": "2022-10-01T00:00:00.000Z",
        "name": f"TLP:{marking.upper()}",
        "extensions": {TLP_EXTENSION: {"extension_type": "property-extension", "tlp_2_0": marking}},
    }  # fmt: skip


def statement(text: str = PURPOSE) -> Object:
    """Write what a bulletin may be used for."""
    return {
        "type": "marking-definition", "spec_version": "2.1", "id": own_id("marking-definition", text),
        "created": OWN_SINCE, "definition_type": "statement", "definition": {"statement": text},
    }  # fmt: skip


@cache
def schema() -> dict[str, Any]:
    """Read the JSON Schema of our extension, which ships in the package."""
    text = resources.files("stillwatch.share.formats").joinpath("extension.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def definition() -> Object:
    """Write the definition of our extension; its schema stands in it, so that nothing has to be fetched."""
    return {
        "type": "extension-definition", "spec_version": "2.1", "id": EXTENSION, "created": OWN_SINCE,
        "modified": EXTENSION_SINCE, "created_by_ref": own_id("identity", OURSELVES),
        "name": "Adversarial distillation",
        "description": "What a campaign of adversarial distillation looked like, in rounded counts.",
        "schema": json.dumps(schema(), separators=(",", ":")), "version": "1.1.0",
        "extension_types": ["property-extension"],
    }  # fmt: skip


def technique(number: str) -> Object:
    """Write an ATLAS technique, under its own id where we know it."""
    known = ATLAS.get(number)
    return {
        "type": "attack-pattern", "spec_version": "2.1",
        "id": f"attack-pattern--{known.id}" if known else own_id("attack-pattern", number),
        "created": OLDEST, "modified": OLDEST, "name": known.name if known else number,
        "external_references": [_atlas(number)],
        **({"kill_chain_phases": [_phase(one) for one in known.phases.split()]} if known else {}),
    }  # fmt: skip


def _phase(name: str) -> Object:
    return {"kill_chain_name": "mitre-atlas", "phase_name": name}


def mitigations(number: str) -> list[Object]:
    """Write ATLAS's mitigations of a technique, and that they mitigate it."""
    found: list[Object] = []
    for name in MITIGATES.get(number, ()):
        made, called = MITIGATIONS[name]
        action = f"course-of-action--{made}"
        target = f"attack-pattern--{ATLAS[number].id}"
        url = f"https://atlas.mitre.org/mitigations/{name}"
        found.append({
            "type": "course-of-action", "spec_version": "2.1", "id": action, "created": OLDEST, "modified": OLDEST,
            "name": called,
            "external_references": [{"source_name": "mitre-atlas", "external_id": name, "url": url}],
        })  # fmt: skip
        found.append({
            "type": "relationship", "spec_version": "2.1", "id": own_id("relationship", action, "mitigates", target),
            "created_by_ref": own_id("identity", OURSELVES), "created": OWN_SINCE, "modified": OWN_SINCE,
            "relationship_type": "mitigates", "source_ref": action, "target_ref": target,
        })  # fmt: skip
    return found


def gap(name: str) -> Object:
    """Write a technique that ATLAS lacks, with a reference to the nearest one that it has."""
    told = GAPS[name]
    return {
        "type": "attack-pattern", "spec_version": "2.1", "id": own_id("attack-pattern", name), "created": OWN_SINCE,
        "modified": OWN_SINCE, "created_by_ref": own_id("identity", OURSELVES), "name": told.name,
        "description": told.description, "external_references": [_atlas(told.nearest)],
        "kill_chain_phases": [_phase(told.phase)],
    }  # fmt: skip


def _atlas(number: str) -> Object:
    return {"source_name": "mitre-atlas", "external_id": number, "url": f"https://atlas.mitre.org/techniques/{number}"}


def sco(value: str) -> Object:
    """Write a range or an AS as an object that was observed; its id is the one that STIX prescribes."""
    if value.startswith("AS"):
        kind, field, held = "autonomous-system", "number", int(value[2:])
    else:
        kind, field, held = ("ipv6-addr" if ":" in value else "ipv4-addr"), "value", value  # type: ignore[assignment]
    name = uuid.uuid5(SCO_NAMESPACE, json.dumps({field: held}, separators=(",", ":")))
    return {"type": kind, "spec_version": "2.1", "id": f"{kind}--{name}", field: held}
