"""What payment, network, sign-up, client and repertoire have in common: owners who draw from one small pool."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from stillwatch import rooms
from stillwatch.kit import groups

COLUMNS = {"payment": "payment", "network": "ip", "signup": "device", "client": "ja4", "repertoire": "family"}
VIEWS = sorted(COLUMNS)


def pooled(owner: int) -> list[int]:
    """The gang shares two values; everybody else has his own, and now and then one that a neighbour has."""
    own = [1000 + owner, 5000 + owner // 2]
    return [1 + owner % 2, 3 + owner % 2, *own] if owner < 12 else own


def popular(owner: int) -> list[int]:
    """Three owners in four hold one and the same value."""
    return [7 if owner % 4 else 1000 + owner]


def look(view: str, traces: Any) -> Any:
    sight = rooms.member("link", view).look(traces)
    assert sight is not None
    return sight


@pytest.mark.parametrize("view", VIEWS)
def test_a_gang_that_draws_from_one_pool_is_weighed_and_let_in(view: str, town: Any) -> None:
    sight = look(view, town.traces(**{COLUMNS[view]: pooled}))
    assert sight.weigh(groups.of([town.gang]))[0] > 10
    assert (sight.admit(town.gang, town.gang) >= 2).mean() > 0.9
    assert (sight.admit(town.gang, town.others) < 1).all()
    assert "12 of 12 owners share" in sight.because(town.gang)


@pytest.mark.parametrize("view", VIEWS)
def test_what_everybody_has_ties_nobody(view: str, town: Any) -> None:
    sight = look(view, town.traces(**{COLUMNS[view]: popular}))
    assert sight.weigh(groups.of(town.strangers())).max() < 2
    assert sight.admit(town.gang, town.others).max() < 2


@pytest.mark.parametrize("view", VIEWS)
def test_strangers_are_rarely_weighed_heavily(view: str, town: Any) -> None:
    """An e-value of strangers is 20 at most once in 20 groups, whatever they draw from."""
    rng = np.random.default_rng(4)
    drawn = rng.zipf(1.3, (town.owners, 3)) % 300 + 1
    sight = look(view, town.traces(**{COLUMNS[view]: lambda owner: drawn[owner].tolist()}))
    bits = sight.weigh(groups.of(town.strangers(400)))
    assert (bits >= np.log2(20)).mean() <= 0.05
    assert bits.min() >= -1.01, "a view that shows nothing costs at most a bit"


@pytest.mark.parametrize("view", VIEWS)
def test_the_numbers_of_owners_and_values_mean_nothing(view: str, town: Any) -> None:
    order = np.random.default_rng(2).permutation(town.owners)
    place = np.argsort(order)
    straight = look(view, town.traces(**{COLUMNS[view]: pooled}))
    turned = look(view, town.traces(**{COLUMNS[view]: lambda owner: [2**40 - v for v in pooled(int(order[owner]))]}))
    gang = np.sort(place[town.gang]).astype(np.int32)
    bits = turned.weigh(groups.of([gang]))[0]
    assert bits == pytest.approx(straight.weigh(groups.of([town.gang]))[0], rel=0.25), "members come one after another"
    assert np.sort(turned.admit(gang, gang)) == pytest.approx(np.sort(straight.admit(town.gang, town.gang)))


@pytest.mark.parametrize("view", ["payment", "network", "signup", "repertoire"])
def test_the_holders_of_a_value_are_proposed_as_one_group_from_five_on(view: str, town: Any) -> None:
    def draw(owner: int) -> list[int]:
        return [1] if owner < 5 else [2] if owner < 9 else [1000 + owner // 2]

    found = look(view, town.traces(**{COLUMNS[view]: draw})).propose()
    assert [members.tolist() for members in found] == [[0, 1, 2, 3, 4]]


@pytest.mark.parametrize("view", VIEWS)
def test_who_shares_something_rare_is_near(view: str, town: Any) -> None:
    sight = look(view, town.traces(**{COLUMNS[view]: pooled}))
    assert set(town.gang) <= set(sight.near(town.gang[:4]).tolist())
    assert len(sight.near(town.gang)) < 30


def test_joints_chain_the_holders_of_every_value_that_is_not_commonplace(town: Any) -> None:
    held = town.held(lambda owner: [owner % 7 + 1, owner % 11 + 100, 5000])
    members = np.arange(0, 40, 3, dtype=np.int32)
    left, right = held.chains(members, float(held.mass[:-1].max()))
    told = {(int(one), int(other)) for one, other in zip(left, right, strict=True)}
    expected = set()
    for size, shift in ((7, 0), (11, 0)):
        for name in range(size):
            those = np.flatnonzero(members % size == name + shift).tolist()
            expected |= set(pairwise(those))
    assert told == expected
