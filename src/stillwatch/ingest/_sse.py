"""Server-sent events: a streamed answer put together as it would have come unstreamed.

Understands the streams of OpenAI chat completions and completions (several choices, tool calls in
fragments), of the Responses API, of Anthropic Messages, and of Bedrock Converse. Source of the grammar:
WHATWG HTML, section 9.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from stillwatch.ingest import _text

Event = dict[str, Any]
_BREAK: Final = re.compile(r"\r\n|\n|\r")
_WHOLE: Final = ("response.completed", "response.incomplete", "response.failed", "response.created")


def looks_streamed(text: str) -> bool:
    """Tell whether text is a stream of events."""
    return text.lstrip("\ufeff\r\n").startswith(("data:", "event:", ":", "id:", "retry:"))


def events(text: str) -> Iterator[Event]:
    """Give the events of a stream that are JSON objects; comments, keep-alives and `[DONE]` are none."""
    data: list[str] = []
    for line in [*_BREAK.split(text.removeprefix("\ufeff")), ""]:
        if line:
            field, _, value = line.partition(":")
            if field == "data":
                data.append(value.removeprefix(" "))
        elif data:
            held = _text.loose_text("\n".join(data))
            data = []
            if isinstance(held, dict):
                yield held


def whole_answer(text: str) -> Event:
    """Put an answer together from the text of its stream."""
    return whole(events(text))


def whole(stream: Iterable[Event]) -> Event:
    """Put an answer together from the events of its stream; what was cut off is left as far as it came."""
    told = list(stream)
    for event in told:
        kind = event.get("type")
        if isinstance(kind, str) and kind.startswith("response."):
            return _responses(told)
        if kind in {"message_start", "content_block_start"}:
            return _messages(told)
        if isinstance(event.get("choices"), list):
            return _chat(told)
        if event.keys() & {"messageStart", "contentBlockDelta", "messageStop"}:
            return _converse(told)
    errors = [event for event in told if "error" in event]
    return errors[0] if errors else {}


def _chat(told: list[Event]) -> Event:
    """Chat completions and completions: choices interleave by their index."""
    answer: Event = {}
    choices: dict[int, Event] = {}
    for event in told:
        for key in ("id", "model", "created", "usage", "system_fingerprint"):
            if event.get(key) is not None:
                answer[key] = event[key]
        for piece in objects(event.get("choices")):
            index = _index(piece)
            choice = choices.setdefault(index, {"index": index})
            if piece.get("finish_reason") is not None:
                choice["finish_reason"] = piece["finish_reason"]
            if isinstance(piece.get("text"), str):
                choice["text"] = choice.get("text", "") + piece["text"]
            if isinstance(piece.get("delta"), dict):
                _delta(choice.setdefault("message", {"role": "assistant", "content": None}), piece["delta"])
    answer["choices"] = [choices[index] for index in sorted(choices)]
    return answer


def _delta(message: Event, delta: Event) -> None:
    for key in ("content", "reasoning_content", "reasoning", "refusal"):
        if isinstance(delta.get(key), str):
            message[key] = (message.get(key) or "") + delta[key]
    for piece in objects(delta.get("tool_calls")):
        calls = message.setdefault("tool_calls", [])
        index = _index(piece)
        while len(calls) <= min(index, 512):
            calls.append({"type": "function", "function": {"name": "", "arguments": ""}})
        _call(calls[min(index, 512)]["function"], piece.get("function"))
    if isinstance(delta.get("function_call"), dict):
        _call(message.setdefault("function_call", {"name": "", "arguments": ""}), delta["function_call"])


def _call(call: Event, piece: object) -> None:
    if isinstance(piece, dict):
        for key in ("name", "arguments"):
            if isinstance(piece.get(key), str):
                call[key] += piece[key]


def _responses(told: list[Event]) -> Event:
    """Responses: the last event holds the whole answer again; without it, the finished items tell."""
    answer: Event = {}
    for event in told:
        if event.get("type") in _WHOLE and isinstance(event.get("response"), dict):
            answer = event["response"]
    if answer.get("output"):
        return answer
    items: dict[int, Event] = {}
    for event in told:
        index = _index(event, "output_index")
        if isinstance(event.get("item"), dict):
            items[index] = event["item"]
        elif event.get("type") == "response.output_text.delta" and isinstance(event.get("delta"), str):
            item = items.setdefault(index, {"type": "message", "role": "assistant"})
            parts = item.get("content") or [{"type": "output_text", "text": ""}]
            item["content"] = parts
            parts[0]["text"] = str(parts[0].get("text", "")) + event["delta"]
        elif event.get("type") == "response.output_text.done" and index in items:
            items[index]["content"] = [{"type": "output_text", "text": event.get("text")}]
    return answer | {"output": [items[index] for index in sorted(items)]}


def _messages(told: list[Event]) -> Event:
    """Anthropic Messages: blocks by their index, usage cumulative."""
    answer: Event = {"type": "message", "role": "assistant", "usage": {}}
    blocks: dict[int, Event] = {}
    for event in told:
        kind = event.get("type")
        if kind == "message_start" and isinstance(event.get("message"), dict):
            answer |= event["message"]
            answer["usage"] = dict(answer.get("usage") or {})
        elif kind == "content_block_start" and isinstance(event.get("content_block"), dict):
            blocks[_index(event)] = dict(event["content_block"])
        elif kind == "content_block_delta" and isinstance(event.get("delta"), dict):
            _grow(blocks.setdefault(_index(event), {"type": "text", "text": ""}), event["delta"])
        elif kind == "message_delta":
            if isinstance(event.get("delta"), dict):
                answer |= {key: value for key, value in event["delta"].items() if value is not None}
            if isinstance(event.get("usage"), dict):
                answer["usage"] |= event["usage"]
        elif kind == "error":
            answer["error"] = event.get("error")
    answer["content"] = [_closed(blocks[index]) for index in sorted(blocks)]
    return answer


def _grow(block: Event, delta: Event) -> None:
    for key in ("text", "thinking"):
        if isinstance(delta.get(key), str):
            block[key] = str(block.get(key) or "") + delta[key]
    if isinstance(delta.get("partial_json"), str):
        block["json"] = block.get("json", "") + delta["partial_json"]


def _closed(block: Event) -> Event:
    """Give a finished block: a tool's input is what its pieces spell."""
    pieces = block.pop("json", None)
    if pieces:
        held = _text.loose_text(pieces)
        block["input"] = pieces if held is None else held
    return block


