"""The urn: e-values whose mean is at most one for strangers, and large for people with one pool."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from stillwatch.kit import groups
from stillwatch.kit.held import Held, hold
from stillwatch.kit.urn import member_bits, modal_values, urn_bits

UNITS = 4000


def world(seed: int, *, many: bool = False) -> Held:
    """Owners who draw one value (or a few) each from a heavy-tailed world."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 6, UNITS) if many else np.ones(UNITS, np.int64)
    units = np.repeat(np.arange(UNITS, dtype=np.int32), counts)
    values = rng.zipf(1.4, len(units)).clip(max=3000).astype(np.uint64)
    return hold(units, values, rng.random(len(units)) + 0.1, UNITS)


def pick(rng: np.random.Generator, size: int) -> npt.NDArray[np.int32]:
    return np.sort(rng.choice(UNITS, size, replace=False)).astype(np.int32)


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("size", [5, 20, 100])
def test_the_mean_e_value_of_random_groups_is_at_most_one(size: int, many: bool) -> None:
    held = world(1, many=many)
    rng = np.random.default_rng(size)
    bits = urn_bits(groups.of([pick(rng, size) for _ in range(1500)]), held)
    assert np.exp2(bits).mean() <= 1.0
    assert (bits >= np.log2(100)).mean() <= 0.01
    assert bits.min() >= -1.01


def test_a_group_that_draws_from_its_own_pool_stands_out() -> None:
    held = world(2)
    rng = np.random.default_rng(2)
    members = np.sort(rng.choice(np.flatnonzero(np.diff(held.offsets)), 40, replace=False)).astype(np.int32)
    units = np.repeat(np.arange(UNITS), np.diff(held.offsets))
    keys = held.keys[held.values].copy()
    mine = np.isin(units, members)
    keys[mine] = rng.integers(10_000, 10_006, mine.sum())
    pooled = hold(units.astype(np.int32), keys, np.ones(len(keys)), UNITS)
    assert urn_bits(groups.of([members]), pooled)[0] > 100
    inside = member_bits(members, members[:5], pooled)
    bearers = np.flatnonzero(np.diff(pooled.offsets))
    outside = member_bits(members, np.setdiff1d(bearers, members)[:5].astype(np.int32), pooled)
    assert inside.min() > 5 > outside.max()


def test_sharing_what_everybody_shares_weighs_nothing() -> None:
    units = np.arange(UNITS, dtype=np.int32)
    held = hold(units, np.where(units % 2 == 0, 7, 9).astype(np.uint64), np.ones(UNITS), UNITS)
    everyone_on_one = units[units % 2 == 0][:30]
    assert urn_bits(groups.of([everyone_on_one]), held)[0] < 30  # one bit each: half of the world has it
    assert member_bits(everyone_on_one, units[units % 2 == 0][30:31], held)[0] <= 1.1


def test_a_value_left_out_tells_nothing() -> None:
    units = np.arange(UNITS, dtype=np.int32)
    keys = np.where(units < 30, 77, units + 1000).astype(np.uint64)
    held = hold(units, keys, np.ones(UNITS), UNITS)
    crowd = groups.of([units[:30]])
    modal = modal_values(crowd, held)
    assert held.keys[modal[0]] == 77
    assert urn_bits(crowd, held)[0] > 100
    assert urn_bits(crowd, held, skips=modal)[0] <= 0


def test_leaving_values_out_of_a_table_keeps_what_units_spend_elsewhere() -> None:
    units = np.array([0, 0, 1, 1, 2], np.int32)
    keys = np.array([5, 6, 5, 8, 6], np.uint64)
    held = hold(units, keys, np.array([1.0, 3.0, 1.0, 1.0, 1.0]), 4)
    without = held.without(np.array([5], np.uint64))
    assert without.keys.tolist() == [6]
    assert without.weights.tolist() == [0.75, 1.0]
    assert without.bears.tolist() == [True, True, True, False]
    assert held.bearers == 3


def test_groups_that_share_nothing_weigh_alone_what_they_weigh_among_others() -> None:
    held = world(3)
    rng = np.random.default_rng(3)
    alone = [pick(rng, size) for size in (5, 5, 9, 40, 9, 5, 60, 9)]
    together = urn_bits(groups.of(alone), held)
    assert together.tolist() == [urn_bits(groups.of([one]), held)[0] for one in alone]
    lone = hold(
        np.arange(40, dtype=np.int32), np.arange(40, dtype=np.uint64) // np.uint64(2) + np.uint64(1), np.ones(40), 40
    )
    strangers = groups.of([np.arange(0, 20, 2, dtype=np.int32), np.arange(1, 21, 2, dtype=np.int32)])
    assert len(set(urn_bits(strangers, lone).tolist())) == 1
