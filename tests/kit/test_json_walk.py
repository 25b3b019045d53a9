from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.kit import json_walk
from stillwatch.kit.json_walk import ARRAY, FLAG, MARGIN, NULL, NUMBER, OBJECT, SLOW, TEXT

ANY = TEXT | NULL | NUMBER | FLAG | OBJECT | ARRAY
PLAN = json_walk.plan(
    [
        {"name": (0, -1, False, TEXT | NULL, SLOW, 0), "inner": (1, 1, False, OBJECT | NULL, SLOW, 0),
         "many": (2, 2, True, ARRAY | NULL, SLOW, 0)},
        {"value": (3, -1, False, ANY, 0, 0)},
        {"text": (0, -1, False, TEXT, 0, SLOW)},
    ],
    [0, 0, 1],
    np.array([[True, False, False, True], [False] * 4]),
)  # fmt: skip


def walked(data: bytes) -> tuple[json_walk.Found, list[dict[int, bytes]]]:
    found = json_walk.room(4, 1, lines=16, rows=64, longest=1 << 14)
    padded = np.frombuffer(data + b"\n" + bytes(MARGIN), np.uint8)
    json_walk.walk(padded, 0, len(data) + 1, 0, PLAN, found, True)
    told = [
        {slot: data[start:end] for slot, (start, end) in enumerate(found.places[line].tolist()) if end}
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


def test_equal_values_have_one_number() -> None:
    found, _ = walked(b"\n".join(b'{"name":"%s"}' % name for name in (b"a", b"bb", b"a", b"")))
    assert found.codes[0, :4].tolist() == [1, 2, 1, 3]


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


def cut(texts: list[bytes]) -> tuple[list[bytes], npt.NDArray[np.bool_]]:
    data = b",".join(texts)
    ends = np.cumsum([len(text) + 1 for text in texts])
    places = np.array([[end - len(text) - 1, end - 1] for end, text in zip(ends, texts, strict=True)], np.int32)
    out = np.empty(len(data) + MARGIN, np.uint8)
    offsets, bad = np.zeros(len(texts) + 1, np.int32), np.zeros(len(texts), np.bool_)
    padded = np.frombuffer(data + bytes(MARGIN), np.uint8)
    json_walk.texts(padded, np.zeros(MARGIN, np.uint8), places, out, offsets, bad)
    return [bytes(out[a:b]) for a, b in itertools.pairwise(offsets)], bad


@given(st.lists(st.text(max_size=300), min_size=1, max_size=5), st.booleans())
def test_texts_lose_their_escapes(many: list[str], ascii_: bool) -> None:
    told, bad = cut([json.dumps(text, ensure_ascii=ascii_).encode() for text in many])
    assert told == [text.encode() for text in many]
    assert not bad.any()


@pytest.mark.parametrize("text", [rb'"\x"', rb'"\ud800"', rb'"\ud800\u0041"', rb'"\udc00"', rb'"\u12"', b'"\x80a"'])
def test_texts_that_json_does_not_allow_are_told(text: bytes) -> None:
    assert cut([b'"good"', text])[1].tolist() == [False, True]
