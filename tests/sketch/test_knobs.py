"""Knobs: how a request was made, as flags and small numbers."""

from __future__ import annotations

from typing import Any

import pytest

from stillwatch.sketch import knobs, who


@pytest.mark.parametrize(
    ("row", "flag"),
    [
        ({"n": 4}, knobs.SAMPLED), ({"top_logprobs": 0}, knobs.LOGPROBS), ({"temperature": 0.0}, knobs.COLD),
        ({"stream": True}, knobs.STREAMED), ({"tools": ["search"]}, knobs.TOOLS),
        ({"tool_calls": [{"name": "f", "arguments": "{}"}]}, knobs.CALLED), ({"reasoning": "so"}, knobs.REASONED),
        ({"finish_reason": "content_filter"}, knobs.REFUSED), ({"finish_reason": "refusal"}, knobs.REFUSED),
    ],
)  # fmt: skip
def test_a_knob_raises_its_own_flag_and_no_other(row: dict[str, Any], flag: int, make: Any, work: Any) -> None:
    (name,) = row
    assert knobs.columns(make(row, {name: None}), work)["flags"].tolist() == [flag, 0]


@pytest.mark.parametrize("row", [{"n": 1}, {"temperature": 0.7}, {"stream": False}, {"tools": []}, {"reasoning": ""}])
def test_a_knob_at_rest_raises_none(row: dict[str, Any], make: Any, work: Any) -> None:
    assert knobs.columns(make(row), work)["flags"].tolist() == [0]


def test_usage_that_is_unknown_or_nonsense_counts_as_none(make: Any, work: Any) -> None:
    columns = knobs.columns(make({"output_tokens": 7}, {"output_tokens": None}, {"output_tokens": -5}), work)
    assert columns["output_tokens"].tolist() == [7, 0, 0]


def test_names_become_hashes_and_null_is_nobody(make: Any, work: Any) -> None:
    rows = ({"account": "a", "session": "s"}, {"account": "a", "session": None}, {"account": "b"})
    columns = who.columns(make(*rows), work)
    assert columns["account"][0] == columns["account"][1] != columns["account"][2]
    assert columns["session"][0] != 0
    assert columns["session"].tolist()[1:] == [0, 0]
    assert "ja4" not in columns
