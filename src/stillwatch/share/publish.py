"""Publish: what was released goes into the TAXII store, for whom it was released; a revocation follows it there."""

from __future__ import annotations

from stillwatch.share.desk import Record
from stillwatch.share.formats import stix
from stillwatch.share.taxii.answer import BULLETINS
from stillwatch.share.taxii.rules import item
from stillwatch.share.taxii.store import EVERYBODY, Store


def publish(records: list[Record], store: Store) -> int:
    """Put every released bulletin, in its present version, where its peers pull it; returns how many objects are new.

    Objects that many bulletins need (techniques, markings, identities) are for everybody who may pull at all.
    """
    new = 0
    for record in records:
        if record.released:
            audience = EVERYBODY if "*" in record.to else "|" + "|".join(record.to) + "|"
            drawn = stix.draw(record.bulletin)
            own = [one for one in drawn if "object_marking_refs" in one]
            common = [one for one in drawn if "object_marking_refs" not in one]
            new += store.add(BULLETINS, [item(one, EVERYBODY) for one in common])
            new += store.add(BULLETINS, [item(one, audience) for one in own])
    return new
