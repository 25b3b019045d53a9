"""Rhythm: owners who keep the same hours, beyond what the hour of the day explains."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from stillwatch.kit import groups
from stillwatch.link import rhythm


def look(town: Any, own_hours: int, active: int = 24, **given: Any) -> Any:
    """Everybody is active in `active` of 240 hours; the gang's are among `own_hours` of them."""
    rng = np.random.default_rng(7)
    gang_hours = rng.choice(240, own_hours, replace=False)

    def draw(owner: int) -> list[int]:
        hours = gang_hours if owner < 12 else np.arange(240)
        return (rng.choice(hours, min(active, len(hours)), replace=False) + 1).tolist()

    return rhythm.look(replace(town.traces(), closely=town.closely(hours=town.held(draw), **given)))


def test_a_gang_that_works_and_rests_together_is_tied(town: Any) -> None:
    sight = look(town, own_hours=36)
    assert sight.weigh(groups.of([town.gang]))[0] > 6
    assert (sight.admit(town.gang, town.gang) >= 2).mean() > 0.8
    assert (sight.admit(town.gang, town.others) >= 2).mean() < 0.05


def test_owners_who_keep_everybody_s_hours_are_not(town: Any) -> None:
    sight = look(town, own_hours=240)
    bits = sight.weigh(groups.of([town.gang, *town.strangers(100)]))
    assert (bits >= np.log2(20)).mean() <= 0.05


def test_of_a_few_hours_no_rhythm_is_told(town: Any) -> None:
    sight = look(town, own_hours=36, active=6)
    assert (sight.admit(town.gang, town.gang) == 0).all()


def test_without_a_yardstick_it_is_silent(town: Any) -> None:
    assert look(town, own_hours=36, sample=town.others[:10]) is None
    assert rhythm.look(town.traces()) is None
