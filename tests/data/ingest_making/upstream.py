"""A scripted model server and a log receiver in one, standard library only, for making golden records.

It answers `/v1/chat/completions`, `/v1/responses`, `/v1/messages` and `/v1/embeddings`, streamed or not.
What it answers hangs on the model's name: `slow-down` is refused with 429, `no-such` with 404, all others
speak. Bodies posted to `/sink/NAME` are appended to a list that the maker reads.
"""

from __future__ import annotations

import itertools
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ANSWER = "A neap tide is the smallest of the fortnight, when moon and sun pull at right angles."
THOUGHT = "Moon and sun at right angles."
TOOL = {"name": "tide_table", "arguments": '{"port": "Brest", "days": 2}'}
CREATED = 1795280000


class Upstream(ThreadingHTTPServer):
    """Serve on a free loopback port; `sunk` holds what was posted to sinks, `calls` the exchanges seen."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answerer)
        self.sunk: dict[str, list[bytes]] = {}
        self.calls: list[dict[str, Any]] = []
        self.numbers = itertools.count(1)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answerer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Upstream

    def log_message(self, *_: object) -> None:
        """Stay quiet."""

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path.startswith("/sink/"):
            self.server.sunk.setdefault(self.path.removeprefix("/sink/"), []).append(raw)
            return self._json(200, {"ok": True})
        body = json.loads(raw)
        number = next(self.server.numbers)
        call: dict[str, Any] = {"path": self.path, "headers": dict(self.headers.items()), "body": body}
        self.server.calls.append(call)
        if body.get("model") == "slow-down":
            error = {"message": "too many tides", "type": "rate_limit_error", "code": "rate_limit_exceeded"}
            return self._json(429, {"error": error, "type": "error"}, call)
        if body.get("model") == "no-such":
            return self._json(404, {"error": {"message": "no such model", "type": "not_found_error"}}, call)
        speak = {"/v1/chat/completions": chat, "/v1/responses": responses, "/v1/messages": messages}.get(
            self.path, embeddings
        )
        answer = speak(body, number)
        if isinstance(answer, dict):
            return self._json(200, answer, call)
        return self._events(answer, call)

    def _json(self, status: int, body: dict[str, Any], call: dict[str, Any] | None = None) -> None:
        data = json.dumps(body).encode()
        if call is not None:
            call |= {"status": status, "answer": body}
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.send_header("x-request-id", f"req_{len(self.server.calls):04d}")
        self.end_headers()
        self.wfile.write(data)

    def _events(self, events: list[tuple[str | None, Any]], call: dict[str, Any]) -> None:
        text = "".join(
            (f"event: {name}\n" if name else "") + f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n"
            for name, event in events
        )
        call |= {"status": 200, "sse": text}
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("x-request-id", f"req_{len(self.server.calls):04d}")
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(text.encode())
        self.close_connection = True


def chat(body: dict[str, Any], number: int) -> Any:
    top = {"id": f"chatcmpl-{number:06d}", "created": CREATED + number, "model": body["model"]}
    usage = {
        "prompt_tokens": 31,
        "completion_tokens": 27,
        "total_tokens": 58,
        "completion_tokens_details": {"reasoning_tokens": 9},
        "prompt_tokens_details": {"cached_tokens": 0},
    }
    called = bool(body.get("tools")) and body["messages"][-1]["role"] == "user"
    if body.get("stream"):
        return chat_stream(body, top, usage, called)
    choices = []
    for index in range(body.get("n") or 1):
        message: dict[str, Any] = {
            "role": "assistant",
            "content": None if called else f"{ANSWER}{' Always.' * index}",
        }
        message["reasoning_content"] = THOUGHT
        if called:
            message["tool_calls"] = [{"id": f"call_{number:04d}", "type": "function", "function": TOOL}]
        choice: dict[str, Any] = {
            "index": index,
            "message": message,
            "finish_reason": "tool_calls" if called else "stop",
        }
        if body.get("logprobs"):
            token = {"token": "A", "bytes": [65], "logprob": -0.01}
            choice["logprobs"] = {"content": [token | {"top_logprobs": [token]}], "refusal": None}
        choices.append(choice)
    return top | {
        "object": "chat.completion",
        "choices": choices,
        "usage": usage,
        "system_fingerprint": "fp_tide",
    }


def chat_stream(body: dict[str, Any], top: dict[str, Any], usage: dict[str, Any], called: bool) -> Any:
    chunk = top | {"object": "chat.completion.chunk"}
    many = range(body.get("n") or 1)
    events: list[tuple[str | None, Any]] = []

    def say(index: int, delta: dict[str, Any], finish: str | None = None) -> None:
        events.append((None, chunk | {"choices": [{"index": index, "delta": delta, "finish_reason": finish}]}))

    for index in many:
        say(index, {"role": "assistant", "content": ""})
    for index in many:
        say(index, {"reasoning_content": THOUGHT[:9]})
        say(index, {"reasoning_content": THOUGHT[9:]})
    if called:
        head = {
            "index": 0,
            "id": "call_0001",
            "type": "function",
            "function": {"name": TOOL["name"], "arguments": ""},
        }
        say(0, {"tool_calls": [head]})
        for piece in (TOOL["arguments"][:7], TOOL["arguments"][7:]):
            say(0, {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
    else:
        for word in ANSWER.split(" "):
            for index in many:
                say(index, {"content": word if word == "A" else f" {word}"})
    for index in many:
        say(index, {}, "tool_calls" if called else "stop")
    if (body.get("stream_options") or {}).get("include_usage"):
        events.append((None, chunk | {"choices": [], "usage": usage}))
    return [*events, (None, "[DONE]")]


def responses(body: dict[str, Any], number: int) -> Any:
    output: list[dict[str, Any]] = [
        {
            "type": "reasoning",
            "id": f"rs_{number:04d}",
            "summary": [{"type": "summary_text", "text": THOUGHT}],
        },
        {
            "type": "message",
            "id": f"msg_{number:04d}",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": ANSWER, "annotations": []}],
        },
    ]
    if body.get("tools"):
        output.append(
            {"type": "function_call", "id": f"fc_{number:04d}", "call_id": "call_0001", "status": "completed"} | TOOL
        )
    whole = {
        "id": f"resp_{number:06d}",
        "object": "response",
        "created_at": CREATED + number,
        "model": body["model"],
        "status": "completed",
        "output": output,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": body.get("tools") or [],
        "previous_response_id": body.get("previous_response_id"),
        "usage": {
            "input_tokens": 31,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 27,
            "output_tokens_details": {"reasoning_tokens": 9},
            "total_tokens": 58,
        },
    }
    if not body.get("stream"):
        return whole
    events: list[tuple[str | None, Any]] = []

    def say(kind: str, **fields: Any) -> None:
        events.append((kind, {"type": kind, "sequence_number": len(events), **fields}))

    begun = whole | {"status": "in_progress", "output": [], "usage": None}
    say("response.created", response=begun)
    say("response.in_progress", response=begun)
    say("response.output_item.added", output_index=0, item=output[0] | {"summary": []})
    at = {"item_id": output[0]["id"], "output_index": 0, "summary_index": 0}
    say("response.reasoning_summary_part.added", **at, part={"type": "summary_text", "text": ""})
    say("response.reasoning_summary_text.delta", **at, delta=THOUGHT)
    say("response.reasoning_summary_text.done", **at, text=THOUGHT)
    say("response.output_item.done", output_index=0, item=output[0])
    say(
        "response.output_item.added",
        output_index=1,
        item=output[1] | {"content": [], "status": "in_progress"},
    )
    at = {"item_id": output[1]["id"], "output_index": 1, "content_index": 0}
    say("response.content_part.added", **at, part={"type": "output_text", "text": "", "annotations": []})
    for word in ANSWER.split(" "):
        say("response.output_text.delta", **at, delta=word if word == "A" else f" {word}", logprobs=[])
    say("response.output_text.done", **at, text=ANSWER, logprobs=[])
    say("response.content_part.done", **at, part=output[1]["content"][0])
    say("response.output_item.done", output_index=1, item=output[1])
    say("response.completed", response=whole)
    return events


def messages(body: dict[str, Any], number: int) -> Any:
    called = bool(body.get("tools")) and isinstance(body["messages"][-1]["content"], str)
    content: list[dict[str, Any]] = [{"type": "thinking", "thinking": THOUGHT, "signature": "c2lnbmVk"}]
    content.append({"type": "text", "text": "Let me look." if called else ANSWER})
    if called:
        content.append(
            {
                "type": "tool_use",
                "id": "toolu_0001",
                "name": TOOL["name"],
                "input": json.loads(TOOL["arguments"]),
            }
        )
    usage = {"input_tokens": 31, "output_tokens": 27}
    whole = {
        "id": f"msg_{number:06d}",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": content,
        "stop_reason": "tool_use" if called else "end_turn",
        "stop_sequence": None,
        "usage": usage,
    }
    if not body.get("stream"):
        return whole
    events: list[tuple[str | None, Any]] = []

    def say(kind: str, **fields: Any) -> None:
        events.append((kind, {"type": kind, **fields}))

    start = whole | {"content": [], "stop_reason": None, "usage": {"input_tokens": 31, "output_tokens": 1}}
    say("message_start", message=start)
    say("ping")
    for index, block in enumerate(content):
        if block["type"] == "thinking":
            say(
                "content_block_start",
                index=index,
                content_block={"type": "thinking", "thinking": "", "signature": ""},
            )
            say(
                "content_block_delta",
                index=index,
                delta={"type": "thinking_delta", "thinking": block["thinking"]},
            )
            say(
                "content_block_delta",
                index=index,
                delta={"type": "signature_delta", "signature": block["signature"]},
            )
        elif block["type"] == "text":
            say("content_block_start", index=index, content_block={"type": "text", "text": ""})
            for piece in (block["text"][:6], block["text"][6:]):
                say("content_block_delta", index=index, delta={"type": "text_delta", "text": piece})
        else:
            say("content_block_start", index=index, content_block=block | {"input": {}})
            for piece in (TOOL["arguments"][:7], TOOL["arguments"][7:]):
                say(
                    "content_block_delta",
                    index=index,
                    delta={"type": "input_json_delta", "partial_json": piece},
                )
        say("content_block_stop", index=index)
    say(
        "message_delta",
        delta={"stop_reason": whole["stop_reason"], "stop_sequence": None},
        usage={"output_tokens": 27},
    )
    say("message_stop")
    return events


def embeddings(body: dict[str, Any], number: int) -> Any:
    return {
        "object": "list",
        "model": body["model"],
        "data": [{"object": "embedding", "index": 0, "embedding": [0.1, 0.2]}],
        "usage": {"prompt_tokens": 6, "total_tokens": 6},
    }
