"""Make the golden records of tests/data/ingest, by running the real programs against a scripted model server.

    python -m venv v && v/bin/pip install 'litellm[proxy]==1.106.2' openai==2.54.0 \
        opentelemetry-instrumentation-openai-v2==2.4b0 opentelemetry-util-genai==0.4b0 \
        opentelemetry-instrumentation-openai==0.62.4 openinference-instrumentation-openai==0.1.66 \
        opentelemetry-exporter-otlp-proto-common
    v/bin/python make.py litellm
    v/bin/python make.py otel openai_v2        # and: openllmetry, openinference
    v/bin/python make.py pairs

Each writes `log.*` into the folders of its cases, below `tests/data/ingest`. All content is invented, addresses are of the
documentation ranges. The price map of LiteLLM (7 kB a record) is cut to three entries, but for the case `whole`.
What is expected of a case is written by hand, or by `STILLWATCH_EXPECT=1 pytest tests/ingest/test_cases.py` and then
read with care.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from upstream import Upstream  # noqa: E402 - beside this file

CASES = HERE.parent / "ingest"
AGENT = "OpenAI/Python 2.54.0"
SYSTEM = {"role": "system", "content": "You are a harbour master."}
USER = {"role": "user", "content": "What is a neap tide?"}
CHAT = [SYSTEM, USER]
ARGUMENTS = '{"port": "Brest", "days": 2}'
CALLED = [{"id": "c1", "type": "function", "function": {"name": "tide_table", "arguments": ARGUMENTS}}]
AGENTIC = [
    *CHAT,
    {"role": "assistant", "content": None, "tool_calls": CALLED},
    {"role": "tool", "tool_call_id": "c1", "content": "HW 04:12 6.1m"},
]
SCHEMA = {"type": "object", "properties": {"port": {"type": "string"}}}
TOOL = {"name": "tide_table", "description": "Tides", "parameters": SCHEMA}
TOOLS = [{"type": "function", "function": TOOL}]
ANTHROPIC_TOOLS = [{"name": "tide_table", "description": "Tides", "input_schema": SCHEMA}]
PNG = "iVBORw0KGgo="
PICTURE = [
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
        ],
    }
]

LITELLM: list[tuple[str, str, str, dict[str, Any], dict[str, str]]] = [
    (
        "chat-n2",
        "organisation",
        "/v1/chat/completions",
        {"model": "demo-large", "messages": CHAT, "n": 2, "logprobs": True, "temperature": 0.2, "top_p": 0.9}
        | {"max_completion_tokens": 50, "user": "eu-1", "reasoning_effort": "high"},
        {"x-litellm-session-id": "conv-1", "x-ja4": "t13d1516h2_8daaf6152771_b186095e22b6"}
        | {"x-forwarded-for": "192.0.2.66, 203.0.113.9"},
    ),
    ("chat-stream-tools", "team", "/v1/chat/completions", {"model": "demo-large", "messages": CHAT, "stream": True, "tools": TOOLS}, {}),
    ("chat-agentic", "user", "/v1/chat/completions", {"model": "demo-large", "messages": AGENTIC, "tools": TOOLS}, {}),
    ("chat-picture", "nobody", "/v1/chat/completions", {"model": "demo-large", "messages": PICTURE}, {}),
    ("responses-refused", "organisation", "/v1/responses", {"model": "demo-large", "input": "What is a neap tide?", "instructions": "Be brief.", "previous_response_id": "resp_of_another_proxy"}, {}),
    ("responses-stream", "organisation", "/v1/responses", {"model": "demo-large", "instructions": "Be brief.", "input": [{"role": "user", "content": [{"type": "input_text", "text": "What is a neap tide?"}]}], "stream": True}, {}),
    ("messages", "organisation", "/v1/messages", {"model": "demo-claude", "max_tokens": 64, "system": SYSTEM["content"], "messages": [USER], "metadata": {"user_id": "eu-7"}}, {}),
    ("messages-stream-tools", "organisation", "/v1/messages", {"model": "demo-claude", "max_tokens": 64, "stream": True, "tools": ANTHROPIC_TOOLS, "messages": [USER]}, {}),
    ("messages-by-responses", "organisation", "/v1/messages", {"model": "demo-large", "max_tokens": 64, "system": SYSTEM["content"], "messages": [USER]}, {}),
    ("embeddings", "organisation", "/v1/embeddings", {"model": "demo-embed", "input": ["neap tide", "spring tide"]}, {}),
    ("chat-429", "nobody", "/v1/chat/completions", {"model": "slow-down", "messages": CHAT}, {}),
    ("fallback", "user", "/v1/chat/completions", {"model": "fallback-me", "messages": CHAT}, {}),
    ("messages-not-a-list", "user", "/v1/chat/completions", {"model": "demo-large", "messages": "broken"}, {}),
    ("master-key", "master", "/v1/chat/completions", {"model": "demo-large", "messages": CHAT}, {"x-tenant": "t-42"}),
]  # fmt: skip
SPENT = ("chat-n2", "chat-stream-tools", "messages", "responses-stream", "fallback")

CONFIG = """
model_list:
  - model_name: demo-large
    litellm_params: {{model: openai/demo-large-0611, api_base: "{url}/v1", api_key: x}}
  - model_name: slow-down
    litellm_params: {{model: openai/slow-down, api_base: "{url}/v1", api_key: x}}
  - model_name: fallback-me
    litellm_params: {{model: openai/slow-down, api_base: "{url}/v1", api_key: x}}
  - model_name: demo-claude
    litellm_params: {{model: anthropic/demo-claude-4, api_base: "{url}", api_key: x}}
  - model_name: demo-embed
    litellm_params: {{model: openai/demo-embed, api_base: "{url}/v1", api_key: x}}
