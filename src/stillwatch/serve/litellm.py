"""LiteLLM: the same as the proxy, as a guardrail inside a LiteLLM proxy.

    guardrails:
      - guardrail_name: stillwatch
        litellm_params:
          guardrail: stillwatch.serve.litellm.Stillwatch
          mode: [pre_call, post_call]
          default_on: true
          state: /var/lib/stillwatch        # else STILLWATCH_STATE
          enforce: true                     # else STILLWATCH_ENFORCE=1; without either: shadow

A request is decided and changed before the call; its answer is changed after it, streamed or not, in the dialect of the
client, whatever API LiteLLM asked. The account is what `--format litellm` calls it: organisation, else team, else user,
else key. No key and no team can opt out, since orders are about them. Everybody without an order gets LiteLLM's own
answer objects back, untouched. Our own mistakes raise nothing, unless `[watch] fail_closed` was chosen; an answer to a
hardened account that cannot be changed is not delivered, and routes that pass guardrails by (pass-through, realtime,
batches) are closed to it. Decisions are counted in LiteLLM's own `/metrics` (`mirror`).

Written for litellm 1.106. Source: docs.litellm.ai, "Custom Guardrail".
"""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import msgspec

from stillwatch.ingest import Clients, networks
from stillwatch.kit.merkle import leaf_hash
from stillwatch.model.answer import Asked
from stillwatch.serve.decisions import decide, keep_fresh
from stillwatch.serve.dialects import Refused, dialect, out_of_reach, refused
from stillwatch.serve.events import Rewriter
from stillwatch.serve.gate import Gate, Passing
from stillwatch.serve.harden import Body
from stillwatch.serve.mirror import Mirror
from stillwatch.serve.opened import open_room
from stillwatch.store.licences import Delivered
from stillwatch.watch.texts import answered

try:
    from litellm.integrations.custom_guardrail import CustomGuardrail as _Guardrail
except ImportError:  # read without LiteLLM: for its types, or its documentation
    _Guardrail = object

MOST_PASSING: Final = 100_000
"""Calls that are remembered between their hooks; a call beyond them is decided once more."""
UNREACHED: Final = ("pass_through", "passthrough", "realtime", "batch", "create_file")
"""Kinds of calls whose answers LiteLLM hands to no guardrail, or not always: a hardened account may not make them."""
IDS: Final = ("org_id", "team_id", "user_id", "api_key")
"""Where LiteLLM tells who the account is, first what answers for the most."""


