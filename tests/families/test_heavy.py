"""Heavy fingerprints: counted exactly, on any number of threads, and none is lost in a small table."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.families.heavy import SUPPORT, Heavy


def counted(texts: list[list[int]], *, halves: int = 1, bits: int = 29, weights: list[int] | None = None) -> Heavy:
    marks = np.array([mark for text in texts for mark in text], np.uint32)
    counts = np.array([len(text) for text in texts], np.uint16)
    weighed = np.array(weights, np.int64) if weights is not None else None
    heavy = Heavy(len(marks), bits=bits, halves=halves)
    with ThreadPoolExecutor(2) as pool:
        for _ in range(heavy.parts):
            heavy.count(marks, counts, weighed, pool)
            heavy.next_part()
        heavy.sketch(marks, counts, weighed, 0, pool)
    heavy.close()
    return heavy


texts = st.lists(
    st.sets(st.integers(0, 40).map(lambda n: n * 104_729_123 % 2**32), max_size=8).map(sorted), max_size=60
)


@settings(deadline=None, max_examples=60)
@given(texts=texts, halves=st.sampled_from([1, 2]))
def test_exactly_those_that_occur_often_enough_are_kept(texts: list[list[int]], halves: int) -> None:
    heavy = counted(texts, halves=halves)
    often = {mark: count for mark, count in Counter(m for text in texts for m in text).items() if count >= SUPPORT}
    assert dict(zip(heavy.marks.tolist(), heavy.rows.tolist(), strict=True)) == often
    assert heavy.marks.tolist() == sorted(often)
    assert (heavy.lookup(np.array(sorted(often), np.uint32)) == np.arange(len(often))).all()
    assert heavy.lookup(np.array([123], np.uint32))[0] == -1


@pytest.mark.parametrize("bits", [12, 16, 29])
def test_the_size_of_the_table_and_the_threads_change_nothing(bits: int) -> None:
    rng = np.random.default_rng(1)
    texts = [np.unique(rng.zipf(1.3, 12) * 2_654_435_761 % 2**32).tolist() for _ in range(3000)]
    plain, other = counted(texts), counted(texts, halves=2, bits=bits)
    assert np.array_equal(plain.marks, other.marks)
    assert np.array_equal(plain.rows, other.rows)
    assert np.array_equal(plain.lanes, other.lanes)


def test_a_text_that_stands_for_many_exchanges_counts_as_many() -> None:
    assert counted([[1, 2], [2, 3]], weights=[5, 4]).marks.tolist() == [2]
    assert counted([[1, 2]], weights=[1_000_000]).rows.tolist() == [1_000_000, 1_000_000]


def test_nothing_gives_nothing() -> None:
    heavy = counted([])
    assert len(heavy.marks) == len(heavy.rows) == len(heavy.lanes) == 0


def test_a_table_with_little_room_is_filled_part_by_part_and_takes_next_to_nothing_for_heavy() -> None:
    marks = np.random.default_rng(3).integers(0, 2**32, 300_000).astype(np.uint32)
    counts = np.full(len(marks) // 10, 10, np.uint16)
    heavy = Heavy(len(marks), bits=14)
    with ThreadPoolExecutor(1) as pool:
        for _ in range(heavy.parts):
            assert len(heavy.table) == 1 << 14
            heavy.count(marks, counts, None, pool)
            heavy.next_part()
        heavy.sketch(marks, counts, None, 0, pool)
    assert heavy.parts == 16
    assert sum(len(codes) for codes in heavy._codes) < 0.01 * len(marks)
