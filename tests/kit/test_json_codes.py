from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.kit import json_codes


@given(st.lists(st.sampled_from([b"", b"a", b"b", b"aaaaaaaa", b"aaaaaaaab", b"aaaaaaaac", b"x" * 40]), max_size=40))
def test_equal_values_have_one_number(values: list[bytes]) -> None:
    ends = np.cumsum([len(value) for value in values], dtype=np.int32)
    places = np.array([[end - len(value), end if value else 0] for value, end in zip(values, ends, strict=True)])
    places = places.astype(np.int32).reshape(-1, 2)
    codes, firsts = np.empty(len(values), np.int32), np.empty(len(values) + 1, np.int32)
    data = np.frombuffer(b"".join(values) + bytes(16), np.uint8)
    count = json_codes.code(data, places, np.zeros(128, np.int32), codes, firsts)
    distinct = list(dict.fromkeys(value for value in values if value))
    assert count == len(distinct)
    assert codes.tolist() == [distinct.index(value) + 1 if value else 0 for value in values]
    assert [values[place] for place in firsts[1 : count + 1]] == distinct


def test_pairs_are_numbered_by_first_sight() -> None:
    one, other = np.array([1, 1, 2, 1], np.int32), np.array([5, 6, 5, 5], np.int32)
    out, firsts = np.empty(4, np.int32), np.empty(4, np.int32)
    assert json_codes.combine(one, other, np.zeros(8, np.int32), out, firsts) == 3
    assert out.tolist() == [0, 1, 2, 0]
    assert firsts[:3].tolist() == [0, 1, 2]
