"""After stripping no byte of reasoning leaves by any route: whole, streamed and cut anywhere, stored, batched.

Reasoning is written in runes here, and nothing else is: one rune in what leaves is a leak, escaped or not.
"""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.serve.answering import changed
from stillwatch.serve.events import Rewriter
from stillwatch.serve.harden import REASONING, Hardening, without_thoughts

ALL = ["no_logprobs", "cap_n", "no_reasoning"]
RUNES = st.text("ᚠᚢᚦᚨᚱᚲ ", min_size=1, max_size=12).filter(str.strip)
WORDS = st.text("abc <>é\n", max_size=12).filter(lambda text: "<t" not in text and "<r" not in text)


def leaks(raw: bytes) -> bool:
    told = raw.decode()
    return bool(re.search(r"[ᚠ-ᛰ]|\\u16[a-f]", told))


@st.composite
def thoughtful(draw: Any) -> str:
    """A text that may hold tagged reasoning."""
    tag = draw(st.sampled_from(["think", "thinking", "reasoning"]))
    before, after = draw(WORDS), draw(WORDS)
    return before + draw(st.sampled_from(["", f"<{tag}>{draw(RUNES)}</{tag}>", f"<{tag}>{draw(RUNES)}"])) + after


# A text whose last tag stays open is all reasoning from there on; letters that follow it are runes in spirit.
TEXT = st.one_of(WORDS, thoughtful())
LOG = st.builds(lambda word: {"content": [{"token": word, "bytes": None, "logprob": -0.5, "top_logprobs": []}]}, RUNES)
CARRIED = st.dictionaries(
    st.sampled_from(sorted(REASONING)),
    st.one_of(
        RUNES,
        st.lists(st.builds(lambda word: {"type": "reasoning.text", "text": word}, RUNES), max_size=2),
        st.builds(lambda word: {"deep": [{"er": word}]}, RUNES),
    ),
    max_size=3,
)


@st.composite
def chat(draw: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": draw(TEXT), **draw(CARRIED)}
    if draw(st.booleans()):
        message["content"] = [
            {"type": "text", "text": draw(WORDS)},
            {"type": "thinking", "thinking": draw(RUNES)},
            {"type": "reasoning", "text": draw(RUNES)},
        ]
    message["provider_specific_fields"] = {**draw(CARRIED), "kept": 1}
    choice = {"index": 0, "finish_reason": "stop", "message": message, "logprobs": draw(LOG), **draw(CARRIED)}
    return {"id": "c", "object": "chat.completion", "choices": [choice], **draw(CARRIED)}


@st.composite
def message(draw: Any) -> dict[str, Any]:
    blocks = [
        {"type": "thinking", "thinking": draw(RUNES), "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "b3Bh"},
        {"type": "text", "text": draw(TEXT)},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"reasoning": "an argument of the customer's own tool"}},
    ]
    return {"id": "m", "type": "message", "role": "assistant", "content": blocks, "stop_reason": "end_turn"}


@st.composite
def response(draw: Any) -> dict[str, Any]:
    thought = {
        "type": "reasoning", "id": "rs", "encrypted_content": "b3Bh",
        "summary": [{"type": "summary_text", "text": draw(RUNES)}],
        "content": [{"type": "reasoning_text", "text": draw(RUNES)}],
    }  # fmt: skip
    said = {"type": "output_text", "text": draw(TEXT), "annotations": [], "logprobs": draw(LOG)["content"]}
    item = {"type": "message", "id": "ms", "role": "assistant", "content": [said], **draw(CARRIED)}
    return {"id": "r", "object": "response", "output": [thought, item], "reasoning": {"effort": "high"}}


ANSWERS = st.one_of(chat(), message(), response())


@settings(max_examples=120, deadline=None)
@given(ANSWERS, st.booleans())
def test_no_whole_answer_leaks(answer: dict[str, Any], plain: bool) -> None:
    told = changed(json.dumps(answer, ensure_ascii=plain).encode(), Hardening(ALL, 1))
    assert told is not None
    assert not leaks(told)
    again = changed(told, Hardening(ALL, 1))
    assert again == told, "what was hardened is left as it is"


