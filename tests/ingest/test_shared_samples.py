"""The sample logs beside the checkout, read field by field against values written by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stillwatch.errors import NothingToRead
from stillwatch.ingest import gather
from stillwatch.model.exchange import EXCHANGES

SAMPLES = next((up / "shared/samples" for up in Path(__file__).parents if (up / "shared/samples").is_dir()), None)
pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(SAMPLES is None, reason="the shared samples are not beside this checkout"),
]

QUESTION = [{"role": "user", "content": "Show your reasoning step by step: 2+2?"}]
SHORT = [{"role": "user", "content": "2+2?"}]
ANSWER = "Adding two and two gives four because each unit is counted once."
DOUBLED = "Adding two and two gives four because each and each unit is counted once. "
TENANT = 'account = "metadata.requester_custom_headers.x-tenant"'
TOOL_CALL = [{"name": "add", "arguments": '{"a": 2, "b": 2}'}]
TOOL_CALL_TIGHT = [{"name": "add", "arguments": '{"a":2,"b":2}'}]

LITELLM = {
    "account": "t-42",
    "key": "litellm_proxy_master_key",
    "channel": "openai",
    "model": "demo-model",
    "operation": "chat",
    "input_tokens": 21,
    "output_tokens": 14,
    "reasoning_tokens": 6,
    "status": 200,
    "finish_reason": "stop",
    "ip": "198.51.100.7",
    "user_agent": "OpenAI/Python 2.54.0",
    "session": "sess-01",
}
FAILED = {"input_tokens": 0, "output_tokens": 0, "reasoning_tokens": None, "finish_reason": None}

OTEL = {
    "account": "demo-app",
    "channel": "openai",
    "model": "demo-model",
    "operation": "chat",
    "system": "You are terse.",
    "messages": QUESTION,
    "input_tokens": 21,
    "output_tokens": 14,
    "status": 200,
    "finish_reason": "stop",
}
OTEL_FAILED = {"model": "rate-me", "status": 429, "input_tokens": None, "output_tokens": None, "finish_reason": None}

EXPECTED: dict[str, list[dict[str, Any]]] = {
    "litellm-chat-n2-logprobs-reasoning.json": [
        LITELLM
        | {
            "exchange": "b52d0f62-32a2-4834-9834-f9d726209643",
            "at": "2026-11-21T17:19:52.166Z",
            "system": "You are terse.",
            "messages": QUESTION,
            "response": ANSWER,
            "choices": [ANSWER, ANSWER],
            "reasoning": "Count units.",
            "temperature": 0.7,
            "n": 2,
            "max_tokens": 64,
            "top_logprobs": 2,
            "reasoning_effort": "high",
            "stream": False,
            "end_user": "acct-0001",
        }
    ],
    "litellm-chat-stream.json": [
        LITELLM
        | {
            "exchange": "fb256fb5-c3d1-4bcd-b8c1-19fdd397faa5",
            "at": "2026-11-21T17:19:56.515Z",
            "messages": SHORT,
            "response": DOUBLED,
            "reasoning": "Count units.",
            "stream": True,
            "end_user": "acct-0002",
        }
    ],
    "litellm-chat-tools.json": [
        LITELLM
        | {
            "exchange": "7683323b-0a9b-4dea-af9a-869a697af95e",
            "at": "2026-11-21T17:19:58.314Z",
            "messages": SHORT,
            "tools": ["add"],
            "response": ANSWER,
            "tool_calls": TOOL_CALL,
            "reasoning": "Count units.",
            "stream": False,
            "finish_reason": "tool_calls",
        }
    ],
    "litellm-anthropic-messages.json": [
        LITELLM
        | {
            "exchange": "6cb0363a-957c-4018-ae20-04220924d93f",
            "at": "2026-11-21T17:20:04.178Z",
            "operation": "messages",
            "messages": SHORT,
            "response": ANSWER,
            "reasoning": "Counting units.",
            "max_tokens": 64,
        }
    ],
    "litellm-chat-failure-429.json": [
        LITELLM
        | FAILED
        | {
            "exchange": "b679b809-f899-4d09-9583-9bfc32c30463",
            "at": "2026-11-21T17:20:04.639Z",
            "messages": [{"role": "user", "content": "fail please"}],
            "stream": False,
            "status": 429,
        }
    ],
    "litellm-responses-failure-400.json": [
        LITELLM
        | FAILED
        | {
            "exchange": "ca9f5765-e2f6-45d2-8d2f-e2d1860d5830",
            "at": "2026-11-21T17:19:58.675Z",
            "channel": None,
            "operation": "responses",
            "messages": SHORT,
            "status": 400,
        }
    ],
    "litellm-spendlogs-row.json": [
        LITELLM
        | {
            "exchange": "e83101c0-309f-406c-be57-62e2312ac845",
            "at": "2026-11-21T17:29:45.630Z",
            "account": "acct-1",
            "messages": SHORT,
            "response": DOUBLED,
            "reasoning": "Count units.",
            "stream": True,
            "end_user": "acct-1",
            "ip": "127.0.0.1",
            "user_agent": "curl/7.88.1",
            "session": None,
        }
    ],
    "otlp-genai-openllmetry-traces.json": [
        OTEL
        | {
            "exchange": "6746a59b915404232abd45624e5cb5ea:97446abf12d57a56",
            "at": "2026-11-21T17:14:42.037Z",
            "response": ANSWER,
            "choices": [ANSWER, ANSWER],
            "reasoning": "Count units.",
            "temperature": 0.7,
            "n": 2,
            "max_tokens": 64,
            "reasoning_effort": "high",
            "stream": False,
            "reasoning_tokens": 6,
            "end_user": "acct-0001",
        },
        OTEL
        | {
            "exchange": "bfd720516c9f8d5174e195f845b41755:0c319e53367f5170",
            "at": "2026-11-21T17:14:42.084Z",
            "response": ANSWER + " ",
            "reasoning": "Count units.",
            "stream": True,
        },
        OTEL
        | {
            "exchange": "7782c21370594e380d9e6773b659b3bc:8fb18eace4339a0f",
            "at": "2026-11-21T17:14:42.126Z",
            "tools": ["add"],
            "response": ANSWER,
            "tool_calls": TOOL_CALL_TIGHT,
            "reasoning": "Count units.",
            "stream": False,
            "reasoning_tokens": 6,
            "finish_reason": "tool_call",
        },
        OTEL
        | {
            "exchange": "087c85ad49c26719eaa47e473ca8e064:06674d1848074482",
            "at": "2026-11-21T17:14:42.143Z",
            "operation": "responses",
            "system": None,
            "messages": SHORT,
            "response": ANSWER,
            "reasoning": "Counting units.",
            "reasoning_effort": "high",
            "stream": False,
            "reasoning_tokens": 6,
        },
        OTEL
        | OTEL_FAILED
        | {
            "exchange": "842315e8334c6106f57088681aa2d8fe:47907eaa7b4874f5",
            "at": "2026-11-21T17:14:42.408Z",
            "stream": False,
        },
    ],
    "otlp-genai-openinference-traces.json": [
        OTEL
        | {
            "exchange": "22a05502f064e04308613fe3fffe962b:c02401df3ed4e3f7",
            "at": "2026-11-21T17:28:27.220Z",
            "response": ANSWER,
            "choices": [ANSWER, ANSWER],
            "reasoning": "Count units.",
            "temperature": 0.7,
            "n": 2,
            "max_tokens": 64,
            "top_logprobs": 2,
            "reasoning_effort": "high",
            "reasoning_tokens": 6,
            "end_user": "acct-0001",
        },
        OTEL
        | {
            "exchange": "9ccaf9653f93f210a6140be5f1b45b17:28d85fa2c0972e1d",
            "at": "2026-11-21T17:28:27.243Z",
            "response": ANSWER + " ",
            "reasoning": "Count units.",
            "stream": True,
            "reasoning_tokens": 6,
        },
        OTEL
        | {
            "exchange": "cb49e473a6c8fb7f846e8d78bbc121d7:c079a7e6249e7efd",
            "at": "2026-11-21T17:28:27.256Z",
            "tools": ["add"],
            "response": ANSWER,
            "tool_calls": TOOL_CALL,
            "reasoning": "Count units.",
            "reasoning_tokens": 6,
            "finish_reason": "tool_calls",
        },
        OTEL
        | {
            "exchange": "f630347345d914057cbd7b733875fd2d:bb77424f775222c5",
            "at": "2026-11-21T17:28:27.486Z",
            "operation": "responses",
            "system": None,
            "messages": SHORT,
            "response": ANSWER,
            "reasoning": "Counting units.",
            "reasoning_effort": "high",
            "reasoning_tokens": 6,
            "finish_reason": "completed",
        },
        OTEL
        | OTEL_FAILED
        | {"exchange": "71e8b74851c6ac2d6c0978024475d307:838e9722b8a0ddf4", "at": "2026-11-21T17:28:27.705Z"},
    ],
}
V2 = [
    OTEL
    | {
        "exchange": "2d9776105a32d34a744bcfe59c5b82ed:fbce9243c5aeca43",
        "at": "2026-11-21T17:17:11.761Z",
        "response": ANSWER,
        "choices": [ANSWER, ANSWER],
        "temperature": 0.7,
        "n": 2,
        "max_tokens": 64,
    },
    OTEL
    | {
        "exchange": "d0981120ddea9f70f35d9d451854a142:16b8430e960314d5",
        "at": "2026-11-21T17:17:11.922Z",
        "response": ANSWER + " ",
    },
    OTEL
    | {
        "exchange": "e2048de077557b79e0d76d6afe4c0b1e:f3607581bdb61185",
        "at": "2026-11-21T17:17:12.009Z",
        "response": ANSWER,
        "tool_calls": TOOL_CALL_TIGHT,
        "finish_reason": "tool_calls",
    },
    OTEL
    | OTEL_FAILED
    | {"exchange": "f06da96ec050bb45fef563167446f553:e61b8f40b6f9839e", "at": "2026-11-21T17:17:13.369Z"},
]
MENDED_BY = {"litellm-spendlogs-row.json": 'account = "end_user"', "litellm": TENANT}


def sample(name: str) -> Path:
    assert SAMPLES is not None
    return SAMPLES / name


def rows(logs: list[Path], into: Path, mend: str) -> list[dict[str, Any]]:
    into.mkdir(exist_ok=True)
    map_file = into / "map.toml"
    map_file.write_text(mend + "\n")
    told = gather(logs, into=into / "out", map_file=map_file)
    assert told.rejected == 0
    found = [row for batch in told.batches(EXCHANGES.names) for row in batch.to_pylist()]
    return sorted((plain(row) for row in found), key=lambda row: row["at"])


def plain(row: dict[str, Any]) -> dict[str, Any]:
    told = {name: value for name, value in row.items() if value is not None and name != "tools_hash"}
    return told | {"at": row["at"].isoformat(timespec="milliseconds").replace("+00:00", "Z")}


def bare(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


def mend_of(name: str) -> str:
    if name.startswith("otlp"):
        return 'account = "resource.service.name"'
    return MENDED_BY.get(name, MENDED_BY["litellm"])


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_sample_is_read_field_by_field(name: str, tmp_path: Path) -> None:
    assert rows([sample(name)], tmp_path, mend_of(name)) == [bare(row) for row in EXPECTED[name]]


@pytest.mark.parametrize("order", [("traces", "logs"), ("logs", "traces"), ("traces",)])
def test_the_same_calls_in_traces_and_logs_are_read_once(order: tuple[str, ...], tmp_path: Path) -> None:
    logs = [sample(f"otlp-genai-openai-v2-{kind}.json") for kind in order]
    assert rows(logs, tmp_path, mend_of("otlp")) == [bare(row) for row in V2]


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_without_a_map_no_sample_has_an_account_and_the_line_told_mends_it(name: str, tmp_path: Path) -> None:
    with pytest.raises(NothingToRead, match="--map"):
        gather([sample(name)], into=tmp_path / "first")
    told = [json.loads(line) for line in (tmp_path / "first/rejected.jsonl").read_text().splitlines()]
    assert len(told) == len(EXPECTED[name])
    for one in told:
        assert one["reason"] == "`account` is missing"
        assert f"`{one['map']}`" in one["hint"]
    map_file = tmp_path / "map.toml"
    map_file.write_text(told[0]["map"])
    assert gather([sample(name)], into=tmp_path / "second", map_file=map_file).exchanges >= 1


def test_bodies_posted_to_a_guardrail_are_no_log(tmp_path: Path) -> None:
    with pytest.raises(NothingToRead, match="no known format"):
        gather([sample("litellm-generic-guardrail-calls.json")], into=tmp_path)
