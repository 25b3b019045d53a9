from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.kit import json_plan, json_trail, json_walk
from stillwatch.kit.json_scan import ARRAY, FLAG, NULL, NUMBER, OBJECT, TEXT
from stillwatch.kit.json_walk import MARGIN, SLOW

ANY = TEXT | NULL | NUMBER | FLAG | OBJECT | ARRAY
PLAN = json_plan.plan(
    [
        {"name": (0, -1, False, TEXT | NULL, SLOW, 0), "inner": (1, 1, False, OBJECT | NULL, SLOW, 0),
         "many": (2, 2, True, ARRAY | NULL, SLOW, 0)},
        {"value": (3, -1, False, ANY, 0, 0)},
        {"text": (0, -1, False, TEXT, 0, SLOW)},
    ],
    [0, 0, 1],
)  # fmt: skip


def walked(data: bytes) -> tuple[json_walk.Found, list[dict[int, bytes]]]:
    found = json_walk.room(4, 1, lines=64, rows=4096)
    padded = np.frombuffer(data + b"\n" + bytes(MARGIN), np.uint8)
    json_walk.walk(padded, 0, len(data) + 1, 0, PLAN, found, json_trail.trail(3), True)
    told = [
        {slot: data[start:end] for slot, (start, end) in enumerate(found.places[:, line].tolist()) if end}
        for line in range(int(found.counts[0]))
        if not found.lines[line, 3] & SLOW
    ]
    return found, told


def test_wanted_fields_are_found_among_all_others() -> None:
    line = rb'{"x": [{"name": "no"}, "]}"], "na": 1, "name" : "a\"b", "inner": {"value": [1, {"name": 2}], "z": {}}}'
    _, told = walked(line)
    assert told == [{0: rb'"a\"b"', 1: b'{"value": [1, {"name": 2}], "z": {}}', 3: b'[1, {"name": 2}]'}]


def test_rows_of_a_list_know_their_line_and_what_is_odd_about_them() -> None:
    found, _ = walked(b'\n{"many":[{"text":"a"},{"text":null},7]}\n{"many":[]}\n{"many":[{"text":"b"}]}')
    assert found.lines[:3, 0].tolist() == [1, 2, 3]
    assert found.rows[:4, [0, 4]].tolist() == [[0, 0], [0, SLOW], [0, SLOW], [2, 0]]


@pytest.mark.parametrize(
    "line",
    [
        b'{"name":"a"',
        b'{"name":"a"} x',
        b'{"name":"a",}',
        b'{"name":"a" "inner":null}',
        b'{"name":7}',
        b'{"name":nul}',
        b'{"x":1x}',
        b'{"name":"a\tb"}',
        b'{"inner":{},"inner":{}}',
        rb'{"x":"\e"}',
        rb'{"x":"\u12"}',
        b'{"inner":[}',
        b'{"n\\u0061me":"a"}',
        b'["name"]',
        b'{"name":"a}',
        b'{"many":[{"text":"a"},]}',
    ],
)
def test_what_is_unusual_is_left_to_a_careful_reader(line: bytes) -> None:
    found, told = walked(line)
    assert told == []
    assert found.counts.tolist()[:2] == [1, 0]


keys = st.sampled_from(["name", "inner", "many", "value", "text", "other", 'na"me', "a\\"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(keys, values, max_size=6), st.booleans(), st.sampled_from([None, (",", ":"), (" , ", " : ")]))
def test_a_line_is_read_as_json_says_or_left_alone(record: dict[str, Any], ascii_: bool, apart: Any) -> None:
    _, told = walked(json.dumps(record, ensure_ascii=ascii_, separators=apart).encode("utf-8", "surrogatepass"))
    for one in told:
        assert json.loads(one.get(0, b"null")) == record.get("name")
        assert json.loads(one.get(3, b"null")) == (record.get("inner") or {}).get("value")


@given(st.lists(st.tuples(st.dictionaries(keys, values, max_size=6), st.booleans()), min_size=2, max_size=12))
def test_what_was_read_before_changes_nothing(records: list[tuple[dict[str, Any], bool]]) -> None:
    """Lines that repeat each other in part are read with one trail as each is read alone."""
    lines = [json.dumps(one, separators=(",", ":") if dense else None).encode() for one, dense in records]
    many = [*lines, *(line.replace(b"1", b"2") for line in lines), *reversed(lines)]
    _, told = walked(b"\n".join(many))
    assert told == [one for line in many for one in walked(line)[1]]
