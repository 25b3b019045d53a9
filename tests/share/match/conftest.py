"""Two installations on loopback: the responder listens, the inviter asks."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from stillwatch.share.front import Front
from stillwatch.share.link import Link
from stillwatch.share.match.ask import Asking
from stillwatch.share.match.runs import Offer, Runs
from stillwatch.share.peers import Peer, Peers
from stillwatch.share.taxii.answer import Server
from stillwatch.share.taxii.serve import bind
from stillwatch.share.taxii.store import Store

TOKENS = {name: f"token-of-{name}-{'z' * 32}" for name in ("inviter", "other", "nobody")}
SHARED = [f"user{n}@example.com" for n in range(8)]
OURS = [*SHARED, "only-here@example.com"]
THEIRS = ["only-there@example.com", *(name.upper() for name in SHARED)]


def a_peer(name: str, **change: Any) -> Peer:
    return Peer(name=name, token_sha256=hashlib.sha256(TOKENS[name].encode()).hexdigest(), **change)


class There:
    """The responder's installation, which can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runs = Runs(folder)
        self.peers = [a_peer("inviter", match_size=1000, match_runs_per_week=3), a_peer("other", match_size=1000),
                      a_peer("nobody")]  # fmt: skip
        self.url = ""

    def offer(self, values: list[str], kind: str = "email", peer: str = "inviter", until: str = "2999-01-01") -> None:
        self.runs.offer(Offer(peer=peer, kind=kind, until=date.fromisoformat(until), by="Ada", values=values))

    @contextmanager
    def serving(self, port: int = 0) -> Iterator[Front]:
        store = Store(self.folder / "taxii.sqlite")
        front = Front(Server(store, Peers(self.peers), "Other Lab"), self.folder)
        listening = bind(front, "127.0.0.1", port)
        thread = threading.Thread(target=listening.serve_forever, args=(0.02,))
        thread.start()
        self.url = f"http://127.0.0.1:{listening.server_address[1]}/"
        try:
            yield front
        finally:
            listening.shutdown()
            thread.join()
            listening.server_close()
            front.matching.settle()
            store.close()


@pytest.fixture
def there(tmp_path: Path) -> There:
    return There(tmp_path / "there")


@pytest.fixture
def front(there: There) -> Iterator[Front]:
    there.offer(THEIRS)
    with there.serving() as front:
        yield front


@pytest.fixture
def here(tmp_path: Path) -> Runs:
    return Runs(tmp_path / "here")


def asking(runs: Runs, url: str, peer: str = "inviter", wait_s: float = 30) -> Asking:
    return Asking(runs, Link(url, TOKENS[peer]), wait_s, sleep=lambda seconds: None)
