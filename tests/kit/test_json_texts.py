from __future__ import annotations

import itertools
import json

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.kit import json_texts
from stillwatch.kit.json_texts import MARGIN


def cut(texts: list[bytes]) -> tuple[list[bytes], npt.NDArray[np.bool_]]:
    data = b",".join(texts)
    ends = np.cumsum([len(text) + 1 for text in texts])
    places = np.array([[end - len(text) - 1, end - 1] for end, text in zip(ends, texts, strict=True)], np.int32)
    out = np.empty(len(data) + MARGIN, np.uint8)
    offsets, bad = np.zeros(len(texts) + 1, np.int32), np.zeros(len(texts), np.bool_)
    padded = np.frombuffer(data + bytes(MARGIN), np.uint8)
    assert json_texts.room(places) == sum(map(len, texts))
    extra, valid = np.zeros(MARGIN, np.uint8), np.zeros(len(texts), np.uint8)
    none = json_texts.texts(padded, extra, places, out, offsets, bad, valid, False)
    said = np.diff(offsets) > 0
    assert none == len(texts) - said.sum()
    assert np.unpackbits(valid, count=len(texts), bitorder="little").tolist() == said.tolist()
    return [bytes(out[a:b]) for a, b in itertools.pairwise(offsets)], bad


@given(st.lists(st.text(max_size=300), min_size=1, max_size=5), st.booleans())
def test_texts_lose_their_escapes(many: list[str], ascii_: bool) -> None:
    told, bad = cut([json.dumps(text, ensure_ascii=ascii_).encode() for text in many])
    assert told == [text.encode() for text in many]
    assert not bad.any()


@pytest.mark.parametrize("text", [rb'"\x"', rb'"\ud800"', rb'"\ud800\u0041"', rb'"\udc00"', rb'"\u12"', b'"\x80a"'])
def test_texts_that_json_does_not_allow_are_told(text: bytes) -> None:
    assert cut([b'"good"', text])[1].tolist() == [False, True]


def test_a_text_without_a_letter_is_one_where_it_means_something() -> None:
    data, places = np.frombuffer(b'"" "ab"' + bytes(MARGIN), np.uint8), np.array([[0, 2], [0, 0], [3, 7]], np.int32)
    for empty, bits in ((True, 0b101), (False, 0b100)):
        out, offsets = np.empty(7 + MARGIN, np.uint8), np.zeros(4, np.int32)
        bad, valid = np.zeros(3, np.bool_), np.zeros(1, np.uint8)
        none = json_texts.texts(data, np.zeros(MARGIN, np.uint8), places, out, offsets, bad, valid, empty)
        assert (none, valid[0]) == (3 - bits.bit_count(), bits)


def test_the_first_text_that_says_something_is_chosen() -> None:
    data = np.frombuffer(b'"" "ab" "c" 7' + bytes(MARGIN), np.uint8)
    none, empty, ab, c, number = (0, 0), (0, 2), (3, 7), (8, 11), (12, 13)
    places = np.array([[empty, none, ab, empty], [ab, c, c, none]], np.int32)
    out = np.empty((4, 2), np.int32)
    assert json_texts.first_said(data, places, np.array([0, 1]), 4, out)
    assert out.tolist() == [list(one) for one in (ab, c, ab, none)]
    assert not json_texts.first_said(data, np.array([[number]], np.int32), np.array([0]), 1, out)
