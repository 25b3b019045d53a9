"""Answers: what goes back to whoever told something: a sighting with rounded counts, and an opinion.

Nobody's name is in either. A sighting tells its weeks, so that both sides can be laid beside each other.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Final

import msgspec

from stillwatch.errors import ShareError
from stillwatch.model.bulletin import Bulletin, rounded
from stillwatch.share import scrub
from stillwatch.share.exchange import Imported
from stillwatch.share.formats import _objects as objects
from stillwatch.share.formats import stix
from stillwatch.share.formats._objects import EXTENSION, Object, own_id, stamp

LEAST_SIGHTED: Final = 5
"""Accounts below which no sighting is told."""


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
        "count": max(1, rounded(sum(one.exchanges for one in imported.leads))),
        "sighting_of_ref": imported.about or own_id(kind, bulletin.id), "where_sighted_refs": [maker["id"]],
        "description": f"About {rounded(len(imported.leads)):,} accounts here match it; nobody acted on that alone.",
        "object_marking_refs": [objects.TLP[bulletin.marking]],
        "extensions": {EXTENSION: {
            "extension_type": "property-extension", "scope": "sighting", "accounts": rounded(len(imported.leads)),
            "weeks": [{"week": week, "exchanges": rounded(count)} for week, count in sorted(_weeks(imported).items())],
        }},
    }  # fmt: skip
    return [maker, told]


def bundle(told: list[Object]) -> bytes:
    """Write an answer as a bundle, with what it needs to stand alone; an inbox gets the objects themselves."""
    return stix.bundle([objects.organisation(objects.OURSELVES), objects.definition(), *told])


def _weeks(imported: Imported) -> Counter[str]:
    found: Counter[str] = Counter()
    for one in imported.leads:
        found.update(one.weeks)
    return found


def opinion(
    bulletin: Bulletin, organisation: str, view: str, because: str, at: datetime, about: str = ""
) -> list[Object]:
    """Write that one agrees or disagrees, without taking anything back: `strongly-disagree` to `strongly-agree`.

    Raises:
        ShareError: when the reason must not leave, a dispute has none, or the view is none of the five.
    """
    views = ("strongly-disagree", "disagree", "neutral", "agree", "strongly-agree")
    if view not in views:
        raise ShareError(f"`{view}` is no opinion", hint=f"one of {', '.join(views)}")
    if "disagree" in view and not because.strip():
        raise ShareError("a dispute needs its reason: the peer reads it", hint='`--because "…"`')
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
