"""Inbox: what peers answered, by TAXII or as a file; only in the name in which each may speak, and only what fits.

An answer that is malformed, or speaks for somebody else, is left out and named; the rest is kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from stillwatch.errors import ShareError
from stillwatch.model.bulletin import MARKINGS
from stillwatch.share.files import locked, write
from stillwatch.share.formats._objects import EXTENSION, Object, own_id
from stillwatch.share.peers import Peer
from stillwatch.share.scrub import RULES
from stillwatch.share.taxii.store import Query, Store

ANSWERS: Final = "answers"
KINDS: Final = ("sighting", "opinion")
OPINIONS: Final = ("strongly-disagree", "disagree", "neutral", "agree", "strongly-agree")
PAGE: Final = 500
LONGEST: Final = 2000


def take(place: Path, objects: Iterable[Object], peer: Peer) -> tuple[int, list[str]]:
    """Keep the answers among objects that a peer handed over; gives how many are new or newer, and what was left out.

    An opinion with an author is what somebody who is named in a bulletin says, and a part of that bulletin.

    Raises:
        ResourceError: when they cannot be written.
    """
    kept, left = 0, []
    with locked(place / ANSWERS):
        for one in objects:
            if one.get("type") not in KINDS or one.get("authors"):
                continue
            if why := fault(one, peer.organisation):
                left.append(f"{str(one.get('id'))[:80]}: {why}")
                continue
            path = place / ANSWERS / f"{one['id']}.json"
            if not path.exists() or json.loads(path.read_bytes())["object"]["modified"] < one["modified"]:
                write(path, msgspec.json.encode({"peer": peer.name, "object": one}))
                kept += 1
    return kept, left


def answers(place: Path, store: Store | None, peers: Iterable[Peer]) -> Iterator[tuple[str, Object]]:
    """Give the newest of every answer, with the organisation in whose name it came."""
    newest: dict[tuple[str, str], Object] = {}
    for name, one in _all(place, store, list(peers)):
        held = newest.get((name, one["id"]))
        if held is None or held["modified"] < one["modified"]:
            newest[name, one["id"]] = one
    yield from ((name, one) for (name, _), one in newest.items())


def _all(place: Path, store: Store | None, peers: list[Peer]) -> Iterator[tuple[str, Object]]:
    known = {one.name: one.organisation for one in peers}
    for path in sorted((place / ANSWERS).glob("*.json")):
        try:
            held = json.loads(path.read_bytes())
            if held["peer"] in known and not fault(held["object"], known[held["peer"]]):
                yield known[held["peer"]], held["object"]
        except (OSError, ValueError, KeyError, TypeError) as trouble:
            raise ShareError(
                f"an answer is damaged: {trouble}", where=str(path), hint="delete it, and take it again"
            ) from None
    for peer in peers if store is not None else ():
        for one in _pushed(store, peer):  # type: ignore[arg-type]
            if not fault(one, peer.organisation):
                yield peer.organisation, one


def _pushed(store: Store, peer: Peer) -> Iterator[Object]:
    after, more = 0, True
    while more:
        query = Query(
            collection=f"inbox-{peer.name}", peer=peer.name, rank=len(MARKINGS) - 1, after=after, types=KINDS
        )  # fmt: skip
        rows, more = store.page(query, PAGE)
        for row in rows:
            yield json.loads(row.body)
        after = rows[-1].added if rows else after


def fault(one: Object, organisation: str) -> str:
    """Tell what keeps an answer from being taken, naming the field and the rule."""
    texts = ("id", "created_by_ref", "modified")
    if wrong := [name for name in texts if not isinstance(one.get(name), str)]:
        return f"`{wrong[0]}` is missing or wrong"
    kind = str(one.get("type"))
    if kind not in KINDS or not _named(one["id"], kind):
        return "`type` is no answer"
    if not organisation or one["created_by_ref"] != own_id("identity", organisation):
        return f"`created_by_ref` is not `{organisation}`"
    return _opinion(one) if kind == "opinion" else _sighting(one)


def _named(name: str, kind: str) -> bool:
    head, _, tail = name.partition("--")
    return head == kind and len(tail) == 36 and not set(tail) - set("0123456789abcdef-")


def _opinion(one: Object) -> str:
    if one.get("opinion") not in OPINIONS:
        return "`opinion` is none of the five"
    told = one.get("explanation", "")
    if not isinstance(told, str) or len(told) > LONGEST:
        return f"`explanation` is no text of at most {LONGEST} characters"
    found = next((rule for rule, looks, _ in RULES if looks(told)), "")
    return f"`explanation` holds {found}" if found else ""


def _sighting(one: Object) -> str:
    held: Any = one.get("extensions", {})
    own: Any = held.get(EXTENSION, {}) if isinstance(held, dict) else None
    if not isinstance(one.get("count", 0), int) or not isinstance(own, dict):
        return "`count` or `extensions` is wrong"
    weeks = own.get("weeks", [])
    if not isinstance(own.get("accounts", 0), int) or not isinstance(weeks, list):
        return "`extensions` is wrong"
    good = all(isinstance(week, dict) and isinstance(week.get("week"), str) and isinstance(week.get("exchanges"), int)
               for week in weeks)  # fmt: skip
    return "" if good else "`weeks` is wrong"
