"""Foreign: a bulletin of a public authority, out of STIX 2.1 that stillwatch did not write.

Taken in are the campaign or set that it tells of, the techniques of ATLAS, and indicators that name a network of /24,
/48 or wider, or an AS. A single address is somebody's home and is not looked for; what else an authority tells is for
people to read. What is left out is said. Like everything from outside it runs in shadow.
"""

from __future__ import annotations

import ipaddress
import json
import re
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, NamedTuple

import msgspec

from stillwatch.errors import ShareError
from stillwatch.model.bulletin import Bulletin, Marking, Range, Volume, scaled
from stillwatch.share import scrub
from stillwatch.share.compose import NAMESPACE
from stillwatch.share.formats._objects import TLP_OF, Object
from stillwatch.share.ranges import LIVES_DAYS

MAINS: Final = ("campaign", "intrusion-set", "report", "grouping", "incident")
"""Types that a bulletin can be about, those first that say most."""
_ATLAS: Final = re.compile(r"AML\.T\d{4}(\.\d{3})?")
_ADDRESS: Final = re.compile(r"\[\s*(ipv[46])-addr:value\s+(?:=|ISSUBSET)\s+'([^']{2,64})'\s*\]")
_AS: Final = re.compile(r"\[\s*autonomous-system:number\s*=\s*(\d{1,10})\s*\]")
_OLD_TLP: Final[dict[str, Marking]] = {"white": "clear", "green": "green", "amber": "amber", "red": "red"}


class Taken(NamedTuple):
    """What an authority told, and what of it was left out, with why.

    Attributes:
        about: id of the STIX object that each bulletin is about.
    """

    bulletins: list[Bulletin]
    left: list[str]
    about: dict[str, str]


def read(data: bytes, organisation: str) -> Taken:
    """Read a bundle of an authority.

    Args:
        organisation: what the authority is called; objects of others are left out.

    Raises:
        ShareError: when it is no bundle, or holds nothing that a bulletin can be about.
    """
    try:
        bundle = json.loads(data)
        held = {one["id"]: one for one in bundle["objects"] if isinstance(one, dict) and isinstance(one["id"], str)}
    except (ValueError, KeyError, TypeError, RecursionError) as trouble:
        raise ShareError(
            f"this is no STIX bundle: {type(trouble).__name__}", hint="a JSON object with `objects`"
        ) from None
    makers = {name for name, one in held.items() if one.get("type") == "identity" and one.get("name") == organisation}
    left: list[str] = []
    mains = [one for kind in MAINS for one in held.values() if one.get("type") == kind]
    own = [one for one in mains if one.get("created_by_ref") in makers]
    left += [f"{one['id']}: `created_by_ref` is not `{organisation}`" for one in mains if one not in own]
    if not own:
        why = left[0] if left else f"none of {', '.join(MAINS)} is in it"
        raise ShareError(f"nothing of `{organisation}` can be taken in: {why}", hint="see `organisation` in peers.toml")
    best = [one for one in own if one["type"] == own[0]["type"]]
    found: list[Bulletin] = []
    about: dict[str, str] = {}
    for main in best:
        try:
            found.append(_bulletin(main, held, organisation, left))
            about[found[-1].id] = main["id"]
        except (KeyError, TypeError, ValueError, AttributeError) as trouble:
            left.append(f"{main['id']}: `{str(trouble).strip(chr(39))[:80]}` is missing or wrong")
    return Taken(found, left, about)


def _bulletin(main: Object, held: Mapping[str, Object], organisation: str, left: list[str]) -> Bulletin:
    created, modified = _instant(main["created"]), _instant(main["modified"])
    first = _instant(main.get("first_seen", main["created"])).date()
    last = max(first, _instant(main.get("last_seen", main["modified"])).date())
    patterns = [one for one in held.values() if one.get("type") == "attack-pattern"]
    told = Bulletin(
        id=str(uuid.uuid5(NAMESPACE, f"foreign|{main['id']}")), producer=organisation,
        finding="distillation_campaign" if main["type"] == "campaign" else "account_network",
        marking=_marking(main, held),
        created=created, modified=modified, revoked=bool(main.get("revoked", False)),
        revoked_because="the authority revoked it" if main.get("revoked") else None,
        title=str(main["name"])[:200], description=str(main.get("description", ""))[:4000], first_seen=first,
        last_seen=last, volume=Volume(accounts=0, exchanges=0), probability=scaled(int(main.get("confidence", 50))),
        confidence=30, atlas=sorted({number for one in patterns for number in _numbers(one)}),
        ranges=sorted(_ranges(held, modified.date(), left), key=lambda one: one.value),
        detector="told by an authority; not found by this program",
    )  # fmt: skip
    return _clean(told, left)


def _clean(told: Bulletin, left: list[str]) -> Bulletin:
    """Leave the description out when something personal stands in it: it is for people, and they have the original."""
    fields = {one.field for one in scrub.refusals(told)}
    if "description" in fields:
        left.append(f"{told.id}: `description` holds what looks personal or secret, and is left out")
        told = msgspec.structs.replace(told, description="")
    return told


def _ranges(held: Mapping[str, Object], today: date, left: list[str]) -> Iterator[Range]:
    for one in held.values():
        if one.get("type") != "indicator":
            continue
        pattern = str(one.get("pattern", ""))
        value = _value(pattern)
        if value is None:
            left.append(f"{one['id']}: `pattern` is neither one network of /24, /48 or wider nor one AS")
        elif not one.get("revoked"):
            until = _instant(one["valid_until"]).date() if "valid_until" in one else today + timedelta(LIVES_DAYS)
            yield Range(value=value, accounts=0, frequency=0.0, shared_egress=False, valid_until=until)


def _value(pattern: str) -> str | None:
    if found := _AS.fullmatch(pattern.strip()):
        return f"AS{int(found[1])}"
    found = _ADDRESS.fullmatch(pattern.strip())
    if found is None:
        return None
    try:
        network = ipaddress.ip_network(found[2], strict=False)
    except ValueError:
        return None
    return str(network) if network.prefixlen <= scrub.LONGEST_RANGE[network.version] else None


def _numbers(pattern: Object) -> Iterator[str]:
    for one in pattern.get("external_references", []):
        number = str(one.get("external_id", ""))
        if _ATLAS.fullmatch(number):
            yield number


def _marking(main: Object, held: Mapping[str, Object]) -> Marking:
    """Read TLP 2.0, or TLP 1 as STIX has it; what is unmarked is held as amber+strict."""
    for name in main.get("object_marking_refs", []):
        if name in TLP_OF:
            return TLP_OF[name]
        definition: Any = held.get(name, {}).get("definition", {})
        if isinstance(definition, dict) and definition.get("tlp") in _OLD_TLP:
            return _OLD_TLP[definition["tlp"]]
    return "amber+strict"


def _instant(text: Any) -> datetime:
    """Read an instant; without a zone it is UTC, as STIX says."""
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
