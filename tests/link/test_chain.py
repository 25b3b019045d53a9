"""Chain: small purses, machines and telephones that lie across each other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from stillwatch.kit import groups
from stillwatch.link import chain

RING = 8


def cards(owner: int) -> list[int]:
    """Two of the ring hold each card; everybody else has his own."""
    return [1 + owner // 2] if owner < RING else [1000 + owner]


def machines(owner: int) -> list[int]:
    """The second holder of a card shares a machine with the first of the next one."""
    return [1 + (owner + 1) // 2] if owner < RING else [1000 + owner]


def households(owner: int) -> list[int]:
    """Four share what they share, and nobody else does."""
    return [1 + owner // 4]


def proposed(sight: Any) -> list[list[int]]:
    return [one.tolist() for one in sight.propose()]


def look(town: Any, **draws: Any) -> Any:
    return chain.look(town.traces(**draws))


def test_cards_and_machines_that_lie_across_each_other_make_a_chain(town: Any) -> None:
    sight = look(town, payment=cards, device=machines)
    assert proposed(sight) == [list(range(RING))]
    assert "8 of 8 owners hang together" in sight.because(np.arange(RING, dtype=np.int32))


@pytest.mark.parametrize("draws", [{"payment": cards}, {"device": machines}, {"payment": households}])
def test_one_kind_of_small_thing_makes_none(draws: Any, town: Any) -> None:
    assert proposed(look(town, **draws)) == []


def test_households_close(town: Any) -> None:
    """Who shares a card shares the computer and the telephone with the same few people."""
    assert proposed(look(town, payment=households, device=households, phone=households)) == []


def test_what_more_than_a_household_holds_joins_nobody(town: Any) -> None:
    many = look(town, payment=cards, device=lambda owner: [1] if owner < RING else [1000 + owner])
    assert proposed(many) == []


def test_an_organisation_in_the_open_is_no_link(town: Any) -> None:
    """The accounts of its people's own hang on it, and on nothing else."""
    crowd = town.crowd()
    declared = crowd.declared.copy()
    declared[3] = True
    traces = replace(town.traces(payment=cards, device=machines), crowd=replace(crowd, declared=declared))
    sight = chain.look(traces)
    assert sight is not None
    assert proposed(sight) == []


def test_a_chain_adds_little_and_lets_nobody_in_by_itself(town: Any) -> None:
    sight = look(town, payment=cards, device=machines)
    ring: npt.NDArray[np.int32] = np.arange(RING, dtype=np.int32)
    assert sight.admit(ring, ring).tolist() == [chain.CAP] * RING
    assert sight.admit(ring[:3], ring[3:]).tolist() == [0.0] * 5, "too few of the chain are in the group"
    assert not sight.admit(ring, town.others).any()
    assert not sight.weigh(groups.of([ring])).any()
    assert not chain.ADMITS
