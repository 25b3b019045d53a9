from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.kit.intervals import beta_cdf, clopper_pearson, upper_limit


def tail(p: float, hits: int, trials: int) -> float:
    """Sum P(X >= hits) term by term."""
    return sum(comb(trials, k) * p**k * (1 - p) ** (trials - k) for k in range(hits, trials + 1))


@given(st.integers(1, 60), st.data(), st.sampled_from([0.8, 0.95, 0.99]))
def test_the_limits_leave_exactly_half_of_the_rest_on_each_side(trials: int, data: st.DataObject, level: float) -> None:
    hits = data.draw(st.integers(0, trials))
    low, high = clopper_pearson(hits, trials, level)
    assert 0 <= low <= hits / trials <= high <= 1
    if hits:
        assert tail(low, hits, trials) == pytest.approx((1 - level) / 2, rel=1e-6)
    if hits < trials:
        assert 1 - tail(high, hits + 1, trials) == pytest.approx((1 - level) / 2, rel=1e-6)


def test_known_limits() -> None:
    assert clopper_pearson(0, 20)[1] == pytest.approx(0.168433, abs=1e-6)
    assert clopper_pearson(10, 10)[0] == pytest.approx(0.691503, abs=1e-6)
    assert upper_limit(0, 50) == pytest.approx(1 - 0.05 ** (1 / 50), abs=1e-9)
    assert clopper_pearson(0, 0) == (0.0, 1.0)


def test_large_counts_are_no_harder() -> None:
    low, high = clopper_pearson(500_000_000, 1_000_000_000)
    assert low == pytest.approx(0.5 - 1.96 * (0.25 / 1e9) ** 0.5, abs=1e-7)
    assert high == pytest.approx(0.5 + 1.96 * (0.25 / 1e9) ** 0.5, abs=1e-7)


@given(st.floats(0.01, 0.99), st.floats(0.1, 500), st.floats(0.1, 500))
def test_the_beta_function_mirrors(x: float, a: float, b: float) -> None:
    assert beta_cdf(x, a, b) == pytest.approx(1 - beta_cdf(1 - x, b, a), abs=1e-9)


@pytest.mark.parametrize(("hits", "trials", "level"), [(3, 2, 0.95), (-1, 5, 0.95), (1, 5, 1.0)])
def test_what_has_no_interval_is_refused(hits: int, trials: int, level: float) -> None:
    with pytest.raises(ValueError, match="no interval"):
        clopper_pearson(hits, trials, level)
