"""Values: a column of decoded scalars, as an Arrow array of its canonical type.

Each function takes what stood in the log, which hostile or careless writers may have filled with anything,
and gives null for what cannot be meant. The quick way is tried first; the careful way runs only where it
fails.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa

from stillwatch.model.exchange import AT

INT32_MAX: Final = 2**31 - 1
Values = Sequence[Any]

_CALLS: Final[dict[str, str | None]] = {
    "completion": "chat",
    "text_completion": "completion",
    "completions": "completion",
    "anthropic_messages": "messages",
    "embedding": "embeddings",
    "create_batch": "batch",
    "generate_content": "chat",
    "invokemodel": "invoke",
    "invokemodelwithresponsestream": "invoke",
    "converse": "converse",
    "conversestream": "converse",
    **dict.fromkeys(("responses", "messages", "moderation", "transcription", "speech", "rerank", "realtime")),
    **dict.fromkeys(("image_generation", "image_edit", "retrieve_batch", "responses_websocket")),
}
_OUTCOMES: Final = {
    **dict.fromkeys(("success", "ok", "completed"), 200),
    **dict.fromkeys(("failure", "internalserver", "api", "apistatus"), 500),
    **dict.fromkeys(("badrequest", "validation", "unsupportedparams", "contextwindowexceeded"), 400),
    **dict.fromkeys(("authentication", "unauthorized", "unrecognizedclient"), 401),
    **dict.fromkeys(("permissiondenied", "accessdenied", "forbidden"), 403),
    **dict.fromkeys(("notfound", "resourcenotfound"), 404),
    **dict.fromkeys(("timeout", "modeltimeout"), 408),
    "conflict": 409,
    "unprocessableentity": 422,
    "model": 424,
    **dict.fromkeys(("ratelimit", "throttling", "toomanyrequests", "servicequotaexceeded", "overloaded"), 429),
    **dict.fromkeys(("apiconnection", "badgateway"), 502),
    **dict.fromkeys(("serviceunavailable", "modelnotready"), 503),
    "apitimeout": 504,
}
"""What an outcome or the name of an error says of the HTTP status; ends such as `Error` are left off."""
_CHANNELS: Final = {
    "aws.bedrock": "bedrock",
    "gcp.vertex_ai": "vertex",
    **dict.fromkeys(("az.ai.openai", "azure.ai.openai", "az.ai.inference", "azure.ai.inference"), "azure"),
}
_AGENT_TAG: Final = "User-Agent: "
_ROUTES: Final = (
    ("/chat/completions", "chat"),
    ("/responses", "responses"),
    ("/messages", "messages"),
    ("/completions", "completion"),
    ("/embeddings", "embeddings"),
    ("/batches", "batch"),
)


def text(values: Values) -> pa.Array:
    """Texts; numbers as they print; what is empty is null."""
    try:
        if not all(values):
            values = [value or None for value in values]
        return pa.array(values, pa.string())
    except (pa.ArrowTypeError, pa.ArrowInvalid, UnicodeError):
        return pa.array([one_text(value) for value in values], pa.string())


def one_text(value: object) -> str | None:
    """Give one scalar as text, or None."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return str(value) if isinstance(value, int | float) else None


def content(values: Values) -> pa.Array:
    """Texts in which the empty one means something."""
    try:
        return pa.array(values, pa.string())
    except (pa.ArrowTypeError, pa.ArrowInvalid, UnicodeError):
        clean = [value.encode("utf-8", "replace").decode() if isinstance(value, str) else None for value in values]
        return pa.array(clean, pa.string())


def number(values: Values) -> pa.Array:
    """Numbers as doubles."""
    try:
        return pa.array(values, pa.float64())
    except (pa.ArrowTypeError, pa.ArrowInvalid, OverflowError):
        return pa.array([_number(value) for value in values], pa.float64())


def whole(values: Values, kind: pa.DataType) -> pa.Array:
    """Whole numbers; null for what is no number or does not fit."""
    try:
        return pa.array(values, kind)
    except (pa.ArrowTypeError, pa.ArrowInvalid, OverflowError):
        most = INT32_MAX if kind == pa.int32() else 2**63 - 1
        return pa.array([_whole(value, most) for value in values], kind)


def flag(values: Values) -> pa.Array:
    """True or false; text that ends in `stream` is true, as in the operations of Bedrock."""
    try:
        return pa.array(values, pa.bool_())
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return pa.array([_flag(value) for value in values], pa.bool_())


def logprobs(values: Values) -> Values:
    """How many log-probabilities were asked for: 0 when asked without a count, None when not asked."""
    return [value if type(value) is int or value is None else _logprobs(value) for value in values]


def http_status(values: Values, kind: pa.DataType) -> pa.Array:
    """HTTP status: as a number, or as the outcome or the name of the error says."""
    return whole(_each(values, _status), kind)


def channel(values: Values) -> pa.Array:
    """Channels; the provider names of OpenTelemetry under the names used here."""
    return text([_CHANNELS.get(value, value) if isinstance(value, str) else value for value in values])


def agent(values: Values) -> pa.Array:
    """User agents; out of a list of tags the longest one that names an agent."""
    return text([_tagged(value) if isinstance(value, list) else value for value in values])


def _tagged(tags: list[Any]) -> str | None:
    agents = [tag.removeprefix(_AGENT_TAG) for tag in tags if isinstance(tag, str) and tag.startswith(_AGENT_TAG)]
    return max(agents, key=len, default=None)


