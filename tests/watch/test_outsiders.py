"""What accounts that the hunt saw do now."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.watch.conftest import Clock

from stillwatch.watch.outsiders import SILENT_S, Outsiders
from stillwatch.watch.room import Room

OLD = np.arange(10, 1010, dtype=np.uint64)


@pytest.fixture
def outsiders(room: Room) -> tuple[Outsiders, str]:
    assert room.watch.state is not None
    carried = np.zeros(len(OLD), np.bool_)
    carried[:3] = True  # three that the hunt left outside carried the template then
    state = replace(room.watch.state, known=OLD, known_carried=carried)
    return Outsiders(state), state.meta.campaigns[0].id


def test_old_accounts_are_counted_once_and_new_ones_apart(outsiders: tuple[Outsiders, str]) -> None:
    told, _ = outsiders
    assert told.met(500)
    assert told.met(500)
    assert not told.met(5)
    assert not told.met(10**9)
    assert (told.seen, round(told.new)) == (1, 2)


def test_a_template_that_old_accounts_take_up_says_less_and_less(
    outsiders: tuple[Outsiders, str], clock: Clock
) -> None:
    told, campaign = outsiders
    for account in OLD.tolist():
        told.met(account)
    assert told.carriers(campaign, 0.01, clock.now) == 1 / 1001
    for number, account in enumerate((100, 200, 300), 1):
        told.carry(campaign, account, clock.now)
        told.carry(campaign, account, clock.now)
        assert told.carriers(campaign, 0.0001, clock.now) == (number + 1) / 1001
    clock.now += 10 * SILENT_S
    assert told.carriers(campaign, 0.0001, clock.now) == 4 / 1001, "for as long as the state lasts"


def test_what_the_hunt_left_outside_counts_as_it_did_until_it_falls_silent(
    outsiders: tuple[Outsiders, str], clock: Clock
) -> None:
    told, campaign = outsiders
    for account in OLD.tolist():
        told.met(account)
    told.carry(campaign, 10, clock.now)
    assert told.carriers(campaign, 0.04, clock.now) == 0.04
    clock.now += SILENT_S
    assert told.carriers(campaign, 0.04, clock.now) == 1 / 1001


def test_an_address_that_old_accounts_show_says_less(outsiders: tuple[Outsiders, str]) -> None:
    told, campaign = outsiders
    for account in OLD.tolist():
        told.met(account)
    before = told.tied(campaign)
    for account in range(20, 60):
        told.show(campaign, account)
    assert told.tied(campaign) == 41 / 1001 > before


def test_one_over_the_share_is_an_e_value_for_another_stranger() -> None:
    rng = np.random.default_rng(1)
    for share in (0.001, 0.01, 0.2):
        carried = rng.binomial(200, share, 200_000)
        mean = np.mean(np.where(rng.random(200_000) < share, 201 / (carried + 1), 0.0))
        assert mean <= 1.05
