"""Receivers: logs that gateways send, kept as they came until a hunt or `ingest` reads them.

`POST /ingest/litellm` takes what LiteLLM's `generic_api` callback sends: an array, NDJSON or one object. `POST
/v1/traces` and `/v1/logs` take OTLP over HTTP, JSON or protobuf. All may be gzipped. What came is checked to be what it
says, written aside, flushed and renamed into `inbox/FORMAT/day=…/`, and only then acknowledged: a sender that gets no
2xx sends again, and a record that came twice is one exchange to `ingest`. Tokens need the scope `ingest`, since forged
logs could frame a rival.

Source: opentelemetry.io/docs/specs/otlp, "OTLP/HTTP"; LiteLLM docs, "Generic API callback".
"""

from __future__ import annotations

import asyncio
import os
import secrets
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from stillwatch.serve.http import Gone, Receive, Scope, Send, TooLarge, answer, header, read_body, say

INBOX: Final = "inbox"
PATHS: Final = {"/ingest/litellm": "litellm", "/v1/traces": "otel_genai", "/v1/logs": "otel_genai"}


class NotReadable(Exception):
    """A body is not what it says it is."""

    def __init__(self, status: int, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.status = status
        self.hint = hint


async def receive_logs(scope: Scope, receive: Receive, send: Send, *, place: Path, most: int) -> None:
    """Take logs in, and acknowledge them when they are on disk."""
    path = scope["path"]
    kind = header(scope, b"content-type").partition(";")[0].strip().lower()
    try:
        raw = unpacked(await read_body(receive, most), header(scope, b"content-encoding").strip().lower(), most)
        lines = litellm(raw) if path == "/ingest/litellm" else [otlp(raw, kind, path)]
        if lines:
            await asyncio.to_thread(keep, place / INBOX / PATHS[path], b"\n".join(lines) + b"\n")
    except Gone:
        return
    except TooLarge:
        await say(send, 413, "the logs are too large", "send smaller batches, or raise `[watch] max_body_mib`")
    except NotReadable as trouble:
        await say(send, trouble.status, str(trouble), trouble.hint)
    except OSError as trouble:
        wait = [(b"retry-after", b"30")]
        await say(send, 503, f"the logs could not be kept: {trouble.strerror}", "send them again", wait)
    else:
        if path == "/ingest/litellm":
            await answer(send, 200, msgspec.json.encode({"received": len(lines)}))
        elif kind == "application/x-protobuf":
            await answer(send, 200, b"", [(b"content-type", b"application/x-protobuf")])
        else:
            await answer(send, 200, b"{}")


def unpacked(raw: bytes, coding: str, most: int) -> bytes:
    """Undo gzip; what would grow beyond `most` bytes is refused before it has.

    Raises:
        NotReadable: when it is not gzip, or is compressed in another way.
        TooLarge: when it grows too large.
    """
    if coding in ("", "identity"):
        return raw
    if coding not in ("gzip", "x-gzip"):
        raise NotReadable(415, f"`{coding}` is not read here", "send gzip, or nothing compressed")
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        plain = inflate.decompress(raw, most + 1)
    except zlib.error:
        raise NotReadable(400, "the body is not gzip") from None
    if len(plain) > most:
        raise TooLarge
    if not inflate.eof:
        raise NotReadable(400, "the gzip ends too early")
    return plain


def litellm(raw: bytes) -> list[bytes]:
    """Read an array, NDJSON or one object; gives each record as a line.

    Raises:
        NotReadable: when a part is no JSON object.
    """
    try:
        whole = msgspec.json.decode(raw)
        records = whole if isinstance(whole, list) else [whole]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            records = [msgspec.json.decode(line) for line in raw.splitlines() if line.strip()]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as trouble:
            raise NotReadable(400, f"neither JSON nor NDJSON: {trouble}") from None
    if not all(isinstance(record, dict) for record in records):
        raise NotReadable(400, "a record is no JSON object", "send StandardLoggingPayload objects")
    return [msgspec.json.encode(record) for record in records]


def otlp(raw: bytes, kind: str, path: str) -> bytes:
    """Read one export request; gives it as a line of OTLP JSON.

    Raises:
        NotReadable: when it is neither.
    """
    name = "resourceSpans" if path == "/v1/traces" else "resourceLogs"
    if kind == "application/x-protobuf":
        return _protobuf(raw, path)
    if kind not in ("application/json", ""):
        raise NotReadable(415, f"`{kind}` is not read here", "send application/json or application/x-protobuf")
    try:
        told: Any = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as trouble:
        raise NotReadable(400, f"this is no JSON: {trouble}") from None
    if not isinstance(told, dict) or not isinstance(told.get(name, []), list):
        raise NotReadable(400, f"this is no export request: `{name}` is missing")
    return msgspec.json.encode(told)


def _protobuf(raw: bytes, path: str) -> bytes:
    from google.protobuf.json_format import MessageToJson
    from google.protobuf.message import DecodeError, Message
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    request: Message = ExportTraceServiceRequest() if path == "/v1/traces" else ExportLogsServiceRequest()
    try:
        request.ParseFromString(raw)
    except DecodeError:
        raise NotReadable(400, "this is no export request in protobuf") from None
    told: str = MessageToJson(request, indent=None)
    return told.encode()


def keep(folder: Path, lines: bytes) -> Path:
    """Write lines into the inbox: wholly, or not at all.

    Raises:
        OSError: when they cannot be written.
    """
    now = datetime.now(UTC)
    day = folder / f"day={now:%Y-%m-%d}"
    day.mkdir(parents=True, exist_ok=True, mode=0o700)
    name = f"{now:%H%M%S}-{secrets.token_hex(6)}.jsonl"
    aside = day / f".{name}.part"
    try:
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(day / name)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
    return day / name
