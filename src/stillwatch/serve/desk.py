"""Desk: orders and appeals over HTTP, for whoever holds a token of the scope.

- `GET /v1/orders`, `GET /v1/orders/ID`; `POST /v1/orders` plans; `POST /v1/orders/ID/approve`, `…/snooze`, `…/undo`
- `GET /v1/appeals`, `GET /v1/appeals/ID`; `POST /v1/appeals` opens; `POST /v1/appeals/ID/decide`

Who acts is the owner of the token: nobody can name somebody else. The scope `orders` does all of this; `appeals` opens
appeals and nothing more, for a form that refused parties fill in; `read` lists orders. The record keeps the token
beside the name. Commands and cases cannot be named here: what is run stands in the settings, what is read lies in the
state.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from stillwatch import ingest
from stillwatch.errors import BookError, StillwatchError
from stillwatch.model.answer import Order, Rung
from stillwatch.model.appeal import Appeal
from stillwatch.remedy import appeals as remedy
from stillwatch.serve.http import Gone, Receive, Scope, Send, TooLarge, answer, read_body, say
from stillwatch.store import appeals
from stillwatch.store.tokens import Token
from stillwatch.watch import orders
from stillwatch.watch.room import Room

ROOTS: Final = ("/v1/orders", "/v1/appeals")
MOST: Final = 1 << 20
"""Bytes of a body: an order names accounts, not texts."""
DAYS: Final = 14
T = TypeVar("T", bound=msgspec.Struct)


class PlanBody(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What `POST /v1/orders` takes; `ends` or `days`, 14 where neither is said."""

    rung: Rung
    accounts: list[str] = []
    campaign: str | None = None
    newcomers: Rung = "observe"
    transforms: list[str] = []
    reason: str
    days: int | None = None
    ends: datetime | None = None
    delay_s: int = 0


