"""LiteLLM: the same exchanges as `StandardLoggingPayload` records, one JSON object per line.

The shape is that of LiteLLM 1.106: fields that a log reader may use are there, bulk (price maps, cost
breakdowns) is not. A tool call in a history becomes `tool_calls` again. Slower than Parquet by far: one
Python object per row.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow as pa

_CALLS: Final = '{"tool_calls":['
_ERRORS: Final = {
    429: "RateLimitError",
    500: "InternalServerError",
    503: "ServiceUnavailableError",
    529: "APIError",
}


class LiteLLMWriter:
    """Appends chunks to files; holds no state between them."""

    def __init__(self) -> None:
        self._encoder = msgspec.json.Encoder()

    def write(self, path: Path, batch: pa.Table) -> None:
        """Append a chunk of canonical exchanges to a file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            for row in batch.to_pylist():
                file.write(self._encoder.encode(record(row)))
                file.write(b"\n")


def record(row: dict[str, Any]) -> dict[str, Any]:
    """Turn one exchange into the record that LiteLLM would have logged."""
    begins = row["at"].timestamp()
    failed = row["status"] >= 300
    taken = 0.4 + (row.get("output_tokens") or 0) / 80
    headers = {"user-agent": row["user_agent"], "x-forwarded-for": row["ip"]}
    if row["ja4"]:
        headers["x-ja4"] = row["ja4"]
    usage = _usage(row)
    call = row["exchange"]
    return {
        "id": call if failed else f"chatcmpl-{call}",
        "litellm_call_id": call,
        "trace_id": row["session"] or call,
        "session_id": "",
        "call_type": "acompletion",
        "cache_hit": False,
        "stream": row.get("stream"),
        "status": "failure" if failed else "success",
        "custom_llm_provider": row["channel"],
        "startTime": begins,
        "endTime": begins + taken,
        "completionStartTime": begins + min(taken, 0.6),
        "response_time": taken,
        "model": row["model"],
        "model_group": row["model"],
        "metadata": {
            "user_api_key_hash": row["key"],
            "user_api_key_org_id": row["account"],
            "user_api_key_team_id": None,
            "user_api_key_user_id": None,
            "user_api_key_end_user_id": row["end_user"],
            "user_api_key_request_route": "/v1/chat/completions",
            "requester_ip_address": row["ip"],
            "user_agent": row["user_agent"],
            "requester_metadata": {
                "trace_id": row["session"],
                "session_id": row["session"],
                "headers": headers,
            },
            "requester_custom_headers": {k: v for k, v in headers.items() if k.startswith("x-")},
            "usage_object": usage,
        },
        "total_tokens": usage.get("total_tokens", 0),
        "prompt_tokens": usage.get("prompt_tokens", 0),
        "completion_tokens": usage.get("completion_tokens", 0),
        "request_tags": [f"User-Agent: {row['user_agent']}"],
        "end_user": row["end_user"] or "",
        "requester_ip_address": row["ip"],
        "user_agent": row["user_agent"],
        "messages": _messages(row),
        "response": {} if failed else _response(row, usage),
        "model_parameters": _parameters(row),
        "error_str": f"litellm.{_ERRORS.get(row['status'], 'APIError')}" if failed else None,
        "error_information": {
            "error_code": str(row["status"]) if failed else "",
            "error_class": _ERRORS.get(row["status"], "APIError") if failed else "",
        },
    }


def _usage(row: dict[str, Any]) -> dict[str, Any]:
    if row.get("input_tokens") is None:
        return {}
    given = row.get("output_tokens") or 0
    return {
        "prompt_tokens": row["input_tokens"],
        "completion_tokens": given,
        "total_tokens": row["input_tokens"] + given,
        "completion_tokens_details": {"reasoning_tokens": row.get("reasoning_tokens")},
    }


def _calls(calls: list[dict[str, str]], stem: str) -> list[dict[str, Any]]:
    return [
        {
            "id": f"call_{stem}_{k}",
            "type": "function",
            "function": {"name": c["name"], "arguments": c["arguments"]},
        }
        for k, c in enumerate(calls)
    ]


def _compact(arguments: Any) -> str:
    return msgspec.json.encode(arguments).decode()


def _messages(row: dict[str, Any]) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    if row["system"]:
        out.append({"role": "system", "content": row["system"]})
    for place, message in enumerate(row["messages"]):
        content = message["content"]
        head, _, line = content.rpartition("\n")
        if message["role"] == "assistant" and line.startswith(_CALLS):
            told = msgspec.json.decode(line)["tool_calls"]
            calls = _calls([{"name": c["name"], "arguments": _compact(c["arguments"])} for c in told], str(place))
            out.append({"role": "assistant", "content": head or None, "tool_calls": calls})
        elif message["role"] == "tool":
            out.append({"role": "tool", "tool_call_id": f"call_{place - 1}_0", "content": content})
        else:
            out.append({"role": message["role"], "content": content})
    return out


def _response(row: dict[str, Any], usage: dict[str, Any]) -> dict[str, Any]:
    said = row.get("choices") or [row["response"]]
    calls = _calls(row.get("tool_calls") or [], "a") or None
    return {
        "id": f"chatcmpl-{row['exchange']}",
        "created": int(row["at"].timestamp()),
        "model": row["model"],
        "object": "chat.completion",
        "choices": [
            {
                "finish_reason": row["finish_reason"],
                "index": nth,
                "message": {
                    "content": text,
                    "role": "assistant",
                    "tool_calls": calls,
                    "reasoning_content": row.get("reasoning"),
                },
            }
            for nth, text in enumerate(said)
        ],
        "usage": usage,
    }


def _parameters(row: dict[str, Any]) -> dict[str, Any]:
    named = {
        name: row.get(name)
        for name in ("temperature", "top_p", "n", "max_tokens", "reasoning_effort", "stream")
        if row.get(name) is not None
    }
    if row.get("top_logprobs") is not None:
        named |= {"logprobs": True, "top_logprobs": row["top_logprobs"]}
    if row.get("tools"):
        named["tools"] = [
            {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in row["tools"]
        ]
    if row["end_user"]:
        named["user"] = row["end_user"]
    if row.get("previous"):
        named["previous_response_id"] = row["previous"]
    return named