@settings(max_examples=60, deadline=None)
@given(st.lists(ANSWERS, min_size=1, max_size=3))
def test_no_stored_answer_and_no_line_of_a_batch_leaks(answers: list[dict[str, Any]]) -> None:
    openai = [{"id": "b", "custom_id": "1", "response": {"status_code": 200, "body": one}} for one in answers]
    claude = [{"custom_id": "1", "result": {"type": "succeeded", "message": one}} for one in answers]
    for lines in (openai, claude):
        told = changed("\n".join(map(json.dumps, lines)).encode(), Hardening(ALL, 1))
        assert told is not None
        assert not leaks(told)
    listed = changed(json.dumps({"object": "list", "data": answers}).encode(), Hardening(ALL, 1))
    assert listed is not None
    assert not leaks(listed)


# -- streams


def chunked(answer: dict[str, Any], cuts: int) -> list[dict[str, Any]]:
    """A chat answer as the events of its stream: reasoning first, then the text, in pieces."""
    told = answer["choices"][0]["message"]
    text = told["content"] if isinstance(told["content"], str) else ""
    extra = {name: value for name, value in told.items() if name not in ("role", "content")}
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}, extra]
    deltas += [{"content": text[at : at + cuts]} for at in range(0, len(text), cuts)]
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": "stop", "logprobs": answer["choices"][0]["logprobs"]})
    return [{"object": "chat.completion.chunk", "choices": [choice]} for choice in choices]


def blocks(answer: dict[str, Any], cuts: int) -> list[dict[str, Any]]:
    """A message as the events of its stream."""
    told: list[dict[str, Any]] = [{"type": "message_start", "message": {**answer, "content": []}}]
    for index, block in enumerate(answer["content"]):
        kind = block["type"]
        field = {"thinking": "thinking", "text": "text"}.get(kind)
        start = {**block, field: ""} if field else block
        told.append({"type": "content_block_start", "index": index, "content_block": start})
        if field:
            pieces = [block[field][at : at + cuts] for at in range(0, len(block[field]), cuts)]
            delta = "thinking_delta" if kind == "thinking" else "text_delta"
            told += [
                {"type": "content_block_delta", "index": index, "delta": {"type": delta, field: piece}}
                for piece in pieces
            ]
        told.append({"type": "content_block_stop", "index": index})
    return [*told, {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}, {"type": "message_stop"}]


def events(answer: dict[str, Any], cuts: int) -> list[dict[str, Any]]:
    """A response as the events of its stream."""
    thought, said = answer["output"]
    text, place = said["content"][0]["text"], {"output_index": 1, "content_index": 0}
    told: list[dict[str, Any]] = [
        {"type": "response.created", "response": {**answer, "output": []}},
        {"type": "response.output_item.added", "output_index": 0, "item": thought},
        {"type": "response.reasoning_summary_part.added", "part": thought["summary"][0]},
        {"type": "response.reasoning_summary_text.delta", "delta": thought["summary"][0]["text"]},
        {"type": "response.reasoning_text.delta", "delta": thought["content"][0]["text"]},
        {"type": "response.content_part.added", "part": thought["content"][0]},
        {"type": "response.output_item.done", "output_index": 0, "item": thought},
    ]
    told += [
        {"type": "response.output_text.delta", **place, "delta": text[at : at + cuts]}
        for at in range(0, len(text), cuts)
    ]
    told += [
        {"type": "response.output_text.done", **place, "text": text, "logprobs": said["content"][0]["logprobs"]},
        {"type": "response.content_part.done", **place, "part": said["content"][0]},
        {"type": "response.output_item.done", "output_index": 1, "item": said},
        {"type": "response.completed", "response": answer},
    ]
    return [{**event, "sequence_number": number} for number, event in enumerate(told)]


@settings(max_examples=150, deadline=None)
@given(ANSWERS, st.integers(1, 7), st.integers(1, 40), st.booleans(), st.sampled_from(["\n", "\r\n", "\r"]))
def test_no_stream_leaks_wherever_it_is_cut(
    answer: dict[str, Any], cuts: int, size: int, plain: bool, ends: str
) -> None:
    made = chunked if "choices" in answer else blocks if answer.get("type") == "message" else events
    text = "".join(f"data: {json.dumps(event, ensure_ascii=plain)}{ends}{ends}" for event in made(answer, cuts))
    raw = text.encode()
    whole = Rewriter(Hardening(ALL, 1))
    once = whole.feed(raw) + whole.close()
    assert not leaks(once)
    pieces = Rewriter(Hardening(ALL, 1))
    again = b"".join(pieces.feed(raw[at : at + size]) for at in range(0, len(raw), size)) + pieces.close()
    assert again == once