class Stillwatch(_Guardrail):  # type: ignore[misc, valid-type, unused-ignore]
    """The guardrail; one of them serves one worker process.

    Args:
        state: the state directory.
        enforce: let orders act.
        settings: the settings file.
    """

    def __init__(
        self, *, state: str | None = None, enforce: bool | None = None, settings: str | None = None, **given: Any
    ) -> None:
        super().__init__(**given)
        self.room = open_room(state, enforce=enforce, settings=settings)
        self.gate = Gate(self.room)
        self._clients = Clients(networks(self.room.settings.ingest.trusted_proxies))
        self._nobody = frozenset(self.room.settings.ingest.placeholders)
        self._calls: OrderedDict[str, Passing | None] = OrderedDict()
        self._told: OrderedDict[str, str] = OrderedDict()
        self._fresh: asyncio.Task[None] | None = None
        self._mirror = Mirror(self.room)
        self._counting: asyncio.Task[None] | None = None

    def should_run_guardrail(self, data: Any, event_type: Any) -> bool:
        """Run on every call, whatever the key's or the team's metadata say."""
        del data
        return bool(self._event_hook_is_event_type(event_type))

    # -- hooks

    async def async_pre_call_hook(self, user_api_key_dict: Any, cache: Any, data: Body, call_type: str) -> Body | None:
        """Decide about a call, and change its request where that is decided."""
        del cache
        self._keep_fresh()
        one = self._passing(user_api_key_dict, data)
        if one.stopped:
            watch = self.room.settings.watch
            raise self._refusal(refused(one.decision, appeal=watch.appeal_url, step_up=watch.step_up_url))
        if one.hardening is not None and any(part in str(call_type) for part in UNREACHED):
            raise self._refusal(out_of_reach(one.decision, appeal=self.room.settings.watch.appeal_url))
        _keep(self._calls, _name(data), one if one.hardening is not None or self._listens(one) else None)
        if one.hardening is None or one.dialect is None:
            return self._without_marks(data)
        _keep(self._told, _name(data), one.hardening.told)
        return one.hardening.request(one.dialect, data)

    async def async_post_call_success_hook(self, data: Body, user_api_key_dict: Any, response: Any) -> Any:
        """Change a whole answer."""
        one = self._of(user_api_key_dict, data)
        if one is None:
            return None
        told = _plain(response)
        if one.hardening is None:
            self._hear(one, told, _name(data))
            return None
        before = msgspec.msgpack.encode(told)
        told = one.hardening.answer(told)
        self._hear(one, told, _name(data))
        return None if msgspec.msgpack.encode(told) == before else _made(response, told)

    async def async_post_call_streaming_iterator_hook(
        self, user_api_key_dict: Any, response: Any, request_data: Body
    ) -> AsyncIterator[Any]:
        """Change a streamed answer, event by event."""
        one = self._of(user_api_key_dict, request_data)
        if one is None:
            async for item in response:
                yield item
            return
        heard: list[Any] = []
        rewriter = None if one.hardening is None else Rewriter(one.hardening)
        async for item in response:
            for told in [item] if rewriter is None else _changed(item, rewriter):
                heard.append(told)
                yield told
        if rewriter is not None and (tail := rewriter.close()):
            yield tail
        self._hear(one, _whole(heard), _name(request_data))

    async def async_post_call_response_headers_hook(
        self,
        data: Body,
        user_api_key_dict: Any,
        response: Any,
        request_headers: Any = None,
        litellm_call_info: Any = None,
    ) -> dict[str, str] | None:
        """Tell what was done to an answer."""
        del user_api_key_dict, response, request_headers, litellm_call_info
        told = self._told.pop(_name(data), None)
        return None if told is None else {"x-stillwatch-transforms": told}

    async def async_post_call_failure_hook(
        self, request_data: Body, original_exception: Any, user_api_key_dict: Any, traceback_str: str | None = None
    ) -> None:
        """Forget a call that failed."""
        del original_exception, user_api_key_dict, traceback_str
        self._calls.pop(_name(request_data), None)
        self._told.pop(_name(request_data), None)

    # -- deciding

    def _keep_fresh(self) -> None:
        if self._fresh is None:
            loop = asyncio.get_running_loop()
            self._fresh = loop.create_task(keep_fresh(self.room))
            self._counting = loop.create_task(self._count())

    async def _count(self) -> None:
        while True:
            self._mirror.turn()
            await asyncio.sleep(self.room.settings.watch.reload_s)

    def _of(self, key: Any, data: Body) -> Passing | None:
        """Find what was decided about a call; nothing for one in which nothing is changed or heard."""
        if (name := _name(data)) in self._calls:
            return self._calls.pop(name)
        one = self._passing(key, data)  # forgotten meanwhile
        return one if one.hardening is not None or self._listens(one) else None

    def _passing(self, key: Any, data: Body) -> Passing:
        request = data.get("proxy_server_request")
        url = request.get("url") if isinstance(request, dict) else ""
        name = dialect(str(url).partition("?")[0])
        asked = self._asked(key, data, name or "")
        one = Passing(asked, decide(self.room, asked), name, b"")
        if one.decision.action == "harden" and one.decision.transforms:
            one.hardening = self.gate.hardening(one.decision, data, asked.account)
        return one

    def _asked(self, key: Any, data: Body, operation: str) -> Asked:
        known = data.get("litellm_metadata") or data.get("metadata") or {}
        known = known if isinstance(known, dict) else {}
        request = data.get("proxy_server_request")
        headers = request.get("headers") if isinstance(request, dict) else None
        headers = headers if isinstance(headers, dict) else {}
        ids = (getattr(key, name, None) for name in IDS)
        account = next((str(one) for one in ids if one and one not in self._nobody), "")
        model = data.get("model")
        peer = str(known.get("requester_ip_address") or "")
        return Asked(
            account=account, key=str(getattr(key, "api_key", "") or ""),
            ip=self._clients.client(peer, None) or "" if peer else "",
            user_agent=str(known.get("user_agent") or headers.get("user-agent") or ""),
            ja4=str(headers.get("x-ja4") or "") if self._clients.trusts(peer.rpartition(",")[2].strip()) else "",
            model=model if isinstance(model, str) else "", operation=operation, body=data,
        )  # fmt: skip

    def _without_marks(self, data: Body) -> Body | None:
        tracer = self.gate.tracer
        return tracer.without(data) if tracer is not None and tracer.marked(data) else None

    def _refusal(self, why: Refused) -> Exception:
        """Make the error that LiteLLM tells in the client's dialect."""
        from litellm.proxy._types import ProxyException

        told_so: Exception = ProxyException(
            message=why.message, type="rate_limit_error" if why.status == 429 else "permission_error", param=None,
            code=why.status, provider_specific_fields=why.told,
            headers={name.decode(): value.decode("latin-1") for name, value in why.headers},
        )  # fmt: skip
        return told_so

    # -- what is listened to

    def _listens(self, one: Passing) -> bool:
        watch = self.room.watch
        return watch.covering(one.asked) is not None or watch.remembers(one.asked.account)

    def _hear(self, one: Passing, told: Any, exchange: str) -> None:
        """Put an answer under a grant on record, and remember one to a member."""
        try:
            text, grant = answered(told), self.room.watch.covering(one.asked)
            if grant is not None:
                leaf = leaf_hash(text.encode("utf-8", "replace"))
                self.room.deliver(Delivered(grant=grant.id, exchange=exchange, leaf=leaf))
            self.room.watch.answered(one.asked.account, text)
        except Exception:  # noqa: BLE001 - the answer is delivered; what we make of it harms nobody
            traceback.print_exc(file=sys.stderr)


