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

from stillwatch.serve.harden import TOKEN_FIELDS, Body, Hardening, rounded, unreasoned
from stillwatch.serve.hidden import Cut

_END: Final = re.compile(rb"\r\n|\n|\r")
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
    """Hardens one streamed answer. `feed` bytes, send what it gives; `close` at the end.

    What an event is, is read from its shape, so that a dialect on an unexpected path loses the same.
    """

    def __init__(self, hardening: Hardening) -> None:
        self._reader = Reader()
        self._hardening = hardening
        self._said: dict[Any, Said] = {}
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
            changed = self.change(told) if isinstance(told, dict) else []
            same = len(changed) == 1 and changed[0] == msgspec.json.decode(event.data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return b""  # what cannot be read may carry anything
        if same:
            return event.raw
        return b"".join([_written(event.name and str(one.get("type") or event.name), one) for one in changed])

    def change(self, told: Body) -> list[Body]:
        """Give what leaves of one event: itself, changed, or nothing, or itself after what was held back."""
        kind = told.get("type")
        kind = kind if isinstance(kind, str) else ""
        if isinstance(told.get("choices"), list):
            return self._chunk(told)
        if kind.startswith("response."):
            return self._response(told, kind)
        if kind.startswith(("message_", "content_block_")):
            return self._block(told, kind)
        self._hardening.answer(told)
        return [told]

    def _text(self, place: Any, text: str, *, ending: bool = False) -> str:
        said = self._said.get(place)
        if said is None:
            said = self._said[place] = Said(self._hardening)
        return said.feed(text, ending=ending)

    def _cut(self, place: Any) -> bool:
        return place in self._said and self._said[place].cut

    def _any_cut(self) -> bool:
        return any(said.cut for said in self._said.values())

    # -- chat completions and completions

    def _chunk(self, told: Body) -> list[Body]:
        came = bool(told["choices"])
        self._hardening.choices(told, "delta")
        kept = []
        for choice in told["choices"]:
            if isinstance(choice, dict):
                self._filter(choice)
                if _blank(choice) and not choice.get("finish_reason") and not told.get("usage"):
                    continue
            kept.append(choice)
        told["choices"] = kept
        if self._hardening.no_logprobs:
            for field in TOKEN_FIELDS:
                told.pop(field, None)
        if self._hardening.no_reasoning:
            unreasoned(told, summary=self._hardening.summary)
        if self._hardening.rounds:
            rounded(told)
        return [] if came and not kept and not told.get("usage") else [told]

    def _filter(self, choice: Body) -> None:
        delta, place, ending = choice.get("delta"), str(choice.get("index")), bool(choice.get("finish_reason"))
        if isinstance(delta, dict):
            before = delta.get("content")
            if isinstance(before, list):
                self._hardening.say(delta)
            elif isinstance(before, str) or ending:
                text = self._text(place, before or "", ending=ending)
                if isinstance(before, str) or text:
                    delta["content"] = text
        elif isinstance(choice.get("text"), str):
            choice["text"] = self._text(place, choice["text"], ending=ending)
        if ending and self._cut(place):
            choice["finish_reason"] = "content_filter"

    # -- messages

    def _block(self, told: Body, kind: str) -> list[Body]:
        place, delta, block = str(told.get("index")), told.get("delta"), told.get("content_block")
        if self._hardening.keeper is not None:
            self._hardening.keeper.event(told)
        if isinstance(block, dict) and isinstance(block.get("text"), str) and block["text"]:
            block["text"] = self._text(place, block["text"])
        if kind == "content_block_delta" and isinstance(delta, dict):
            if delta.get("type") == "thinking_delta" and self._hardening.no_reasoning and not self._hardening.summary:
                return []
            if delta.get("type") == "text_delta" and isinstance(delta.get("text"), str):
                delta["text"] = self._text(place, delta["text"])
                if not delta["text"]:
                    return []
        elif kind == "message_start":
            self._hardening.answer(told.get("message"))
        elif kind == "message_delta" and isinstance(delta, dict) and self._any_cut():
            delta["stop_reason"] = "refusal"
        if self._hardening.no_reasoning:
            unreasoned(told, summary=self._hardening.summary)
        if kind == "content_block_stop" and (held := self._held(place)):
            text = {"type": "text_delta", "text": held}
            return [{"type": "content_block_delta", "index": told.get("index"), "delta": text}, told]
        return [told]

    # -- responses

    def _response(self, told: Body, kind: str) -> list[Body]:
        hardening, part = self._hardening, told.get("part")
        if hardening.no_reasoning and self._thought(kind, part):
            return []
        hardening.answer(told.get("response"))
        hardening.item(told.get("item"))
        hardening.part(part)
        if kind == "response.completed" and self._any_cut():
            told["type"] = "response.incomplete"
        if hardening.no_logprobs and told.get("logprobs"):
            told["logprobs"] = []
        if hardening.no_reasoning:
            for field in ("response", "item", "part"):
                if isinstance(told.get(field), dict):
                    unreasoned(told[field], summary=hardening.summary)
        if hardening.rounds:
            rounded(told)
        return self._output_text(told, kind) if kind.startswith("response.output_text") else [self._numbered(told)]

    def _thought(self, kind: str, part: Any) -> bool:
        """Tell whether an event of the Responses API tells nothing but reasoning that may not leave."""
        of = part.get("type") if isinstance(part, dict) else None
        if self._hardening.summary and (of == "summary_text" or kind.startswith("response.reasoning_summary")):
            return False
        return of in ("reasoning_text", "summary_text") or kind.startswith("response.reasoning")

    def _output_text(self, told: Body, kind: str) -> list[Body]:
        place = f"{told.get('output_index')} {told.get('content_index')}"
        if kind.endswith(".delta") and isinstance(told.get("delta"), str):
            told["delta"] = self._text(place, told["delta"])
            return [self._numbered(told)] if told["delta"] else []
        if isinstance(told.get("text"), str):
            told["text"] = self._hardening.text(told["text"])[0]
            if held := self._held(place):
                delta = {**told, "type": "response.output_text.delta", "delta": held, "logprobs": []}
                del delta["text"]
                return [self._numbered(delta), self._numbered(told)]
        return [self._numbered(told)]

    def _numbered(self, told: Body) -> Body:
        """Number the events that leave without a gap."""
        if isinstance(told.get("sequence_number"), int):
            told["sequence_number"] = self._number
            self._number += 1
        return told

    def _held(self, place: str) -> str:
        """Take what is still held back of a text that has ended."""
        return self._text(place, "", ending=True) if place in self._said else ""


class Said:
    """What one place of an answer says, piece by piece: without thoughts, and cut where it would leak."""

    def __init__(self, hardening: Hardening) -> None:
        self._thoughts = Thoughts(begun=hardening.begun) if hardening.no_reasoning else None
        self._leak = Cut(hardening.hidden) if hardening.hidden else None

    @property
    def cut(self) -> bool:
        """Tell whether it was cut."""
        return self._leak is not None and self._leak.cut

    def feed(self, text: str, *, ending: bool = False) -> str:
        """Take a piece; gives what may leave."""
        if self._thoughts is not None:
            text = self._thoughts.feed(text, ending=ending)
        return text if self._leak is None else self._leak.feed(text, ending=ending)


def _written(name: str, told: Body) -> bytes:
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + msgspec.json.encode(told) + b"\n\n"


class Thoughts:
    """Cuts tagged reasoning out of a text that comes in pieces; a tag may be cut anywhere.

    Args:
        begun: whether the text begins inside a thought: its opening tag stood in the prompt.
    """

    def __init__(self, *, begun: bool = False) -> None:
        self._held = ""
        self._close = CLOSE[0] if begun else ""
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