def test_a_thought_that_the_prompt_opened_is_held_back_where_the_operator_says_so() -> None:
    hardening = Hardening(ALL, 1, begun=True)
    assert without_thoughts("ᚠᚢ</think>\nIt is 4.", begun=True) == "It is 4."
    assert without_thoughts("ᚠᚢ, cut off", begun=True) == ""
    rewriter = Rewriter(hardening)
    said = ["ᚠᚢ", "ᚦ</th", "ink>", "\nIt is", " 4."]
    chunks = [{"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]} for piece in said]
    raw = b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in chunks)
    told = rewriter.feed(raw) + rewriter.close()
    assert not leaks(told)
    assert b"It is" in told


def summed(answer: dict[str, Any], transforms: list[str]) -> str:
    told = changed(json.dumps(answer).encode(), Hardening(transforms, 9))
    assert told is not None
    return told.decode()


def test_summaries_stay_where_an_order_says_so_and_raw_reasoning_does_not() -> None:
    thought = {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "in short"}],
               "content": [{"type": "reasoning_text", "text": "ᚠᚢ"}]}  # fmt: skip
    whole = {"object": "response", "output": [thought]}
    told = summed(whole, ["summary_only"])
    assert "in short" in told
    assert not leaks(told.encode())
    assert "in short" not in summed(whole, ["summary_only", "no_reasoning"]), "the harder one wins"
    rewriter = Rewriter(Hardening(["summary_only"], 1))
    stream = [
        {"type": "response.reasoning_summary_text.delta", "delta": "in short", "sequence_number": 0},
        {"type": "response.reasoning_text.delta", "delta": "ᚠᚢ", "sequence_number": 1},
        {"type": "response.completed", "response": whole, "sequence_number": 2},
    ]
    raw = rewriter.feed(b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in stream))
    assert raw.count(b"in short") == 2
    assert b'"sequence_number":1' in raw.replace(b" ", b"")
    assert not leaks(raw)
    block = {"type": "message", "content": [{"type": "thinking", "thinking": "in short", "signature": "s"}]}
    assert "in short" in summed(block, ["summary_only"])
    hardening = Hardening(["summary_only"], 1)
    asked = {"thinking": {"type": "enabled", "budget_tokens": 9}}
    assert hardening.request("messages", asked)["thinking"]["display"] == "summarized"
    assert hardening.request("responses", {"reasoning": {"summary": "auto"}}) == {"reasoning": {"summary": "auto"}}
    assert not leaks(summed({"choices": [{"message": {"reasoning_content": "ᚠᚢ"}}]}, ["summary_only"]).encode())


def test_log_probabilities_are_rounded_everywhere_alike() -> None:
    drawn = {"token": "4", "logprob": -0.123456, "top_logprobs": [{"token": "4", "logprob": -0.123456}]}
    chat = {"choices": [{"index": 0, "message": {}, "logprobs": {"content": [drawn]}}]}
    old = {"choices": [{"text": "4", "logprobs": {"token_logprobs": [-0.123456, None], "top_logprobs": [{"4": -0.1}]}}]}
    part = {"type": "output_text", "text": "4", "logprobs": [drawn]}
    new = {"object": "response", "output": [{"type": "message", "content": [part]}]}
    for answer in (chat, old, new):
        told = summed(answer, ["round_logprobs"])
        assert "-0.1" in told
        assert "123456" not in told
    rewriter = Rewriter(Hardening(["round_logprobs"], 1))
    chunk = {"choices": [{"index": 0, "delta": {"content": "4"}, "logprobs": {"content": [drawn]}}]}
    raw = rewriter.feed(b"data: " + json.dumps(chunk).encode() + b"\n\n")
    assert b"-0.1" in raw
    assert b"123456" not in raw


def test_what_the_customer_wrote_is_no_reasoning_of_the_models() -> None:
    call = {"id": "t", "type": "function", "function": {"name": "f", "arguments": '{"reasoning": "mine"}'}}
    asked = {"choices": [{"index": 0, "message": {"role": "assistant", "content": None, "tool_calls": [call]}}]}
    told = Hardening(ALL, 1).answer(json.loads(json.dumps(asked)))
    assert told == asked
