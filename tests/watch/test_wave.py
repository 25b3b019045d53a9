"""What carriers of a template are taken together."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.watch.wave import TIED_SHARE, VOUCHES_BITS, Wave


def wave(*carriers: tuple[float, bool, set[int]]) -> Wave:
    made = Wave()
    for number, (bits, tied, places) in enumerate(carriers):
        made.take(f"a{number}", bits, tied=tied, places=places)
    return made


def test_carriers_with_addresses_of_the_campaign_vouch_and_strangers_never_do() -> None:
    assert (
        wave(*[(8.0, True, {n}) for n in range(3)], *[(-1.0, False, {n + 9}) for n in range(3)]).bits() >= VOUCHES_BITS
    )
    assert wave(*[(-1.0, False, {n}) for n in range(500)]).bits() <= 0
    assert wave((8.0, True, {1}), (-1.0, False, {2})).bits() == 0, "one alone is a coincidence"


def test_where_most_carriers_are_others_nobody_is_vouched_for() -> None:
    strangers = int(3 / TIED_SHARE)
    assert wave(*[(8.0, True, {n}) for n in range(3)], *[(-1.0, False, {n + 9}) for n in range(strangers)]).bits() == 0


def test_strangers_by_chance_reach_the_bits_no_more_often_than_the_bits_say() -> None:
    rng, reached, share = np.random.default_rng(3), 0, 1 / 300
    for _ in range(2000):
        made = Wave()
        tied = rng.random(40) < share
        for number, one in enumerate(tied.tolist()):
            bits = float(np.log2(0.5 + 0.5 * one / share))
            made.take(f"a{number}", bits, tied=one, places={number})
            if made.bits() >= VOUCHES_BITS:
                reached += 1
                break
    assert reached <= 2000 * 2**-VOUCHES_BITS * 3


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(-20, 20), st.booleans()), max_size=40))
def test_taken_again_or_dropped_the_sum_is_as_if_taken_once(steps: list[tuple[int, float, bool]]) -> None:
    made, last = Wave(), dict[int, float]()
    for account, bits, stays in steps:
        made.take(str(account), bits, tied=True, places={account})
        last[account] = bits
        if not stays:
            made.drop(str(account))
            del last[account]
    once = Wave()
    for account, bits in last.items():
        once.take(str(account), bits, tied=True, places={account})
    assert len(made) == len(once)
    assert abs(made.bits() - once.bits()) < 1e-6


def test_a_crowd_at_one_place_is_explained_by_itself_and_one_with_a_tied_account_is_not() -> None:
    crowd = wave(*[(8.0, True, {n}) for n in range(3)], *[(-1.0, False, {77}) for _ in range(20)])
    assert crowd.bits() >= VOUCHES_BITS, "they are no part of the wave"
    assert crowd.own_crowd({77})
    assert not crowd.own_crowd({1})
    crowd.take("b", 8.0, tied=True, places={77})
    assert not crowd.own_crowd({77})
