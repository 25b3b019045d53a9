"""Rules: which objects a peer may push, and how an object is made ready for the store.

Every refusal names the field and the rule; the object's id stands beside it in the status that he gets.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from stillwatch.model.bulletin import MARKINGS
from stillwatch.share.formats._objects import TLP_OF, own_id
from stillwatch.share.peers import Peer
from stillwatch.share.taxii.store import Item
from stillwatch.share.taxii.times import AT

DEEPEST: Final = 64
"""Levels of nesting in an object."""
_ID: Final = re.compile(r"([a-z][a-z0-9-]{1,248})--[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_OURSELVES: Final = own_id("identity", "stillwatch")
_AUTHORED: Final = frozenset(
    {
        *("campaign", "intrusion-set", "indicator", "relationship", "sighting", "grouping", "opinion", "note"),
        *("observed-data", "infrastructure", "report", "threat-actor"),
    }
)
"""Types whose maker must be named."""


class Rules:
    """What one peer may push."""

    def __init__(self, peer: Peer) -> None:
        self._named = peer.organisation or peer.name
        self._makers = {own_id("identity", peer.organisation), _OURSELVES} if peer.organisation else set()

    def refusal(self, one: Any) -> str:
        """Say which rule an object breaks, and in which field; nothing where it breaks none."""
        if not isinstance(one, dict):
            return "an object is expected"
        name, kind = one.get("id"), one.get("type")
        form = _ID.fullmatch(name) if isinstance(name, str) else None
        if form is None or not isinstance(kind, str):
            return "`id`: expected `type--uuid`"
        if form[1] != kind:
            return "`type`: is not that of the `id`"
        if one.get("spec_version") != "2.1":
            return "`spec_version`: expected 2.1"
        for stamp in ("created", "modified"):
            if stamp in one and not (isinstance(one[stamp], str) and AT.fullmatch(one[stamp])):
                return f"`{stamp}`: expected a time in UTC"
        refs = one.get("object_marking_refs", [])
        if not isinstance(refs, list) or not all(isinstance(ref, str) for ref in refs):
            return "`object_marking_refs`: expected a list of ids"
        return self._maker(one, kind) or ("nested too deeply" if deep(one) else "")

    def _maker(self, one: Mapping[str, Any], kind: str) -> str:
        maker = one.get("created_by_ref")
        if maker is None:
            return "`created_by_ref`: is missing" if kind in _AUTHORED else ""
        known = isinstance(maker, str) and maker in self._makers
        return "" if known else f"`created_by_ref`: is not `{self._named}`"


def item(one: Mapping[str, Any], audience: str) -> Item:
    """Make an object ready for the store."""
    ranks = [MARKINGS.index(TLP_OF[ref]) for ref in one.get("object_marking_refs", ()) if ref in TLP_OF]
    return Item(one["id"], one["type"], version(one), max(ranks, default=0), audience, msgspec.json.encode(one))


def version(one: Mapping[str, Any]) -> str:
    """Tell the time that makes this version of an object; empty where it has none."""
    found = one.get("modified") or one.get("created")
    return found if isinstance(found, str) else ""


def deep(one: Any) -> bool:
    """Tell whether it is nested more than DEEPEST levels; text without that many brackets is not looked at again."""
    try:
        text = msgspec.json.encode(one)
    except RecursionError:
        return True
    return text.count(b"[") + text.count(b"{") > DEEPEST and _deeper(one, DEEPEST)


def _deeper(thing: Any, left: int) -> bool:
    if left == 0:
        return True
    inner = thing.values() if isinstance(thing, dict) else thing if isinstance(thing, list) else ()
    return any(_deeper(one, left - 1) for one in inner)
