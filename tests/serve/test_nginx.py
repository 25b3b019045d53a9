"""nginx asks for decisions, with the very configuration that the page shows."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.serve.conftest import SETTINGS, Server, Upstream, serving
from tests.serve.test_proxy import CHAT, SECRET, account, answering, raw

from stillwatch.serve.decisions import Decisions
from stillwatch.serve.proxy import Proxy
from stillwatch.store import tokens
from stillwatch.watch.orders import Plan, approve, plan
from stillwatch.watch.room import Room

NGINX = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
pytestmark = pytest.mark.skipif(NGINX is None, reason="no nginx is installed: apt-get install nginx-light")
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "put-it-into-a-gateway.md"
NOW = datetime.now(UTC)
RUNGS = ("notify", "slow", "challenge", "harden", "suspend")
MAIN = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    {site}
}}
"""


class Edge:
    def __init__(self, url: str, upstream: Upstream, decisions: Server) -> None:
        self.url = url
        self.upstream = upstream
        self.decisions = decisions

    def ask(self, key: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        body = b'{"model": "demo", "messages": []}'
        told = raw(self.url, "POST", "/v1/chat/completions", body, authorization=f"Bearer sk-{key}", **headers)
        return told[0], dict(told[1]), told[2]


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    folder = tmp_path_factory.mktemp("nginx")
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
        site = re.findall(r"```nginx\n(.*?)```", PAGE.read_text(), re.DOTALL)[0]
        for name, value in (("MODEL", model), ("PROXY", hardened), ("STILLWATCH", urlsplit(decisions.url).netloc),
                            ("LISTEN", listen), ("TOKEN", token)):  # fmt: skip
            site = re.sub(rf"\b{name}\b", value, site)
        (folder / "nginx.conf").write_text(MAIN.format(folder=folder, site=site))
        process = subprocess.Popen([NGINX, "-c", folder / "nginx.conf", "-p", folder])  # type: ignore[list-item]
        try:
            _until_up(process, listen, folder)
            yield Edge(f"http://{listen}", upstream, decisions)
        finally:
            process.terminate()
            process.wait(20)
            decisions.server.should_exit = True
            decisions.thread.join(20)


def _until_up(process: subprocess.Popen[Any], listen: str, folder: Path) -> None:
    host, port = listen.split(":")
    for _ in range(1000):
        assert process.poll() is None, (folder / "error.log").read_text()
        try:
            socket.create_connection((host, int(port)), 1).close()
        except OSError:
            threading.Event().wait(0.02)
        else:
            return
    raise AssertionError("nginx did not start")


def test_ordinary_traffic_passes_as_it_is(edge: Edge) -> None:
    for key in ("ordinary", "notify"):
        status, _, told = edge.ask(key)
        assert (status, told) == (200, json.dumps(CHAT).encode())


def test_each_rung_does_what_the_table_says(edge: Edge) -> None:
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


def test_a_client_cannot_say_that_it_is_somebody_else(edge: Edge) -> None:
    assert edge.ask("suspend", x_stillwatch_account="ordinary", x_stillwatch_token="sw_x_y")[0] == 403
    assert edge.ask("ordinary", x_stillwatch_account=account("sk-suspend"))[0] == 200


def test_a_lost_stillwatch_stops_nothing(edge: Edge) -> None:
    edge.decisions.server.should_exit = True
    edge.decisions.thread.join(20)
    for key in ("ordinary", "suspend"):
        assert edge.ask(key)[0] == 200
