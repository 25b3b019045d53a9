"""Shards: owners that divide one list of items among themselves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from stillwatch.kit import groups
from stillwatch.link import shards
from stillwatch.model.items import deficit_bits

POOL = 600


def look(town: Any, divides: bool, outsiders: int = 200, shift: int = 0) -> Any:
    """One frame: outsiders draw fifteen of 600 items; the gang divides them, or draws forty each like anybody.

    Args:
        shift: how many of the gang's items no outsider asks.
    """
    rng = np.random.default_rng(11)
    rows = [(owner, item) for owner in town.others[:outsiders].tolist() for item in rng.choice(POOL, 15, replace=False)]
    for owner in town.gang.tolist():
        mine = range(owner * 40, owner * 40 + 40) if divides else rng.choice(POOL, 40, replace=False).tolist()
        rows += [(owner, item + shift) for item in mine]
    owners, items = (np.array(column) for column in zip(*rows, strict=True))
    closely = town.closely(
        item_owner=owners.astype(np.int32), item=items.astype(np.uint64) + np.uint64(1),
        item_family=np.full(len(rows), 3, np.int32),
    )  # fmt: skip
    return shards.look(replace(town.traces(), closely=closely))


def test_a_gang_that_divides_a_list_meets_less_often_than_outsiders(town: Any) -> None:
    sight = look(town, divides=True)
    assert sight.weigh(groups.of([town.gang]))[0] > 10
    assert "members met on 0 items" in sight.because(town.gang)


def test_owners_who_draw_from_the_pool_like_anybody_do_not(town: Any) -> None:
    assert look(town, divides=False).weigh(groups.of([town.gang]))[0] < 3


@pytest.mark.parametrize(("met", "believed"), [(0, True), (100, True), (445, False), (569, False), (900, False)])
def test_meeting_a_little_less_often_is_no_division(met: int, believed: bool) -> None:
    """Meetings of pairs are more uneven than a count of independent ones; a fifth less is a course, not a list."""
    assert (deficit_bits(met, 569.0) > 4) == believed


def test_where_the_pool_has_no_outsiders_it_says_nothing(town: Any) -> None:
    assert look(town, divides=True, outsiders=5).weigh(groups.of([town.gang]))[0] == 0


@pytest.mark.parametrize("shift", [POOL, POOL - 20])
def test_items_that_nobody_else_asks_prove_nothing(town: Any, shift: int) -> None:
    """Every product's questions are its own: who never meets his fellows may have no list in common with them."""
    assert look(town, divides=True, shift=shift).weigh(groups.of([town.gang]))[0] < 0.5


def test_a_list_that_outsiders_ask_half_of_is_still_seen_to_be_divided(town: Any) -> None:
    assert look(town, divides=True, shift=POOL // 4).weigh(groups.of([town.gang]))[0] > 5


def test_it_confirms_and_lets_nobody_in(town: Any) -> None:
    sight = look(town, divides=True)
    assert (sight.admit(town.gang, town.gang) == 0).all()
    assert len(sight.propose()) == 0


def test_without_items_it_is_silent(town: Any) -> None:
    assert shards.look(town.traces()) is None
    assert shards.look(replace(town.traces(), closely=town.closely())) is None
