"""Tools: the names of the tools offered, and a hash of their schemas that is the same in every dialect."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from stillwatch.ingest import _text

Offer = tuple[list[str], str | None]
_KEPT: Final = 4096
_SCHEMAS: Final = ("parameters", "input_schema", "inputSchema", "schema")


class Offers:
    """Reads tool lists, each distinct one once: customers offer the same tools again and again."""

    def __init__(self) -> None:
        self._known: dict[bytes, Offer | None] = {}

    def read(self, raw: bytes) -> Offer | None:
        """Give the names and the hash of a tool list written in JSON; None when there is none."""
        if raw not in self._known:
            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known[raw] = offer(_text.loose_text(raw))
        return self._known[raw]


def offer(value: Any) -> Offer | None:
    """Name the tools of a list and hash their schemas.

    Names, descriptions and parameter schemas count, the order of the list and the dialect's envelope do not.
    A list of bare names has no hash.
    """
    if isinstance(value, str):
        value = _text.loose_text(value)
    if isinstance(value, dict):
        value = value.get("tools")
    if not isinstance(value, list) or not value:
        return None
    if all(isinstance(tool, str) for tool in value):
        return list(value), None
    plain = [_plain(tool) for tool in value if isinstance(tool, dict)]
    told = _text.encode_sorted(sorted(plain, key=_text.canonical))
    return [str(tool["name"]) for tool in plain], hashlib.sha256(told).hexdigest()[:32]


def _plain(tool: dict[str, Any]) -> dict[str, Any]:
    inner = next((tool[key] for key in ("function", "toolSpec", "custom") if isinstance(tool.get(key), dict)), tool)
    schema = next((inner[key] for key in _SCHEMAS if inner.get(key) is not None), None)
    if isinstance(schema, dict) and set(schema) == {"json"}:
        schema = schema["json"]
    name = inner.get("name") or tool.get("server_label") or tool.get("type") or "tool"
    return {"name": str(name), "description": inner.get("description"), "parameters": schema}
