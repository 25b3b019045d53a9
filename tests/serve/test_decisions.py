"""The decision endpoint on a real server: shapes, tokens, shadow, gateways that read only a status."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.serve.conftest import SETTINGS, serving

from stillwatch.serve.decisions import Decisions
from stillwatch.store import tokens
from stillwatch.watch.orders import Plan, approve, plan
from stillwatch.watch.room import Room

NOW = datetime.now(UTC)


class Endpoint:
    def __init__(self, room: Room, url: str) -> None:
        self.room = room
        self.url = url
        self.token = self.make(["decide", "read"])

    def make(self, scopes: list[Any], days: float = 1) -> str:
        made = tokens.make(self.room.book, owner="gateway", scopes=scopes, ends=NOW + timedelta(days=days), now=NOW)
        while self.room.doors.who(made[1], 0.0) is None:
            threading.Event().wait(0.01)
        return made[1]

    def ask(
        self, path: str, body: Any = None, method: str | None = None, token: str | None = None, **headers: str
    ) -> tuple[int, Any, dict[str, str]]:
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, raw, method=method)
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        if token != "":
            request.add_header("x-stillwatch-token", token or self.token)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                status, told, got = answer.status, answer.read(), answer.headers
        except urllib.error.HTTPError as trouble:
            status, told, got = trouble.code, trouble.read(), trouble.headers
        got_headers = {name.lower(): value for name, value in got.items()}
        return status, json.loads(told) if told.startswith(b"{") else told, got_headers


@pytest.fixture(scope="module", params=[True, False], ids=["enforcing", "shadow"])
def endpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    place: Path = tmp_path_factory.mktemp("place")
    room = Room(place, SETTINGS, enforce=request.param)
    for rung in ("slow", "challenge", "harden", "suspend"):
        order = plan(
            room.book,
            Plan(rung=rung, accounts=(f"to-{rung}",), reason="found", by="Ada", ends=NOW + timedelta(days=1)),  # type: ignore[arg-type]
            state=None, key=room.key, now=NOW,
        )  # fmt: skip
        approve(room.book, order.id, by="Ada Example", why="", now=NOW)
    with serving(Decisions(room)) as url:
        endpoint = Endpoint(room, url)
        room.take(room.look())
        yield endpoint


FIELDS = {"action", "transforms", "ttl_s", "category", "reference", "because", "shadow"}


def test_a_decision_has_the_shape_that_others_rely_on(endpoint: Endpoint) -> None:
    asked = {"account": "a", "key": None, "ip": "192.0.2.1", "user_agent": "x", "ja4": "", "model": "m",
             "operation": "chat", "more": 1, "body": {"messages": [{"role": "user", "content": "hello"}]}}  # fmt: skip
    status, told, _ = endpoint.ask("/v1/decide", asked)
    assert status == 200
    assert set(told) >= FIELDS
    assert told["action"] == "allow"
    assert told["shadow"] is not endpoint.room.watch.enforce


def test_an_order_acts_only_where_it_is_enforced(endpoint: Endpoint) -> None:
    status, told, _ = endpoint.ask("/v1/decide", {"account": "to-suspend"})
    assert status == 200
    if endpoint.room.watch.enforce:
        assert told["action"] == "refuse"
        assert told["category"]
        assert told["reference"]
    else:
        assert told["action"] == "allow"
        assert told["would"]["action"] == "refuse"


def test_a_gateway_that_reads_only_a_status_is_told_by_status_and_headers(endpoint: Endpoint) -> None:
    enforced = endpoint.room.watch.enforce
    for account, status, action in (
        ("a", 200, "allow"), ("to-harden", 200, "harden"), ("to-challenge", 401, "challenge"),
        ("to-suspend", 403, "refuse"),
    ):  # fmt: skip
        got, _, headers = endpoint.ask("/v1/decide", x_stillwatch_account=account)
        assert got == (status if enforced else 200), account
        assert headers["x-stillwatch-action"] == (action if enforced else "allow")


def test_a_gateway_that_gives_our_answer_to_the_client_has_the_dialects_own(endpoint: Endpoint) -> None:
    def below(path: str, account: str, body: bytes = b"") -> tuple[int, Any, dict[str, str]]:
        return endpoint.ask(f"/v1/decide{path}", body, "POST", x_stillwatch_account=account)

    if not endpoint.room.watch.enforce:
        assert below("/v1/chat/completions", "to-suspend")[0] == 200
        return
    status, told, headers = below("/v1/messages", "to-suspend", b'{"model": "m", "messages": [')  # a part of a body
    assert (status, told["type"], told["error"]["type"]) == (403, "error", "permission_error")
    assert headers["x-stillwatch-reference"] in told["error"]["message"]
    answers = [below("/v1/chat/completions", "to-slow") for _ in range(5)]
    assert {status for status, _, _ in answers} == {200, 429}
    assert int(answers[-1][2]["retry-after"]) >= 1
    assert below("/anything", "a")[0] == 200


def test_nothing_but_healthz_opens_without_a_token_of_the_right_scope(endpoint: Endpoint) -> None:
    ended = endpoint.make(["decide"], days=-1)
    wrong = endpoint.make(["ingest"])
    for path, body in (
        ("/v1/decide", {"account": "a"}),
        ("/v1/decide", None),
        ("/metrics", None),
        ("/openapi.json", None),
    ):
        for token in ("", "sw_nobody_x", "sw", ended, wrong, endpoint.token[:-1] + "A"):
            if token == endpoint.token:
                continue
            assert endpoint.ask(path, body, token=token)[0] == 401
    assert endpoint.ask("/healthz", token="")[0] == 200


def test_a_revoked_token_closes(endpoint: Endpoint) -> None:
    text = endpoint.make(["decide"])
    assert endpoint.ask("/v1/decide", {"account": "a"}, token=text)[0] == 200
    tokens.revoke(endpoint.room.book, text.split("_")[1], by="Ada", now=NOW)
    while endpoint.room.doors.who(text, 0.0) is not None:
        threading.Event().wait(0.01)
    assert endpoint.ask("/v1/decide", {"account": "a"}, token=text)[0] == 401


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b'{"account": 3}', b"\xff\xfe", b'{"account":"a"' + b"[" * 5000])
def test_what_is_no_request_is_told_so(endpoint: Endpoint, raw: bytes) -> None:
    assert endpoint.ask("/v1/decide", raw, "POST")[0] == 400


def test_a_hostile_body_is_decided_like_any_other(endpoint: Endpoint) -> None:
    deep: Any = "x"
    for _ in range(200):
        deep = [deep]
    for body in (
        None,
        [],
        {"messages": 3},
        {"messages": [1, None, {"role": []}]},
        {"input": deep},
        {"messages": [{"role": "user", "content": deep}]},
    ):
        assert endpoint.ask("/v1/decide", {"account": "a", "body": body})[0] == 200


def test_metrics_count_by_order_and_action(endpoint: Endpoint) -> None:
    endpoint.ask("/v1/decide", {"account": "to-suspend"})
    _, told, headers = endpoint.ask("/metrics")
    assert headers["content-type"].startswith("text/plain")
    assert b'action="refuse"' in told
    assert endpoint.ask("/openapi.json")[1]["openapi"] == "3.1.0"