router_settings:
  fallbacks: [{{"fallback-me": ["demo-large"]}}]
general_settings:
  custom_auth: who.user_api_key_auth
  use_x_forwarded_for: true
  store_prompts_in_spend_logs: true
litellm_settings:
  callbacks: [spend.spend, lines, array]
callback_settings:
  lines: {{callback_type: generic_api, endpoint: "{url}/sink/lines", headers: {{a: b}}, log_format: ndjson, flush_interval: 3}}
  array: {{callback_type: generic_api, endpoint: "{url}/sink/array", headers: {{a: b}}, log_format: json_array, flush_interval: 3}}
"""


def litellm() -> None:
    """Run the LiteLLM proxy, make the calls, and sort its records into cases by the header that named them."""
    upstream = Upstream()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        (work / "config.yaml").write_text(CONFIG.format(url=upstream.url))
        for name in ("who.py", "spend.py"):
            (work / name).write_text((HERE / name).read_text())
        port = _free_port()
        command = [
            Path(sys.executable).with_name("litellm"),
            "--config",
            "config.yaml",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
        ]
        environment = {
            **os.environ,
            "SPEND_LOG": str(work / "spend"),
            "LITELLM_MASTER_KEY": "sk-harbour-master-9482",
        }
        with (work / "log").open("w") as log:
            proxy = subprocess.Popen(command, cwd=work, env=environment, stdout=log, stderr=log)
        try:
            _wait(f"http://127.0.0.1:{port}/health/liveliness")
            for case, key, path, body, headers in LITELLM:
                told = {
                    "authorization": f"Bearer sk-tide-{key}",
                    "user-agent": AGENT,
                    "x-case": case,
                    **headers,
                }
                print(case, _post(f"http://127.0.0.1:{port}{path}", body, told))
            time.sleep(8)
        finally:
            proxy.terminate()
            proxy.wait()
        spent = [json.loads(line) for line in (work / "spend").read_text().splitlines()]
    records = [json.loads(line) for raw in upstream.sunk["lines"] for line in raw.splitlines() if line.strip()]
    cases = {record["litellm_call_id"]: _case(record) for record in records}
    for case in dict.fromkeys(cases.values()):
        _lines("litellm", case, [_trimmed(record) for record in records if _case(record) == case])
        if case in SPENT:
            _lines(
                "litellm_spendlogs",
                case,
                [_trimmed_row(row) for row in spent if cases.get(row["litellm_call_id"]) == case],
            )
    _lines(
        "litellm",
        "whole",
        [record for record in records if _case(record) in {"chat-n2", "chat-agentic", "messages"}],
    )
    array = [_trimmed(record) for raw in upstream.sunk["array"] for record in json.loads(raw)]
    _write(
        "litellm",
        "array",
        "log.json",
        json.dumps([_without_traces(one) for one in array if _case(one) in {"chat-429", "messages"}], indent=1),
    )


def _case(record: dict[str, Any]) -> str:
    return str(record["metadata"]["requester_custom_headers"]["x-case"])


def _trimmed(record: dict[str, Any]) -> dict[str, Any]:
    prices = record["model_map_information"].get("model_map_value") or {}
    cut = {
        "model_map_key": record["model_map_information"].get("model_map_key"),
        "model_map_value": dict(list(prices.items())[:3]),
    }
    return {**record, "model_map_information": cut}


def _trimmed_row(row: dict[str, Any]) -> dict[str, Any]:
    metadata = json.loads(row["metadata"])
    metadata["model_map_information"] = None
    asked = json.loads(row["proxy_server_request"])
    for name in ("metadata", "litellm_metadata"):
        if isinstance(asked.get(name), dict):
            asked[name] = {key: value for key, value in asked[name].items() if not key.startswith("user_api_key")}
    return {**row, "metadata": json.dumps(metadata), "proxy_server_request": json.dumps(asked)}


def otel(dialect: str) -> None:
    """Call the model server through the real SDK under one instrumentation, and keep what it exports."""
    os.environ |= {
        "OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental",
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_AND_EVENT",
        "TRACELOOP_TRACE_CONTENT": "true",
    }
    upstream = Upstream()
    traces, logs = _exporting()
    if dialect == "openai_v2":
        from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor
    elif dialect == "openllmetry":
        from opentelemetry.instrumentation.openai import OpenAIInstrumentor
    else:
        from openinference.instrumentation.openai import OpenAIInstrumentor
    OpenAIInstrumentor().instrument()
    import openai

    client = openai.OpenAI(base_url=f"{upstream.url}/v1", api_key="x", max_retries=0)
    chat, responses = client.chat.completions.create, client.responses.create
    text = [{"role": "user", "content": [{"type": "input_text", "text": "What is a neap tide?"}]}]
    calls: list[Any] = [
        lambda: chat(model="demo-large", messages=CHAT, n=2, logprobs=True, top_logprobs=1, temperature=0.2,
                     top_p=0.9, max_tokens=50, user="eu-1", reasoning_effort="high"),
        lambda: list(chat(model="demo-large", messages=CHAT, stream=True, stream_options={"include_usage": True})),
        lambda: chat(model="demo-large", messages=CHAT, tools=TOOLS),
        lambda: chat(model="demo-large", messages=AGENTIC, tools=TOOLS),
        lambda: chat(model="demo-large", messages=PICTURE),
        lambda: responses(model="demo-large", input=USER["content"], instructions="Be brief.", reasoning={"effort": "high", "summary": "auto"}),
        lambda: list(responses(model="demo-large", input=text, stream=True, previous_response_id="resp_before")),
        lambda: client.embeddings.create(model="demo-embed", input=["neap tide"]),
        lambda: chat(model="slow-down", messages=CHAT),
    ]  # fmt: skip
    for call in calls:
        try:
            call()
        except openai.APIError as mistake:
            print(type(mistake).__name__)
    _lines("otel_genai", dialect, traces, "traces.jsonl")
    if logs:
        _lines("otel_genai", dialect, logs, "logs.jsonl")


def _exporting() -> tuple[list[Any], list[Any]]:
    """Have the SDK export into two lists, in OTLP JSON."""
    from google.protobuf.json_format import MessageToDict
    from opentelemetry import _logs, trace
    from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import (
        LogRecordExporter,
        LogRecordExportResult,
        SimpleLogRecordProcessor,
    )
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

    traces: list[Any] = []
    logs: list[Any] = []

    class Spans(SpanExporter):
        def export(self, spans: Any) -> SpanExportResult:
            traces.append(_hex_ids(MessageToDict(encode_spans(spans), use_integers_for_enums=True)))
            return SpanExportResult.SUCCESS

    class Logs(LogRecordExporter):
        def export(self, batch: Any) -> LogRecordExportResult:
            logs.append(_hex_ids(MessageToDict(encode_logs(batch), use_integers_for_enums=True)))
            return LogRecordExportResult.SUCCESS

        def shutdown(self) -> None: ...

        def force_flush(self, timeout_millis: int = 0) -> bool:
            return True

    resource = Resource({"service.name": "harbour-desk", "tenant.id": "tenant-7"})
    tracing = TracerProvider(resource=resource)
    tracing.add_span_processor(SimpleSpanProcessor(Spans()))
    trace.set_tracer_provider(tracing)
    logging = LoggerProvider(resource=resource)
    logging.add_log_record_processor(SimpleLogRecordProcessor(Logs()))
    _logs.set_logger_provider(logging)
    return traces, logs


def _hex_ids(value: Any) -> Any:
    """Write ids in hex, as OTLP JSON wants it; protobuf's own printer gives base64."""
    if isinstance(value, dict):
        ids = {"traceId", "spanId", "parentSpanId"}
        return {key: base64.b64decode(one).hex() if key in ids else _hex_ids(one) for key, one in value.items()}
    return [_hex_ids(one) for one in value] if isinstance(value, list) else value


