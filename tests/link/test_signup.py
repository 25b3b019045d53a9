"""Sign-up: owners whose accounts were opened from one device, or in one burst."""

from __future__ import annotations

from typing import Any

from stillwatch.kit import groups
from stillwatch.link import signup


def test_an_hour_of_creation_weighs_and_proposes_nobody(town: Any) -> None:
    sight = signup.look(town.traces(created_hour=lambda owner: [1 if owner < 12 else 100 + owner // 2]))
    assert sight is not None
    assert len(sight.propose()) == 0
    assert sight.weigh(groups.of([town.gang]))[0] > 10


def test_a_launch_week_in_which_everybody_came_ties_nobody(town: Any) -> None:
    sight = signup.look(town.traces(created_hour=lambda owner: [1 + owner % 5]))
    assert sight is not None
    assert sight.weigh(groups.of(town.strangers())).max() < 4.4


def test_without_an_accounts_file_it_is_silent(town: Any) -> None:
    assert signup.look(town.traces(ip=lambda owner: [1])) is None
