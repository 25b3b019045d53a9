"""The middleware inside applications of others: a Starlette application, a bare function, and its own life."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import openai
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route
from tests.serve.conftest import SETTINGS, serving
from tests.serve.test_proxy import CHAT, CHAT_STREAM, SECRET, account, raw

from stillwatch.errors import UsageError
from stillwatch.model.grant import Grant
from stillwatch.serve.middleware import Middleware
from stillwatch.serve.opened import open_room
from stillwatch.store import licences
from stillwatch.watch.orders import Plan, approve, plan
from stillwatch.watch.room import Room

NOW = datetime.now(UTC)


async def chat(request: Request) -> Any:
    asked = await request.json()
    if asked.get("stream"):

        async def pieces() -> Any:
            for at in range(0, len(CHAT_STREAM), 50):
                yield CHAT_STREAM[at : at + 50]

        return StreamingResponse(pieces(), media_type="text/event-stream")
    return JSONResponse({**CHAT, "asked_n": asked.get("n")})


def hardened(place: Path) -> Room:
    room = Room(place, SETTINGS, enforce=True)
    asked = Plan(rung="harden", accounts=(account("sk-hard"),), reason="found", by="Ada Example",
                 ends=NOW + timedelta(days=1))  # fmt: skip
    approve(room.book, plan(room.book, asked, state=None, key=room.key, now=NOW).id, by="Ada Example", why="", now=NOW)
    room.take(room.look())
    return room


def test_a_starlette_application_is_hardened_for_the_real_client(tmp_path: Path) -> None:
    app = Starlette(routes=[Route("/v1/chat/completions", chat, methods=["POST"])])
    app.add_middleware(Middleware, room=hardened(tmp_path))  # type: ignore[arg-type]
    asked: Any = {"model": "demo", "messages": [{"role": "user", "content": "2+2"}]}
    with serving(app) as url:
        for key, choices, n in (("sk-1", 2, 4), ("sk-hard", 1, 1)):
            client = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)
            told = client.chat.completions.with_raw_response.create(**asked, n=4)
            assert json.loads(told.text)["asked_n"] == n
            assert len(told.parse().choices) == choices
            assert (SECRET in told.text) is (key == "sk-1")
            text = "".join(
                choice.delta.content or ""
                for event in client.chat.completions.create(**asked, stream=True)
                for choice in event.choices
            )
            assert ("<think>" in text) is (key == "sk-1")
        direct = raw(url, "POST", "/v1/chat/completions", b'{"n": 1}', authorization="Bearer sk-1")
        assert json.loads(direct[2])["choices"] == CHAT["choices"]


def test_a_bare_application_gets_its_body_in_one_piece_and_knows_when_the_client_left(tmp_path: Path) -> None:
    got: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                await send({"type": f"{message['type']}.complete"})
                if message["type"] == "lifespan.shutdown":
                    return
        message = await receive()
        got.append((message, {k: v for k, v in scope["headers"] if k.startswith(b"x-stillwatch")}))
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body"})

    room = hardened(tmp_path)
    with serving(Middleware(app, room=room)) as url:
        status, _, body = raw(url, "POST", "/v1/other", b"xyz", x_stillwatch_account="victim")
    assert (status, body) == (200, b"")
    assert got[0] == ({"type": "http.request", "body": b"xyz", "more_body": False}, {})


def test_answers_under_a_grant_are_on_record_when_the_application_ends(tmp_path: Path) -> None:
    room = Room(tmp_path, SETTINGS, enforce=True)
    grant = Grant(
        id="g-1", holder="Example Robotics", accounts=[account("sk-licensed")], models=[], families=[], exchanges=0,
        starts=NOW.date(), ends=NOW.date() + timedelta(days=2),
    )  # fmt: skip
    licences.issue(room.book, grant, by="Ada Example", why="", at=NOW)
    room.take(room.look())
    app = Starlette(routes=[Route("/v1/chat/completions", chat, methods=["POST"])])
    with serving(Middleware(app, room=room)) as url:  # type: ignore[arg-type]
        for body in (b'{"messages": []}', b'{"messages": [], "stream": true}'):
            assert raw(url, "POST", "/v1/chat/completions", body, authorization="Bearer sk-licensed")[0] == 200
    assert licences.used(room.book) == {"g-1": 2}
    assert len(licences.leaves(room.book, "g-1")) == 2


def test_a_guest_is_told_where_its_place_is_by_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STILLWATCH_STATE", raising=False)
    with pytest.raises(UsageError, match="no state directory"):
        open_room()
    monkeypatch.setenv("STILLWATCH_STATE", str(tmp_path))
    assert not open_room().watch.enforce
    monkeypatch.setenv("STILLWATCH_ENFORCE", "1")
    assert open_room().watch.enforce
    assert not open_room(enforce=False).watch.enforce