def _converse(told: list[Event]) -> Event:
    """Bedrock Converse: as Messages, with the kind of an event as its key."""
    blocks: dict[int, Event] = {}
    answer: Event = {}
    for event in told:
        start, delta = event.get("contentBlockStart"), event.get("contentBlockDelta")
        if isinstance(start, dict):
            blocks[_index(start, "contentBlockIndex")] = dict(start.get("start") or {})
        elif isinstance(delta, dict) and isinstance(delta.get("delta"), dict):
            _grow_converse(blocks.setdefault(_index(delta, "contentBlockIndex"), {}), delta["delta"])
        elif isinstance(event.get("messageStop"), dict):
            answer["stopReason"] = event["messageStop"].get("stopReason")
        elif isinstance(event.get("metadata"), dict):
            answer["usage"] = event["metadata"].get("usage")
    for block in blocks.values():
        use = block.get("toolUse")
        if isinstance(use, dict) and isinstance(use.get("input"), str):
            held = _text.loose_text(use["input"])
            use["input"] = use["input"] if held is None else held
    content = [blocks[index] for index in sorted(blocks)]
    return answer | {"output": {"message": {"role": "assistant", "content": content}}}


def _grow_converse(block: Event, delta: Event) -> None:
    if isinstance(delta.get("text"), str):
        block["text"] = str(block.get("text") or "") + delta["text"]
    if isinstance(delta.get("toolUse"), dict):
        use = block.setdefault("toolUse", {})
        use["input"] = str(use.get("input") or "") + str(delta["toolUse"].get("input") or "")
    if isinstance(delta.get("reasoningContent"), dict):
        text = block.setdefault("reasoningContent", {}).setdefault("reasoningText", {})
        text["text"] = str(text.get("text") or "") + str(delta["reasoningContent"].get("text") or "")


def _index(event: Event, key: str = "index") -> int:
    value = event.get(key)
    return value if isinstance(value, int) and value >= 0 else 0


def objects(value: object) -> list[Event]:
    """Give the objects of a list; nothing of what is no list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
