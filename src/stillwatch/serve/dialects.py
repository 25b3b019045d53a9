"""Dialects: which API a path belongs to, and how that API tells a client of an error.

Known by the end of the path, whatever the prefix: `/chat/completions`, `/completions`, `/responses` and below, and
`/messages`. Anything else has no dialect and passes.
"""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple

import msgspec

from stillwatch.model.answer import Decision
from stillwatch.serve.http import Headers

Dialect = Literal["chat", "completions", "responses", "messages"]
ENDS: Final[tuple[tuple[str, Dialect], ...]] = (
    ("/chat/completions", "chat"), ("/completions", "completions"), ("/responses", "responses"),
    ("/messages", "messages"),
)  # fmt: skip
STATUS: Final = {"slow": 429, "challenge": 403, "refuse": 403}
TYPES: Final = {
    400: "invalid_request_error",
    413: "request_too_large",
    429: "rate_limit_error",
    403: "permission_error",
    502: "api_error",
    504: "timeout_error",
}


def dialect(path: str) -> Dialect | None:
    """Tell which API a path belongs to."""
    plain = path.rstrip("/")
    for end, name in ENDS:
        if plain.endswith(end):
            return name
    if "/responses/" in plain:
        return "responses"
    if "/chat/completions/" in plain:
        return "chat"
    return None


def error(name: Dialect | None, status: int, message: str, told: dict[str, Any] | None = None) -> bytes:
    """Write an error in the shape of a dialect; what more is told stands beside the message."""
    kind = TYPES.get(status, "api_error")
    if name == "messages":
        body: dict[str, Any] = {"type": "error", "error": {"type": kind, "message": message, **(told or {})}}
        if told and told.get("reference"):
            body["request_id"] = told["reference"]
    else:
        code = (told or {}).get("category")
        body = {"error": {"message": message, "type": kind, "param": None, "code": code, **(told or {})}}
    return msgspec.json.encode(body)


class Refused(NamedTuple):
    """What a refused party is told, in whatever shape."""

    status: int
    message: str
    told: dict[str, Any]
    headers: Headers


def refused(decision: Decision, *, appeal: str, step_up: str) -> Refused:
    """Say what happened, in what category, under what reference, and what the party can do."""
    if decision.action == "slow":
        message = f"This account is slowed for now; try again in {decision.retry_after_s} s."
    elif decision.action == "challenge" and step_up:
        message = f"This account must confirm who it is before it goes on: {step_up}"
    elif decision.action == "challenge":
        message = "Please confirm with the provider who uses this account; other requests go on meanwhile."
    else:
        message = "This account is suspended from this service."
    if decision.order is None and decision.action == "refuse":  # we could not decide, and fail closed
        message = "This gateway cannot serve requests at the moment."
    return _refused(decision, STATUS[decision.action], message, appeal)


def out_of_reach(decision: Decision, *, appeal: str) -> Refused:
    """Say that a hardened account cannot use a route whose answers cannot be changed."""
    return _refused(decision, 403, "This account cannot use this route at the moment; others go on.", appeal)


def _refused(decision: Decision, status: int, message: str, appeal: str) -> Refused:
    told = {"category": decision.category, "reference": decision.reference}
    if decision.reference:
        message += f" Reference: {decision.reference}."
    if appeal:
        message += f" If this is wrong, appeal here: {appeal}"
        told["appeal"] = appeal
    headers: Headers = [(b"x-stillwatch-reference", (decision.reference or "").encode("latin-1", "replace"))]
    if decision.action == "slow":
        headers.append((b"retry-after", str(decision.retry_after_s).encode()))
    else:
        headers.append((b"x-should-retry", b"false"))
    return Refused(status, message, told, headers)


def refusal(name: Dialect | None, decision: Decision, *, appeal: str, step_up: str) -> tuple[int, bytes, Headers]:
    """Write a refusal in the shape of a dialect."""
    status, message, told, headers = refused(decision, appeal=appeal, step_up=step_up)
    return status, error(name, status, message, told), headers
