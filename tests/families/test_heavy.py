"""Heavy fingerprints: counted exactly, on any number of threads, and none is lost in a small table."""

from __future__ import annotations

import itertools
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.families.heavy import Heavy
from stillwatch.families.tally import SLICE_BITS, SUPPORT, Tally


def counted(texts: list[list[int]], *, threads: int = 1, bits: int = 29, weights: list[int] | None = None) -> Heavy:
    """Count texts, each thread its share of them."""
    cuts = np.linspace(0, len(texts), threads + 1).astype(int).tolist()
    shares = [flat(texts[one:two]) for one, two in itertools.pairwise(cuts)]
    weighed = np.array(weights, np.int64) if weights is not None else None
    tally = Tally(sum(len(marks) for marks, _ in shares), bits=bits, threads=threads)
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(tally.parts):
            if weighed is not None:
                tally.weigh(*shares[0], weighed)
            else:
                hands = [tally.hand() for _ in shares]
                list(pool.map(lambda hand, share: hand.note(share[0]), hands, shares))
                for hand in hands:
                    hand.close()
            tally.next_part()
        heavy = Heavy(tally, threads=threads)
        starts = cuts[:-1]
        list(
            pool.map(lambda by, share, start: heavy.sketch(*share, weighed, start, by), range(threads), shares, starts)
        )
    heavy.close()
    return heavy


def flat(texts: list[list[int]]) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint16]]:
    return np.array([mark for text in texts for mark in text], np.uint32), np.array([len(t) for t in texts], np.uint16)


texts = st.lists(
    st.sets(st.integers(0, 40).map(lambda n: n * 104_729_123 % 2**32), max_size=8).map(sorted), max_size=60
)


@settings(deadline=None, max_examples=60)
@given(texts=texts, threads=st.sampled_from([1, 2, 3]))
def test_exactly_those_that_occur_often_enough_are_kept(texts: list[list[int]], threads: int) -> None:
    heavy = counted(texts, threads=threads)
    often = {mark: count for mark, count in Counter(m for text in texts for m in text).items() if count >= SUPPORT}
    assert dict(zip(heavy.marks.tolist(), heavy.rows.tolist(), strict=True)) == often
    assert heavy.marks.tolist() == sorted(often)
    assert (heavy.lookup(np.array(sorted(often), np.uint32)) == np.arange(len(often))).all()
    assert heavy.lookup(np.array([123], np.uint32))[0] == -1


@pytest.mark.parametrize("bits", [12, 16, 29])
def test_the_size_of_the_table_and_the_threads_change_nothing(bits: int) -> None:
    rng = np.random.default_rng(1)
    texts = [np.unique(rng.zipf(1.3, 12) * 2_654_435_761 % 2**32).tolist() for _ in range(3000)]
    plain, other = counted(texts), counted(texts, threads=2, bits=bits)
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
    tally = Tally(len(marks), bits=14)
    for _ in range(tally.parts):
        assert len(tally.table) == 1 << 14
        hand = tally.hand()
        hand.note(marks)
        hand.close()
        tally.next_part()
    assert tally.parts == 16
    assert int(np.unpackbits(tally.bits).sum()) < 0.01 * len(marks)


def test_what_is_dealt_out_by_slices_is_counted_as_if_it_were_not() -> None:
    rng = np.random.default_rng(8)
    some = rng.integers(0, 2**32, 200_000).astype(np.uint32)
    marks = np.concatenate(
        [some, some[: len(some) // 3], np.full(300_000, some[0])]
    )  # a slice that fills again and again
    tally = Tally(1 << 24, threads=2)
    assert len(tally.table) > 1 << SLICE_BITS
    hands = [tally.hand(), tally.hand()]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda hand, share: hand.note(share), hands, np.array_split(marks, 2)))
    for hand in hands:
        hand.close()
    expected = np.zeros(len(tally.table), np.int64)
    np.add.at(expected, marks >> tally.shift, 1)
    assert np.array_equal(tally.table, np.minimum(expected, 255))