class WhyBody(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What approving and undoing take."""

    reason: str = ""


class SnoozeBody(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What snoozing takes."""

    until: datetime
    reason: str = ""


class AppealBody(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What opening an appeal takes."""

    reference: str
    text: str
    contact: str = ""
    account: str = ""


class DecideBody(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What deciding an appeal takes; `whole` undoes the whole order."""

    restore: bool
    reason: str
    whole: bool = False


class _Refused(Exception):
    """A request that is answered with a status of its own."""

    def __init__(self, status: int, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.status = status
        self.hint = hint


def _spoken(hint: str | None) -> str:
    """Say a hint to somebody who has fields and no options."""
    return re.sub(r"`--(\w+)[^`]*`", r"`\1`", hint or "")


class Desk:
    """Answers requests about orders and appeals."""

    def __init__(self, room: Room) -> None:
        self.room = room

    async def __call__(self, scope: Scope, receive: Receive, send: Send, token: Token) -> None:
        """Answer one request of somebody who holds a token."""
        try:
            raw = await read_body(receive, MOST) if scope["method"] == "POST" else b""
            told = await asyncio.to_thread(self._told, scope["method"], scope["path"], raw, token)
        except Gone:
            return
        except TooLarge:
            await say(send, 413, "the request is too large", f"at most {MOST} bytes")
        except _Refused as refused:
            await say(send, refused.status, str(refused), refused.hint)
        except BookError as trouble:
            await say(send, 409, str(trouble.what), _spoken(trouble.hint))
        except StillwatchError as trouble:
            await say(send, 400, str(trouble.what), _spoken(trouble.hint))
        else:
            await answer(send, 200, msgspec.json.encode(told))

    def _told(self, method: str, path: str, raw: bytes, token: Token) -> Any:
        parts = path.strip("/").split("/")[1:]
        desk: Callable[[str, list[str], bytes, Token], Any] = self._orders if parts[0] == "orders" else self._appeals
        if len(parts) > 3 or any(not part for part in parts):
            raise _Refused(404, "there is nothing here", "GET /v1/orders, /v1/appeals")
        return desk(method, parts[1:], raw, token)

    # -- orders

    def _orders(self, method: str, parts: list[str], raw: bytes, token: Token) -> Any:
        _permit(token, "orders", *(["read"] if method == "GET" else []))
        book = self.room.book
        now = datetime.now(UTC)
        if method == "GET" and not parts:
            orders.expire(book, now)
            return {"schema": 1, "orders": book.orders()}
        if method == "POST" and not parts:
            return self._plan(_body(raw, PlanBody), token, now)
        name = parts[0] if parts else ""
        if not any(order.id == name for order in book.orders()):
            raise _Refused(404, f"no order is called `{name[:40]}`", "GET /v1/orders names them")
        if method == "GET" and len(parts) == 1:
            return {"schema": 1, "order": book.order(name), "record": book.record(name)}
        if method != "POST" or len(parts) != 2 or parts[1] not in ("approve", "snooze", "undo"):
            raise _Refused(405, "that cannot be done with an order", "POST …/approve, …/snooze or …/undo")
        return self._moved(name, parts[1], raw, token, now)

    def _plan(self, told: PlanBody, token: Token, now: datetime) -> Order:
        if told.days is not None and told.ends is not None:
            raise _Refused(400, "say the end once", "`days` or `ends`, one of the two")
        if told.ends is not None and told.ends.tzinfo is None:
            raise _Refused(400, "`ends` has no zone", "write 2026-12-01T12:00:00Z")
        days = DAYS if told.days is None else min(max(told.days, 0), 100_000)
        asked = orders.Plan(
            rung=told.rung, accounts=tuple(told.accounts), campaign=told.campaign, newcomers=told.newcomers,
            transforms=tuple(told.transforms), reason=told.reason, by=token.owner,
            ends=told.ends or now + timedelta(days=days), delay_s=told.delay_s,
        )  # fmt: skip
        room = self.room
        return orders.plan(
            room.book, self._with_case(asked), state=room.watch.state, key=room.key, now=now,
            innocent=room.settings.watch.innocent_newcomers,
        )  # fmt: skip

    def _with_case(self, asked: orders.Plan) -> orders.Plan:
        """Take evidence, members and who pays from where the settings say."""
        told = self.room.settings.remedy
        if told.accounts:
            asked = replace(asked, declared=ingest.read_accounts(Path(told.accounts).expanduser()))
        if told.case and asked.campaign is not None:
            asked = replace(asked, case=Path(told.case).expanduser())
        return asked

    def _moved(self, name: str, did: str, raw: bytes, token: Token, now: datetime) -> Order:
        book = self.room.book
        if did == "snooze":
            rest = _body(raw, SnoozeBody)
            if rest.until.tzinfo is None:
                raise _Refused(400, "`until` has no zone", "write 2026-12-01T12:00:00Z")
            return orders.snooze(book, name, until=rest.until, by=token.owner, why=_why(rest.reason, token), now=now)
        why = _body(raw or b"{}", WhyBody).reason
        if did == "undo":
            return orders.undo(book, name, by=token.owner, why=_why(why, token) if why.strip() else "", now=now)
        return orders.approve(book, name, by=orders.person(token.owner), why=_why(why, token), now=now)

    # -- appeals

    def _appeals(self, method: str, parts: list[str], raw: bytes, token: Token) -> Any:
        book, now = self.room.book, datetime.now(UTC)
        if method == "POST" and not parts:
            _permit(token, "orders", "appeals")
            told = _body(raw, AppealBody)
            made = remedy.open_appeal(
                book, told.reference, text=told.text, contact=told.contact, by=token.owner, key=self.room.key, now=now,
                account=told.account,
            )  # fmt: skip
            return {"schema": 1, "id": made.id, "step": made.step, "opened_at": made.opened_at}
        _permit(token, "orders")
        found = appeals.appeals(book)
        if method == "GET" and not parts:
            return {"schema": 1, "appeals": found, "figures": appeals.figures(found, now)}
        one = next((each for each in found if each.id == parts[0]), None) if parts else None
        if one is None:
            raise _Refused(404, "there is no such appeal", "GET /v1/appeals names them")
        if method == "GET" and len(parts) == 1:
            return {"schema": 1, "appeal": one, "record": book.record(f"appeal {one.id}")}
        if method != "POST" or parts[1:] != ["decide"]:
            raise _Refused(405, "that cannot be done with an appeal", "POST …/decide")
        return self._decided(one, _body(raw, DecideBody), token, now)

    def _decided(self, one: Appeal, told: DecideBody, token: Token, now: datetime) -> Appeal:
        why = _why(told.reason, token) if told.reason.strip() else ""
        return remedy.decide(
            self.room.book, one.id, restore=told.restore, whole=told.whole, by=token.owner, why=why, now=now
        )


def gauges(room: Room) -> list[str]:
    """Tell what waits for somebody, in the text format of Prometheus."""
    book = room.book
    lines = ["# TYPE stillwatch_appeals_open gauge"]
    lines.append(f"stillwatch_appeals_open {appeals.figures(appeals.appeals(book), datetime.now(UTC)).open}")
    lines.append("# HELP stillwatch_outbox_messages Messages of hooks that are not delivered.")
    lines.append("# TYPE stillwatch_outbox_messages gauge")
    counts = dict(book.read("SELECT step, count(*) FROM outbox WHERE step != 'sent' GROUP BY step"))
    lines += [f'stillwatch_outbox_messages{{step="{step}"}} {counts.get(step, 0)}' for step in ("waiting", "stuck")]
    lines.append("# TYPE stillwatch_command_accounts gauge")
    for adapter, step, count in book.read("SELECT adapter, step, count(*) FROM commands GROUP BY adapter, step"):
        name = adapter.replace("\\", "").replace('"', "").replace("\n", "")
        lines.append(f'stillwatch_command_accounts{{adapter="{name}",step="{step}"}} {count}')
    return lines


def _permit(token: Token, *scopes: str) -> None:
    if not set(scopes) & set(token.scopes):
        raise _Refused(403, f"this needs a token of the scope `{scopes[0]}`", "`stillwatch token make NAME --scope …`")


def _why(reason: str, token: Token) -> str:
    """Put the token on record beside the reason."""
    return f"{reason.strip()} [token {token.id}]".strip()


def _body(raw: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as trouble:
        fields = ", ".join(field.encode_name for field in msgspec.structs.fields(kind))
        raise _Refused(400, f"this is no such request: {trouble}", f"it takes {fields}") from None


def openapi() -> dict[str, Any]:
    """Describe the paths of the desk."""

    def post(summary: str, kind: type[msgspec.Struct], back: type[msgspec.Struct]) -> dict[str, Any]:
        return {
            "summary": summary,
            "requestBody": {"content": {"application/json": {"schema": _schema(kind)}}},
            "responses": {
                "200": {"description": "done", "content": {"application/json": {"schema": _schema(back)}}},
                "400": {"description": "it cannot be meant"}, "403": {"description": "not with this token"},
                "404": {"description": "there is none"}, "409": {"description": "not as it stands now"},
            },
        }  # fmt: skip

    def get(summary: str) -> dict[str, Any]:
        return {"summary": summary, "responses": {"200": {"description": "found"}, "404": {"description": "none"}}}

    name = [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}]
    paths: dict[str, Any] = {
        "/v1/orders": {
            "get": get("All orders"),
            "post": post("Plan an order; it does nothing until it is approved", PlanBody, Order),
        },
        "/v1/orders/{id}": {"parameters": name, "get": get("One order with its record")},
        "/v1/orders/{id}/approve": {
            "parameters": name, "post": post("Approve it, as the token's owner", WhyBody, Order)
        },
        "/v1/orders/{id}/snooze": {"parameters": name, "post": post("Let it rest", SnoozeBody, Order)},
        "/v1/orders/{id}/undo": {"parameters": name, "post": post("Undo it", WhyBody, Order)},
        "/v1/appeals": {
            "get": get("All appeals, with figures"),
            "post": post("Open an appeal with the reference of a refusal", AppealBody, Appeal),
        },
        "/v1/appeals/{id}": {"parameters": name, "get": get("One appeal with its record")},
        "/v1/appeals/{id}/decide": {"parameters": name, "post": post("Decide it", DecideBody, Appeal)},
    }  # fmt: skip
    return paths


def _schema(kind: type[msgspec.Struct]) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{kind.__name__}"}


def components(*more: type[msgspec.Struct]) -> dict[str, Any]:
    """Give the schemas that those of the paths refer to, and more."""
    kinds = [PlanBody, WhyBody, SnoozeBody, AppealBody, DecideBody, Order, Appeal, *more]
    _, parts = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    return dict(parts)
