"""MISP: a feed for plain web hosting: `manifest.json`, one file for each event, and `hashes.csv`.

Written from the bulletin and not from STIX, whose detour loses things. `hashes.csv` holds unsalted MD5 of values,
as MISP wants it: only ranges, which leave in clear anyway, and keyed fingerprints stand in it.
Source: the MISP core format (draft-dulaunoy-misp-core-format) and the feed layout of its training handout A.3.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable, Iterator
from typing import Any, Final

from stillwatch.model.bulletin import WORDS, Bulletin
from stillwatch.share.actors import sentence
from stillwatch.share.compose import NAMESPACE

SUFFIX: Final = ""
"""A directory."""
_WORD: Final = {word: word.replace(" ", "-") for word in WORDS.values()}


def files(bulletins: Iterable[Bulletin]) -> dict[str, bytes]:
    """Write every file of the feed, by its name."""
    manifest: dict[str, Any] = {}
    hashes: list[str] = []
    found: dict[str, bytes] = {}
    for bulletin in bulletins:
        one = event(bulletin)
        found[f"{bulletin.id}.json"] = _json({"Event": one})
        manifest[bulletin.id] = {
            name: one[name] for name in ("Orgc", "Tag", "info", "date", "analysis", "threat_level_id", "timestamp")
        }
        hashes += [
            f"{hashlib.md5(held['value'].encode(), usedforsecurity=False).hexdigest()},{one['uuid']}"
            for held in one["Attribute"]
            if held["type"] in ("ip-src", "AS", "other")
        ]
    found["manifest.json"] = _json(manifest)
    found["hashes.csv"] = "".join(f"{line}\n" for line in sorted(set(hashes))).encode()
    return found


def write(bulletins: Iterable[Bulletin]) -> bytes:
    """Write the events as one JSON document, for MISP's own import."""
    return _json({"response": [{"Event": event(bulletin)} for bulletin in bulletins]})


def event(bulletin: Bulletin) -> dict[str, Any]:
    """Draw a bulletin as an event; its uuid is the bulletin's."""
    at = str(int(bulletin.modified.timestamp()))
    return {
        "uuid": bulletin.id, "info": bulletin.title, "date": bulletin.first_seen.isoformat(), "timestamp": at,
        "publish_timestamp": at, "analysis": "2", "threat_level_id": "2", "distribution": "0", "published": True,
        "Orgc": {"name": bulletin.producer, "uuid": str(uuid.uuid5(NAMESPACE, f"identity|{bulletin.producer}"))},
        "Tag": [{"name": name} for name in _tags(bulletin)],
        "Attribute": [_attribute(bulletin, at, *one) for one in _attributes(bulletin)],
    }  # fmt: skip


def _tags(bulletin: Bulletin) -> Iterator[str]:
    yield f"tlp:{bulletin.marking}"
    yield f'estimative-language:likelihood-probability="{_WORD[WORDS[bulletin.probability]]}"'
    sure = "low" if bulletin.confidence < 40 else "moderate" if bulletin.confidence < 75 else "high"
    yield f'estimative-language:confidence-in-analytic-judgment="{sure}"'
    yield f'stillwatch:finding="{bulletin.finding}"'
    if bulletin.revoked:
        yield "stillwatch:revoked"
    for number in (*bulletin.atlas, *bulletin.gaps):
        yield f'stillwatch:technique="{number}"'


def _attributes(bulletin: Bulletin) -> Iterator[tuple[str, str, str, str, bool]]:
    """Give type, category, value, comment, and whether a detector may use it."""
    yield "campaign-name", "Attribution", bulletin.title, "", False
    yield "comment", "Other", bulletin.description, "", False
    yield "comment", "Other", bulletin.purpose, "purpose", False
    if bulletin.revoked:
        yield "comment", "Other", bulletin.revoked_because or "revoked", "revoked: undo what you did with it", False
        return
    if bulletin.actor is not None:
        if not bulletin.actor.withdrawn:
            yield "threat-actor", "Attribution", bulletin.actor.name, sentence(bulletin.actor), False
        for ground in () if bulletin.actor.withdrawn else bulletin.actor.grounds:
            yield "comment", "Attribution", ground.says, f"evidence of class {ground.kind}, from {ground.source}", False
        for reply in bulletin.actor.replies:
            yield "comment", "Attribution", reply.says, f"answer of {bulletin.actor.name}, {reply.on}", False
        if bulletin.actor.withdrawn:
            yield "comment", "Attribution", sentence(bulletin.actor), bulletin.actor.withdrawn_because, False
    for one in bulletin.ranges:
        kind = "AS" if one.value.startswith("AS") else "ip-src"
        told = f"{one.accounts} accounts, until {one.valid_until}"
        told += "; shared egress, never act on it alone" if one.shared_egress else ""
        yield kind, "Network activity", one.value.removeprefix("AS"), told, not one.shared_egress
    for family in bulletin.families:
        told = f"{family.id} {family.scheme} {family.epoch}: contains at least {family.threshold:.0%} of these"
        yield "other", "Other", " ".join(family.marks), told, False
    for reference in bulletin.references:
        if reference.url:
            yield (
                "link",
                "External analysis",
                reference.url,
                f"{reference.source} {reference.external_id}".strip(),
                False,
            )
        else:
            told = f"{reference.external_id} {reference.sha256}".strip()
            yield "comment", "External analysis", told, reference.source, False
    if bulletin.note:
        yield "comment", "Other", bulletin.note, "from the preparer", False


def _attribute(
    bulletin: Bulletin, at: str, kind: str, category: str, value: str, comment: str, detects: bool
) -> dict[str, Any]:
    return {
        "uuid": str(uuid.uuid5(NAMESPACE, f"attribute|{bulletin.id}|{kind}|{value}")), "type": kind,
        "category": category, "value": value, "comment": comment, "to_ids": detects, "timestamp": at,
        "distribution": "5", "disable_correlation": kind == "comment",
    }  # fmt: skip


def _json(thing: object) -> bytes:
    return json.dumps(thing, ensure_ascii=False, indent=1).encode() + b"\n"
