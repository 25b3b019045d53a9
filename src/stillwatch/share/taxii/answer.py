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
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from stillwatch.errors import ResourceError
from stillwatch.share.compose import NAMESPACE
from stillwatch.share.door import Door, Refused, Request, Response
from stillwatch.share.peers import Peer, Peers
from stillwatch.share.taxii import MEDIA
from stillwatch.share.taxii import asked as ask
from stillwatch.share.taxii.rules import Rules, item, version
from stillwatch.share.taxii.store import EVERYBODY, Item, Query, Row, Status, Store
from stillwatch.share.taxii.times import stamp_text

LARGEST: Final = 32 << 20
"""Bytes of one request."""
ROOT: Final = "/taxii2/"
API: Final = f"{ROOT}stillwatch/"
BULLETINS: Final = "bulletins"
_ACCEPTED: Final = ("*/*", "application/*", "application/taxii+json", MEDIA)
_ENVELOPE: Final = msgspec.json.Decoder(dict[str, Any])


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
        self._store, self.door, self._organisation, self._served = store, Door(peers), organisation, served

    def answer(self, request: Request) -> Response:
        """Answer one request; never raises."""
        try:
            return self._answer(request)
        except Refused as no:
            told = {"title": no.title, "http_status": str(no.status)} | ({"description": no.hint} if no.hint else {})
            return _json(told, no.status, no.headers)
        except ResourceError:
            told = {"title": "the store cannot be used just now", "http_status": "503"}
            return _json(told, 503, {"Retry-After": "30"})

    def knows(self, request: Request) -> bool:
        """Tell whether somebody whom we know asks, before a body of his is read."""
        return self.door.knows(request)

    def _answer(self, request: Request) -> Response:
        peer = self.door.enter(request)
        accept = request.headers.get("accept", "*/*").lower().replace(" ", "")
        if not any(one.split(";q=")[0] in _ACCEPTED for one in accept.split(",")):
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

    # -- what there is for him

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
        self, collection: Collection, peer: Peer, request: Request, ids: tuple[str, ...] = (), *,
        versions: tuple[str, ...] = (), bodies: bool = False,
    ) -> tuple[list[Row], str | None]:  # fmt: skip
        asked = ask.parameters(request.query)
        query = Query(
            collection=collection.name, peer=peer.name, rank=peer.rank, after=ask.after(asked.get("added_after")),
            ids=ids or ask.listed(asked.get("match[id]")), types=ask.listed(asked.get("match[type]")),
            versions=versions or ask.versions(asked.get("match[version]")) or ("last",),
        )  # fmt: skip
        wanted = ask.limit(asked.get("limit"))
        specs = ask.listed(asked.get("match[spec_version]"))
        if specs and "2.1" not in specs:
            return [], None
        bound = json.dumps([collection.name, peer.name, query.after, query.ids, query.types, query.versions]).encode()
        if "next" in asked:
            query = replace(query, after=max(self._opened(asked["next"], bound), query.after))
        rows, more = self._store.page(query, wanted, bodies=bodies)
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
        rows, cursor = self._page(collection, peer, request, ids, bodies=True)
        if ids and not rows:
            self._known(collection, peer, ids)
        if self._served is not None and rows:
            self._served(peer.name, collection.name, len(rows))
        body = b'{"more": ' + (b"true" if cursor else b"false")
        body += f', "next": "{cursor}"'.encode() if cursor else b""
        body += b', "objects": [' + b",\n".join(row.body for row in rows) + b"]}" if rows else b"}"
        return Response(status=200, body=body, headers={"Content-Type": MEDIA, **_dates(rows)})

    def _manifest(self, collection: Collection, peer: Peer, request: Request) -> Response:
        rows, cursor = self._page(collection, peer, request)
        told = [{"id": row.id, "date_added": stamp_text(row.added), "version": row.version,
                 "media_type": f"application/stix+json;version={row.spec}"} for row in rows]  # fmt: skip
        return _json(_envelope("objects", told, cursor), 200, _dates(rows))

    def _versions(self, collection: Collection, peer: Peer, request: Request, name: str) -> Response:
        rows, cursor = self._page(collection, peer, request, (name,), versions=("all",))
        if not rows:
            self._known(collection, peer, (name,))
        return _json(_envelope("versions", [row.version for row in rows], cursor), 200, _dates(rows))

    def _known(self, collection: Collection, peer: Peer, ids: tuple[str, ...]) -> None:
        query = Query(collection=collection.name, peer=peer.name, rank=peer.rank, ids=ids, versions=("all",))
        if not self._store.page(query, 1, bodies=False)[0]:
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
            objects = _ENVELOPE.decode(request.body)["objects"]
            if not isinstance(objects, list):
                raise TypeError
        except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError, RecursionError):
            raise Refused(422, "this is no envelope", "an object with `objects`, a list") from None
        good, told = _sorted(objects, Rules(peer))
        status = _status(told)
        self._store.add(collection.name, good, Status(status["id"], peer.name, status))
        return _json(status, 202)

    def _delete(self, collection: Collection, peer: Peer, request: Request, name: str) -> Response:
        if not (collection.write and peer.delete):
            raise Refused(403, "may not delete")
        self._known(collection, peer, (name,))
        versions = ask.versions(ask.parameters(request.query).get("match[version]")) or ("all",)
        self._store.delete(
            Query(collection=collection.name, peer=peer.name, rank=peer.rank, ids=(name,), versions=versions)
        )
        return _json({}, 200)

    def _status(self, peer: Peer, name: str) -> Response:
        found = self._store.status(name, peer.name)
        if found is None:
            raise Refused(404, "no such status")
        return _json(found)


def _sorted(objects: list[Any], rules: Rules) -> tuple[list[Item], dict[str, list[dict[str, str]]]]:
    """Part what may be added from what may not, and tell of each what became of it."""
    good: list[Item] = []
    told: dict[str, list[dict[str, str]]] = {"successes": [], "failures": [], "pendings": []}
    for one in objects:
        why = rules.refusal(one)
        if why:
            name = str(one.get("id", ""))[:300] if isinstance(one, dict) else ""
            told["failures"].append({"id": name, "version": "", "message": why})
        else:
            told["successes"].append({"id": one["id"], "version": version(one)})
            good.append(item(one, EVERYBODY))
    return good, told


def _status(told: dict[str, list[dict[str, str]]]) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()), "status": "complete", "request_timestamp": stamp_text(time.time_ns() // 1000),
        "total_count": sum(map(len, told.values())), "success_count": len(told["successes"]),
        "failure_count": len(told["failures"]), "pending_count": 0, **told,
    }  # fmt: skip


def _shown(one: Collection) -> dict[str, Any]:
    return {"id": one.id, "title": one.title, "alias": one.name, "can_read": one.read, "can_write": one.write,
            "media_types": ["application/stix+json;version=2.1"]}  # fmt: skip


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
    return Response(status=status, body=msgspec.json.encode(thing), headers={"Content-Type": MEDIA, **(headers or {})})
