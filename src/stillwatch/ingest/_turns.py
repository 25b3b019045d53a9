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
CALL_ITEMS: Final = frozenset({"function_call", "custom_tool_call", "mcp_call", "computer_call", "local_shell_call"})
_RESULT_ITEMS: Final = frozenset(
    {"function_call_output", "custom_tool_call_output", "computer_call_output", "local_shell_call_output"}
)

_EMPTY: Final = Message()


class Turns:
    """Conversations on their way into two columns: the roles and the contents of all turns, one after the other."""

    def __init__(self) -> None:
        self.roles: list[str] = []
        self.contents: list[str | None] = []

    def add(self, value: object, *, verbatim: bool = False) -> str | None:
        """Add a conversation, oldest turn first; give its system text.

        Args:
            value: text, one message, or a list of them, as `_shapes.Turns`.
            verbatim: leave leading system messages among the turns.
        """
        if isinstance(value, str):
            self._turn("user", value)
            return None
        roles, contents = self.roles, self.contents
        begun = len(roles)
        for message in value if isinstance(value, list) else (value,):
            if type(message) is Message:
                content = message.content
                if type(content) is str and message.tool_calls is None and message.function_call is None:
                    role = message.role or "user"
                    roles.append(ROLES.get(role, role))
                    contents.append(content)
                else:
                    self._message(message)
            elif isinstance(message, str):
                self._turn("user", message)
        if verbatim or begun == len(roles) or roles[begun] != "system":
            return None
        return self._lead(begun)

    def _lead(self, begun: int) -> str | None:
        """Take away the leading system turns; give their text."""
        end = begun
        while end < len(self.roles) and self.roles[end] == "system":
            end += 1
        texts = [content for content in self.contents[begun:end] if content]
        del self.roles[begun:end], self.contents[begun:end]
        return "\n".join(texts) or None

    def _turn(self, role: str, content: str | None) -> None:
        self.roles.append(role)
        self.contents.append(content)

    def _message(self, message: Message) -> None:
        if message.type in CALL_ITEMS and message.role is None:
            self._calls([call(message)])
        elif message.type in _RESULT_ITEMS:
            self._turn("tool", _result(message.output))
        elif message.type != "reasoning" and message != _EMPTY:
            self._parts(message)

    def _parts(self, message: Message) -> None:
        """Add a message of parts: tool results as turns of their own, in their place."""
        role = ROLES.get(message.role or "user", message.role or "user")
        texts: list[str] = []
        calls = [call(one) for one in message.tool_calls or ()]
        if message.function_call is not None:
            calls.append(call(message.function_call))
        spoken = False
        for part in _parts(message.content if message.parts is None else message.parts):
            if isinstance(part, str):
                texts.append(part)
            elif (made := _tool_result(part)) is not None:
                if texts:
                    self._turn(role, "\n".join(texts))
                    texts = []
                self._turn("tool", made)
                spoken = True
            elif part.type in _text.CALL_PARTS or part.toolUse is not None:
                calls.append(call(part.toolUse or part))
            elif (text := _said(part)) is not None:
                texts.append(text)
        if calls:
            texts.append(_text.calls_line(calls))
        if texts or not spoken:
            self._turn(role, "\n".join(texts) if texts else None)

    def _calls(self, calls: list[tuple[str | None, str | None]]) -> None:
        """Add the calls of a Responses item to the assistant's turn that they belong to."""
        if not self.roles or self.roles[-1] != "assistant":
            self._turn("assistant", _text.calls_line(calls))
            return
        before = self.contents[-1] or ""
        head, _, last = before.rpartition("\n")
        if last.startswith(_text.CALLS_START) and (earlier := _line_calls(last)) is not None:
            calls, before = [*earlier, *calls], head
        line = _text.calls_line(calls)
        self.contents[-1] = f"{before}\n{line}" if before else line


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