def pairs() -> None:
    """Record raw requests and answers, streamed and not."""
    openai: list[tuple[str, str, dict[str, Any]]] = []
    anthropic: list[tuple[str, str, dict[str, Any]]] = []
    for stream in (False, True):
        end = "-stream" if stream else ""
        options = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
        openai += [
            (f"chat-n2{end}", "/v1/chat/completions", {"model": "demo-large", "messages": CHAT, "n": 2, "top_logprobs": 3, "logprobs": True, **options}),
            (f"chat-tools{end}", "/v1/chat/completions", {"model": "demo-large", "messages": CHAT, "tools": TOOLS, **options}),
            (f"responses{end}", "/v1/responses", {"model": "demo-large", "input": USER["content"], "instructions": "Be brief.", "tools": [{"type": "function", **TOOL}], "stream": stream, "include": ["message.output_text.logprobs"]}),
        ]  # fmt: skip
        anthropic.append((f"messages-tools{end}", "/v1/messages", {"model": "demo-claude", "max_tokens": 64, "system": [{"type": "text", "text": SYSTEM["content"]}], "messages": [USER], "tools": ANTHROPIC_TOOLS, "stream": stream, "metadata": {"user_id": "eu-7"}}))  # fmt: skip
    blocks = [
        {"type": "thinking", "thinking": "Look it up.", "signature": "c2ln"},
        {"type": "text", "text": "Let me look."},
        {"type": "tool_use", "id": "t1", "name": "tide_table", "input": {"port": "Brest"}},
    ]
    results = [
        {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "HW 04:12"}]},
        {"type": "text", "text": "And this?"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
    ]
    history = [USER, {"role": "assistant", "content": blocks}, {"role": "user", "content": results}]
    anthropic.append(
        ("messages-agentic", "/v1/messages", {"model": "demo-claude", "max_tokens": 64, "messages": history})
    )
    openai.append(("chat-429", "/v1/chat/completions", {"model": "slow-down", "messages": CHAT}))
    items = [
        {"role": "user", "content": USER["content"]},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "b3BhcXVl"},
        {"type": "function_call", "call_id": "c1", "name": "tide_table", "arguments": ARGUMENTS},
        {"type": "function_call_output", "call_id": "c1", "output": "HW 04:12 6.1m"},
    ]
    openai.append(("responses-agentic", "/v1/responses", {"model": "demo-large", "input": items}))
    _record("openai_pairs", openai, {"authorization": "Bearer sk-tide-0123456789", "user-agent": AGENT})
    keys = {
        "x-api-key": "sk-ant-0123456789",
        "anthropic-version": "2023-06-01",
        "user-agent": "Anthropic/Python 0.92.0",
    }
    _record("anthropic_pairs", anthropic, keys)


