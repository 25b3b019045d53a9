"""Several: distinct values under labels, as a dictionary of sets has them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.kit.several import SMALL, Several, deal_out

ROWS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2**64 - 1) | st.integers(0, 5)), max_size=300)


@given(ROWS, st.integers(1, 4), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_values_are_counted_as_sets_do(rows: list[tuple[int, int]], cuts: int, folded: int) -> None:
    several = Several(7)
    for number, part in enumerate(np.array_split(np.arange(len(rows)), cuts)):
        labels, values = np.array([rows[i][0] for i in part], np.int32), np.array([rows[i][1] for i in part], np.uint64)
        several.note(labels, values)
        if number == folded:
            several.fold()
    sets = [{value for label, value in rows if label == one and value} for one in range(7)]
    assert several.counts().tolist() == [len(one) for one in sets]
    values, starts = several.take()
    assert [set(values[starts[n] : starts[n + 1]].tolist()) for n in range(7)] == sets
    assert several.size == 0
    assert not several.counts().any()


@pytest.mark.parametrize("many", [SMALL, SMALL + 1, 40 * SMALL])
def test_a_label_of_very_many_values_is_told_apart_like_any_other(many: int) -> None:
    rng = np.random.default_rng(many)
    values = rng.integers(0, many // 2, many).astype(np.uint64)
    labels = np.where(rng.random(many) < 0.9, 1, 3).astype(np.int32)
    several = Several(4)
    for part in np.array_split(np.arange(many), 3):
        several.note(labels[part], values[part])
    expected = [len(np.unique(values[(labels == label) & (values > 0)])) for label in range(4)]
    assert several.counts().tolist() == expected


def test_several_columns_of_the_same_rows_are_dealt_out_once() -> None:
    labels = np.array([2, 0, 2, 2], np.int32)
    lots, several = deal_out(labels, 3), [Several(3), Several(3)]
    for one, values in zip(several, ([5, 5, 5, 6], [0, 0, 1, 1]), strict=True):
        one.note(lots, np.array(values, np.uint64))
    assert [one.counts().tolist() for one in several] == [[1, 0, 2], [0, 0, 1]]