def _name(data: Body) -> str:
    return str(data.get("litellm_call_id"))


def _keep(held: OrderedDict[str, Any], name: str, value: Any) -> None:
    held[name] = value
    if len(held) > MOST_PASSING:
        held.popitem(last=False)


def _plain(item: Any) -> Any:
    """Give what an object of LiteLLM's says, as plain data of its own."""
    if hasattr(item, "model_dump"):
        return item.model_dump(mode="json", exclude_unset=False)
    return msgspec.msgpack.decode(msgspec.msgpack.encode(item)) if isinstance(item, dict) else item


def _made(item: Any, told: Body) -> Any:
    """Make an object like another, that says something else; what LiteLLM hides in it is kept."""
    if not hasattr(item, "model_dump"):
        return told
    made = type(item)(**told) if hasattr(item, "choices") else type(item).model_validate(told)
    for name in ("_hidden_params", "_response_headers"):
        if hasattr(item, name):
            setattr(made, name, getattr(item, name))
    return made


def _changed(item: Any, rewriter: Rewriter) -> Iterator[Any]:
    """Change one piece of a stream: raw bytes for Messages, objects for the other dialects."""
    if isinstance(item, bytes | str):
        raw = rewriter.feed(item if isinstance(item, bytes) else item.encode())
        if raw:
            yield raw if isinstance(item, bytes) else raw.decode("utf-8", "replace")
        return
    before = _plain(item)
    if not isinstance(before, dict):
        return  # what cannot be read may carry anything
    for told in rewriter.change(_plain(item)):
        if told == before:
            yield item
        elif told.get("type") == before.get("type"):
            yield _made(item, told)
        else:
            yield _event(told)


def _event(told: Body) -> Any:
    """Make an event of another kind than came."""
    from pydantic import BaseModel, ConfigDict

    class Event(BaseModel):
        model_config = ConfigDict(extra="allow")

    return Event(**told)


def _whole(items: list[Any]) -> Any:
    """Put a streamed answer together again."""
    from stillwatch.ingest import whole_answer

    parts = [item if isinstance(item, bytes) else str(item).encode() for item in items if isinstance(item, bytes | str)]
    parts += [b"data: " + msgspec.json.encode(_plain(item)) + b"\n\n" for item in items if hasattr(item, "model_dump")]
    return whole_answer(b"".join(parts).decode("utf-8", "replace"))
