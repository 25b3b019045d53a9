"""Streams of events, hostile or not, cut anywhere."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.serve.events import Reader, Rewriter, Thoughts
from stillwatch.serve.harden import THINK, Hardening

ALL = ["no_logprobs", "cap_n", "no_reasoning"]
PIECES = st.lists(st.binary(max_size=40), max_size=8)


@settings(max_examples=80, deadline=None)
@given(PIECES)
def test_any_bytes_are_read_and_none_is_lost_or_made_up(pieces: list[bytes]) -> None:
    reader = Reader()
    events = [event for piece in pieces for event in reader.feed(piece)]
    events += reader.close()
    assert b"".join(event.raw for event in events) == b"".join(pieces)


@settings(max_examples=80, deadline=None)
@given(PIECES, st.sampled_from(["chat", "completions", "messages", "responses"]))
def test_any_bytes_are_rewritten_without_an_error(pieces: list[bytes], name: str) -> None:
    rewriter = Rewriter(Hardening(ALL, 1))  # type: ignore[arg-type]
    b"".join([*map(rewriter.feed, pieces), rewriter.close()])


JSON = st.recursive(
    st.none() | st.integers(-3, 3) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["choices", "delta", "message", "content", "text", "type", "index", "item", "output", "part", "response", "n"]
    ), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=120, deadline=None)
@given(JSON, st.sampled_from(["chat", "completions", "messages", "responses"]))
def test_any_json_is_hardened_without_an_error(value: object, name: str) -> None:
    import json

    hardening = Hardening(ALL, 1)
    if isinstance(value, dict):
        hardening.request(name, json.loads(json.dumps(value)))  # type: ignore[arg-type]
    hardening.answer(json.loads(json.dumps(value)))  # type: ignore[arg-type]
    rewriter = Rewriter(hardening)  # type: ignore[arg-type]
    rewriter.feed(b"data: " + json.dumps(value).encode() + b"\n\n")


WORDS = st.lists(
    st.sampled_from(["<think>", "</think>", "a", " b", "<", "<thi", "\n", "é", "<thinking>", "</thinking>"]),
    max_size=12,
)


@settings(max_examples=150, deadline=None)
@given(WORDS, st.integers(1, 5))
def test_tagged_reasoning_is_cut_the_same_however_it_is_cut(words: list[str], size: int) -> None:
    text = "".join(words)
    whole = Thoughts().feed(text, ending=True)
    thoughts = Thoughts()
    pieces = [thoughts.feed(text[at : at + size]) for at in range(0, len(text), size)]
    assert "".join([*pieces, thoughts.feed("", ending=True)]) == whole
    if not THINK.search(text):
        assert whole == text
