"""Lots: pairs in order, as a comparison sort has them."""

import numpy as np
import pytest

from stillwatch.kit.lots import arrange, beginnings, deal, in_order, once, put


@pytest.mark.parametrize(("rows", "units", "keys"), [(0, 3, 4), (9, 3, 4), (4000, 7, 90), (5000, 900, 6)])
def test_pairs_come_in_order_with_what_stands_beside_them(rows: int, units: int, keys: int) -> None:
    rng = np.random.default_rng(rows)
    unit, key = rng.integers(0, units, rows).astype(np.int32), rng.integers(0, keys, rows).astype(np.uint64)
    beside = (key * np.uint64(3) + unit.astype(np.uint64)).astype(np.float64)
    one, other, told = arrange(unit, key, beside, units)
    there = np.flatnonzero(key)
    order = there[np.lexsort((key[there], unit[there]))]
    assert np.array_equal(one, unit[order])
    assert np.array_equal(other, key[order])
    assert np.array_equal(told, beside[order])
    assert in_order(one, other)
    assert in_order(unit, key) == (rows == 0)
    assert beginnings(one, other).sum() == len(set(zip(one.tolist(), other.tolist(), strict=True)))


def test_places_are_dealt_out_by_their_value_in_order() -> None:
    values = np.random.default_rng(1).integers(0, 9, 500).astype(np.int32)
    offsets = np.concatenate([[0], np.cumsum(np.bincount(values, minlength=9))])
    assert np.array_equal(deal(values, offsets), np.argsort(values, kind="stable"))


@pytest.mark.parametrize(("rows", "units", "keys"), [(0, 3, 4), (9, 3, 4), (4000, 7, 90), (5000, 900, 6)])
def test_pairs_put_into_lots_part_by_part_stand_there_once_and_in_order(rows: int, units: int, keys: int) -> None:
    rng = np.random.default_rng(rows)
    unit, key = rng.integers(0, units, rows).astype(np.int32), rng.integers(1, keys + 1, rows).astype(np.uint64)
    starts = np.concatenate([[0], np.cumsum(np.bincount(unit, minlength=units))])
    held, told, ends = np.empty(rows, np.uint64), np.empty(rows, np.int32), starts[:-1].copy()
    for part in np.array_split(np.arange(rows), 3):
        put(unit[part], key[part], key[part].astype(np.int32), held, told, ends)
    many = once(held, told, starts)
    got = list(zip(np.repeat(np.arange(units), many).tolist(), held[: many.sum()].tolist(), strict=True))
    assert got == sorted(set(zip(unit.tolist(), key.tolist(), strict=True)))
    assert np.array_equal(told[: many.sum()], held[: many.sum()])
