"""Codes, pairs, distinct counts, union-find: against the plain Python way of doing it."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.kit.codes import Codes
from stillwatch.kit.distinct import Distinct
from stillwatch.kit.pairs import Pairs
from stillwatch.kit.union import find, join_all

KEYS = st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 5), max_size=300)


@given(KEYS, KEYS)
@settings(max_examples=60, deadline=None)
def test_codes_number_keys_in_the_order_of_their_first_sight(one: list[int], two: list[int]) -> None:
    codes = Codes(1)
    seen: dict[int, int] = {}
    for part in (one, two):
        got, fresh = codes.encode(np.array(part, np.uint64))
        expected = [seen.setdefault(key, len(seen)) for key in part]
        assert got.tolist() == expected
        known = set(one) if part is two else set()
        assert len(fresh) == len(set(part) - known)
    assert codes.keys().tolist() == list(seen)
    assert codes.lookup(np.array([*seen, 123456789], np.uint64)).tolist()[:-1] == list(seen.values())


def test_codes_grow_past_their_first_size() -> None:
    codes = Codes(2)
    keys = np.random.default_rng(0).integers(1, 2**63, 50_000).astype(np.uint64)
    for part in np.array_split(keys, 7):
        codes.encode(part)
    assert len(codes) == len(np.unique(keys))
    assert (codes.lookup(keys) >= 0).all()


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(-50, 50), st.integers(0, 9)), max_size=200))
@settings(max_examples=60, deadline=None)
def test_pairs_count_as_a_dictionary_does(rows: list[tuple[int, int, int, int]]) -> None:
    pairs = Pairs(2)
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    pairs.add(
        np.array(columns[0], np.int32), np.array(columns[1], np.uint64), np.array(columns[2], np.int64),
        np.array(columns[3], np.int64),
    )  # fmt: skip
    got = pairs.close()
    kept = [row for row in rows if row[1]]
    times = Counter((one, other) for one, other, _, _ in kept)
    assert list(zip(got.one.tolist(), got.other.tolist(), strict=True)) == sorted(times)
    assert got.times.tolist() == [times[key] for key in sorted(times)]
    for i, key in enumerate(sorted(times)):
        mine = [row for row in kept if row[:2] == key]
        assert got.amount[i] == sum(row[3] for row in mine)
        assert (got.first[i], got.last[i]) == (min(row[2] for row in mine), max(row[2] for row in mine))


def test_distinct_counts_are_within_a_fifth() -> None:
    counter = Distinct(5)
    rng = np.random.default_rng(3)
    sizes = [0, 3, 90, 2_000, 60_000]
    for number, size in enumerate(sizes):
        values = rng.integers(0, 2**63, size).astype(np.uint64)
        counter.add(np.full(2 * size, number, np.int32), np.concatenate([values, values]))
    got = counter.counts()
    assert got[1] == 3
    assert np.allclose(got[2:], sizes[2:], rtol=0.2)


def test_union_find_does_not_depend_on_the_order_of_the_edges() -> None:
    rng = np.random.default_rng(4)
    ones, twos = rng.integers(0, 500, 300).astype(np.int32), rng.integers(0, 500, 300).astype(np.int32)
    roots = []
    for order in (np.arange(300), rng.permutation(300)):
        parent = np.arange(500, dtype=np.int32)
        join_all(parent, ones[order], twos[order])
        roots.append(find(parent).tolist())
    assert roots[0] == roots[1]
    assert all(root <= item for item, root in enumerate(roots[0]))
