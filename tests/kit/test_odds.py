from __future__ import annotations

import numpy as np
import pytest

from stillwatch.kit.odds import surplus_bits


@pytest.mark.parametrize("chance", [0.001, 0.05, 0.5])
def test_the_mean_e_value_under_chance_is_at_most_one(chance: float) -> None:
    rng = np.random.default_rng(1)
    hits = rng.binomial(60, chance, 40_000).astype(np.float64)
    bits = surplus_bits(hits, 60, np.full(len(hits), chance))
    e = np.where(bits > 0, np.exp2(bits), 0.0)
    assert e.mean() <= 1.0


def test_a_surplus_weighs_and_a_deficit_does_not() -> None:
    assert surplus_bits(np.array([30.0]), 60, np.array([0.01]))[0] > 50
    assert surplus_bits(np.array([0.0]), 60, np.array([0.5]))[0] == 0.0