def _record(format_: str, calls: list[tuple[str, str, dict[str, Any]]], headers: dict[str, str]) -> None:
    upstream = Upstream()
    for number, (case, path, body) in enumerate(calls):
        _post(upstream.url + path, body, headers)
        seen = upstream.calls[-1]
        request = {"method": "POST", "path": path, "headers": seen["headers"], "body": body}
        answer = {"sse": seen["sse"]} if "sse" in seen else {"body": seen["answer"]}
        response = {"status": seen["status"], "headers": {"X-Request-Id": f"req_{number:04d}"}, **answer}
        pair = {
            "ts": 1795280000.25 + number,
            "request": request,
            "response": response,
            "client_ip": "203.0.113.5",
            "duration_ms": 9,
        }
        _lines(format_, case, [pair])


def _post(url: str, body: dict[str, Any], headers: dict[str, str]) -> int:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            answer.read()
            return int(answer.status)
    except urllib.error.HTTPError as mistake:
        return mistake.code


def _wait(url: str) -> None:
    for _ in range(240):
        try:
            urllib.request.urlopen(url, timeout=2)
            return
        except OSError:
            time.sleep(0.5)
    raise TimeoutError(url)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _lines(format_: str, case: str, records: list[Any], name: str = "log.jsonl") -> None:
    _write(format_, case, name, "".join(json.dumps(_without_traces(record)) + "\n" for record in records))


def _without_traces(value: Any) -> Any:
    """Leave out stack traces, which tell of the machine they were made on."""
    if isinstance(value, dict):
        if value.get("key") == "exception.stacktrace":
            return {**value, "value": {"stringValue": "(trimmed)"}}
        told = {key: _without_traces(one) for key, one in value.items()}
        return told | ({"traceback": "(trimmed)"} if told.get("traceback") else {})
    if isinstance(value, list):
        return [_without_traces(one) for one in value]
    if isinstance(value, str) and "Traceback (most recent" in value:
        return json.dumps(_without_traces(json.loads(value))) if value.startswith("{") else "(trimmed)"
    return value


def _write(format_: str, case: str, name: str, text: str) -> None:
    folder = CASES / format_ / case
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


if __name__ == "__main__":
    {"litellm": litellm, "otel": otel, "pairs": pairs}[sys.argv[1]](*sys.argv[2:])
