"""What every sketch promises: a row for each exchange, the same wherever it stands in a batch, and no text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from stillwatch import rooms, sketch
from stillwatch.model.exchange import EXCHANGES, REQUIRED

SKETCHES = rooms.members("sketch")
WORK = sketch.work()
TEXTS = [
    "Solve it step by step, please: what is 17 times 23?", "", "短い質問です。答えを書いてください。", "ก" * 200, "x",
    "مرحبا، ما هي عاصمة فرنسا؟", "\u200bze\u200bro\u200b width \ufeff and \x00 nul", "word " * 5000, "🙂" * 90,
]  # fmt: skip


def row(number: int) -> dict[str, Any]:
    text = TEXTS[number % len(TEXTS)]
    turns = [
        {"role": "system", "content": f"You help with {TEXTS[number % 3]}"}, {"role": "user", "content": text},
        {"role": "assistant", "content": f"Answer {number} to {text}"}, {"role": "user", "content": None},
        {"role": None, "content": "lost"}, {"role": "user", "content": f"And then? {number}"},
    ]  # fmt: skip
    full: dict[str, Any] = {
        "key": f"k{number}", "channel": "api", "model": "m", "operation": "chat", "system": text or None,
        "messages": turns[: number % 7], "previous": None, "tools": ["search"] if number % 2 else [],
        "tools_hash": "h", "response": text, "choices": [text], "reasoning": text,
        "tool_calls": [{"name": "f", "arguments": '{"a": 1}'}] if number % 3 else None,
        "temperature": 0.0, "top_p": 1.0, "n": number % 3, "max_tokens": 5, "top_logprobs": 0,
        "reasoning_effort": "high", "stream": True,
        "input_tokens": number, "output_tokens": -1, "reasoning_tokens": None, "status": 200 + number,
        "finish_reason": "refusal", "ip": f"203.0.113.{number}", "asn": 64500, "user_agent": "ua", "ja4": "j",
        "end_user": "e", "session": "s",
    }  # fmt: skip
    gone = {name for place, name in enumerate(full) if (number + place) % 5 == 0}
    return {
        "exchange": f"x{number}", "at": datetime(2026, 5, 4, tzinfo=UTC) + timedelta(seconds=number),
        "account": f"a{number % 7}", **{name: None if name in gone else value for name, value in full.items()},
    }  # fmt: skip


BATCH = pa.RecordBatch.from_pylist([row(n) for n in range(60)], EXCHANGES)


def rows_of(columns: sketch.Columns) -> list[dict[str, Any]]:
    """Take the columns apart, row by row; of `documents` only which were seen."""
    taken: dict[str, list[Any]] = {}
    for name, values in columns.items():
        if "." in name or name.endswith("#"):
            continue
        if f"{name}#" in columns:
            ends = np.cumsum(columns[f"{name}#"], dtype=np.int64)
            taken[name] = [part.tolist() for part in np.split(values, ends[:-1])] if len(ends) else []
        else:
            taken[name] = [np.asarray(value).tolist() for value in values]
    assert len({len(column) for column in taken.values()}) <= 1
    return [dict(zip(taken, values, strict=True)) for values in zip(*taken.values(), strict=True)]


@pytest.mark.parametrize("member", SKETCHES.values(), ids=SKETCHES)
def test_each_exchange_has_its_row_of_numbers_and_no_text(member: ModuleType) -> None:
    columns = member.columns(BATCH, WORK)
    assert len(rows_of(columns)) == BATCH.num_rows
    assert all(values.dtype.kind in "uif" for values in columns.values())


@pytest.mark.parametrize("member", SKETCHES.values(), ids=SKETCHES)
def test_a_row_is_sketched_alike_wherever_it_stands(member: ModuleType) -> None:
    whole = rows_of(member.columns(BATCH, WORK))
    assert rows_of(member.columns(BATCH.slice(13, 20), WORK)) == whole[13:33]
    order = np.random.default_rng(3).permutation(BATCH.num_rows)
    assert rows_of(member.columns(BATCH.take(pa.array(order)), WORK)) == [whole[place] for place in order]


@pytest.mark.parametrize("member", SKETCHES.values(), ids=SKETCHES)
def test_columns_that_repeat_may_come_as_dictionaries(member: ModuleType) -> None:
    coded = [
        array.dictionary_encode() if name in ("account", "ip", "model", "user_agent", "finish_reason") else array
        for name, array in zip(BATCH.schema.names, BATCH.columns, strict=True)
    ]
    again = pa.RecordBatch.from_arrays(coded, names=BATCH.schema.names)
    assert rows_of(member.columns(again, WORK)) == rows_of(member.columns(BATCH, WORK))


@pytest.mark.parametrize("member", SKETCHES.values(), ids=SKETCHES)
def test_the_first_of_its_columns_is_enough(member: ModuleType) -> None:
    columns = member.columns(BATCH.select([*dict.fromkeys([*REQUIRED, member.NEEDS[0]])]), WORK)
    assert len(rows_of(columns)) == BATCH.num_rows


@pytest.mark.parametrize("member", SKETCHES.values(), ids=SKETCHES)
def test_an_empty_batch_gives_no_rows(member: ModuleType) -> None:
    assert rows_of(member.columns(BATCH.slice(0, 0), WORK)) == []


@pytest.mark.parametrize("member", SKETCHES.values(), ids=SKETCHES)
def test_it_says_what_it_needs(member: ModuleType) -> None:
    assert set(member.NEEDS) <= set(EXCHANGES.names)
    assert (member.__doc__ or "").partition(":")[0].lower() == member.__name__.rpartition(".")[2]
