"""Decisions: the endpoint that gateways ask, as one bare ASGI function.

- `POST /v1/decide` with the request as JSON answers the decision as JSON, always with 200.
- `GET /v1/decide` reads headers only and answers with a status that `auth_request` of nginx understands: 200 pass, 401
  challenge, 403 refuse or slow; the decision stands in `x-stillwatch-…` headers.
- any method below `/v1/decide/` does the same for `ext_authz` of Envoy, which sends the path along, the body where it
  is told to, and gives our answer to the client: so that one is the dialect's own refusal, 429 for slow and 403 else.
- `POST /ingest/litellm`, `/v1/traces` and `/v1/logs` take logs in; see `receivers`.
- `/v1/orders` and `/v1/appeals` plan, approve, undo and decide; see `desk`.
- `/healthz`, `/metrics` (Prometheus) and `/openapi.json`.

Everything but `/healthz` needs a token, in `x-stillwatch-token` or `Authorization: Bearer`. What cannot be decided
passes (or is refused, where `[watch] fail_closed` says so).
"""

from __future__ import annotations

import asyncio
import sys
import time
import traceback
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from stillwatch import __version__
from stillwatch.errors import BookError
from stillwatch.model.answer import Asked, Decision
from stillwatch.serve import desk
from stillwatch.serve.dialects import dialect, refusal
from stillwatch.serve.http import (
    Gone,
    Headers,
    Receive,
    Scope,
    Send,
    TooLarge,
    answer,
    hashed_key,
    header,
    read_body,
    say,
)
from stillwatch.serve.receivers import PATHS, receive_logs
from stillwatch.store.tokens import Scope as Permit
from stillwatch.store.tokens import Token
from stillwatch.watch.room import Room

STATUS: Final = {"allow": 200, "harden": 200, "slow": 403, "challenge": 401, "refuse": 403}
"""Status of each action for gateways that read nothing else."""
HEADERS: Final = {
    "account": b"x-stillwatch-account", "key": b"x-stillwatch-key", "ip": b"x-stillwatch-ip",
    "user_agent": b"user-agent", "ja4": b"x-ja4", "model": b"x-stillwatch-model",
    "operation": b"x-stillwatch-operation",
}  # fmt: skip
BELOW: Final = "/v1/decide/"
AUTHORIZATION: Final = b"x-stillwatch-authorization"
"""The client's `Authorization`, from gateways that know no better name for the account."""


class Told(msgspec.Struct, kw_only=True):
    """The body of `POST /v1/decide`; fields that we do not know are passed over."""

    account: str | None = None
    key: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    ja4: str | None = None
    model: str | None = None
    operation: str | None = None
    body: Any = None


TOLD: Final = msgspec.json.Decoder(Told)
ENCODER: Final = msgspec.json.Encoder()


