"""A server on loopback, with three peers, on each of the databases that its store may be in."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.share.taxii import postgres

from stillwatch.share.formats._objects import TLP, own_id
from stillwatch.share.peers import Peer, Peers
from stillwatch.share.taxii.answer import BULLETINS, Server
from stillwatch.share.taxii.rules import item
from stillwatch.share.taxii.serve import Listening, bind
from stillwatch.share.taxii.store import Store

TOKENS = {name: f"token-of-{name}-{'x' * 32}" for name in ("reader", "writer", "outsider")}


def a_peer(name: str, **change: Any) -> Peer:
    return Peer(name=name, token_sha256=hashlib.sha256(TOKENS[name].encode()).hexdigest(), **change)


PEERS = Peers(
    [
        a_peer("reader"),
        a_peer("writer", write=True, delete=True, organisation="Other Lab"),
        a_peer("outsider", clearance="green"),
    ]
)


def an_object(number: int, *, version: int = 0, marking: Any = "green", maker: str = "Other Lab") -> dict[str, Any]:
    """An indicator as a peer would send it."""
    return {
        "type": "indicator", "spec_version": "2.1", "id": f"indicator--00000000-0000-4000-8000-{number:012x}",
        "created": "2026-05-04T00:00:00.000Z", "modified": f"2026-05-04T00:00:00.{version:03d}Z", "name": f"n{number}",
        "created_by_ref": own_id("identity", maker), "pattern": "[autonomous-system:number = 64500]",
        "pattern_type": "stix", "valid_from": "2026-05-04T00:00:00Z", "object_marking_refs": [TLP[marking]],
    }  # fmt: skip


class Running(NamedTuple):
    """A server that answers."""

    url: str
    store: Store
    server: Server
    listening: Listening

    def fill(self, count: int, start: int = 0, audience: str = "*", **change: Any) -> None:
        self.store.add(BULLETINS, [item(an_object(n, **change), audience) for n in range(start, start + count)])


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    with postgres.serving() as address:
        yield address


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Where an empty store may be made."""
    if request.param == "sqlite":
        return tmp_path / "taxii.sqlite"
    pytest.importorskip("psycopg")
    return postgres.schema(request.getfixturevalue("postgres_server"))


@pytest.fixture
def running(place: Path | str) -> Iterator[Running]:
    store = Store(place)
    server = Server(store, PEERS, "Example Lab")
    listening = bind(server, "127.0.0.1", 0)
    thread = threading.Thread(target=listening.serve_forever, args=(0.02,))
    thread.start()
    yield Running(f"http://127.0.0.1:{listening.server_address[1]}/taxii2/stillwatch/", store, server, listening)
    listening.shutdown()
    thread.join()
    listening.server_close()
    store.close()
