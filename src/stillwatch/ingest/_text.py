"""Text: how parts that are not text stand in a message, and canonical JSON.

A picture is told by the hash of its bytes, so that the same picture reads the same in every dialect and no
picture is kept.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

TEXT_PARTS: Final = frozenset({"text", "input_text", "output_text", "summary_text", "reasoning_text"})
THOUGHT_PARTS: Final = frozenset({"thinking", "redacted_thinking", "reasoning", "reasoning_content"})
CALL_PARTS: Final = frozenset({"tool_use", "tool_call", "server_tool_use", "mcp_tool_use", "function_call"})
_NAMES: Final = {
    "image_url": "image",
    "input_image": "image",
    "input_audio": "audio",
    "input_file": "file",
    "blob": "data",
}
_WORD: Final = re.compile(r"[a-z][a-z0-9_]{0,31}\Z")
_FIELDS: Final = (
    "image_url",
    "image",
    "source",
    "input_audio",
    "audio",
    "video",
    "document",
    "file",
    "file_data",
)
_MORE_FIELDS: Final = ("file_id", "file_url", "data", "uri", "content")

NOTHING: Final = msgspec.Raw()
CALLS_START: Final = '{"tool_calls":['
_SHORT: Final = 1000
encode_sorted: Final = msgspec.json.Encoder(order="sorted").encode
decode_any: Final = msgspec.json.Decoder().decode


def canonical(value: Any) -> str:
    """Write a value as one line of JSON: keys sorted, no spaces, text as it is."""
    return encode_sorted(value).decode()


def loose(raw: msgspec.Raw) -> Any:
    """Read a raw field; what cannot be read is nothing."""
    if not raw:
        return None
    try:
        return decode_any(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def loose_text(text: str | bytes) -> Any:
    """Read text that may hold JSON; what cannot be read is nothing."""
    try:
        return decode_any(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def opened(text: str) -> Any:
    """Open text that holds an object or a list as JSON, an empty one to nothing; give any other text back."""
    if not text.startswith(("{", "[")):
        return text
    held = loose_text(text)
    return text if held is None else held or None


def raw(value: Any) -> bytes | None:
    """Give a value as JSON, None for null."""
    told = bytes(value) if isinstance(value, msgspec.Raw) else msgspec.json.encode(value)
    return None if told == b"null" else told


def arguments_text(raw: msgspec.Raw) -> str | None:
    """Give a tool call's arguments as text: text as delivered, anything else as canonical JSON."""
    value = loose(raw)
    return value if value is None or isinstance(value, str) else canonical(value)


def calls_line(calls: Iterable[tuple[str | None, str | None]]) -> str:
    """Write tool calls as the one line of JSON that stands in an assistant's content.

    Example:
        >>> calls_line([("add", '{"b": 2, "a": 1}')])
        '{"tool_calls":[{"arguments":{"a":1,"b":2},"name":"add"}]}'
    """
    told = [
        _told_again(name, arguments) if arguments is not None and len(arguments) < _SHORT else _told(name, arguments)
        for name, arguments in calls
    ]
    return f"{CALLS_START}{','.join(told)}]}}"


def _told(name: str | None, arguments: str | None) -> str:
    return canonical({"name": name or "", "arguments": _parsed(arguments)})


_told_again: Final = functools.lru_cache(4096)(_told)  # an agent sends its whole history with every call


def _parsed(arguments: str | None) -> Any:
    if not arguments:
        return {}
    try:
        return decode_any(arguments)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return arguments


def stand_in(part: msgspec.Struct, kind: str | None) -> str | None:
    """Write what stands for a part that is not text, as `[image sha256:…]`; None if it holds nothing."""
    name, value = kind, None
    for field in (*_FIELDS, *_MORE_FIELDS):
        held = getattr(part, field, None)
        if isinstance(held, msgspec.Raw):
            held = loose(held)
        if held is not None:
            value = held
            name = kind or field
            break
    if name is None:
        return None
    if kind in {"blob", "uri", "file"} and getattr(part, "modality", None):
        name = part.modality  # type: ignore[attr-defined]
    name = _NAMES.get(name, name)
    return f"[{name if _WORD.match(name) else 'part'} sha256:{hashlib.sha256(_bytes(value)).hexdigest()}]"


def _bytes(value: Any) -> bytes:
    """Find the bytes that a part speaks of: decoded from base64, else its address, else all of it."""
    while isinstance(value, dict):
        for key in ("url", "data", "bytes", "file_data", "file_id", "uri", "source", "image_url"):
            if value.get(key) is not None:
                if key in {"data", "bytes"} and isinstance(value[key], str):
                    return _base64(value[key])
                value = value[key]
                break
        else:
            return encode_sorted(value)
    if not isinstance(value, str):
        return encode_sorted(value)
    if value.startswith("data:") and ";base64," in value[:128]:
        return _base64(value.partition(";base64,")[2])
    return value.encode("utf-8", "replace")


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return text.encode("utf-8", "replace")
