"""The proxy between real SDKs and a scripted upstream on loopback."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import http.client
import json
import socket
import threading
from typing import Any
from urllib.parse import urlsplit

import anthropic
import openai
import pytest
from tests.serve.conftest import Bench, Call

SECRET = "the hidden train of thought"


def account(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def raw(url: str, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, list[Any], bytes]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    connection.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
    answer = connection.getresponse()
    told = answer.status, sorted((k.lower(), v) for k, v in answer.getheaders()), answer.read()
    connection.close()
    return told


CHAT: dict[str, Any] = {
    "id": "c1", "object": "chat.completion", "created": 1, "model": "demo",
    "choices": [
        {
            "index": index, "finish_reason": "stop",
            "logprobs": {"content": [{"token": "4", "bytes": None, "logprob": -0.1, "top_logprobs": []}]},
            "message": {
                "role": "assistant", "content": f"<think>{SECRET}</think>It is 4.", "reasoning_content": SECRET,
                "reasoning": SECRET, "reasoning_details": [{"text": SECRET}],
                "provider_specific_fields": {"reasoning_content": SECRET},
                "tool_calls": [{"id": "t", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}}],
            },
        }
        for index in range(2)
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 9, "total_tokens": 10, "completion_tokens_details": {"reasoning_tokens": 5}},
}  # fmt: skip
MESSAGE: dict[str, Any] = {
    "id": "m1", "type": "message", "role": "assistant", "model": "demo", "stop_reason": "end_turn", "stop_sequence": None,
    "content": [
        {"type": "thinking", "thinking": SECRET, "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "b3BhcXVl"}, {"type": "text", "text": "It is 4."},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
    ],
    "usage": {"input_tokens": 1, "output_tokens": 9},
}  # fmt: skip
RESPONSE: dict[str, Any] = {
    "id": "r1", "object": "response", "created_at": 1, "model": "demo", "status": "completed", "tools": [],
    "tool_choice": "auto", "parallel_tool_calls": True, "reasoning": {"effort": "high", "summary": "auto"},
    "output": [
        {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": SECRET}],
         "content": [{"type": "reasoning_text", "text": SECRET}], "encrypted_content": "b3BhcXVl"},
        {"type": "message", "id": "ms", "role": "assistant", "status": "completed",
         "content": [{"type": "output_text", "text": "It is 4.", "annotations": [],
                      "logprobs": [{"token": "4", "bytes": [], "logprob": -0.1, "top_logprobs": []}]}]},
    ],
}  # fmt: skip


def sse(events: list[dict[str, Any]], *, named: bool = False, done: bool = False) -> bytes:
    head = [f"event: {event['type']}\n" if named else "" for event in events]
    told = "".join(f"{h}data: {json.dumps(event)}\n\n" for h, event in zip(head, events, strict=True))
    return (told + ("data: [DONE]\n\n" if done else "")).encode()


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish, **more}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "demo", "choices": [choice]}


CHAT_STREAM = sse(
    [
        chunk({"role": "assistant", "content": ""}),
        *(chunk({"reasoning_content": word + " "}) for word in SECRET.split()),
        chunk({"content": "<thi"}), chunk({"content": f"nk>{SECRET}</th"}), chunk({"content": "ink>\nIt is"}),
        chunk({"content": " 4, a < b"}, logprobs={"content": [{"token": "4", "bytes": None, "logprob": -0.1, "top_logprobs": []}]}),
        chunk({"tool_calls": [{"index": 0, "id": "t", "type": "function", "function": {"name": "f", "arguments": "{\"a\""}}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]}),
        chunk({}, "tool_calls"),
    ],
    done=True,
)  # fmt: skip
MESSAGE_STREAM = sse(
    [
        {"type": "message_start", "message": {**MESSAGE, "content": [], "stop_reason": None}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}},
        {"type": "ping"},
        *({"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": w + " "}} for w in SECRET.split()),
        {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "c2ln"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "It is 4, a <"}},
        {"type": "content_block_stop", "index": 1},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 9}},
        {"type": "message_stop"},
    ],
    named=True,
)  # fmt: skip
LOG = [{"token": "4", "logprob": -0.1, "top_logprobs": []}]
ITEM = RESPONSE["output"]
RESPONSE_STREAM = sse(
    [
        {"sequence_number": n, **event}
        for n, event in enumerate(
            [
                {"type": "response.created", "response": {**RESPONSE, "output": [], "status": "in_progress"}},
                {"type": "response.output_item.added", "output_index": 0, "item": {**ITEM[0], "summary": [], "content": []}},
                {"type": "response.reasoning_summary_part.added", "item_id": "rs", "output_index": 0, "summary_index": 0, "part": {"type": "summary_text", "text": ""}},
                {"type": "response.reasoning_summary_text.delta", "item_id": "rs", "output_index": 0, "summary_index": 0, "delta": SECRET},
                {"type": "response.reasoning_summary_text.done", "item_id": "rs", "output_index": 0, "summary_index": 0, "text": SECRET},
                {"type": "response.reasoning_text.delta", "item_id": "rs", "output_index": 0, "content_index": 0, "delta": SECRET},
                {"type": "response.output_item.done", "output_index": 0, "item": ITEM[0]},
                {"type": "response.output_item.added", "output_index": 1, "item": {**ITEM[1], "content": []}},
                {"type": "response.content_part.added", "item_id": "ms", "output_index": 1, "content_index": 0, "part": {"type": "output_text", "text": "", "annotations": []}},
                {"type": "response.output_text.delta", "item_id": "ms", "output_index": 1, "content_index": 0, "delta": "It is 4, a <", "logprobs": LOG},
                {"type": "response.output_text.done", "item_id": "ms", "output_index": 1, "content_index": 0, "text": "It is 4, a <", "logprobs": LOG},
                {"type": "response.content_part.done", "item_id": "ms", "output_index": 1, "content_index": 0, "part": ITEM[1]["content"][0]},
                {"type": "response.output_item.done", "output_index": 1, "item": ITEM[1]},
                {"type": "response.completed", "response": RESPONSE},
            ]
        )
    ],
    named=True,
)  # fmt: skip


def answering(*pieces: bytes, kind: str = "application/json", **headers: str) -> Any:
    async def script(call: Call) -> None:
        if kind == "application/json":
            await call.whole(b"".join(pieces), **headers)
        else:
            await call.stream(list(pieces), kind)

    return script


@pytest.fixture(scope="module")
def hardened(bench: Bench) -> str:
    key = "sk-hardened"
    bench.order("harden", account(key))
    return key


# -- ordinary traffic


@pytest.mark.parametrize(
    ("body", "kind", "headers"),
    [
        (json.dumps(CHAT).encode(), "application/json", {"x_request_id": "r-1", "openai_version": "x"}),
        (gzip.compress(json.dumps(CHAT).encode()), "application/json", {"content_encoding": "gzip"}),
        (CHAT_STREAM, "text/event-stream", {}),
        (b"\x00\xff not json", "application/octet-stream", {}),
    ],
)
def test_ordinary_traffic_is_the_same_as_direct_traffic(
    bench: Bench, body: bytes, kind: str, headers: dict[str, str]
) -> None:
    async def script(call: Call) -> None:
        await call.whole(body, 200, kind, **headers)

    bench.upstream.script = script
    sent = b'{"model":  "demo", "n":2, "messages":[], "unknown_field": {"x": [1,2 ]}}'
    told = {
        "authorization": "Bearer sk-1",
        "content_type": "application/json",
        "x_custom": "a, b",
        "accept_encoding": "gzip",
    }
    direct = raw(bench.direct, "POST", "/v1/chat/completions?a=%2Fb&c=d", sent, **told)
    seen = bench.upstream.calls[-1]
    through = raw(bench.url, "POST", "/v1/chat/completions?a=%2Fb&c=d", sent, **told)
    passed = bench.upstream.calls[-1]
    assert through == direct
    assert (passed.path, passed.query, passed.body) == (seen.path, seen.query, seen.body)
    assert sorted(h for h in passed.headers if h[0] != "host") == sorted(h for h in seen.headers if h[0] != "host")


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
def test_errors_of_the_upstream_pass_as_they_are(bench: Bench, status: int) -> None:
    async def script(call: Call) -> None:
        await call.whole(b'{"error": {"message": "no"}}', status, retry_after="7")

    bench.upstream.script = script
    assert raw(bench.url, "POST", "/v1/messages", b"{}") == raw(bench.direct, "POST", "/v1/messages", b"{}")


@pytest.mark.parametrize("sent", [b"", b"{", b"[[[[", b"\xff", b'{"messages": 3, "n": "x"}'])
def test_what_cannot_be_read_is_passed_on(bench: Bench, hardened: str, sent: bytes) -> None:
    bench.upstream.script = answering(b'{"ok": true}')
    for key in ("sk-1", hardened):
        assert raw(bench.url, "POST", "/v1/chat/completions", sent, authorization=f"Bearer {key}")[0] == 200
        assert (
            json.loads(sent) == json.loads(bench.upstream.calls[-1].body)
            if sent.startswith(b'{"')
            else bench.upstream.calls[-1].body == sent
        )


# -- hardened traffic, read by the real clients


def openai_client(bench: Bench, key: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{bench.url}/v1", api_key=key, max_retries=0)


def test_openai_chat_loses_log_probabilities_choices_and_reasoning(bench: Bench, hardened: str) -> None:
    bench.upstream.script = answering(json.dumps(CHAT).encode())
    got = openai_client(bench, hardened).chat.completions.with_raw_response.create(
        model="demo", messages=[{"role": "user", "content": "2+2"}], n=4, logprobs=True, top_logprobs=5
    )
    sent = json.loads(bench.upstream.calls[-1].body)
    assert sent["n"] == 1
    assert sent["logprobs"] is False
    assert "top_logprobs" not in sent
    told = got.parse()
    assert SECRET not in got.text
    assert "no_reasoning" in got.headers["x-stillwatch-transforms"]
    assert len(told.choices) == 1
    assert told.choices[0].message.content == "It is 4."
    assert told.choices[0].logprobs is None
    assert told.choices[0].message.tool_calls is not None
    assert told.usage is not None
    assert told.usage.completion_tokens_details is not None
    assert told.usage.completion_tokens_details.reasoning_tokens == 5


def test_openai_chat_streams_come_without_reasoning(bench: Bench, hardened: str) -> None:
    bench.upstream.script = answering(CHAT_STREAM, kind="text/event-stream")
    text, arguments, reasons = "", "", []
    stream = openai_client(bench, hardened).chat.completions.create(
        model="demo", messages=[{"role": "user", "content": "2+2"}], stream=True
    )
    for event in stream:
        for choice in event.choices:
            text += choice.delta.content or ""
            assert choice.logprobs is None
            arguments += "".join(
                call.function.arguments or "" for call in choice.delta.tool_calls or [] if call.function
            )
            reasons.append(choice.finish_reason)
    assert text == "It is 4, a < b"
    assert arguments == '{"a":1}'
    assert reasons[-1] == "tool_calls"


def test_openai_responses_keep_the_item_and_lose_its_wording(bench: Bench, hardened: str) -> None:
    bench.upstream.script = answering(json.dumps(RESPONSE).encode())
    client = openai_client(bench, hardened)
    got = client.responses.create(
        model="demo", input="2+2", reasoning={"effort": "high", "summary": "auto"},
        include=["message.output_text.logprobs", "reasoning.encrypted_content"],
    )  # fmt: skip
    sent = json.loads(bench.upstream.calls[-1].body)
    assert sent["include"] == ["reasoning.encrypted_content"]
    assert "summary" not in sent["reasoning"]
    item = got.output[0]
    assert item.type == "reasoning"
    assert item.encrypted_content == "b3BhcXVl"
    assert item.summary == []
    assert SECRET not in got.model_dump_json()
    assert got.output_text == "It is 4."
    assert SECRET not in client.responses.retrieve("r1").model_dump_json(), "nor by asking for it again"


def test_openai_responses_stream_with_numbers_without_a_gap(bench: Bench, hardened: str) -> None:
    bench.upstream.script = answering(RESPONSE_STREAM, kind="text/event-stream")
    events = list(openai_client(bench, hardened).responses.create(model="demo", input="2+2", stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == "It is 4, a <"
    assert events[-1].type == "response.completed"
    assert SECRET not in "".join(event.model_dump_json() for event in events)


def test_anthropic_messages_keep_the_signature_and_lose_the_thinking(bench: Bench, hardened: str) -> None:
    bench.upstream.script = answering(json.dumps(MESSAGE).encode())
    client = anthropic.Anthropic(base_url=bench.url, api_key=hardened, max_retries=0)
    got = client.messages.create(
        model="demo", max_tokens=99, messages=[{"role": "user", "content": "2+2"}],
        thinking={"type": "enabled", "budget_tokens": 1024},
    )  # fmt: skip
    assert json.loads(bench.upstream.calls[-1].body)["thinking"]["display"] == "omitted"
    thinking = got.content[0]
    assert thinking.type == "thinking"
    assert (thinking.thinking, thinking.signature) == ("", "c2ln")
    assert [block.type for block in got.content] == ["thinking", "redacted_thinking", "text", "tool_use"]
    assert SECRET not in got.model_dump_json()


def test_anthropic_streams_come_without_thinking(bench: Bench, hardened: str) -> None:
    bench.upstream.script = answering(MESSAGE_STREAM, kind="text/event-stream")
    client = anthropic.Anthropic(base_url=bench.url, api_key=hardened, max_retries=0)
    with client.messages.stream(model="demo", max_tokens=99, messages=[{"role": "user", "content": "2+2"}]) as stream:
        told = stream.get_final_message()
    assert SECRET not in told.model_dump_json()
    assert told.content[1].type == "text"
    assert told.content[1].text == "It is 4, a <"
    assert told.content[0].type == "thinking"
    assert told.content[0].signature == "c2ln"


@pytest.mark.parametrize("stream", [False, True])
def test_a_thought_that_was_blanked_reaches_the_upstream_again_and_nobody_else(
    bench: Bench, hardened: str, stream: bool
) -> None:
    client = anthropic.Anthropic(base_url=bench.url, api_key=hardened, max_retries=0)
    asked: dict[str, Any] = {"model": "demo", "max_tokens": 99}
    first = {"role": "user", "content": "2+2"}
    whole = SECRET
    if stream:
        bench.upstream.script = answering(MESSAGE_STREAM, kind="text/event-stream")
        with client.messages.stream(**asked, messages=[first]) as told:
            got = told.get_final_message()
        whole = "".join(f"{word} " for word in SECRET.split())
    else:
        bench.upstream.script = answering(json.dumps(MESSAGE).encode())
        got = client.messages.create(**asked, messages=[first])
    blocks = [block.model_dump(exclude_none=True) for block in got.content]
    assert (blocks[0]["thinking"], blocks[0]["signature"]) == ("", "c2ln")
    bench.upstream.script = answering(json.dumps(MESSAGE).encode())
    again = [first, {"role": "assistant", "content": blocks}, {"role": "user", "content": "and 3+3?"}]
    client.messages.create(**asked, messages=again)
    sent = json.loads(bench.upstream.calls[-1].body)["messages"]
    assert sent[1]["content"][0] == {"type": "thinking", "thinking": whole, "signature": "c2ln"}
    assert sent[1]["content"][1:] == blocks[1:]
    assert (sent[0], sent[2]) == (first, again[2])
    other = f"sk-thinks-too-{stream}"
    bench.order("harden", account(other))
    anthropic.Anthropic(base_url=bench.url, api_key=other, max_retries=0).messages.create(**asked, messages=again)
    sent = json.loads(bench.upstream.calls[-1].body)["messages"]
    assert sent[1]["content"][0]["thinking"] == "", "it was not this account's"


def test_a_compressed_answer_is_opened_for_a_hardened_account(bench: Bench, hardened: str) -> None:
    bench.upstream.script = answering(gzip.compress(json.dumps(CHAT).encode()), content_encoding="gzip")
    status, headers, body = raw(bench.url, "POST", "/v1/chat/completions", b"{}", authorization=f"Bearer {hardened}")
    assert status == 200
    assert SECRET.encode() not in body
    assert "content-encoding" not in dict(headers)
    bench.upstream.script = answering(b"\x1b\x00\x00 brotli", content_encoding="br")
    got = _unless_broken(bench, hardened)
    assert SECRET.encode() not in got


def _unless_broken(bench: Bench, key: str) -> bytes:
    try:
        return raw(bench.url, "POST", "/v1/chat/completions", b"{}", authorization=f"Bearer {key}")[2]
    except (http.client.HTTPException, OSError):
        return b""


# -- refusals


def test_refusals_come_in_the_shape_of_each_dialect(bench: Bench) -> None:
    key = "sk-suspended"
    name = bench.order("suspend", account(key))
    calls = len(bench.upstream.calls)
    with pytest.raises(openai.PermissionDeniedError) as chat:
        openai_client(bench, key).chat.completions.create(model="demo", messages=[{"role": "user", "content": "x"}])
    assert name in str(chat.value)
    assert "https://example.com/appeal" in str(chat.value)
    with pytest.raises(anthropic.PermissionDeniedError) as message:
        anthropic.Anthropic(base_url=bench.url, api_key=key, max_retries=0).messages.create(
            model="demo", max_tokens=9, messages=[{"role": "user", "content": "x"}]
        )
    assert message.value.body["error"]["category"] == "model_extraction"  # type: ignore[index]
    assert len(bench.upstream.calls) == calls, "the upstream was not asked"


def test_a_slowed_client_is_told_when_to_come_back(bench: Bench) -> None:
    key = "sk-slow"
    bench.order("slow", account(key))
    bench.upstream.script = answering(json.dumps(CHAT).encode())
    client = openai_client(bench, key)

    def ask_often() -> None:
        for _ in range(9):
            client.chat.completions.create(model="demo", messages=[{"role": "user", "content": "x"}])

    with pytest.raises(openai.RateLimitError) as told:
        ask_often()
    assert int(told.value.response.headers["retry-after"]) >= 1


# -- trouble


def test_a_client_that_leaves_ends_the_upstreams_work(bench: Bench) -> None:
    left = threading.Event()

    async def script(call: Call) -> None:
        await call.begin(200, "text/event-stream")
        await call.write(b"data: {}\n\n")
        await call.gone()
        left.set()

    bench.upstream.script = script
    address = urlsplit(bench.url)
    with socket.create_connection((address.hostname, address.port), 20) as client:
        client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}")
        assert b"200" in client.recv(20)
    assert left.wait(20)


def test_an_upstream_that_breaks_off_is_not_made_to_look_complete(bench: Bench) -> None:
    async def script(call: Call) -> None:
        await call.begin(200, "application/json", content_length="1000")
        await call.write(b'{"choices": [')
        raise RuntimeError("the upstream dies")

    bench.upstream.script = script
    with pytest.raises((http.client.IncompleteRead, ConnectionError, http.client.RemoteDisconnected)):
        raw(bench.url, "POST", "/v1/chat/completions", b"{}")


def test_smuggled_and_spoofed_headers_do_not_get_through(bench: Bench) -> None:
    bench.upstream.script = answering(b"{}")
    raw(bench.url, "POST", "/v1/chat/completions", b"{}", x_forwarded_for="203.0.113.9", x_stillwatch_account="victim")
    seen = bench.upstream.calls[-1]
    assert seen.header("x-stillwatch-account") is None
    address = urlsplit(bench.url)
    calls = len(bench.upstream.calls)
    with socket.create_connection((address.hostname, address.port), 20) as client:
        client.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n"
            b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n"
        )
        client.settimeout(2)
        try:
            while client.recv(4096):
                pass
        except TimeoutError:
            pass
    for call in bench.upstream.calls[calls:]:
        assert not (call.header("content-length") and call.header("transfer-encoding"))


def test_an_upstream_that_is_not_there_is_told_in_the_dialect(bench: Bench, tmp_path: Any) -> None:
    from tests.serve.conftest import SETTINGS, serving

    from stillwatch.serve.proxy import Proxy
    from stillwatch.watch.room import Room

    with serving(Proxy(Room(tmp_path, SETTINGS), "http://127.0.0.1:9")) as url:
        status, _, body = raw(url, "POST", "/v1/messages", b"{}")
    assert status == 502
    assert json.loads(body)["type"] == "error"


# -- cuts


@pytest.mark.parametrize(
    ("name", "whole"), [("chat", CHAT_STREAM), ("messages", MESSAGE_STREAM), ("responses", RESPONSE_STREAM)]
)
@pytest.mark.parametrize("ends", [b"\n", b"\r\n", b"\r"])
def test_a_stream_cut_at_any_byte_gives_the_same(name: Any, whole: bytes, ends: bytes) -> None:
    from stillwatch.serve.events import Rewriter
    from stillwatch.serve.harden import Hardening

    whole = whole.replace(b"\n", ends)

    def rewritten(*pieces: bytes) -> bytes:
        rewriter = Rewriter(Hardening(["no_logprobs", "cap_n", "no_reasoning"], 1))
        return b"".join([*map(rewriter.feed, pieces), rewriter.close()])

    wanted = rewritten(whole)
    assert wanted
    for word in SECRET.split():
        assert word.encode() + b" " not in wanted or word == "of"
    assert b'logprob"' not in wanted
    step = 1 if ends == b"\n" else 7
    for cut in range(0, len(whole), step):
        assert rewritten(whole[:cut], whole[cut:]) == wanted, cut
    assert rewritten(*(whole[n : n + 1] for n in range(len(whole)))) == wanted


def test_an_event_that_is_not_changed_leaves_with_its_own_bytes() -> None:
    from stillwatch.serve.events import Rewriter
    from stillwatch.serve.harden import Hardening

    stream = b': keep-alive\r\n\r\nid: 7\ndata: {"choices": [{"index":0, "delta": {"content": "\xc3\xa9 \\u00e9"}}]}\n\ndata: [DONE]\n\n'
    rewriter = Rewriter(Hardening(["no_reasoning"], 1))
    assert rewriter.feed(stream) + rewriter.close() == stream


def test_many_at_once_do_not_wait_for_one_another(bench: Bench) -> None:
    waiting, most = 0, 0

    async def script(call: Call) -> None:
        nonlocal waiting, most
        waiting += 1
        most = max(most, waiting)
        for _ in range(200):
            if most >= 8:
                break
            await asyncio.sleep(0.05)
        waiting -= 1
        await call.whole(b"{}")

    bench.upstream.script = script
    threads = [threading.Thread(target=raw, args=(bench.url, "POST", "/v1/chat/completions", b"{}")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 8
