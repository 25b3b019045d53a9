import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.kit.choices import (
    Choices,
    join,
    ln_both,
    ln_both_tails,
    ln_chernoff,
    ln_e,
    ln_es,
    ln_saddlepoint,
    ln_tail,
    quantise,
    tail,
    tails,
)

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


def masses(rows: list[list[int]], chances: list[float]) -> dict[int, float]:
    """The law of the sum by going through every outcome."""
    law: dict[int, float] = {0: 1.0}
    for row in rows:
        new: dict[int, float] = {}
        for (total, mass), (value, chance) in itertools.product(law.items(), zip(row, chances, strict=True)):
            new[total + value] = new.get(total + value, 0.0) + mass * chance
        law = new
    return law


@settings(max_examples=15)
@given(st.lists(st.integers(-20, 30), min_size=1, max_size=10), st.sampled_from([0.05, 0.25, 0.5, 0.9]))
def test_the_tail_of_weighted_coins_is_exact(weights: list[int], gamma: float) -> None:
    law = Choices.coins(np.array(weights), gamma)
    truth = masses([[0, w] for w in weights], [1 - gamma, gamma])
    sums = np.array(sorted({*truth, *(s + 1 for s in truth), min(truth) - 1}))
    expected = np.array([sum(m for total, m in truth.items() if total >= s) for s in sums])
    got = np.array([tail(law, int(s)) for s in sums])
    assert np.allclose(got, expected, rtol=1e-9, atol=0)
    assert np.allclose(tails(law, sums), expected, rtol=1e-9, atol=1e-13)


@settings(max_examples=15)
@given(st.lists(st.tuples(*[st.integers(-30, 30)] * 3), min_size=1, max_size=7))
def test_the_tail_of_uniform_picks_is_exact(rows: list[tuple[int, int, int]]) -> None:
    values = np.array(rows)
    law = Choices.uniform(values)
    truth = masses([list(r) for r in rows], [1 / 3] * 3)
    for s in truth:
        expected = sum(m for total, m in truth.items() if total >= s)
        assert tail(law, s) == pytest.approx(expected, rel=1e-9)
        assert ln_chernoff(law, s) >= math.log(expected) - 1e-9


@settings(max_examples=40)
@given(
    st.lists(st.integers(-40, 60), min_size=1, max_size=12),
    st.sampled_from([0.1, 0.5]),
    st.sampled_from(["upper", "lower", "both"]),
)
def test_the_evidence_has_mean_one_under_the_null(weights: list[int], gamma: float, side: str) -> None:
    law = Choices.coins(np.array(weights), gamma)
    truth = masses([[0, w] for w in weights], [1 - gamma, gamma])
    mean = sum(m * math.exp(ln_e(law, s, side=side)) for s, m in truth.items())  # type: ignore[arg-type]
    assert mean == pytest.approx(1.0)


@pytest.mark.parametrize("k", [3010, 3300, 3600, 4500])
def test_far_tails_agree_with_the_binomial_of_scipy(k: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    law = Choices.coins(np.ones(10_000, dtype=np.int64), 0.3)
    assert ln_tail(law, k) == pytest.approx(stats.binom(10_000, 0.3).logsf(k - 1), rel=1e-7)
    assert ln_saddlepoint(law, k) == pytest.approx(ln_tail(law, k), rel=0.02)


def test_skewed_weights_far_out_agree_with_importance_sampling() -> None:
    """An independent way to the same number: sample under the tilted law and weigh back."""
    rng = np.random.default_rng(4)
    weights = quantise(rng.pareto(1.6, 3000) * rng.choice([-1, 1], 3000), 0.25, steps_per_sd=300)
    law = Choices.coins(weights, 0.25)
    s = round(law.mean + 5 * law.sd)
    t = law.saddle(s)
    chance = 0.25 * np.exp(t * weights) / (0.75 + 0.25 * np.exp(t * weights))
    sums = np.array([weights[rng.random(3000) < chance].sum() for _ in range(4000)])
    terms = np.exp(law.cumulants(t)[0] - t * sums) * (sums >= s)
    assert tail(law, s) == pytest.approx(terms.mean(), abs=5 * terms.std() / math.sqrt(len(terms)))


def test_many_tails_at_once_keep_the_far_ones_exact() -> None:
    rng = np.random.default_rng(8)
    law = Choices.coins(quantise(rng.normal(size=2000), 0.25), 0.25)
    sums = np.array([round(law.mean + z * law.sd) for z in (-3, 0, 2, 9, 14)])
    assert np.allclose(np.log(tails(law, sums)), [ln_tail(law, int(s)) for s in sums], rtol=1e-6)


@settings(max_examples=40)
@given(st.lists(st.integers(-40, 60), min_size=1, max_size=12))
def test_both_tails_of_many_sums_are_exact(weights: list[int]) -> None:
    law = Choices.coins(np.array(weights), 0.25)
    truth = masses([[0, w] for w in weights], [0.75, 0.25])
    sums = np.array(sorted(truth))
    upper, lower = ln_both_tails(law, sums)
    assert np.allclose(np.exp(upper), [sum(m for x, m in truth.items() if x >= s) for s in sums], rtol=1e-8)
    assert np.allclose(np.exp(lower), [sum(m for x, m in truth.items() if x <= s) for s in sums], rtol=1e-8)


def test_both_sides_count_a_deficit() -> None:
    law = Choices.coins(np.full(400, 7), 0.25)
    low = round(law.mean - 6 * law.sd)
    assert ln_both(law, low) < math.log(1e-8)
    assert ln_e(law, low, side="both") > math.log(1e5)
    assert ln_e(law, low) < 0
    assert ln_es(law, np.array([low]), side="lower")[0] > math.log(1e5)


def test_a_sum_without_terms_proves_nothing() -> None:
    law = Choices.coins(np.zeros(5, dtype=np.int64), 0.25)
    assert (ln_tail(law, 0), ln_e(law, 0), ln_chernoff(law, 0)) == (0.0, 0.0, 0.0)
    assert tails(law, np.array([0, 0])).tolist() == [1.0, 1.0]
    assert tail(law, 1) == 0.0


def test_quantised_weights_keep_their_direction() -> None:
    rng = np.random.default_rng(2)
    a = rng.normal(size=5000)
    law = Choices.coins(quantise(a, 0.25), 0.25)
    assert law.sd == pytest.approx(500, rel=1e-3)
    assert np.corrcoef(quantise(a, 0.25), a)[0, 1] > 0.9995
    assert not quantise(np.zeros(3), 0.25).any()


def test_joined_laws_are_the_law_of_the_sum() -> None:
    a, b = np.array([3, -1, 4]), np.array([1, 5])
    joined = join(Choices.coins(a, 0.5), Choices.coins(b, 0.5))
    together = Choices.coins(np.concatenate([a, b]), 0.5)
    assert [tail(joined, s) for s in range(-1, 13)] == pytest.approx([tail(together, s) for s in range(-1, 13)])
    with pytest.raises(ValueError, match="same chances"):
        join(Choices.coins(a, 0.5), Choices.coins(b, 0.25))


def test_shapes_and_chances_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="fit together"):
        Choices(np.zeros((2, 2), dtype=np.int64), np.array([0.5, 0.5]), np.ones(3, dtype=np.int64))
    with pytest.raises(ValueError, match="add up to 1"):
        Choices(np.zeros((1, 2), dtype=np.int64), np.array([0.5, 0.6]), np.ones(1, dtype=np.int64))
