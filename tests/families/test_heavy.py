"""Heavy fingerprints are those that a plain count finds, on one thread and on two."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from stillwatch.families.heavy import EMPTY, SUPPORT, Heavy


@pytest.mark.parametrize("halves", [1, 2])
@pytest.mark.parametrize("bits", [16, 20])
def test_heavy_ones_are_counted_exactly_however_full_the_table_is(halves: int, bits: int) -> None:
    rng = np.random.default_rng(3)
    names = rng.integers(0, 2**32, 60_000, dtype=np.uint32)
    counts = rng.integers(0, 12, 9000).astype(np.uint16)
    marks = names[(rng.random(int(counts.sum())) ** 6 * len(names)).astype(int)]
    heavy = Heavy(1 << 30, bits=bits, halves=halves)
    cut = int(counts[:5000].sum())
    pieces = ((0, marks[:cut], counts[:5000]), (5000, marks[cut:], counts[5000:]))
    with ThreadPoolExecutor(2) as pool:
        for _, some, rows in pieces:
            heavy.count(some, rows, None, pool)
        for start, some, rows in pieces:
            heavy.sketch(some, rows, None, start, pool)
        heavy.close()
    expected = {mark: times for mark, times in Counter(marks.tolist()).items() if times >= SUPPORT}
    assert dict(zip(heavy.marks.tolist(), heavy.rows.tolist(), strict=True)) == expected
    texts = np.repeat(np.arange(len(counts)), counts)
    rarest = int(np.argmin(heavy.rows))
    assert np.count_nonzero(heavy.lanes[rarest] != EMPTY) <= len(np.unique(texts[marks == heavy.marks[rarest]]))
    assert (heavy.lookup(heavy.marks) == np.arange(len(heavy.marks))).all()


def test_two_threads_sketch_as_one_does() -> None:
    rng = np.random.default_rng(4)
    counts = rng.integers(0, 9, 3000).astype(np.uint16)
    marks = rng.integers(0, 400, int(counts.sum())).astype(np.uint32)
    found = []
    with ThreadPoolExecutor(2) as pool:
        for halves in (1, 2):
            heavy = Heavy(len(marks), halves=halves)
            heavy.count(marks, counts, None, pool)
            heavy.sketch(marks, counts, None, 0, pool)
            heavy.close()
            found.append((heavy.marks, heavy.rows, heavy.lanes))
    for one, two in zip(*found, strict=True):
        assert np.array_equal(one, two)


def test_a_text_that_stands_for_many_exchanges_weighs_as_many() -> None:
    marks, counts = np.array([7, 9, 7], np.uint32), np.array([2, 1], np.uint16)
    heavy = Heavy(3)
    with ThreadPoolExecutor(1) as pool:
        weights = np.array([5, 100])
        heavy.count(marks, counts, weights, pool)
        heavy.sketch(marks, counts, weights, 0, pool)
    heavy.close()
    assert dict(zip(heavy.marks.tolist(), heavy.rows.tolist(), strict=True)) == {7: 105}
