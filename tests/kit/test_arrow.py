"""Arrow columns of every make open to the same texts."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from stillwatch.kit.arrow import field, lists, numbers, present, texts
from stillwatch.kit.hashes import hash_column

TEXTS = ["alpha", None, "", "žluťoučký kůň", "x" * 300, "last"]


def read(column: object) -> list[str]:
    opened = texts(column)
    return [bytes(opened.data[a:b]).decode() for a, b in zip(opened.offsets, opened.offsets[1:], strict=False)]


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.dictionary(pa.int32(), pa.string())]
)
@pytest.mark.parametrize("cut", [0, 2])
def test_any_string_type_sliced_or_not(kind: pa.DataType, cut: int) -> None:
    column = pa.array(TEXTS, pa.string()).cast(kind).slice(cut)
    assert read(column) == [text or "" for text in TEXTS[cut:]]
    assert read(pa.chunked_array([column, column])) == 2 * [text or "" for text in TEXTS[cut:]]


def test_a_column_of_nulls_is_empty_texts() -> None:
    assert read(pa.nulls(3)) == ["", "", ""]
    assert read(pa.array([], pa.string())) == []


def test_lists_of_structs_open_through_a_slice() -> None:
    kind = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    rows = [
        [{"role": "user", "content": "a"}],
        None,
        [{"role": "user", "content": "b"}, {"role": "tool", "content": "c"}],
    ]
    column = pa.array([*rows, rows[0]], kind).slice(1, 2)
    opened = lists(column)
    content = texts(field(opened.values, "content"))
    got = [
        [bytes(content.data[content.offsets[i] : content.offsets[i + 1]]).decode() for i in range(a, b)]
        for a, b in zip(opened.offsets, opened.offsets[1:], strict=False)
    ]
    assert got == [[], ["b", "c"]]


def test_numbers_fill_their_nulls() -> None:
    assert numbers(pa.array([1, None, 3]), np.int64, -1).tolist() == [1, -1, 3]
    stamps = pa.array([0, None, 1_000_000], pa.timestamp("us", tz="UTC"))
    assert numbers(stamps, np.int64, 0).tolist() == [0, 0, 1000]
    assert present(stamps).tolist() == [True, False, True]


def test_hashes_do_not_depend_on_the_make_of_the_column() -> None:
    plain = pa.array(TEXTS, pa.string())
    expected = hash_column(plain)
    assert expected[1] == expected[2] == 0
    for kind in (pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())):
        assert (hash_column(plain.cast(kind)) == expected).all()
    assert (hash_column(plain.slice(3)) == expected[3:]).all()
    assert hash_column(pa.array([7, None])).tolist()[1] == 0
    assert (hash_column(plain, key=1) != expected)[[0, 3, 4, 5]].all()
