"""Answer: what the TAXII 2.1 server says to each request; knows nothing of sockets.

What differs from other servers on purpose: `added_after` is strictly after; `next` is signed, holds its whole state
and may be used again; a collection, an object or a marking that a peer may not see is not there (404); an `Accept`
without a version gets 2.1. Source: TAXII 2.1, OASIS standard of 10 June 2021.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from stillwatch.model.bulletin import MARKINGS
from stillwatch.share.compose import NAMESPACE
from stillwatch.share.formats._objects import TLP_OF, own_id
from stillwatch.share.peers import Peer, Peers
from stillwatch.share.taxii.store import EVERYBODY, Item, Query, Row, Store, stamp_text

MEDIA: Final = "application/taxii+json;version=2.1"
LIMIT: Final = 10_000
"""Objects in one page at the most, and where no limit is asked for 1,000."""
PAGE: Final = 1000
LARGEST: Final = 32 << 20
"""Bytes of one request."""
DEEPEST: Final = 64
"""Levels of nesting in an object."""
ROOT: Final = "/taxii2/"
API: Final = f"{ROOT}stillwatch/"
BULLETINS: Final = "bulletins"
_ACCEPTED: Final = ("*/*", "application/*", "application/taxii+json", MEDIA)
_ID: Final = re.compile(r"[a-z][a-z0-9-]{1,248}--[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_AT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request; names of headers in lower case."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    certificate: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What is answered."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class Refused(Exception):
    """A request that is not answered, with its status and its reason."""

    def __init__(self, status: int, title: str, hint: str = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(title)
        self.status, self.title, self.hint, self.headers = status, title, hint, headers or {}


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection as one peer sees it."""

    name: str
    title: str
    read: bool
    write: bool

    @property
    def id(self) -> str:
        """Its UUID, made of its name."""
        return str(uuid.uuid5(NAMESPACE, f"collection|{self.name}"))


