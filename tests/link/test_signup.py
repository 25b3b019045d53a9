"""Sign-up: owners whose accounts were opened from one device, with one telephone, or in one burst."""

from __future__ import annotations

from typing import Any

from stillwatch.kit import groups
from stillwatch.link import signup


def test_an_hour_of_creation_weighs_and_proposes_nobody(town: Any) -> None:
    sight = signup.look(town.traces(created_hour=lambda owner: [1 if owner < 12 else 100 + owner // 2]))
    assert sight is not None
    assert len(sight.propose()) == 0
    assert sight.weigh(groups.of([town.gang]))[0] > 10


def test_a_telephone_ties_and_proposes_as_a_device_does(town: Any) -> None:
    sight = signup.look(town.traces(phone=lambda owner: [1] if owner < 12 else [100 + owner // 2]))
    assert sight is not None
    assert [members.tolist() for members in sight.propose()] == [town.gang.tolist()]
    assert (sight.admit(town.gang, town.gang) >= 2).all()
    assert sight.admit(town.gang, town.others[:50]).max() < 2


def test_a_day_of_creation_ties_those_of_a_burst(town: Any) -> None:
    """One in forty strangers was opened on that day too; most of the gang were."""
    sight = signup.look(town.traces(created_day=lambda owner: [1 if owner < 9 else 1 + owner % 40]))
    assert sight is not None
    assert len(sight.propose()) == 0
    assert sight.near(town.gang).tolist() == town.gang.tolist(), "a day brings nobody near"
    assert (sight.admit(town.gang, town.gang[:9]) >= 2).all()
    assert (sight.admit(town.gang, town.gang[9:]) < 2).all()


def test_a_launch_week_in_which_everybody_came_ties_nobody(town: Any) -> None:
    sight = signup.look(town.traces(created_hour=lambda owner: [1 + owner % 5]))
    assert sight is not None
    assert sight.weigh(groups.of(town.strangers())).max() < 4.4


def test_without_an_accounts_file_it_is_silent(town: Any) -> None:
    assert signup.look(town.traces(ip=lambda owner: [1])) is None
