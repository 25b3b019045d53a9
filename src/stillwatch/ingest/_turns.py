"""Turns: a conversation in any dialect, as system text and a list of (role, content).

Leading system and developer messages become the system text. Tool results have role `tool`; an assistant's
tool calls stand in its content as one canonical line of JSON; parts that are not text stand as `[image
sha256:…]`; reasoning replayed in the history is left out. Parts are joined by a line feed.
"""

from __future__ import annotations

from typing import Final

import msgspec

from stillwatch.ingest import _text
from stillwatch.ingest._shapes import Call, Message, Part

ROLES: Final = {
    "developer": "system",
    "function": "tool",
    "ipython": "tool",
    "model": "assistant",
    "ai": "assistant",
    "human": "user",
}
_CALL_ITEMS: Final = frozenset({"function_call", "custom_tool_call", "mcp_call", "computer_call", "local_shell_call"})
_RESULT_ITEMS: Final = frozenset(
    {"function_call_output", "custom_tool_call_output", "computer_call_output", "local_shell_call_output"}
)

_EMPTY: Final = Message()

Turn = tuple[str, str | None]


def read(value: object, *, verbatim: bool = False) -> tuple[str | None, list[Turn]]:
    """Read a conversation: its system text and its turns, oldest first.

    Args:
        value: text, one message, or a list of them, as `_shapes.Turns`.
        verbatim: leave leading system messages among the turns.
    """
    if isinstance(value, str):
        return None, [("user", value)]
    messages = value if isinstance(value, list) else [value]
    turns: list[Turn] = []
    for message in messages:
        if isinstance(message, str):
            turns.append(("user", message))
        elif isinstance(message, Message):
            _add(turns, message)
    if verbatim:
        return None, turns
    lead = 0
    while lead < len(turns) and turns[lead][0] == "system":
        lead += 1
    if not lead:
        return None, turns
    return "\n".join(content for _, content in turns[:lead] if content) or None, turns[lead:]


def add(value: object, roles: list[str], contents: list[str | None], verbatim: bool) -> str | None:
    """Add a conversation to two columns; give its system text. The common shape goes the short way."""
    if type(value) is not list:
        return _add_long(value, roles, contents, verbatim)
    begun = len(roles)
    system: str | None = None
    leading = not verbatim
    for message in value:
        content = message.content if type(message) is Message else None
        if type(content) is not str or message.tool_calls is not None or message.function_call is not None:
            del roles[begun:], contents[begun:]
            return _add_long(value, roles, contents, verbatim)
        role = message.role or "user"
        role = ROLES.get(role, role)
        if leading and role == "system":
            system = content if system is None else f"{system}\n{content}"
            continue
        leading = False
        roles.append(role)
        contents.append(content)
    return system


def _add_long(value: object, roles: list[str], contents: list[str | None], verbatim: bool) -> str | None:
    system, turns = read(value, verbatim=verbatim)
    roles += [role for role, _ in turns]
    contents += [content for _, content in turns]
    return system


def text_of(content: str | list[str | Part] | list[Part] | Part | None) -> str | None:
    """Give the text of a content, other parts by their stand-ins; tool calls and thoughts left out."""
    if content is None or isinstance(content, str):
        return content
    texts = [text for part in _parts(content) if (text := _said(part)) is not None]
    return "\n".join(texts) if texts else None


def call(value: Call | Part | Message) -> tuple[str | None, str | None]:
    """Give the name and the arguments of a tool call, as text."""
    inner = getattr(value, "function", None) or getattr(value, "custom", None)
    if inner is not None:
        return inner.name, _text.arguments_text(inner.arguments)
    return value.name, _text.arguments_text(value.arguments or value.input)


def _add(turns: list[Turn], message: Message) -> None:
    content = message.content
    if type(content) is str and message.tool_calls is None and message.function_call is None:
        role = message.role or "user"
        turns.append((ROLES.get(role, role), content))
    elif message.type in _CALL_ITEMS and message.role is None:
        _add_calls(turns, [call(message)])
    elif message.type in _RESULT_ITEMS:
        turns.append(("tool", _result(message.output)))
    elif message.type == "reasoning" or message == _EMPTY:
        return
    else:
        _add_parts(turns, message)


def _add_parts(turns: list[Turn], message: Message) -> None:
    """Add a message of parts: tool results as turns of their own, in their place."""
    role = ROLES.get(message.role or "user", message.role or "user")
    texts: list[str] = []
    calls = [call(one) for one in message.tool_calls or ()]
    if message.function_call is not None:
        calls.append(call(message.function_call))
    spoken = 0
    for part in _parts(message.content if message.parts is None else message.parts):
        if isinstance(part, Part) and (made := _tool_result(part)) is not None:
            if texts:
                turns.append((role, "\n".join(texts)))
                texts = []
            turns.append(("tool", made))
            spoken += 1
        elif isinstance(part, Part) and (part.type in _text.CALL_PARTS or part.toolUse is not None):
            calls.append(call(part.toolUse or part))
        elif (text := _said(part)) is not None:
            texts.append(text)
    if calls:
        texts.append(_text.calls_line(calls))
    if texts or not spoken:
        turns.append((role, "\n".join(texts) if texts else None))


def _add_calls(turns: list[Turn], calls: list[tuple[str | None, str | None]]) -> None:
    """Add the calls of a Responses item to the assistant's turn that they belong to."""
    if turns and turns[-1][0] == "assistant":
        before = turns[-1][1]
        head, _, last = (before or "").rpartition("\n")
        if last.startswith('{"tool_calls":[') and (earlier := _line_calls(last)) is not None:
            calls, before = [*earlier, *calls], head
        turns[-1] = (
            "assistant",
            f"{before}\n{_text.calls_line(calls)}" if before else _text.calls_line(calls),
        )
        return
    turns.append(("assistant", _text.calls_line(calls)))


def _line_calls(line: str) -> list[tuple[str | None, str | None]] | None:
    try:
        told = _text.decode_any(line)["tool_calls"]
        return [(one["name"], _text.canonical(one["arguments"])) for one in told]
    except (msgspec.DecodeError, KeyError, TypeError):
        return None


def _parts(content: object) -> list[str | Part]:
    if content is None:
        return []
    return content if isinstance(content, list) else [content]  # type: ignore[list-item]


def _said(part: str | Part) -> str | None:
    """Give what a part says; None for thoughts and for what holds nothing."""
    if isinstance(part, str):
        return part
    kind = part.type
    if kind in _text.THOUGHT_PARTS or part.reasoningContent is not None:
        return None
    if kind in _text.TEXT_PARTS or kind is None:
        if part.text is not None or isinstance(part.content, str):
            return part.text if part.text is not None else str(part.content)
        if kind is not None:
            return None
    if kind == "refusal":
        return part.refusal
    if part.json:
        return _text.canonical(_text.loose(part.json))
    return _text.stand_in(part, kind)


def _tool_result(part: Part) -> str | None:
    """Give the text of a tool's result, or None when the part is none."""
    if part.toolResult is not None:
        return text_of(part.toolResult.content) or ""
    if part.type is None:
        return None
    if part.type == "tool_call_response":
        return _result(part.result or part.response) or (text_of(part.content) or "")
    if part.type.endswith("tool_result"):
        return text_of(part.content) or ""
    return None


def _result(raw: msgspec.Raw) -> str | None:
    """Give a tool's raw result as text: text as it is, parts as parts, anything else as JSON."""
    value = _text.loose(raw)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list):
        try:
            return text_of(msgspec.convert(value, list[str | Part]))
        except msgspec.ValidationError:
            pass
    return _text.canonical(value)