class Server:
    """Answers requests of peers out of a store.

    Args:
        organisation: whose server it is.
        served: told of every page of objects that a peer gets: peer, collection and how many.
    """

    def __init__(
        self, store: Store, peers: Peers, organisation: str,
        served: Callable[[str, str, int], None] | None = None,
    ) -> None:  # fmt: skip
        self._store, self._peers, self._organisation, self._served = store, peers, organisation, served
        self._recent: dict[str, deque[float]] = {}

    def answer(self, request: Request) -> Response:
        """Answer one request; never raises."""
        try:
            return self._answer(request)
        except Refused as no:
            told = {"title": no.title, "http_status": str(no.status)} | ({"description": no.hint} if no.hint else {})
            return _json(told, no.status, no.headers)

    def _answer(self, request: Request) -> Response:
        peer = self._peer(request)
        self._count(peer)
        accept = request.headers.get("accept", "*/*").lower().replace(" ", "")
        if not any(
            one.split(";q=")[0] in ("*/*", "application/*", "application/taxii+json", MEDIA)
            for one in accept.split(",")
        ):
            raise Refused(406, "not acceptable", f"ask for `{MEDIA}`")
        if not request.path.startswith(ROOT):
            raise Refused(404, "not found")
        parts = [unquote(part) for part in request.path.removeprefix(ROOT).split("/") if part]
        match (request.method, parts):
            case ("GET", []):
                return _json({"title": f"{self._organisation}: stillwatch", "default": API, "api_roots": [API]})
            case ("GET", ["stillwatch"]):
                return _json({"title": "Adversarial distillation", "versions": [MEDIA], "max_content_length": LARGEST})
            case ("GET", ["stillwatch", "collections"]):
                return _json({"collections": [_shown(one) for one in self._collections(peer)]})
            case ("GET", ["stillwatch", "collections", name]):
                return _json(_shown(self._collection(peer, name)))
            case ("GET", ["stillwatch", "status", name]):
                return self._status(peer, name)
            case (method, ["stillwatch", "collections", name, *rest]):
                return self._inside(method, rest, self._collection(peer, name), peer, request)
        raise Refused(405 if parts[:1] in ([], ["stillwatch"]) and request.method != "GET" else 404, "not found")

    def _inside(self, method: str, rest: list[str], collection: Collection, peer: Peer, request: Request) -> Response:
        match (method, rest):
            case ("POST", ["objects"]):
                return self._add(collection, peer, request)
            case ("DELETE", ["objects", name]):
                return self._delete(collection, peer, request, name)
            case ("GET", ["objects"]):
                return self._objects(collection, peer, request, ())
            case ("GET", ["objects", name]):
                return self._objects(collection, peer, request, (name,))
            case ("GET", ["objects", name, "versions"]):
                return self._versions(collection, peer, request, name)
            case ("GET", ["manifest"]):
                return self._manifest(collection, peer, request)
            case (_, ["objects"] | ["objects", _] | ["manifest"] | ["objects", _, "versions"]):
                raise Refused(405, "method not allowed")
        raise Refused(404, "not found")

    # -- who asks

    def _peer(self, request: Request) -> Peer:
        kind, _, shown = request.headers.get("authorization", "").partition(" ")
        found = self._peers.by_certificate(request.certificate) if request.certificate else None
        if kind.lower() == "bearer":
            found = self._peers.by_token(shown.strip())
        elif kind.lower() == "basic":
            try:
                name, _, secret = base64.b64decode(shown, validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                name, secret = "", ""
            found = self._peers.by_token(secret, name) if name else None
        if found is None:
            raise Refused(401, "unauthorised", headers={"WWW-Authenticate": 'Basic realm="taxii", Bearer'})
        return found

    def _count(self, peer: Peer) -> None:
        """Hold a peer to his quota."""
        now, recent = time.monotonic(), self._recent.setdefault(peer.name, deque())
        while recent and recent[0] < now - 3600:
            recent.popleft()
        if len(recent) >= peer.requests_per_hour:
            wait = int(3600 - (now - recent[0])) + 1
            raise Refused(429, "too many requests", f"{peer.requests_per_hour} in an hour", {"Retry-After": str(wait)})
        recent.append(now)

    def _collections(self, peer: Peer) -> list[Collection]:
        found = [Collection(BULLETINS, "Bulletins", True, False)]
        if peer.write:
            found.append(Collection(f"inbox-{peer.name}", f"What {peer.name} tells us", True, True))
        return sorted(found, key=lambda one: one.id)

    def _collection(self, peer: Peer, name: str) -> Collection:
        for one in self._collections(peer):
            if name in (one.id, one.name):
                return one
        raise Refused(404, "no such collection")

    # -- reading

    def _page(
        self, collection: Collection, peer: Peer, request: Request, ids: tuple[str, ...], versions: tuple[str, ...] = ()
    ) -> tuple[list[Row], str | None]:
        asked = _parameters(request.query)
        query = Query(
            collection=collection.name, peer=peer.name, rank=peer.rank, after=_after(asked.get("added_after")),
            ids=ids or _listed(asked.get("match[id]")), types=_listed(asked.get("match[type]")),
            versions=versions or _listed(asked.get("match[version]")) or ("last",),
        )  # fmt: skip
        specs = _listed(asked.get("match[spec_version]"))
        if specs and "2.1" not in specs:
            return [], None
        bound = json.dumps([collection.name, peer.name, query.after, query.ids, query.types, query.versions]).encode()
        if "next" in asked:
            after = self._opened(asked["next"], bound)
            query = Query(
                **{**{name: getattr(query, name) for name in Query.__slots__}, "after": max(after, query.after)}
            )
        rows, more = self._store.page(query, _limit(asked.get("limit")))
        return rows, self._sealed(rows[-1].added, bound) if more else None

    def _sealed(self, added: int, bound: bytes) -> str:
        state = added.to_bytes(8, "big")
        sign = hmac.digest(self._store.cursor_key, state + hashlib.sha256(bound).digest(), "sha256")[:16]
        return base64.urlsafe_b64encode(state + sign).decode()

    def _opened(self, cursor: str, bound: bytes) -> int:
        try:
            raw = base64.urlsafe_b64decode(cursor)
        except (binascii.Error, ValueError):
            raw = b""
        if len(raw) == 24:
            added = int.from_bytes(raw[:8], "big")
            if hmac.compare_digest(self._sealed(added, bound), cursor):
                return added
        raise Refused(400, "`next` is not from this server, or the filters have changed", "begin again without `next`")

    def _objects(self, collection: Collection, peer: Peer, request: Request, ids: tuple[str, ...]) -> Response:
        rows, cursor = self._page(collection, peer, request, ids)
        if ids and not rows:
            self._known(collection, peer, ids)
        if self._served is not None and rows:
            self._served(peer.name, collection.name, len(rows))
        body = b'{"more": ' + (b"true" if cursor else b"false")
        body += f', "next": "{cursor}"'.encode() if cursor else b""
        body += b', "objects": [' + b",\n".join(row.body for row in rows) + b"]}" if rows else b"}"
        return Response(status=200, body=body, headers={"Content-Type": MEDIA, **_dates(rows)})

    def _manifest(self, collection: Collection, peer: Peer, request: Request) -> Response:
        rows, cursor = self._page(collection, peer, request, ())
        told = [{"id": row.id, "date_added": stamp_text(row.added), "version": row.version,
                 "media_type": f"application/stix+json;version={row.spec}"} for row in rows]  # fmt: skip
        return _json(_envelope("objects", told, cursor), 200, _dates(rows))

    def _versions(self, collection: Collection, peer: Peer, request: Request, name: str) -> Response:
        rows, cursor = self._page(collection, peer, request, (name,), ("all",))
        if not rows:
            self._known(collection, peer, (name,))
        return _json(_envelope("versions", [row.version for row in rows], cursor), 200, _dates(rows))

    def _known(self, collection: Collection, peer: Peer, ids: tuple[str, ...]) -> None:
        query = Query(collection=collection.name, peer=peer.name, rank=peer.rank, ids=ids, versions=("all",))
        if not self._store.page(query, 1)[0]:
            raise Refused(404, "no such object")

    # -- writing

    def _add(self, collection: Collection, peer: Peer, request: Request) -> Response:
        if not collection.write:
            raise Refused(403, "read only")
        kind = request.headers.get("content-type", "").lower().replace(" ", "")
        if kind not in (MEDIA, "application/taxii+json"):
            raise Refused(415, "unsupported media type", f"send `{MEDIA}`")
        if len(request.body) > LARGEST:
            raise Refused(413, "too large", f"at most {LARGEST:,} bytes")
        try:
            objects = json.loads(request.body)["objects"]
            if not isinstance(objects, list):
                raise TypeError
        except (ValueError, KeyError, TypeError, RecursionError):
            raise Refused(422, "this is no envelope", "an object with `objects`, a list") from None
        good: list[Item] = []
        told: dict[str, list[dict[str, str]]] = {"successes": [], "failures": [], "pendings": []}
        for one in objects:
            why = refusal(one, peer)
            name = str(one.get("id", "")) if isinstance(one, dict) else ""
            line = {"id": name[:300], "version": _version(one) if not why else ""} | ({"message": why} if why else {})
            told["failures" if why else "successes"].append(line)
            if not why:
                good.append(item(one, EVERYBODY))
        self._store.add(collection.name, good)
        status = _status(told)
        self._store.keep_status(status["id"], peer.name, status)
        return _json(status, 202)

    def _delete(self, collection: Collection, peer: Peer, request: Request, name: str) -> Response:
        if not (collection.write and peer.delete):
            raise Refused(403, "may not delete")
        self._known(collection, peer, (name,))
        versions = _listed(_parameters(request.query).get("match[version]")) or ("all",)
        self._store.delete(
            Query(collection=collection.name, peer=peer.name, rank=peer.rank, ids=(name,), versions=versions)
        )
        return _json({}, 200)

    def _status(self, peer: Peer, name: str) -> Response:
        found = self._store.status(name, peer.name)
        if found is None:
            raise Refused(404, "no such status")
        return _json(found)


def item(one: Mapping[str, Any], audience: str) -> Item:
    """Make an object ready for the store."""
    ranks = [MARKINGS.index(TLP_OF[ref]) for ref in one.get("object_marking_refs", ()) if ref in TLP_OF]
    body = json.dumps(one, ensure_ascii=False, separators=(",", ":")).encode()
    return Item(one["id"], one["type"], _version(one), max(ranks, default=0), audience, body)


def refusal(one: Any, peer: Peer) -> str:
    """Say which rule an object breaks, and in which field; nothing where it breaks none."""
    if not isinstance(one, dict):
        return "an object is expected"
    name, kind = one.get("id"), one.get("type")
    if not isinstance(name, str) or not isinstance(kind, str) or not _ID.fullmatch(name):
        return "`id`: expected `type--uuid`"
    if name.partition("--")[0] != kind:
        return "`type`: is not that of the `id`"
    if one.get("spec_version") != "2.1":
        return "`spec_version`: expected 2.1"
    for stamp in ("created", "modified"):
        if stamp in one and not (isinstance(one[stamp], str) and _AT.fullmatch(one[stamp])):
            return f"`{stamp}`: expected a time in UTC"
    refs = one.get("object_marking_refs", [])
    if not isinstance(refs, list) or not all(isinstance(ref, str) for ref in refs):
        return "`object_marking_refs`: expected a list of ids"
    maker = one.get("created_by_ref")
    if maker is not None and (
        not peer.organisation or maker not in (own_id("identity", peer.organisation), _OURSELVES)
    ):
        return f"`created_by_ref`: is not `{peer.organisation or peer.name}`"
    if maker is None and kind in _AUTHORED:
        return "`created_by_ref`: is missing"
    return "nested too deeply" if _deep(one, DEEPEST) else ""


_OURSELVES: Final = own_id("identity", "stillwatch")
_AUTHORED: Final = ("campaign", "intrusion-set", "indicator", "relationship", "sighting", "grouping", "opinion", "note",
                    "observed-data", "infrastructure", "report", "threat-actor")  # fmt: skip


def _deep(thing: Any, left: int) -> bool:
    if left == 0:
        return True
    inner = thing.values() if isinstance(thing, dict) else thing if isinstance(thing, list) else ()
    return any(_deep(one, left - 1) for one in inner)


def _version(one: Mapping[str, Any]) -> str:
    found = one.get("modified") or one.get("created")
    return found if isinstance(found, str) else ""


def _status(told: dict[str, list[dict[str, str]]]) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()), "status": "complete", "request_timestamp": stamp_text(time.time_ns() // 1000),
        "total_count": sum(map(len, told.values())), "success_count": len(told["successes"]),
        "failure_count": len(told["failures"]), "pending_count": 0, **told,
    }  # fmt: skip


