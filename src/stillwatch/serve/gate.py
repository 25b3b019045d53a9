"""Gate: what is decided about one request before it goes on, and what is done to it; for the proxy and the middleware.

Who the account is: the header that `[proxy] account_header` names, from a trusted proxy only; else the SHA-256 of the
API key, as LiteLLM names it. The client's address is the peer's, unless the peer is one of `[ingest] trusted_proxies`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import msgspec

from stillwatch.errors import SettingsError
from stillwatch.ingest import Clients, networks
from stillwatch.model.answer import Asked, Decision
from stillwatch.serve.decisions import decide, permitted, shut, tell_metrics
from stillwatch.serve.dialects import Dialect, dialect, error, refusal
from stillwatch.serve.harden import Hardening
from stillwatch.serve.hidden import Hidden
from stillwatch.serve.http import Scope, Send, answer, hashed_key, header
from stillwatch.serve.thoughts import Keeper, Kept
from stillwatch.serve.tracer import FieldTracer, Tracer
from stillwatch.watch.room import Room
from stillwatch.watch.texts import texts

METRICS: Final = "/stillwatch/metrics"
STOPPING: Final = ("refuse", "challenge", "slow")


class Passing:
    """One request on its way.

    Attributes:
        raw: the body as it goes on.
        changed: whether it is another than came.
        hardening: what is done to its answer; nothing for most.
    """

    __slots__ = ("asked", "changed", "decision", "dialect", "hardening", "malformed", "raw")

    def __init__(self, asked: Asked, decision: Decision, name: Dialect | None, raw: bytes) -> None:
        self.asked = asked
        self.decision = decision
        self.dialect = name
        self.raw = raw
        self.changed = False
        self.malformed = False
        self.hardening: Hardening | None = None

    @property
    def stopped(self) -> bool:
        """Tell whether it goes no further."""
        return self.malformed or self.decision.action in STOPPING

    def change(self, raw: bytes) -> None:
        """Send another body on."""
        self.raw, self.changed = raw, True


class Gate:
    """Decides about requests, and knows what that means for them.

    Args:
        tracer: asks the upstream to mark an answer; the one that `[proxy] tracer_field` names where none is given.
    """

    def __init__(self, room: Room, tracer: Tracer | None = None) -> None:
        self.room = room
        self.settings = room.settings.proxy
        self.hidden = hidden_texts(self.settings.hidden)
        self.tracer = tracer or (FieldTracer(self.settings.tracer_field) if self.settings.tracer_field else None)
        self._kept = Kept()
        self._clients = Clients(networks(room.settings.ingest.trusted_proxies))

    async def own(self, scope: Scope, send: Send) -> bool:
        """Answer what is asked of the gateway itself; tells whether that was so."""
        if scope["path"] != METRICS or scope["method"] != "GET":
            return False
        if permitted(self.room, scope, "read", bearers=False):
            await tell_metrics(self.room, send)
        else:
            await shut(send)
        return True

    def passing(self, scope: Scope, raw: bytes) -> Passing:
        """Decide about a request, and change it where that is decided."""
        name = dialect(scope["path"])
        asked, body = self._asked(scope, name, raw)
        one = Passing(asked, decide(self.room, asked), name, raw)
        readable = isinstance(body, dict) or not raw or name is None or scope["method"] != "POST"
        one.malformed = not readable and self.settings.malformed == "refuse"
        if one.stopped:
            return one
        told = body if isinstance(body, dict) and name is not None else None
        if one.decision.action == "harden" and one.decision.transforms:
            one.hardening = self.hardening(one.decision, told, asked.account)
            if told is not None and name is not None:
                one.change(msgspec.json.encode(one.hardening.request(name, told)))
        elif self.tracer is not None and told is not None and self.tracer.marked(told):
            one.change(msgspec.json.encode(self.tracer.without(told)))
        return one

    def unread(self, scope: Scope) -> Passing:
        """Decide about a request whose body is not read; its answer may still be changed."""
        asked, _ = self._asked(scope, None, b"")
        one = Passing(asked, decide(self.room, asked), dialect(scope["path"]), b"")
        if one.decision.action == "harden" and one.decision.transforms:
            one.hardening = self.hardening(one.decision, None, asked.account)
        return one

    def hardening(self, decision: Decision, body: dict[str, Any] | None, account: str) -> Hardening:
        """Say what is done to an exchange that is hardened."""
        system = texts(body).system if body is not None and "no_leak" in decision.transforms else ""
        watched = [*self.hidden, *([hidden_of(system)] if system else [])]
        return Hardening(
            decision.transforms, self.room.settings.watch.n_most, hidden=watched, tracer=self.tracer,
            begun=self.settings.thinks_first, keeper=Keeper(self._kept, account),
        )  # fmt: skip

    async def refuse(self, send: Send, one: Passing) -> None:
        """Answer a request that goes no further."""
        if one.malformed and one.decision.action not in STOPPING:
            await answer(send, 400, error(one.dialect, 400, "the request's body is no JSON object"))
            return
        watch = self.room.settings.watch
        status, told, headers = refusal(
            one.dialect, one.decision, appeal=watch.appeal_url, step_up=watch.step_up_url
        )  # fmt: skip
        await answer(send, status, told, headers)

    def _asked(self, scope: Scope, name: Dialect | None, raw: bytes) -> tuple[Asked, Any]:
        """Say who asks what. What cannot be read is passed on all the same: the upstream will say what it thinks."""
        body: Any = None
        if name is not None and raw and scope["method"] == "POST":
            try:
                body = msgspec.json.decode(raw)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                body = None
        hashed = _key(scope)
        peer = (scope.get("client") or ("", 0))[0]
        trusted = self._clients.trusts(peer)
        account = hashed
        if self.settings.account_header and trusted:
            account = header(scope, self.settings.account_header.lower().encode()) or hashed
        client = self._clients.client(peer, header(scope, b"x-forwarded-for") or None) if trusted else peer
        model = body.get("model") if isinstance(body, dict) else None
        return (
            Asked(
                account=account, key=hashed, ip=client or "",
                user_agent=header(scope, b"user-agent"), ja4=header(scope, b"x-ja4") if trusted else "",
                model=model if isinstance(model, str) else "", operation=name or "", body=body,
            ),
            body,
        )  # fmt: skip


hidden_of = lru_cache(maxsize=512)(Hidden.of)
"""One system text stands before many requests."""


def _key(scope: Scope) -> str:
    """Hash the API key of a request; empty where there is none."""
    key = header(scope, b"authorization")
    if key[:7].lower() != "bearer ":
        key = header(scope, b"x-api-key") or header(scope, b"api-key")
    return hashed_key(key)


def hidden_texts(files: tuple[str, ...]) -> list[Hidden]:
    """Read the texts that no answer may repeat.

    Raises:
        SettingsError: when a file cannot be read.
    """
    found = []
    for name in files:
        try:
            with open(name, encoding="utf-8") as file:  # noqa: PTH123 - a name out of the settings
                found.append(Hidden.of(file.read()))
        except (OSError, UnicodeDecodeError) as trouble:
            raise SettingsError(f"cannot read a hidden text: {trouble}", where="[proxy] hidden") from None
    return found
