"""Streams put together: what comes out is what would have come unstreamed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.ingest import _sse

CASES = Path(__file__).parent.parent / "data" / "ingest"
STREAMS = sorted(path for path in CASES.glob("*_pairs/*-stream/log.jsonl"))


def pair(path: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(path.read_text())
    return told


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.parent.name)
def test_a_streamed_answer_reads_like_its_unstreamed_twin(path: Path) -> None:
    streamed = json.loads((path.parent / "expected.json").read_text())["exchanges"][0]
    twin = path.parent.parent / path.parent.name.removesuffix("-stream") / "expected.json"
    plain = json.loads(twin.read_text())["exchanges"][0]
    several = {"choices"}  # the scripted server gives the second choice another text when it streams
    differ = {"exchange", "at", "stream"} | several
    assert {key: value for key, value in streamed.items() if key not in differ} == {
        key: value for key, value in plain.items() if key not in differ
    }
    assert len(streamed.get("choices", [])) == len(plain.get("choices", []))


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.parent.name)
@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_line_ends_and_comments_change_nothing(path: Path, end: str) -> None:
    text = pair(path)["response"]["sse"]
    busy = ": keep-alive\n\n" + text.replace("\n\n", "\n: still here\n\n")
    expected = _sse.whole(_sse.events(text))
    assert _sse.whole(_sse.events(busy.replace("\n", end))) == expected
    assert _sse.looks_streamed(text)


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.parent.name)
def test_a_stream_that_broke_off_gives_what_came(path: Path) -> None:
    text = pair(path)["response"]["sse"]
    for length in range(0, len(text), max(1, len(text) // 40)):
        assert isinstance(_sse.whole(_sse.events(text[:length])), dict)


def test_an_event_of_several_data_lines_is_one() -> None:
    assert list(_sse.events('data: {"a":\ndata: 1}\n\n')) == [{"a": 1}]


KEYS = st.sampled_from(
    "type index delta choices message content_block response output item usage text tool_calls messageStop".split()
)
JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
)


@given(st.lists(JSON))
def test_events_of_any_shape_are_survived(values: list[Any]) -> None:
    for first in ({"type": "message_start"}, {"type": "response.created"}, {"choices": []}, {"messageStart": {}}):
        assert isinstance(_sse.whole([first, *_sse.objects(values)]), dict)