class Decisions:
    """The ASGI application of `stillwatch serve`."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.desk = desk.Desk(room)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            if scope["path"] == "/v1/decide" and scope["method"] == "POST":
                await self._post(scope, receive, send)
            elif scope["path"].startswith(BELOW):
                await self._below(scope, receive, send)
            elif scope["path"] in PATHS and scope["method"] == "POST":
                await self._logs(scope, receive, send)
            elif scope["path"].startswith(desk.ROOTS):
                await self._desk(scope, receive, send)
            else:
                await self._other(scope, send)
        elif scope["type"] == "lifespan":
            await lifespan(self.room, receive, send)

    async def _desk(self, scope: Scope, receive: Receive, send: Send) -> None:
        token = who(self.room, scope)
        if token is None:
            await shut(send)
        else:
            await self.desk(scope, receive, send, token)

    async def _post(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not permitted(self.room, scope, "decide"):
            await shut(send)
            return
        try:
            raw = await read_body(receive, self.room.settings.watch.max_body_mib << 20)
            told = TOLD.decode(raw)
        except Gone:
            return
        except TooLarge:
            await say(send, 413, "the request is too large", "raise `[watch] max_body_mib`, or send it without `body`")
            return
        except (msgspec.DecodeError, RecursionError) as trouble:
            await say(send, 400, f"this is no request: {trouble}", "see /openapi.json for its shape")
            return
        asked = Asked(
            account=told.account or "", key=told.key or "", ip=told.ip or "", user_agent=told.user_agent or "",
            ja4=told.ja4 or "", model=told.model or "", operation=told.operation or "", body=told.body,
        )  # fmt: skip
        body = ENCODER.encode(decide(self.room, asked))
        await send(
            {
                "type": "http.response.start", "status": 200,
                "headers": [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))],
            }
        )  # fmt: skip
        await send({"type": "http.response.body", "body": body})

    async def _logs(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not permitted(self.room, scope, "ingest"):
            await shut(send)
            return
        most = self.room.settings.watch.max_body_mib << 20
        await receive_logs(scope, receive, send, place=self.room.place, most=most)

    async def _other(self, scope: Scope, send: Send) -> None:
        path = scope["path"]
        if path == "/healthz":
            state = self.room.watch.state
            told = {"ok": True, "state": None if state is None else state.meta.made, "trouble": bool(self.room.trouble)}
            await answer(send, 200, ENCODER.encode(told))
        elif path == "/v1/decide":
            await self._headers_only(scope, send)
        elif path in ("/metrics", "/openapi.json"):
            if not permitted(self.room, scope, "read"):
                await shut(send)
            elif path == "/metrics":
                await tell_metrics(self.room, send)
            else:
                await answer(send, 200, ENCODER.encode(OPENAPI))
        else:
            await say(send, 404, "there is nothing here", "POST /v1/decide, GET /v1/orders, /healthz, /openapi.json")

    async def _headers_only(self, scope: Scope, send: Send) -> None:
        if not permitted(self.room, scope, "decide"):
            await shut(send)
            return
        decision = decide(self.room, asked_by_headers(scope))
        status = STATUS[decision.action]
        told = b"" if status == 200 else ENCODER.encode({"error": "refused", "reference": decision.reference})
        await answer(send, status, told, decision_headers(decision, self.room))

    async def _below(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Decide for a gateway that sends the client's request as it is, and gives our answer to the client."""
        if not permitted(self.room, scope, "decide"):
            await shut(send)
            return
        body = None
        try:
            body = msgspec.json.decode(await read_body(receive, self.room.settings.watch.max_body_mib << 20))
        except Gone:
            return
        except (TooLarge, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass  # none was sent, or a part of one: what the headers tell is decided by
        asked = asked_by_headers(scope, body if isinstance(body, dict) else None)
        decision = decide(self.room, asked)
        if decision.action in ("allow", "harden"):
            await answer(send, 200, b"", decision_headers(decision, self.room))
            return
        watch = self.room.settings.watch
        name = dialect(scope["path"])
        status, told, headers = refusal(name, decision, appeal=watch.appeal_url, step_up=watch.step_up_url)
        known = {name for name, _ in headers}
        more = [(name, value) for name, value in decision_headers(decision, self.room) if name not in known]
        await answer(send, status, told, [*headers, *more])


def asked_by_headers(scope: Scope, body: dict[str, Any] | None = None) -> Asked:
    """Read who asks what from headers, and from a body where there is one."""
    told: dict[str, Any] = {name: header(scope, field) for name, field in HEADERS.items()}
    if not told["account"] and (key := hashed_key(header(scope, AUTHORIZATION))):
        told |= {"account": key, "key": told["key"] or key}
    if body is not None:
        model = body.get("model")
        told |= {"body": body, "model": told["model"] or (model if isinstance(model, str) else "")}
    return Asked(**told)


def permitted(room: Room, scope: Scope, permit: Permit, *, bearers: bool = True) -> bool:
    """Tell whether the request's token may do this. Bearer tokens count where `Authorization` is ours to read."""
    token = who(room, scope, bearers=bearers)
    return token is not None and permit in token.scopes


def who(room: Room, scope: Scope, *, bearers: bool = True) -> Token | None:
    """Find whose token the request shows; nothing where it shows none that is good."""
    text = bearer = ""
    for name, value in scope["headers"]:
        if name == b"x-stillwatch-token":
            text = value.decode("latin-1")
        elif bearers and name == b"authorization" and value[:7].lower() == b"bearer ":
            bearer = value[7:].decode("latin-1")
    return room.doors.who(text or bearer, time.time())


def decide(room: Room, asked: Asked) -> Decision:
    """Decide; our own mistakes never stop traffic, unless the operator chose that."""
    try:
        return room.watch.decide(asked)
    except Exception:  # noqa: BLE001 - the provider's traffic goes on whatever is wrong with us
        traceback.print_exc(file=sys.stderr)
        return room.watch.undecided(asked)


def decision_headers(decision: Decision, room: Room) -> Headers:
    """Write a decision as headers, for gateways that can read nothing else."""
    told: Headers = [(b"x-stillwatch-action", decision.action.encode())]
    if decision.shadow:
        told.append((b"x-stillwatch-shadow", b"true"))
    for name, value in (
        ("transforms", ", ".join(decision.transforms)), ("reference", decision.reference), ("order", decision.order),
        ("category", decision.category),
    ):  # fmt: skip
        if value:
            told.append((f"x-stillwatch-{name}".encode(), value.encode("latin-1", "replace")))
    if decision.retry_after_s:
        told.append((b"retry-after", str(decision.retry_after_s).encode()))
    if decision.action == "challenge" and room.settings.watch.step_up_url:
        told.append((b"x-stillwatch-step-up", room.settings.watch.step_up_url.encode("latin-1", "replace")))
    return told


async def shut(send: Send) -> None:
    hint = "send a token in `x-stillwatch-token`; `stillwatch token make` makes one"
    await say(send, 401, "this needs a token", hint, [(b"www-authenticate", b"Bearer")])


async def tell_metrics(room: Room, send: Send) -> None:
    """Answer with the metrics."""
    kind = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")
    waiting = await asyncio.to_thread(desk.gauges, room)
    await answer(send, 200, metrics(room, waiting).encode(), [kind])


def metrics(room: Room, more: Sequence[str] = ()) -> str:
    """Count decisions by order and action, in the text format of Prometheus."""
    mode = "enforce" if room.watch.enforce else "shadow"
    lines = ["# HELP stillwatch_decisions_total Decisions, by order and action; in shadow what would have been done."]
    lines.append("# TYPE stillwatch_decisions_total counter")
    for (order, action), count in sorted(room.watch.counts.items()):
        name = order.replace("\\", "").replace('"', "").replace("\n", "")
        lines.append(f'stillwatch_decisions_total{{order="{name}",action="{action}",mode="{mode}"}} {count}')
    state = room.watch.state
    lines.append("# TYPE stillwatch_state_made_seconds gauge")
    lines.append(f"stillwatch_state_made_seconds {0 if state is None else state.meta.made.timestamp():.0f}")
    lines.append("# HELP stillwatch_trouble Whether the book or the live state cannot be read; what was there goes on.")
    lines.append("# TYPE stillwatch_trouble gauge")
    lines.append(f"stillwatch_trouble {int(bool(room.trouble))}")
    return "\n".join([*lines, *_shared(room), *more]) + "\n"


def _shared(room: Room) -> list[str]:
    """Tell of the link to other replicas, where there is one."""
    link = room.shared
    if link is None:
        return []
    names = ("connections", "failures", "pushed", "applied", "adopted", "forged", "unread")
    counts = {name: link.counts[name] for name in names}
    counts |= {"dropped": link.heard.dropped, "missed": link.once.missed}
    lines = [
        "# HELP stillwatch_shared_connected Whether Redis answered last; 0: this replica goes on with what it knows.",
        "# TYPE stillwatch_shared_connected gauge",
        f"stillwatch_shared_connected {int(link.connected)}",
        "# TYPE stillwatch_shared_replicas gauge",
        f"stillwatch_shared_replicas {link.replicas}",
        "# TYPE stillwatch_shared_total counter",
    ]
    return lines + [f'stillwatch_shared_total{{what="{name}"}} {count}' for name, count in counts.items()]


async def lifespan(room: Room, receive: Receive, send: Send) -> None:
    """Keep the room fresh while the server runs."""
    task: asyncio.Task[None] | None = None
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            task = asyncio.create_task(keep_fresh(room))
            await send({"type": "lifespan.startup.complete"})
        else:
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            await send({"type": "lifespan.shutdown.complete"})
            return


async def keep_fresh(room: Room) -> None:
    """Look at the book and the state again and again; deliveries under grants go on record here too."""
    others = asyncio.create_task(room.shared.run()) if room.shared is not None else None
    while True:
        try:
            room.take(await asyncio.to_thread(room.look))
            room.settled(await asyncio.to_thread(room.put))
            await asyncio.sleep(room.settings.watch.reload_s)
        except asyncio.CancelledError:
            try:
                room.settle()
            finally:
                if others is not None:
                    others.cancel()
                    await asyncio.gather(others, return_exceptions=True)
            raise
        except BookError as trouble:
            print(f"stillwatch: {trouble}", file=sys.stderr)
            await asyncio.sleep(room.settings.watch.reload_s)


_ASKED: Final = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in HEADERS} | {"body": {"type": "object"}},
    "required": ["account"],
}
OPENAPI: Final[dict[str, Any]] = {
    "openapi": "3.1.0",
    "info": {"title": "stillwatch", "version": __version__},
    "components": {
        "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}, "schemas": desk.components(Decision),
    },
    "security": [{"token": []}],
    "paths": {
        "/v1/decide": {
            "post": {
                "summary": "What to do with one request",
                "requestBody": {"content": {"application/json": {"schema": _ASKED}}},
                "responses": {
                    "200": {
                        "description": "The decision",
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Decision"}}},
                    }
                },
            },
            "get": {
                "summary": "The same from headers, for auth_request; below this path with the dialect's own refusals",
                "parameters": [
                    {"name": field.decode(), "in": "header", "schema": {"type": "string"}} for field in HEADERS.values()
                ],
                "responses": {"200": {"description": "pass"}, "401": {"description": "challenge"},
                              "403": {"description": "refuse, or wait"}},
            },
        },
        **{
            path: {"post": {"summary": "Logs, kept for the next hunt", "responses": {"200": {"description": "kept"}}}}
            for path in PATHS
        },
        **desk.openapi(),
        "/healthz": {"get": {"security": [], "responses": {"200": {"description": "alive"}}}},
        "/metrics": {"get": {"responses": {"200": {"description": "Prometheus"}}}},
    },
}  # fmt: skip
