"""Target: the server that is questioned, and the plain requests that a check makes of it."""

from __future__ import annotations

import base64
import http.client
import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

MEDIA = "application/taxii+json;version=2.1"
SECONDS = 60


class NotApplicable(Exception):
    """The server has nothing that this check could be made on."""


class Told(NamedTuple):
    """An answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        found = json.loads(self.body)
        assert isinstance(found, dict), "the answer is no JSON object"
        return found

    @property
    def objects(self) -> list[dict[str, Any]]:
        return list(self.json.get("objects", []))

    @property
    def ids(self) -> list[str]:
        return [one["id"] for one in self.objects]


@dataclass
class Target:
    """A server.

    Args:
        url: of an API root.
        authorization: header of somebody who may read and write in the collection.
        collection: id or alias of a collection that he may read, write and delete in.
        maker: `created_by_ref` of the objects that are pushed; servers that check it need one that they know.
    """

    url: str
    authorization: str
    collection: str
    maker: str = "identity--7b2d3f0c-7d1a-4d0e-9b0e-0f3a5b8f3c11"
    headers: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str = "", body: Any = None, *, root: bool = False, **headers: str | None) -> Told:
        """Ask for a path below the API root, or below the host."""
        parts = urlsplit(self.url)
        sent: dict[str, str | None] = {"Accept": MEDIA, "Authorization": self.authorization, **self.headers}
        sent |= {"Content-Type": MEDIA} if body is not None else {}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        link = connect(parts.hostname or "", parts.port, timeout=SECONDS)
        try:
            where = path if root else parts.path + path
            link.request(method, where, data, {name: value for name, value in sent.items() if value is not None})
            answer = link.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Told(answer.status, found, answer.read())
        finally:
            link.close()

    def get(self, path: str = "", asked: Mapping[str, str] | None = None, **headers: str | None) -> Told:
        """Read below the collection."""
        query = "?" + urlencode(asked, quote_via=quote, safe=",:[]") if asked else ""
        return self.ask("GET", f"collections/{self.collection}/{path}{query}", **headers)

    def push(self, objects: list[Any]) -> dict[str, Any]:
        """Add objects, and wait until the server says that it is done."""
        told = self.ask("POST", f"collections/{self.collection}/objects/", {"objects": objects})
        assert told.status == 202, f"adding was answered {told.status}"
        return told.json

    def new(self, count: int, **change: Any) -> list[dict[str, Any]]:
        """Make objects that nobody has, and add them."""
        made = [self.an_object(**change) for _ in range(count)]
        self.push(made)
        return made

    def an_object(self, **change: Any) -> dict[str, Any]:
        """Make an indicator that nobody has."""
        return {
            "type": "indicator", "spec_version": "2.1", "id": f"indicator--{uuid.uuid4()}",
            "created": "2026-05-04T00:00:00.000Z", "modified": "2026-05-04T00:00:00.000Z", "name": "n",
            "created_by_ref": self.maker, "pattern": "[autonomous-system:number = 64500]", "pattern_type": "stix",
            "valid_from": "2026-05-04T00:00:00Z", **change,
        }  # fmt: skip

    def pages(self, asked: Mapping[str, str], path: str = "objects/") -> Iterator[Told]:
        """Follow `next` to the end."""
        cursor = ""
        for _ in range(100):
            told = self.get(path, {**asked, "next": cursor} if cursor else asked)
            assert told.status == 200, f"a page was answered {told.status}"
            yield told
            if not told.json.get("more"):
                return
            cursor = told.json["next"]
        raise AssertionError("more than 100 pages: it never ends")


def basic(user: str, password: str) -> str:
    """Write a header for Basic."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
