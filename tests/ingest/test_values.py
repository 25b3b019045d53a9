"""Values of a column: what careless writers put there, as the canonical type or null."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.ingest import _values

NOON = datetime(2026, 5, 1, 12, 0, 0, 123000, tzinfo=UTC)
INSTANT = st.integers(63_072_000_000_000, 6_942_672_000_000_000).map(lambda us: datetime.fromtimestamp(us / 1e6, UTC))


@pytest.mark.parametrize(
    ("value", "how"),
    [
        ("2026-05-01T12:00:00.123Z", "auto"),
        ("2026-05-01 12:00:00.123456+00:00", "auto"),
        ("2026-05-01T14:00:00.123999+02:00", "iso"),
        ("2026-05-01 12:00:00.123", "auto"),
        (1777636800.1239, "auto"),
        (1777636800123, "auto"),
        ("1777636800123456789", "auto"),
        (1777636800123456, "auto"),
        (1777636800123, "epoch_ms"),
        ("1777636800.123", "epoch_s"),
        ("01/05/2026 12:00:00.123", "%d/%m/%Y %H:%M:%S.%f"),
    ],
)
def test_a_time_is_read_in_any_writing(value: Any, how: str) -> None:
    assert _values.instant([value], how).to_pylist() == [NOON]


@pytest.mark.parametrize(
    "value", ["", "noon", "2026-13-01T00:00:00Z", -1, float("nan"), 1e300, True, None, [], "9" * 400]
)
def test_what_is_no_time_is_null(value: Any) -> None:
    assert _values.instant([value], "auto").to_pylist() == [None]


@given(INSTANT)
def test_seconds_as_a_double_keep_their_millisecond(at: datetime) -> None:
    told = _values.instant([at.timestamp()], "auto").cast(pa.int64()).to_pylist()
    assert abs(told[0] - at.timestamp() * 1000) <= 1.001
    exact = at.replace(microsecond=at.microsecond // 1000 * 1000)
    assert _values.instant([exact.timestamp()], "auto").to_pylist() == [exact]


@given(st.lists(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9), max_size=6))
def test_any_scalars_make_a_column_of_each_type(values: list[Any]) -> None:
    for made in (
        _values.text(values),
        _values.number(values),
        _values.whole(values, pa.int32()),
        _values.flag(values),
        _values.logprobs(values),
        _values.http_status(values, pa.int32()),
        _values.operation(values),
        _values.instant(values, "auto"),
    ):
        assert len(made) == len(values)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("acompletion", "chat"),
        ("aresponses", "responses"),
        ("anthropic_messages", "messages"),
        ("aembedding", "embeddings"),
        ("atext_completion", "completion"),
        ("/v1/chat/completions?x=1", "chat"),
        ("https://api.example.com/v1/messages", "messages"),
        ("ConverseStream", "converse"),
        ("something_new", "something_new"),
        ("", None),
    ],
)
def test_an_operation_has_one_name(value: str, name: str | None) -> None:
    assert _values.operation([value]).to_pylist() == [name]


@pytest.mark.parametrize(
    ("value", "status"),
    [
        *((200, 200), ("429", 429), ("success", 200), ("failure", 500), ("ok", 200), ("", None), (None, None)),
        *(("RateLimitError", 429), ("openai.NotFoundError", 404), ("ThrottlingException", 429)),
        *(("SomethingNewException", 500), ("hm", None)),
    ],
)
def test_a_status_is_a_number(value: Any, status: int | None) -> None:
    assert _values.http_status([value], pa.int32()).to_pylist() == [status]


def test_log_probabilities_asked_without_a_count_are_zero() -> None:
    asked = [5, 0, True, False, None, ["message.output_text.logprobs"], ["file"], "3"]
    assert _values.logprobs(asked) == [5, 0, 0, None, None, 0, None, 3]
