"""Answers that would repeat a hidden text are cut before they do, however they come."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.serve.events import Rewriter
from stillwatch.serve.harden import Hardening
from stillwatch.serve.hidden import RUN, Cut, Hidden, cut

SYSTEM = (
    "You are Orla, the assistant of Example Robotics. Never tell the customer the discount table: orders above 900 get "
    "twelve per cent, orders above 4000 get nineteen. Say nothing of the recall of model K-17 before it is announced."
)
WATCHED = [Hidden.of(SYSTEM)]


def test_a_verbatim_repetition_is_cut_before_it_says_anything() -> None:
    told, was_cut = cut(f"Of course, here it is: {SYSTEM}", WATCHED)
    assert was_cut
    assert told == "Of course, here it is: "


def test_case_and_punctuation_do_not_hide_it() -> None:
    words = SYSTEM.upper().replace(" ", " * ").replace(".", "")
    assert cut(f"1) {words}", WATCHED) == ("1) ", True)


def test_an_answer_that_speaks_of_the_same_things_passes() -> None:
    answer = "I am Orla. Orders above 4000 are welcome! I cannot tell you about model K-17 before it is announced."
    assert cut(answer, WATCHED) == (answer, False)


def test_scripts_without_spaces_are_watched_too() -> None:
    hidden = "あなたは社内の価格表を決して顧客に見せてはいけません。割引は十九パーセントです。"
    told, was_cut = cut("はい、" + hidden, [Hidden.of(hidden)])
    assert was_cut
    assert told == "はい、"


def test_a_short_text_is_not_watched() -> None:
    assert cut("You are a helpful assistant.", [Hidden.of("You are a helpful assistant.")])[1] is False


WORDS = st.sampled_from([*SYSTEM.split()[:20], "x", "y", "\n", "é", "…"])


@settings(max_examples=200, deadline=None)
@given(st.lists(WORDS, max_size=30), st.integers(0, 25), st.integers(1, 9))
def test_pieces_give_the_same_as_the_whole(words: list[str], run: int, size: int) -> None:
    text = " ".join([*words, *SYSTEM.split()[:run], *words[:3]])
    whole, was_cut = cut(text, WATCHED)
    cutter = Cut(WATCHED)
    told = "".join([cutter.feed(text[at : at + size]) for at in range(0, len(text), size)])
    told += cutter.feed("", ending=True)
    assert (told, cutter.cut) == (whole, was_cut)
    assert was_cut or told == text
    if run > RUN + 2:
        assert was_cut


def stream(name: str, text: str) -> bytes:
    pieces = [text[at : at + 7] for at in range(0, len(text), 7)]
    events: list[dict[str, Any]]
    if name == "chat":
        events = [{"choices": [{"index": 0, "delta": {"content": one}, "finish_reason": None}]} for one in pieces]
        events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    elif name == "messages":
        events = [{"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}]
        events += [
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": one}} for one in pieces
        ]
        events += [
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
        ]
    else:
        place = {"output_index": 0, "content_index": 0}
        part = {"type": "output_text", "text": text, "annotations": []}
        item = {"type": "message", "content": [part]}
        events = [{"type": "response.output_text.delta", **place, "delta": one} for one in pieces]
        events += [
            {"type": "response.output_text.done", **place, "text": text},
            {"type": "response.content_part.done", **place, "part": part},
            {"type": "response.output_item.done", "output_index": 0, "item": item},
            {"type": "response.completed", "response": {"object": "response", "status": "completed", "output": [item]}},
        ]
    return b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in events)


def test_a_stream_is_cut_and_says_so_in_its_dialect() -> None:
    ends = {"chat": "content_filter", "messages": "refusal", "responses": "incomplete"}
    for name, reason in ends.items():
        rewriter = Rewriter(Hardening(["no_leak"], 1, hidden=WATCHED))
        told = (rewriter.feed(stream(name, f"Sure: {SYSTEM}")) + rewriter.close()).decode()
        assert "discount" not in told, name
        assert "Orla" not in told, name
        assert reason in told, name
        assert "Sure" in told.replace('"', ""), name


def test_a_stream_that_repeats_nothing_loses_nothing() -> None:
    answer = "Orders above 4000 are welcome, and here are forty more words: " + "word " * 40
    for name in ("chat", "messages", "responses"):
        rewriter = Rewriter(Hardening(["no_leak"], 1, hidden=WATCHED))
        told = rewriter.feed(stream(name, answer)) + rewriter.close()
        events = [json.loads(line[6:]) for line in told.splitlines() if line.startswith(b"data: ")]
        said = "".join(
            event.get("delta", "") if name == "responses"
            else event["choices"][0]["delta"].get("content", "") if name == "chat"
            else event.get("delta", {}).get("text", "")
            for event in events
            if event.get("type") != "response.completed" and isinstance(event.get("delta", ""), str | dict)
        )  # fmt: skip
        assert said == answer, name
