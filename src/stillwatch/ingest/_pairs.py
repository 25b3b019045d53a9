"""Pairs: raw requests with their answers, as a recording proxy writes them.

One object per line: `{"ts", "request": {"method", "path", "headers", "body"}, "response": {"status",
"headers", "body" or "sse"}, "client_ip"}`. Bodies may be JSON or text that holds it; a streamed answer is
put together.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Any, Final

from stillwatch.ingest import _sse, _text
from stillwatch.ingest._format import Plain

HEADERS: Final = "request.headers"
BODY: Final = "request.body"
ANSWER: Final = "response.body"

ROWS: Final = {
    "exchange": f"id | request_id | {ANSWER}.id | response.headers.x-request-id | response.headers.request-id",
    "at": "ts | timestamp | time | startedDateTime",
    "key": "key",
    "model": f"{BODY}.model",
    "operation": "request.path | request.url | operation",
    "system": f"{BODY}.system | {BODY}.instructions",
    "messages": f"{BODY}.messages | {BODY}.input | {BODY}.prompt",
    "previous": f"{BODY}.previous_response_id",
    "tools": f"{BODY}.tools | {BODY}.functions",
    "tools_hash": f"{BODY}.tools | {BODY}.functions",
    "response": ANSWER,
    "choices": ANSWER,
    "tool_calls": ANSWER,
    "reasoning": ANSWER,
    "finish_reason": ANSWER,
    "temperature": f"{BODY}.temperature",
    "top_p": f"{BODY}.top_p",
    "n": f"{BODY}.n",
    "max_tokens": f"{BODY}.max_completion_tokens | {BODY}.max_tokens | {BODY}.max_output_tokens",
    "top_logprobs": f"{BODY}.top_logprobs | {BODY}.logprobs | {BODY}.include",
    "reasoning_effort": f"{BODY}.reasoning_effort | {BODY}.reasoning.effort | {BODY}.output_config.effort",
    "stream": f"{BODY}.stream",
    "input_tokens": f"{ANSWER}.usage.prompt_tokens | {ANSWER}.usage.input_tokens",
    "output_tokens": f"{ANSWER}.usage.completion_tokens | {ANSWER}.usage.output_tokens",
    "reasoning_tokens": f"{ANSWER}.usage.completion_tokens_details.reasoning_tokens"
    f" | {ANSWER}.usage.output_tokens_details.reasoning_tokens"
    f" | {ANSWER}.usage.output_tokens_details.thinking_tokens",
    "status": "response.status",
    "ip": "client_ip",
    "user_agent": f"{HEADERS}.user-agent",
    "ja4": f"ja4 | {HEADERS}.x-ja4",
    "end_user": f"{BODY}.safety_identifier | {BODY}.user | {BODY}.metadata.user_id",
    "session": f"{HEADERS}.x-session-id | {BODY}.conversation.id | {BODY}.conversation | {BODY}.metadata.session_id",
    "forwarded_for": f"{HEADERS}.x-forwarded-for",
}
"""The rows of both dialects: a proxy may record both in one file."""

ACCOUNTS: Final = (
    *(f"{HEADERS}.x-{name}" for name in ("organization", "org", "tenant", "account", "customer", "team", "user")),
    f"{BODY}.user",
    f"{BODY}.metadata.user_id",
    "client_ip",
)
_SECRET: Final = re.compile(r"(?:bearer\s+)?(\S{8,})", re.IGNORECASE)
_HIDDEN: Final = re.compile(r"redact|\*{3}|x{6}|hidden|present|masked", re.IGNORECASE)


def recognise(record: Plain, *, anthropic: bool) -> bool:
    request, response = record.get("request"), record.get("response")
    if not isinstance(request, dict) or not isinstance(response, dict):
        return False
    body = _opened(request.get("body"))
    if not isinstance(body, dict) or not body.keys() & {"messages", "input", "prompt"}:
        return False
    return _is_anthropic(request, response, body) == anthropic


def _is_anthropic(request: Plain, response: Plain, body: Plain) -> bool:
    path = str(request.get("path") or request.get("url") or "").partition("?")[0].rstrip("/")
    if path:
        return path.endswith("/messages")
    if "anthropic-version" in _lower(request.get("headers")):
        return True
    answer = _opened(response.get("body"))
    if isinstance(answer, dict) and "choices" not in answer:
        return answer.get("type") == "message" and "messages" in body
    return "messages" in body and "max_tokens" in body and "system" in body


def unwrap(raw: bytes) -> Iterable[Plain]:
    """Turn a pair as written into one with headers in small letters and bodies opened and put together."""
    record = _text.decode_any(raw)
    for one in record if isinstance(record, list) else [record]:
        yield _pair(one) if isinstance(one, dict) else one


def _pair(record: Plain) -> Plain:
    request, response = record.get("request"), record.get("response")
    request = dict(request) if isinstance(request, dict) else {}
    response = dict(response) if isinstance(response, dict) else {}
    request["headers"], response["headers"] = _lower(request.get("headers")), _lower(response.get("headers"))
    request["body"] = _opened(request.get("body"))
    response["body"] = _answer(response.get("body"), response.get("sse"))
    made = {"request": request, "response": response, "operation": _operation(request["body"])}
    return {**record, **made, "key": record.get("key") or record.get("key_id") or _key(request["headers"])}


def _answer(body: Any, stream: Any) -> Any:
    text = stream if isinstance(stream, str) else body
    if isinstance(text, str) and _sse.looks_streamed(text):
        return _sse.whole(_sse.events(text))
    if isinstance(stream, list):
        return _sse.whole(_sse.objects(stream))
    if isinstance(body, list):
        return _sse.whole(_sse.objects(body))
    return _opened(body)


def _opened(body: Any) -> Any:
    return _text.opened(body) if isinstance(body, str) else body


def _operation(body: Any) -> str | None:
    """Tell what was asked for by the shape of the body, for logs that keep no path."""
    if isinstance(body, dict):
        for key, name in (("messages", "chat"), ("input", "responses"), ("prompt", "completion")):
            if key in body:
                return name
    return None


def _key(headers: Plain) -> str | None:
    """Name the API key by its SHA-256, as gateways do; a long random key is not given away by that."""
    for name in ("authorization", "x-api-key", "api-key"):
        found = _SECRET.fullmatch(str(headers.get(name) or "").strip())
        if found and not _HIDDEN.search(found[1]):
            return hashlib.sha256(found[1].encode("utf-8", "replace")).hexdigest()
    return None


def _lower(headers: Any) -> Plain:
    """Give headers by names in small letters, from an object or from pairs; of several values the last."""
    if isinstance(headers, list):
        pairs = [(one.get("name"), one.get("value")) if isinstance(one, dict) else one for one in headers]
        headers = {pair[0]: pair[1] for pair in pairs if isinstance(pair, list | tuple) and len(pair) == 2}
    if not isinstance(headers, dict):
        return {}
    return {
        str(name).lower(): value[-1] if isinstance(value, list) and value else value for name, value in headers.items()
    }
