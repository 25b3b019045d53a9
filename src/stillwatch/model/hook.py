"""Hook: who is told when something is put on record, and in what shape.

The generic shape is that of Standard Webhooks (github.com/standard-webhooks/standard-webhooks, "Payload structure"):
`type`, `timestamp`, `data`. The Slack shape is a sentence. Accounts are named to nobody who did not ask for it when
the hook was made; a sentence never names one.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final, Literal

import msgspec

from stillwatch.model.answer import Note, Order

Shape = Literal["generic", "slack"]
SHAPES: Final[tuple[Shape, ...]] = ("generic", "slack")
EVENTS: Final = {
    "o-": "order", "account": "account", "token": "token", "grant": "grant", "run": "playbook", "appeal": "appeal",
    "hook": "hook", "adapter": "command",
}  # fmt: skip
"""Kinds of events, by how the thing that they are about is called in the record."""


class Hook(msgspec.Struct, kw_only=True, frozen=True):
    """A hook.

    Attributes:
        events: kinds such as `order`, or single ones such as `order.approved`; empty for all.
        accounts: whether accounts are named to it.
        secret: `whsec_` and the base64 of the key that messages are signed with.
        former: the secret before it, while both sign.
        until: until when they do.
        paused: whether nothing is sent; what happens meanwhile waits.
    """

    id: str
    url: str
    shape: Shape = "generic"
    events: list[str] = []
    accounts: bool = False
    secret: str
    former: str = ""
    until: datetime | None = None
    paused: bool = False
    by: str
    at: datetime

    def wants(self, name: str) -> bool:
        """Tell whether an event is one that this hook is told of."""
        return not self.events or name in self.events or name.partition(".")[0] in self.events


def event(note: Note) -> str:
    """Name the event that a line of the record is, as in `order.approved`."""
    kind = "order" if note.order.startswith("o-") else EVENTS.get(note.order.partition(" ")[0], "record")
    return f"{kind}.{re.sub(r'[^a-z0-9]+', '_', note.did.lower()).strip('_')}"


def payload(hook: Hook, note: Note, order: Order | None) -> bytes:
    """Write what a hook is told of a line of the record."""
    if hook.shape == "slack":
        return msgspec.json.encode({"text": sentence(note, order)})
    about = note.order if hook.accounts or not note.order.startswith("account ") else "account"
    data: dict[str, Any] = {"number": note.number, "about": about, "did": note.did, "by": note.by, "why": note.why}
    if order is not None:
        data["order"] = _told(order, names=hook.accounts)
    return msgspec.json.encode({"type": event(note), "timestamp": note.at.astimezone(UTC), "data": data})


def _told(order: Order, *, names: bool) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(order)
    accounts = told.pop("accounts")
    members = told.pop("members")
    if names:
        told["accounts"] = accounts or members
    return told


def sentence(note: Note, order: Order | None) -> str:
    """Write a line of the record as a sentence for people, with nothing in it that a chat would take for a command."""
    about = "an account" if note.order.startswith("account ") else note.order
    what = f"{about} {note.did} by {note.by}"
    if order is not None:
        whom = f"campaign {order.campaign}" if order.campaign else "named accounts"
        paying = "" if order.blast.paying < 0 else f", {order.blast.paying} of them pay"
        what = f"{order.rung} on {whom} ({order.blast.accounts} accounts{paying}): {order.id} {note.did} by {note.by}"
    told = what + (f" ({note.why})" if note.why else "")
    return told.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")[:3000]
