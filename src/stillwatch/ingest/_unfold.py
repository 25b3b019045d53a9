"""Unfold: text that holds a conversation or an answer as JSON."""

from __future__ import annotations

from typing import Any, Final

from stillwatch.ingest import _text

_TURN: Final = frozenset({"role", "parts", "type"})
_CALL: Final = frozenset({"name", "function"})
_ANSWER: Final = frozenset(
    {"choices", "output", "object", "stop_reason", "stopReason", "results", "outputs", "generation", "outputText"}
)


def unfolded(column: str, text: str) -> Any:
    """Open text that holds a conversation or an answer as JSON; a prompt or an answer that is JSON stays text."""
    held = _text.opened(text)
    if held is None or held is text:
        return held
    if isinstance(held, dict):
        return held if held.keys() & (_TURN if column == "messages" else _ANSWER) else text
    if column in {"choices", "finish_reason"} and all(isinstance(one, str) for one in held):
        return held
    known = _TURN | _CALL if column == "tool_calls" else _TURN
    return held if all(isinstance(one, dict) and one.keys() & known for one in held) else text
