"""Events: server-sent events, read at any cut and written anew only where something changes.

An event that is not changed leaves with the very bytes in which it came: comments, line ends and all. Lines end with
LF, CRLF or CR; several `data:` lines are one; UTF-8 may be cut anywhere, since only whole lines are decoded.
Source: WHATWG HTML, "Server-sent events", section 9.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec

from stillwatch.serve.dialects import Dialect
from stillwatch.serve.harden import Body, Hardening, without_thoughts

_END: Final = re.compile(rb"\r\n|\n|\r")
DROPPED: Final = object()
"""What a rewriter gives for an event that does not leave."""
OPEN: Final = ("<think>", "<thinking>", "<reasoning>")
CLOSE: Final = ("</think>", "</thinking>", "</reasoning>")


class Event(NamedTuple):
    """One event: its bytes, its name and its data."""

    raw: bytes
    name: str
    data: bytes


class Reader:
    """Cuts a stream of bytes into events."""

    def __init__(self) -> None:
        self._rest = b""
        self._raw: list[bytes] = []
        self._data: list[bytes] = []
        self._name = ""

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """Take some bytes; gives the events that end in them."""
        rest = self._rest + chunk
        at = 0
        while True:
            found = _END.search(rest, at)
            if found is None or (found.group() == b"\r" and found.end() == len(rest)):
                break
            event = self._line(rest[at : found.start()], rest[at : found.end()])
            at = found.end()
            if event is not None:
                yield event
        self._rest = rest[at:]

    def close(self) -> Iterator[Event]:
        """Give what the stream ended in the middle of, if it has data: some servers leave the last blank line out."""
        if self._rest:
            event = self._line(self._rest.rstrip(b"\r"), self._rest)
            self._rest = b""
            if event is not None:
                yield event
        if self._raw:
            yield self._whole()

    def _line(self, line: bytes, raw: bytes) -> Event | None:
        self._raw.append(raw)
        if not line:
            return self._whole()
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
        elif field == b"event":
            self._name = value.decode("utf-8", "replace")
        return None

    def _whole(self) -> Event:
        event = Event(b"".join(self._raw), self._name, b"\n".join(self._data))
        self._raw, self._data, self._name = [], [], ""
        return event


class Rewriter:
    """Hardens one streamed answer. `feed` bytes, send what it gives; `close` at the end."""

    def __init__(self, name: Dialect, hardening: Hardening) -> None:
        self._reader = Reader()
        self._name = name
        self._hardening = hardening
        self._thoughts: dict[Any, Thoughts] = {}
        self._number = 0

    def feed(self, chunk: bytes) -> bytes:
        """Take some bytes of the answer; gives those that may leave."""
        return b"".join([self._event(event) for event in self._reader.feed(chunk)])

    def close(self) -> bytes:
        """End the answer; what stands in it unfinished leaves only where it could be read."""
        return b"".join([self._event(event) for event in self._reader.close()])

    def _event(self, event: Event) -> bytes:
        if not event.data or event.data == b"[DONE]":
            return event.raw
        try:
            told = msgspec.json.decode(event.data)
        except (msgspec.DecodeError, RecursionError):
            return b""  # what cannot be read may carry anything
        if not isinstance(told, dict):
            return b""
        changed = self._changed(told)
        if changed is DROPPED:
            return b""
        if isinstance(changed, list):  # what was held back comes before what ends it
            return b"".join([_written(one.get("type", "") if event.name else "", one) for one in changed])
        again = msgspec.json.encode(changed)
        same = again == msgspec.json.encode(msgspec.json.decode(event.data))
        return event.raw if same else _written(event.name, changed)

    def _changed(self, told: Body) -> Any:
        if self._name in ("chat", "completions"):
            return self._chunk(told)
        if self._name == "messages":
            return self._block(told)
        return self._response(told)

    # -- chat completions and completions

    def _chunk(self, told: Body) -> Any:
        choices = told.get("choices")
        self._hardening.choices(told, "delta")
        left = told.get("choices")
        if isinstance(choices, list) and choices and not left and "usage" not in told:
            return DROPPED
        kept = []
        for choice in left if isinstance(left, list) else []:
            if isinstance(choice, dict) and self._hardening.no_reasoning:
                self._filter(choice)
                if _blank(choice) and not choice.get("finish_reason") and not told.get("usage"):
                    continue
            kept.append(choice)
        if isinstance(left, list):
            if left and not kept:
                return DROPPED
            told["choices"] = kept
        return told

    def _filter(self, choice: Body) -> None:
        delta = choice.get("delta")
        thoughts = self._thoughts.setdefault(choice.get("index"), Thoughts())
        ending = bool(choice.get("finish_reason"))
        if isinstance(delta, dict) and (isinstance(delta.get("content"), str) or ending):
            before = delta.get("content")
            text = thoughts.feed(before or "", ending=ending)
            if isinstance(before, str) or text:
                delta["content"] = text
        elif isinstance(choice.get("text"), str):
            choice["text"] = thoughts.feed(choice["text"], ending=ending)

    # -- messages

    def _block(self, told: Body) -> Any:
        kind = told.get("type")
        if not self._hardening.no_reasoning:
            return told
        if kind == "content_block_start" and isinstance(told.get("content_block"), dict):
            if told["content_block"].get("type") == "thinking":
                told["content_block"]["thinking"] = ""
        elif kind == "content_block_delta" and isinstance(told.get("delta"), dict):
            delta = told["delta"]
            if delta.get("type") == "thinking_delta":
                return DROPPED
            if delta.get("type") == "text_delta" and isinstance(delta.get("text"), str):
                thoughts = self._thoughts.setdefault(told.get("index"), Thoughts())
                delta["text"] = thoughts.feed(delta["text"])
                return told if delta["text"] else DROPPED
        elif kind == "content_block_stop" and (held := self._held(told.get("index"))):
            delta = {"type": "text_delta", "text": held}
            return [{"type": "content_block_delta", "index": told.get("index"), "delta": delta}, told]
        elif kind == "message_start" and isinstance(told.get("message"), dict):
            self._hardening.answer("messages", told["message"])
        return told

    # -- responses

    def _response(self, told: Body) -> Any:
        kind = str(told.get("type", ""))
        hardening = self._hardening
        if hardening.no_reasoning and kind.startswith("response.reasoning"):
            return DROPPED
        if isinstance(told.get("response"), dict):
            hardening.response(told["response"])
        hardening.item(told.get("item"))
        part = told.get("part")
        if hardening.no_reasoning and isinstance(part, dict) and part.get("type") in ("reasoning_text", "summary_text"):
            return DROPPED
        hardening.part(part)
        if kind.startswith("response.output_text"):
            if hardening.no_logprobs and told.get("logprobs"):
                told["logprobs"] = []
            place = (told.get("output_index"), told.get("content_index"))
            if hardening.no_reasoning and kind.endswith(".delta") and isinstance(told.get("delta"), str):
                told["delta"] = self._thoughts.setdefault(place, Thoughts()).feed(told["delta"])
                if not told["delta"]:
                    return DROPPED
            elif hardening.no_reasoning and isinstance(told.get("text"), str):
                told["text"] = without_thoughts(told["text"])
                if held := self._held(place):
                    delta = {**told, "type": "response.output_text.delta", "delta": held, "logprobs": []}
                    del delta["text"]
                    return [self._numbered(delta), self._numbered(told)]
        return self._numbered(told)

    def _numbered(self, told: Body) -> Body:
        """Number the events that leave without a gap."""
        if isinstance(told.get("sequence_number"), int):
            told["sequence_number"] = self._number
            self._number += 1
        return told

    def _held(self, place: Any) -> str:
        """Take what is still held back of a text that has ended."""
        thoughts = self._thoughts.pop(place, None)
        return thoughts.feed("", ending=True) if thoughts is not None else ""


def _written(name: str, told: Body) -> bytes:
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + msgspec.json.encode(told) + b"\n\n"


class Thoughts:
    """Cuts tagged reasoning out of a text that comes in pieces; a tag may be cut anywhere."""

    def __init__(self) -> None:
        self._held = ""
        self._close = ""
        self._trim = False

    def feed(self, text: str, *, ending: bool = False) -> str:
        """Take a piece; gives what is surely no reasoning. What might begin a tag is held back until it is known."""
        self._held += text
        out: list[str] = []
        while True:
            if self._close:
                place = self._held.find(self._close)
                if place < 0:
                    self._held = "" if ending else self._held[-(len(self._close) - 1) :]
                    break
                self._held = self._held[place + len(self._close) :]
                self._close, self._trim = "", True
            if self._trim:
                self._held = self._held.lstrip()
                self._trim = not self._held
            found = [(place, tag) for tag in OPEN if (place := self._held.find(tag)) >= 0]
            if found:
                place, tag = min(found)
                out.append(self._held[:place])
                self._held = self._held[place + len(tag) :]
                self._close = CLOSE[OPEN.index(tag)]
                continue
            keep = 0 if ending else _begun(self._held)
            out.append(self._held[: len(self._held) - keep])
            self._held = self._held[len(self._held) - keep :]
            break
        return "".join(out)


def _begun(text: str) -> int:
    """Count the characters at the end of a text that may be the beginning of a tag."""
    for length in range(min(len(text), max(map(len, OPEN)) - 1), 0, -1):
        if any(tag.startswith(text[-length:]) for tag in OPEN):
            return length
    return 0


def _blank(choice: Body) -> bool:
    """Tell whether a chunk says nothing (any more)."""
    delta = choice.get("delta")
    if isinstance(delta, dict):
        return not any(value not in (None, "", [], {}) for value in delta.values()) and "delta" in choice
    return choice.get("text") == ""