def operation(values: Values) -> pa.Array:
    """Operations under one name each, from a call type, a route or an API's own name."""
    return pa.array(_each(values, _operation), pa.string())


def _each(values: Values, read: Callable[[object], Any]) -> list[Any]:
    """Read each value, each distinct one once."""
    try:
        known = {value: read(value) for value in set(values)}
    except TypeError:  # what a map dug out may be a list or an object
        return [read(value) for value in values]
    return [known[value] for value in values]


def instant(values: Values, how: str) -> pa.Array:
    """Times as UTC milliseconds, cut and not rounded.

    Args:
        values: numbers or texts.
        how: `auto`, `iso`, `epoch_s`, `epoch_ms`, `epoch_us`, `epoch_ns`, or a strptime pattern. `auto`
            reads ISO 8601 and tells the unit of a number by its size; a text without a zone is UTC.
    """
    if how in {"auto", "epoch_s"} and set(map(type, values)) == {float}:
        seconds = np.asarray(values, np.float64)
        if seconds.size and seconds.min() > 1e8 and seconds.max() < 1e10:
            # a double of this size is known to a quarter of a microsecond: do not cut 1.314 to 1.313
            return pa.array(np.floor(seconds * 1000 + 5e-4).astype(np.int64)).cast(AT)
    read = _reader_of_times(how)
    return pa.array([read(value) for value in values], pa.int64()).cast(AT)


def _reader_of_times(how: str) -> Callable[[object], int | None]:
    if "%" in how:
        return lambda value: _pattern_ms(value, how)
    unit = {"epoch_s": 1000.0, "epoch_ms": 1.0, "epoch_us": 1e-3, "epoch_ns": 1e-6}.get(how)
    return lambda value: _time_ms(value, unit)


def _time_ms(value: object, unit: float | None) -> int | None:
    if isinstance(value, str):
        told = _numeric(value)
        if told is None:
            return _iso_ms(value)
        value = told
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _datetime_ms(value)
    return _epoch_ms(value, unit)


def _numeric(value: str) -> int | float | None:
    if value.isdecimal() and value.isascii():
        return int(value) if len(value) < 24 else None
    try:
        return float(value)
    except ValueError:
        return None


def _datetime_ms(value: object) -> int | None:
    if not isinstance(value, datetime):
        return None
    aware = value if value.tzinfo else value.replace(tzinfo=UTC)
    return _in_range(math.floor(aware.timestamp() * 1000 + 5e-4))


def _epoch_ms(value: float, unit: float | None) -> int | None:
    if not math.isfinite(value):
        return None
    if unit is None:
        size = abs(value)
        unit = 1000.0 if size < 1e11 else 1.0 if size < 1e14 else 1e-3 if size < 1e17 else 1e-6
    if isinstance(value, int):
        return _in_range(value * 1000 if unit == 1000.0 else value // round(1 / unit))
    return _in_range(math.floor(value * unit + 5e-4))


def _iso_ms(value: str) -> int | None:
    try:
        return _datetime_ms(datetime.fromisoformat(value.strip()))
    except (ValueError, OverflowError):
        return None


def _pattern_ms(value: object, how: str) -> int | None:
    try:
        return _datetime_ms(datetime.strptime(str(value), how))  # noqa: DTZ007 - a time without a zone is UTC
    except ValueError:
        return None


def _in_range(ms: int) -> int | None:
    """Keep the years 1971 to 2199; anything else is a broken clock and no time."""
    return ms if 31_536_000_000 <= ms < 7_258_118_400_000 else None


def _number(value: object) -> float | None:
    try:
        return float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
    except (ValueError, OverflowError):
        return None


def _whole(value: object, most: int) -> int | None:
    told = _number(value)
    if told is None or not math.isfinite(told) or told != int(told) or abs(told) > most:
        return None
    return int(told)


def _flag(value: object) -> bool | None:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return bool(value)
    word = str(value).lower()
    if word in {"true", "1", "yes"} or word.endswith("stream"):
        return True
    return False if word in {"false", "0", "no"} or word in _CALLS else None


def _logprobs(value: object) -> int | None:
    """Read one way of asking for log-probabilities: a count, a yes, or a list of what to include."""
    if isinstance(value, bool):
        return 0 if value else None
    if isinstance(value, list):
        return 0 if any(isinstance(one, str) and one.endswith("logprobs") for one in value) else None
    return _whole(value, INT32_MAX)


def _status(value: object) -> int | None:
    if not isinstance(value, str) or value.isdecimal():
        return _whole(value, INT32_MAX)
    word = value.rpartition(".")[2].lower().removesuffix("exception").removesuffix("error")
    if word in _OUTCOMES:
        return _OUTCOMES[word]
    return 500 if value and (word != value.lower() or not word) else None


def _operation(value: object) -> str | None:
    word = one_text(value)
    if word is None:
        return None
    if "/" in word:
        route = word.partition("?")[0].rstrip("/")
        return next((name for end, name in _ROUTES if route.endswith(end)), route)
    word = word.lower()
    for name in (
        word,
        word.removeprefix("_").removeprefix("a"),
    ):  # LiteLLM writes `acompletion` and `_arealtime`
        if name in _CALLS:
            return _CALLS[name] or name
    return word