def _shown(one: Collection) -> dict[str, Any]:
    return {"id": one.id, "title": one.title, "alias": one.name, "can_read": one.read, "can_write": one.write,
            "media_types": ["application/stix+json;version=2.1"]}  # fmt: skip


def _parameters(query: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(query, keep_blank_values=True, max_num_fields=20))
    except ValueError:
        raise Refused(400, "too many parameters") from None


def _listed(text: str | None) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(one for one in (text or "").split(",") if one))
    if len(found) > 200:
        raise Refused(400, "more than 200 values in a filter")
    return found


def _limit(text: str | None) -> int:
    if text is None:
        return PAGE
    if not re.fullmatch(r"\d{1,9}", text) or int(text) < 1:
        raise Refused(400, "`limit`: expected a number from 1")
    return min(int(text), LIMIT)


def _after(text: str | None) -> int:
    if text is None:
        return 0
    if not _AT.fullmatch(text):
        raise Refused(400, "`added_after`: expected a time in UTC", "2026-05-04T00:00:00.000000Z")
    whole, _, rest = text.removesuffix("Z").partition(".")
    try:
        at = datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        raise Refused(400, "`added_after`: is no date") from None
    return int(at.timestamp()) * 1_000_000 + int(rest.ljust(6, "0")[:6] or 0)


def _dates(rows: list[Row]) -> dict[str, str]:
    if not rows:
        return {}
    return {
        "X-TAXII-Date-Added-First": stamp_text(rows[0].added),
        "X-TAXII-Date-Added-Last": stamp_text(rows[-1].added),
    }


def _envelope(name: str, told: list[Any], cursor: str | None) -> dict[str, Any]:
    return {"more": cursor is not None} | ({"next": cursor} if cursor else {}) | ({name: told} if told else {})


def _json(thing: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(status=status, body=json.dumps(thing).encode(), headers={"Content-Type": MEDIA, **(headers or {})})
