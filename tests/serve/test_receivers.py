"""Logs that gateways send: kept as they came, and read by the hunt's own readers afterwards."""

from __future__ import annotations

import base64
import gzip
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from google.protobuf.json_format import Parse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from tests.serve.conftest import SETTINGS, serving

from stillwatch import ingest
from stillwatch.serve.decisions import Decisions
from stillwatch.serve.receivers import INBOX
from stillwatch.store import tokens
from stillwatch.watch.room import Room

DATA = Path(__file__).parent.parent / "data" / "ingest"
NOW = datetime.now(UTC)


class Door:
    def __init__(self, place: Path, url: str, token: str) -> None:
        self.place = place
        self.url = url
        self.token = token

    def post(self, path: str, body: bytes, **headers: str) -> int:
        request = urllib.request.Request(self.url + path, body, {"x-stillwatch-token": self.token, **headers})
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as trouble:
            return trouble.code

    def kept(self, format_: str) -> list[Path]:
        return sorted((self.place / INBOX / format_).rglob("*.jsonl"))


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    room = Room(tmp_path / "state", SETTINGS)
    _, token = tokens.make(room.book, owner="litellm", scopes=["ingest"], ends=NOW + timedelta(days=1), now=NOW)
    room.take(room.look())
    with serving(Decisions(room)) as url:
        yield Door(tmp_path / "state", url, token)


def exchanges(where: Path, out: Path) -> set[str]:
    ingest.ingest([str(where)], out=out)
    tables = [pq.read_table(path, columns=["exchange"], partitioning=None) for path in out.rglob("*.parquet")]
    return {one for table in tables for one in table.column("exchange").to_pylist()}


def litellm_records() -> list[dict[str, object]]:
    path = next(path for path in sorted((DATA / "litellm").rglob("*.json*")) if path.name.startswith("log"))
    text = path.read_text()
    try:
        whole = json.loads(text)
        return whole if isinstance(whole, list) else [whole]
    except json.JSONDecodeError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]


def test_litellm_may_send_an_array_lines_or_one_object_gzipped_or_not(door: Door, tmp_path: Path) -> None:
    records = litellm_records()
    array = json.dumps(records).encode()
    lines = "\n".join(json.dumps(one) for one in records).encode()
    assert door.post("/ingest/litellm", array) == 200
    assert door.post("/ingest/litellm", lines) == 200
    assert door.post("/ingest/litellm", gzip.compress(array), **{"content-encoding": "gzip"}) == 200
    assert door.post("/ingest/litellm", json.dumps(records[0]).encode()) == 200
    assert len(door.kept("litellm")) == 4
    found = exchanges(door.place / INBOX / "litellm", tmp_path / "out")
    (tmp_path / "direct.jsonl").write_bytes(lines)
    assert found == exchanges(tmp_path / "direct.jsonl", tmp_path / "direct")
    assert found


def test_otlp_comes_as_json_or_protobuf_and_reads_the_same(door: Door, tmp_path: Path) -> None:
    path = DATA / "otel_genai" / "openinference" / "traces.jsonl"
    requests = path.read_text().splitlines()
    for line in requests:
        assert door.post("/v1/traces", line.encode(), **{"content-type": "application/json"}) == 200
    as_json = exchanges(door.place / INBOX / "otel_genai", tmp_path / "json")
    for kept in door.kept("otel_genai"):
        kept.unlink()
    for line in requests:
        told = json.loads(line)
        for resource in told["resourceSpans"]:
            for scope in resource["scopeSpans"]:
                for span in scope["spans"]:
                    for name in ("traceId", "spanId", "parentSpanId"):
                        if name in span:
                            span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
        raw = Parse(json.dumps(told), ExportTraceServiceRequest(), ignore_unknown_fields=True).SerializeToString()
        assert door.post("/v1/traces", gzip.compress(raw), **{
            "content-type": "application/x-protobuf", "content-encoding": "gzip"}) == 200  # fmt: skip
    assert len(as_json) == len(exchanges(door.place / INBOX / "otel_genai", tmp_path / "proto"))


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        ("/ingest/litellm", b"{", {}, 400), ("/ingest/litellm", b"[1]", {}, 400), ("/ingest/litellm", b"\xff", {}, 400),
        ("/ingest/litellm", b"x", {"content-encoding": "gzip"}, 400),
        ("/ingest/litellm", gzip.compress(b"{}")[:-9], {"content-encoding": "gzip"}, 400),
        ("/ingest/litellm", gzip.compress(bytes(40 << 20)), {"content-encoding": "gzip"}, 413),
        ("/ingest/litellm", b"x", {"content-encoding": "br"}, 415), ("/v1/traces", b"[]", {}, 415),
        ("/v1/traces", b"[]", {"content-type": "application/json"}, 400),
        ("/v1/logs", b"\xff\xff", {"content-type": "application/x-protobuf"}, 400),
    ],
)  # fmt: skip
def test_what_is_no_log_is_refused_and_nothing_is_kept(
    door: Door, path: str, body: bytes, headers: dict[str, str], status: int
) -> None:
    assert door.post(path, body, **headers) == status
    assert not list((door.place / INBOX).rglob("*")) or not door.kept("litellm")


def test_a_token_for_decisions_cannot_send_logs(door: Door) -> None:
    door.token = "sw_x_y"
    assert door.post("/ingest/litellm", b"{}") == 401
    assert not (door.place / INBOX).exists()
