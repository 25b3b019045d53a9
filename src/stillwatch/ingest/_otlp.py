"""OTLP: spans and log records out of the JSON of OpenTelemetry, with plain names and values as attributes.

Both ways of writing are read: ids as hex or base64, enums as numbers or names, 64-bit integers as text.
Source: opentelemetry-proto 1.x, `docs/specification.md#json-protobuf-encoding`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from stillwatch.ingest import _salvage

Attributes = dict[str, Any]


class ArrayValue(msgspec.Struct, gc=False):
    values: list[AnyValue] | None = None


class KeyValueList(msgspec.Struct, gc=False):
    values: list[KeyValue] | None = None


class AnyValue(msgspec.Struct, gc=False):
    """A value of any type; at most one field is there."""

    stringValue: str | None = None  # noqa: N815 - the wire's own names
    intValue: str | int | None = None  # noqa: N815
    doubleValue: float | str | None = None  # noqa: N815
    boolValue: bool | None = None  # noqa: N815
    arrayValue: ArrayValue | None = None  # noqa: N815
    kvlistValue: KeyValueList | None = None  # noqa: N815
    bytesValue: str | None = None  # noqa: N815


class KeyValue(msgspec.Struct, gc=False):
    key: str = ""
    value: AnyValue | None = None


class SpanEvent(msgspec.Struct, gc=False):
    name: str | None = None
    attributes: list[KeyValue] | None = None


class Status(msgspec.Struct, gc=False):
    code: int | str | None = None
    message: str | None = None


class Span(msgspec.Struct, gc=False):
    """A span or a log record: the fields of both."""

    traceId: str | None = None  # noqa: N815
    spanId: str | None = None  # noqa: N815
    name: str | None = None
    eventName: str | None = None  # noqa: N815
    startTimeUnixNano: str | int | None = None  # noqa: N815
    timeUnixNano: str | int | None = None  # noqa: N815
    observedTimeUnixNano: str | int | None = None  # noqa: N815
    attributes: list[KeyValue] | None = None
    events: list[SpanEvent] | None = None
    status: Status | None = None
    body: AnyValue | None = None


class Resource(msgspec.Struct, gc=False):
    attributes: list[KeyValue] | None = None


class ScopeSpans(msgspec.Struct, gc=False):
    spans: list[Span] | None = None
    logRecords: list[Span] | None = None  # noqa: N815


class ResourceSpans(msgspec.Struct, gc=False):
    resource: Resource | None = None
    scopeSpans: list[ScopeSpans] | None = None  # noqa: N815
    scopeLogs: list[ScopeSpans] | None = None  # noqa: N815


class Export(msgspec.Struct, gc=False):
    """One export request: of traces, of logs, or of both."""

    resourceSpans: list[ResourceSpans] | None = None  # noqa: N815
    resourceLogs: list[ResourceSpans] | None = None  # noqa: N815


_DECODER: Final = msgspec.json.Decoder(Export | list[Export])


def spans(raw: bytes) -> Iterator[tuple[Span, Attributes, Attributes]]:
    """Give each span and log record with its own attributes and those of its resource.

    Raises:
        msgspec.DecodeError: when it is no JSON.
        ValueError: when it is no export request.
    """
    for export in _exports(raw):
        for group in [*(export.resourceSpans or ()), *(export.resourceLogs or ())]:
            resource = attributes(group.resource.attributes if group.resource else None)
            for scope in [*(group.scopeSpans or ()), *(group.scopeLogs or ())]:
                for span in [*(scope.spans or ()), *(scope.logRecords or ())]:
                    yield span, attributes(span.attributes), resource


def _exports(raw: bytes) -> list[Export]:
    try:
        told = _DECODER.decode(raw)
    except msgspec.ValidationError:
        told = _salvage.convert(msgspec.json.decode(raw), Export | list[Export])
    exports = told if isinstance(told, list) else [told]
    if any(one is None or (one.resourceSpans is None and one.resourceLogs is None) for one in exports):
        raise ValueError("neither `resourceSpans` nor `resourceLogs`")
    return exports


def attributes(pairs: list[KeyValue] | None) -> Attributes:
    """Give attributes by name."""
    return {pair.key: plain(pair.value) for pair in pairs or () if pair.value is not None}


def plain(value: AnyValue | None) -> Any:
    """Give a value as plain data."""
    if value is None:
        return None
    if value.stringValue is not None:
        return value.stringValue
    if value.intValue is not None:
        return _int(value.intValue)
    if value.boolValue is not None:
        return value.boolValue
    if value.doubleValue is not None:
        return value.doubleValue
    if value.arrayValue is not None:
        return [plain(one) for one in value.arrayValue.values or ()]
    if value.kvlistValue is not None:
        return attributes(value.kvlistValue.values)
    return value.bytesValue


def _int(value: str | int) -> int | None:
    try:
        return int(value)
    except ValueError:
        return None


def hex_id(value: str | None, size: int) -> str | None:
    """Give an id of so many bytes in hex, whether it was written in hex or in base64."""
    if not value:
        return None
    if len(value) == 2 * size:
        return value.lower()
    try:
        told = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return value
    return told.hex() if len(told) == size else value
