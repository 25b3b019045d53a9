from __future__ import annotations

import ipaddress
import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.kit import json_numbers
from stillwatch.kit.json_numbers import UNSURE


def placed(texts: list[str]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
    ends = np.cumsum([len(text) for text in texts])
    places = [[end - len(text), end] for text, end in zip(texts, ends, strict=True)]
    return np.frombuffer("".join(texts).encode() + bytes(8), np.uint8), np.array(places, np.int32)


@given(st.lists(st.integers(0, 999_999_999), min_size=1))
def test_plain_whole_numbers_are_read(numbers: list[int]) -> None:
    out = np.empty(len(numbers), np.int32)
    assert json_numbers.whole(*placed([str(one) for one in numbers]), out)
    assert out.tolist() == numbers


@pytest.mark.parametrize("text", ["-1", "1.0", "01", "1e3", "1000000000", "null", '"7"'])
def test_any_other_number_is_left_to_a_careful_reader(text: str) -> None:
    assert not json_numbers.whole(*placed(["1", text]), np.empty(2, np.int32))


@given(st.lists(st.floats(1e9, 9.999e9) | st.integers(10**9 * 1000, 9 * 10**9 * 1000).map(lambda ms: ms / 1000)))
def test_times_are_cut_as_a_double_is(seconds: list[float]) -> None:
    texts = [repr(one) for one in seconds]
    out = np.empty(len(texts), np.int64)
    data, places = placed(texts)
    assert json_numbers.thousandths(data, places.reshape(-1, 2), out)
    for text, told in zip(texts, out.tolist(), strict=True):
        assert told in {UNSURE, math.floor(float(text) * 1000 + 5e-4)}


@pytest.mark.parametrize("text", ["1795293770", "179529377.5", "0795293770.5", "1795293770.5e1", "-795293770.5"])
def test_any_other_time_is_left_to_a_careful_reader(text: str) -> None:
    assert not json_numbers.thousandths(*placed([text]), np.empty(1, np.int64))


octet = st.integers(0, 300).map(str) | st.sampled_from(["", "00", "01", "255", "256", "a", " 1"])


@given(st.lists(octet, min_size=1, max_size=5).map(".".join))
def test_addresses_are_known_by_how_they_are_written(text: str) -> None:
    good = np.empty(1, np.bool_)
    json_numbers.dotted(*placed([f'"{text}"']), good)
    try:
        plain = str(ipaddress.IPv4Address(text)) == text
    except ValueError:
        plain = False
    assert good.tolist() == [plain]
