"""Jacobi symbols, against Euler's criterion."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stillwatch.kit.jacobi import jacobi

P25519 = 2**255 - 19


@given(st.lists(st.integers(0, P25519 - 1), min_size=1, max_size=20))
def test_it_agrees_with_eulers_criterion_modulo_a_prime(values: list[int]) -> None:
    powers = [pow(value, (P25519 - 1) // 2, P25519) for value in values]
    assert jacobi(values, P25519).tolist() == [-1 if power == P25519 - 1 else power for power in powers]


@given(st.integers(0, 3 * 5 * 7 - 1))
def test_it_is_the_product_over_the_primes_of_a_composite(value: int) -> None:
    parts = [int(jacobi([value % prime], prime)[0]) for prime in (3, 5, 7)]
    assert int(jacobi([value], 3 * 5 * 7)[0]) == parts[0] * parts[1] * parts[2]
