"""Network: owners who come from the same addresses."""

from __future__ import annotations

from typing import Any

from stillwatch.kit import groups
from stillwatch.link import network


def test_a_gang_that_changes_addresses_inside_its_neighbourhood_is_tied(town: Any) -> None:
    traces = town.traces(
        ip=lambda owner: [10_000 + owner], prefix=lambda owner: [1 if owner < 12 else 100 + owner // 3]
    )
    sight = network.look(traces)
    assert sight is not None
    assert sight.weigh(groups.of([town.gang]))[0] > 10
    assert [members.tolist() for members in sight.propose()] == [town.gang.tolist()]


def test_one_busy_address_behind_half_of_the_town_ties_nobody(town: Any) -> None:
    sight = network.look(town.traces(ip=lambda owner: [1 if owner % 2 else 100 + owner]))
    assert sight is not None
    assert sight.weigh(groups.of(town.strangers())).max() < 2
    assert len(sight.joints(town.gang)[0]) == 0, "a commonplace address joins nobody"


def test_without_addresses_it_is_silent(town: Any) -> None:
    assert network.look(town.traces(prefix=lambda owner: [1])) is None
