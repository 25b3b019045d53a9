"""Gateways of others before a scripted model, which ask for decisions: what nginx and Envoy have in common."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.serve.conftest import SETTINGS, Server, Upstream, serving
from tests.serve.test_proxy import CHAT, SECRET, account, answering, raw

from stillwatch.serve.decisions import Decisions
from stillwatch.serve.proxy import Proxy
from stillwatch.store import tokens
from stillwatch.watch.orders import Plan, approve, plan
from stillwatch.watch.room import Room

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "put-it-into-a-gateway.md"
NOW = datetime.now(UTC)
RUNGS = ("notify", "slow", "challenge", "harden", "suspend")
BODY = b'{"model": "demo", "messages": []}'


class Places(NamedTuple):
    """The addresses that a configuration names, as host:port."""

    listen: str
    model: str
    proxy: str
    stillwatch: str
    token: str


class Edge:
    def __init__(self, url: str, upstream: Upstream, room: Room, decisions: Server) -> None:
        self.url = url
        self.upstream = upstream
        self.room = room
        self.decisions = decisions

    def ask(
        self, key: str, body: bytes = BODY, path: str = "/v1/chat/completions", **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        told = raw(self.url, "POST", path, body, authorization=f"Bearer sk-{key}", **headers)
        return told[0], dict(told[1]), told[2]

    def lose(self) -> None:
        """Let stillwatch go."""
        self.decisions.server.should_exit = True
        self.decisions.thread.join(20)


def shown(language: str, places: Places) -> str:
    """Take the configuration out of the page, and fill in what is the operator's to fill in."""
    site = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)[0]
    for name, value in places._asdict().items():
        host, _, port = value.partition(":")
        for left, right in ((f"{name.upper()}_HOST", host), (f"{name.upper()}_PORT", port), (name.upper(), value)):
            site = re.sub(rf"\b{left}\b", right, site)
    return site


@contextmanager
def edged(folder: Path, command: Callable[[Places], list[str]]) -> Iterator[Edge]:
    """Start a model, a proxy before it, the decision endpoint, and a gateway that asks it.

    Args:
        command: writes the gateway's configuration, and gives the command that starts it.
    """
    room = Room(folder / "state", SETTINGS, enforce=True)
    for rung in RUNGS:
        asked = Plan(rung=rung, accounts=(account(f"sk-{rung}"),), reason="found", by="Ada",  # type: ignore[arg-type]
                     ends=NOW + timedelta(days=1))  # fmt: skip
        made = plan(room.book, asked, state=None, key=room.key, now=NOW)
        approve(room.book, made.id, by="Ada Example", why="", now=NOW)
    _, token = tokens.make(room.book, owner="edge", scopes=["decide"], ends=NOW + timedelta(days=1), now=NOW)
    room.take(room.look())
    upstream = Upstream()
    upstream.script = answering(json.dumps(CHAT).encode())
    decisions = Server(Decisions(room))
    decisions.thread.start()
    while not decisions.server.started:
        threading.Event().wait(0.01)
    with ExitStack() as stack:
        model = urlsplit(stack.enter_context(serving(upstream))).netloc
        proxy = Proxy(Room(folder / "state", SETTINGS, enforce=True), f"http://{model}")
        hardened = urlsplit(stack.enter_context(serving(proxy))).netloc
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            listen = f"127.0.0.1:{probe.getsockname()[1]}"
        asked = command(Places(listen, model, hardened, urlsplit(decisions.url).netloc, token))
        with (folder / "gateway.log").open("wb") as log:
            process = subprocess.Popen(asked, stdout=log, stderr=log)
        try:
            _until_up(process, listen, folder)
            yield Edge(f"http://{listen}", upstream, room, decisions)
        finally:
            process.terminate()
            process.wait(20)
            decisions.server.should_exit = True
            decisions.thread.join(20)


def _until_up(process: subprocess.Popen[Any], listen: str, folder: Path) -> None:
    host, port = listen.split(":")
    for _ in range(1500):
        assert process.poll() is None, "\n".join(path.read_text() for path in folder.glob("*.log"))
        try:
            socket.create_connection((host, int(port)), 1).close()
        except OSError:
            threading.Event().wait(0.02)
        else:
            return
    raise AssertionError("the gateway did not start")


def does_what_the_table_says(edge: Edge) -> None:
    """Check each rung, as any gateway has to."""
    status, headers, told = edge.ask("suspend")
    assert status == 403
    assert headers["x-stillwatch-reference"].startswith("o-")
    assert headers["x-stillwatch-reference"] in json.loads(told)["error"]["message"]
    assert json.loads(told)["error"]["code"] == "model_extraction"
    status, headers, told = edge.ask("challenge")
    assert status == 403
    assert "confirm" in json.loads(told)["error"]["message"]
    assert edge.ask("challenge")[0] == 200, "once an hour, where there is nothing to step up to"
    answers = [edge.ask("slow") for _ in range(5)]
    assert {status for status, _, _ in answers} == {200, 429}
    assert int(answers[-1][1]["retry-after"]) >= 1
    status, headers, told = edge.ask("harden")
    assert status == 200
    assert SECRET.encode() not in told
    assert "no_reasoning" in headers["x-stillwatch-transforms"]
