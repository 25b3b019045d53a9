"""Texts: what of a request is sketched: its system text, its first and last user turn, the last answer it brings along.

Every dialect is read loosely: what is not of the shape expected is no text, and never an error. Parts that are not text
count for nothing here.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

SYSTEM: Final = ("system", "developer")
USER: Final = ("user", "human")
ANSWER: Final = ("assistant", "model")


class Texts(NamedTuple):
    """Four texts of one request; empty where there is none."""

    system: str = ""
    first: str = ""
    last: str = ""
    answer: str = ""


def texts(body: Any) -> Texts:
    """Read a request of any dialect: `messages`, `input`, `contents` or `prompt`."""
    if not isinstance(body, dict):
        return Texts()
    turns = body.get("messages")
    if not isinstance(turns, list):
        turns = body.get("input", body.get("contents"))
    lead = body.get("system") or body.get("instructions") or body.get("systemInstruction")
    system = text(lead)
    if isinstance(turns, str):
        return Texts(system, turns, turns, "")
    if not isinstance(turns, list):
        prompt = text(body.get("prompt"))
        return Texts(system, prompt, prompt, "")
    first = last = answer = ""
    asked = False
    for turn in turns:
        if not isinstance(turn, dict):
            continue
        role = turn.get("role")
        if role in USER:
            last = text(turn.get("content", turn.get("parts")))
            if not asked:
                first, asked = last, True
        elif role in SYSTEM and not system:
            system = text(turn.get("content"))
        elif role in ANSWER:
            answer = text(turn.get("content", turn.get("parts")))
    return Texts(system, first, last, answer)


def text(content: Any) -> str:
    """Join the text of a content: a string, a list of parts, or a part."""
    if isinstance(content, str):
        return content
    if isinstance(content, dict):
        found = content.get("text", content.get("parts"))
        return found if isinstance(found, str) else text(found) if isinstance(found, list) else ""
    if isinstance(content, list):
        return "\n".join(found for part in content if (found := text(part)))
    return ""


def answered(body: Any) -> str:
    """Read the text of an answer of any dialect, first choice."""
    if not isinstance(body, dict):
        return ""
    choices = body.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        message = choices[0].get("message")
        return text(message.get("content")) if isinstance(message, dict) else text(choices[0].get("text"))
    output = body.get("output")
    if isinstance(output, list):
        return "\n".join(
            text(item.get("content")) for item in output if isinstance(item, dict) and item.get("type") == "message"
        )
    return text(body.get("content"))
