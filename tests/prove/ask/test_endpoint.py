import asyncio
import json
from typing import Any

import aiohttp
import pytest
from tests.prove.ask.scripted import Handler, Reply, flood, serving, stall

from stillwatch.errors import UsageError
from stillwatch.prove.ask.endpoint import Answer, Endpoint, Question, ask, first_word


def hear(reply: Reply, **settings: Any) -> tuple[Answer, list[dict[str, Any]]]:
    """Ask a scripted server one question."""
    with serving(reply) as server:
        endpoint = Endpoint(url=server.url, model="demo", backoff_s=0.01, **{"timeout_s": 20.0, **settings})

        async def once() -> Answer:
            async with aiohttp.ClientSession() as session:
                return await ask(session, endpoint, Question.plain("q1", "Who are you?", max_tokens=5))

        return asyncio.run(once()), server.asked


def test_an_answer_is_heard_with_the_name_that_the_model_gives_itself() -> None:
    answer, asked = hear(lambda h, _: h.say("I am another.", model="other-model"))
    assert (answer.outcome, answer.text, answer.model, answer.tokens) == ("answered", "I am another.", "other-model", 3)
    assert asked[0]["messages"] == [{"role": "user", "content": "Who are you?"}]
    assert asked[0]["max_tokens"] == 5


def test_the_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUSPECT", "s3cret")
    seen = []

    def reply(handler: Handler, _asked: dict[str, Any]) -> None:
        seen.append(handler.headers["Authorization"])
        handler.say("yes")

    hear(reply, key_variable="SUSPECT")
    assert seen == ["Bearer s3cret"]


def test_a_passing_error_is_tried_again() -> None:
    def reply(handler: Handler, _asked: dict[str, Any]) -> None:
        if len(handler.server.asked) < 3:
            handler.send(503, b"busy", Retry_After="0")
        else:
            handler.say("at last")

    answer, asked = hear(reply)
    assert answer.text == "at last"
    assert len(asked) == 3


def test_a_lasting_error_ends_in_a_failure_and_not_in_an_exception() -> None:
    answer, asked = hear(lambda h, _: h.send(500, b"broken"), retries=2)
    assert (answer.outcome, answer.detail) == ("failed", "HTTP 500")
    assert len(asked) == 3


def test_a_refusal_by_status_is_not_asked_again() -> None:
    answer, asked = hear(lambda h, _: h.send(401, b'{"error": "who\n are you"}'))
    assert answer.outcome == "refused"
    assert "\n" not in answer.detail
    assert len(asked) == 1


def test_a_stalled_answer_is_given_up() -> None:
    answer, _ = hear(stall, timeout_s=0.2, retries=0)
    assert answer.outcome == "stalled"


def test_a_flood_is_cut_off() -> None:
    answer, _ = hear(flood)
    assert (answer.outcome, answer.detail) == ("garbage", "more than 4 MiB")


@pytest.mark.parametrize(
    "raw",
    [b"", b"not json", b"[]", b"{}", b'{"choices": []}', b'{"choices": [{"message": {"content": 7}}]}', b"\xff\xfe",
     b'{"choices": [null]}', b'{"choices": [{"message": {"content": "x"}}], "usage": {"completion_tokens": "many"}}'],
)  # fmt: skip
def test_garbage_is_called_garbage(raw: bytes) -> None:
    assert hear(lambda h, _: h.send(200, raw))[0].outcome == "garbage"


def test_an_answer_without_text_is_empty() -> None:
    assert hear(lambda h, _: h.say("  "))[0].outcome == "empty"
    assert hear(lambda h, _: h.send(200, b'{"choices": [{"message": {"content": null}}]}'))[0].outcome == "empty"


def test_a_stream_is_joined_though_none_was_asked_for() -> None:
    events = [{"model": "m", "choices": [{"delta": {"content": word}}]} for word in ("one ", "two")]
    raw = b"".join(b"data: " + json.dumps(e).encode() + b"\n\n" for e in events) + b"data: [DONE]\n\n"
    answer, _ = hear(lambda h, _: h.send(200, raw, "text/event-stream"))
    assert (answer.outcome, answer.text, answer.model) == ("answered", "one two", "m")
    garbled, _ = hear(lambda h, _: h.send(200, b"data: {broken\n\n", "text/event-stream"))
    assert garbled.outcome == "garbage"


def test_a_host_that_is_not_there_is_a_failure() -> None:
    with serving(lambda h, _: h.say("x")) as server:
        url = server.url
    answer = asyncio.run(first_word(Endpoint(url=url, model="demo", retries=0)))
    assert answer.outcome == "failed"


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://h:1", "http://h:1/v1/chat/completions"),
        ("http://h/v1/", "http://h/v1/chat/completions"),
        ("https://h/api/openai", "https://h/api/openai/chat/completions"),
        ("http://h/v1/chat/completions", "http://h/v1/chat/completions"),
    ],
)
def test_the_address_is_completed(url: str, address: str) -> None:
    assert Endpoint(url=url, model="m").address() == address


@pytest.mark.parametrize("url", ["", "h/v1", "ftp://h/v1", "http://"])
def test_what_is_no_address_is_told(url: str) -> None:
    with pytest.raises(UsageError, match="no address"):
        Endpoint(url=url, model="m").address()
