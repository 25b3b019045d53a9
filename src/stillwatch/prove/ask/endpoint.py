"""One question to an endpoint, and what can come of it.

A suspect may err, stall, refuse, lie about its name or send garbage: each has its own outcome, and none of them
raises. Only what makes every further question pointless (no such host, a wrong key) stops a run.
"""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import msgspec

from stillwatch.errors import UsageError

Outcome = Literal["answered", "empty", "refused", "failed", "stalled", "garbage"]
MOST_BYTES = 4 << 20
"""An answer larger than this is garbage, whatever it says."""
PATIENCE_S = 60.0
"""The longest wait that a Retry-After header may ask for."""


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where a model answers.

    Attributes:
        url: base address, such as `https://host/v1`, or the full address of its chat completions.
        model: the name to ask for.
        key_variable: the environment variable that holds the API key; never the key itself.
        timeout_s: how long one answer may take.
        retries: how often a failed question is asked again.
        backoff_s: the first wait before that, doubled each time.
    """

    url: str
    model: str
    key_variable: str = "STILLWATCH_SUSPECT_KEY"
    timeout_s: float = 120.0
    retries: int = 3
    backoff_s: float = 1.0

    def address(self) -> str:
        """Give the full address of the chat completions.

        Raises:
            UsageError: when the address is no http address.
        """
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(f"`{self.url}` is no address of an endpoint", hint="such as https://host/v1")
        path = parts.path.rstrip("/")
        if not path.endswith("/completions"):
            path = f"{path or '/v1'}/chat/completions"
        return urlunsplit((parts.scheme, parts.netloc, path, "", ""))

    def headers(self) -> dict[str, str]:
        """Give the headers of a request."""
        key = os.environ.get(self.key_variable)
        return {"Authorization": f"Bearer {key}"} if key else {}


@dataclass(frozen=True, kw_only=True)
class Question:
    """One request: an id that names it in the journal, the messages, and parameters of the sampling."""

    id: str
    messages: list[dict[str, str]]
    parameters: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def plain(cls, name: str, text: str, *, system: str | None = None, **parameters: Any) -> Question:
        """Ask one user turn."""
        opening = [{"role": "system", "content": system}] if system else []
        return cls(id=name, messages=[*opening, {"role": "user", "content": text}], parameters=parameters)


class Answer(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """What came back.

    Attributes:
        id: of the question.
        outcome: `answered`, or why not.
        text: the answer.
        detail: what went wrong, one line.
        model: the name that the endpoint gave itself.
        finish: why it stopped.
        tokens: output tokens as the endpoint counts them.
    """

    id: str
    outcome: Outcome
    text: str = ""
    detail: str = ""
    model: str = ""
    finish: str = ""
    tokens: int = 0


async def ask(session: aiohttp.ClientSession, endpoint: Endpoint, question: Question) -> Answer:
    """Ask one question, again after a failure that may pass; never raises for what the endpoint does."""
    answer = Answer(id=question.id, outcome="failed")
    for attempt in range(endpoint.retries + 1):
        answer, wait = await _once(session, endpoint, question)
        if wait is None or attempt == endpoint.retries:
            return answer
        await asyncio.sleep(max(wait, endpoint.backoff_s * 2**attempt))
    return answer


async def _once(session: aiohttp.ClientSession, endpoint: Endpoint, question: Question) -> tuple[Answer, float | None]:
    """Ask once; with a wait when it is worth asking again."""
    body = {"model": endpoint.model, "messages": question.messages, **question.parameters}
    try:
        async with asyncio.timeout(endpoint.timeout_s):
            async with session.post(endpoint.address(), json=body, headers=endpoint.headers()) as response:
                raw = await _read(response)
    except TimeoutError:
        return _bad(question, "stalled", f"no whole answer within {endpoint.timeout_s:g} s"), 0.0
    except (aiohttp.ClientError, OSError) as why:
        return _bad(question, "failed", f"{type(why).__name__}: {why}"), 0.0
    if raw is None:
        return _bad(question, "garbage", f"more than {MOST_BYTES >> 20} MiB"), None
    if response.status in (408, 409, 425, 429) or response.status >= 500:
        return _bad(question, "failed", f"HTTP {response.status}"), _retry_after(response)
    if response.status != 200:
        return _bad(question, "refused", f"HTTP {response.status} {_line(raw)}"), None
    return _parse(question, raw, response.content_type), None


async def _read(response: aiohttp.ClientResponse) -> bytes | None:
    """Read a body up to the limit; None when it goes on beyond."""
    parts, size = [], 0
    async for part in response.content.iter_chunked(1 << 16):
        parts.append(part)
        size += len(part)
        if size > MOST_BYTES:
            return None
    return b"".join(parts)


def _retry_after(response: aiohttp.ClientResponse) -> float:
    try:
        return min(PATIENCE_S, max(0.0, float(response.headers.get("Retry-After", "0"))))
    except ValueError:
        return 0.0


def _parse(question: Question, raw: bytes, kind: str) -> Answer:
    """Understand a completion, plain or as a stream of events."""
    try:
        found = _joined(raw) if kind == "text/event-stream" or raw.startswith(b"data:") else msgspec.json.decode(raw)
        choice = found["choices"][0]
        message = choice.get("message") or {"content": choice.get("text")}
        text = message.get("content") or message.get("refusal") or ""
        usage = found.get("usage") or {}
        tokens = usage.get("completion_tokens") or 0
        if not isinstance(text, str) or not isinstance(tokens, int):
            raise TypeError("content is no text")
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, IndexError, TypeError, AttributeError) as why:
        return _bad(question, "garbage", f"{type(why).__name__}: {_line(raw)}")
    return Answer(
        id=question.id, outcome="answered" if text.strip() else "empty", text=text, tokens=tokens,
        model=str(found.get("model") or ""), finish=str(choice.get("finish_reason") or ""),
    )  # fmt: skip


def _joined(raw: bytes) -> dict[str, Any]:
    """Join a stream of events into one completion; some endpoints stream whatever they are asked."""
    text, last, finish = [], {}, None
    for line in raw.split(b"\n"):
        data = line.strip().removeprefix(b"data:").strip()
        if not line.strip().startswith(b"data:") or data == b"[DONE]":
            continue
        last = msgspec.json.decode(data)
        choice = (last.get("choices") or [{}])[0]
        text.append((choice.get("delta") or {}).get("content") or "")
        finish = choice.get("finish_reason") or finish
    if not last:
        raise KeyError("no event")
    return {**last, "choices": [{"message": {"content": "".join(text)}, "finish_reason": finish}]}


def _bad(question: Question, outcome: Outcome, detail: str) -> Answer:
    return Answer(id=question.id, outcome=outcome, detail=detail[:300])


def _line(raw: bytes) -> str:
    """Show the beginning of a body as one harmless line."""
    shown = raw[:200].decode("utf-8", "replace")
    return "".join(c if c.isprintable() else " " for c in shown).strip()


async def first_word(endpoint: Endpoint) -> Answer:
    """Ask one small question, to learn whether it is worth asking more; returns the answer or the failure."""
    begun = time.monotonic()
    async with aiohttp.ClientSession() as session:
        answer = await ask(session, endpoint, Question.plain("first-word", "Hello.", max_tokens=8))
    waited = f" after {time.monotonic() - begun:.0f} s" if answer.outcome == "stalled" else ""
    return msgspec.structs.replace(answer, detail=answer.detail + waited)
