import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.kit.evalue import Looks, MeanBet, bits, ebh, mix


def by_definition(e: list[float], alpha: float) -> list[bool]:
    """e-BH as the paper writes it, one k at a time."""
    k_star = 0
    for k in range(1, len(e) + 1):
        if sum(value >= len(e) / (alpha * k) for value in e) >= k:
            k_star = k
    return [k_star > 0 and value >= len(e) / (alpha * k_star) for value in e]


@given(
    st.lists(st.one_of(st.floats(0, 1e6), st.sampled_from([0.0, 20.0, 40.0, 60.0, math.inf])), max_size=30),
    st.sampled_from([0.01, 0.05, 0.2, 1.0]),
)
def test_ebh_agrees_with_its_definition(e: list[float], alpha: float) -> None:
    assert ebh(e, alpha).tolist() == by_definition(e, alpha)


def test_ebh_takes_logarithms_too() -> None:
    assert ebh([900.0, 0.0, 800.0], 0.05, log=True).tolist() == [True, False, True]


@pytest.mark.parametrize("bad", [[-1.0], [math.nan]])
def test_ebh_refuses_what_is_no_evalue(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="e-value"):
        ebh(bad, 0.05)


@pytest.mark.parametrize("alpha", [0.0, -0.1, 1.1, math.nan])
def test_ebh_refuses_a_rate_that_is_none(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha"):
        ebh([1.0], alpha)


def test_ebh_keeps_the_false_discovery_rate_under_strong_dependence() -> None:
    rng = np.random.default_rng(5)
    false_share = []
    for _ in range(2000):
        common = rng.normal() > 1.6449  # one coin for all nulls: the worst case for plain BH on e-values
        e = np.where(np.arange(50) < 45, 20.0 * common, rng.exponential(400, 50))
        rejected = ebh(e, 0.1)
        false_share.append(rejected[:45].sum() / max(1, rejected.sum()))
    assert np.mean(false_share) <= 0.1


def test_a_mixture_is_the_average() -> None:
    assert mix([math.log(2.0), math.log(4.0)]) == pytest.approx(math.log(3.0))
    assert mix([0.0, -math.inf], [0.25, 0.75]) == pytest.approx(math.log(0.25))
    assert mix([5000.0, 5000.0]) == pytest.approx(5000.0)
    with pytest.raises(ValueError, match="at most 1"):
        mix([0.0, 0.0], [0.7, 0.7])
    with pytest.raises(ValueError, match="no e-value"):
        mix([])


def test_bits_are_base_two() -> None:
    assert bits(math.log(8.0)) == pytest.approx(3.0)


def test_looks_add_their_evidence_and_split_the_level() -> None:
    looks = Looks.equal(4)
    assert looks.ln_e == -math.inf
    looks.add(math.log(8.0), 0.04)
    looks.add(math.log(4.0), 0.01)
    assert looks.ln_e == pytest.approx(math.log(3.0))
    assert looks.p == pytest.approx(0.04)
    looks.add(0.0)
    looks.add(0.0)
    with pytest.raises(ValueError, match="all 4 looks"):
        looks.add(0.0)


def test_looking_often_with_one_secret_keeps_the_level() -> None:
    """One secret sign, ten nested looks, stopping at the first success: still below alpha."""
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(4000):
        z = np.cumsum(rng.normal(size=1000))[99::100] / np.sqrt(np.arange(100, 1001, 100))
        looks = Looks.equal(10)
        stopped = False
        for value in z:
            looks.add(2.0 * value - 2.0, 0.5 * math.erfc(value / math.sqrt(2)))
            stopped = stopped or looks.ln_e >= math.log(20) or looks.p <= 0.05
        hits += stopped
    assert hits / 4000 <= 2 * 0.05  # two tests, each at 0.05


@settings(max_examples=15, deadline=None)
@given(st.floats(0.1, 0.9), st.integers(0, 2**32 - 1))
def test_a_bet_on_a_fair_game_has_mean_wealth_one(m: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    draws = rng.random((1500, 8)) < m
    wealth = []
    for row in draws:
        bet = MeanBet(m)
        for x in row:
            bet.add(float(x))
        wealth.append(math.exp(bet.ln_e))
    assert np.mean(wealth) < 1 + 6 * np.std(wealth) / math.sqrt(len(wealth))


def test_a_bet_grows_when_the_null_is_wrong() -> None:
    bet = MeanBet(0.0, low=-1.0, high=1.0)
    for _ in range(30):
        bet.add(1.0)
    assert bet.ln_e > math.log(1000)
    with pytest.raises(ValueError, match="outside"):
        bet.add(1.5)
    with pytest.raises(ValueError, match="between"):
        MeanBet(1.0)
