"""Pivot: owners that move to a new model together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from stillwatch.kit import groups
from stillwatch.link import pivot

HOUR = 3_600_000
RELEASE_DAYS = 3


def closely(town: Any, gang_moves: float, others_move: float, **given: Any) -> Any:
    """A model that comes out on the third day; shares of the gang and of the others use it within a day."""
    rng = np.random.default_rng(6)
    released = town.begin + RELEASE_DAYS * 24 * HOUR
    moves = rng.random(town.owners) < np.where(np.arange(town.owners) < 12, gang_moves, others_move)
    later = released + np.where(moves, 5 * HOUR, 60 * HOUR)
    adopted = np.stack([np.full(town.owners, town.begin), later], axis=1)
    first = town.begin // HOUR + 1
    hours = town.held(lambda owner: range(first, first + 10 * 24, 2))
    return town.closely(
        hours=hours, models=np.array([1, 2], np.uint64), released=np.array([town.begin, released]), adopted=adopted,
        **given,
    )  # fmt: skip


def look(town: Any, gang_moves: float, others_move: float, **given: Any) -> Any:
    return pivot.look(replace(town.traces(), closely=closely(town, gang_moves, others_move, **given)))


def test_a_gang_that_moves_within_a_day_when_few_do_is_tied(town: Any) -> None:
    sight = look(town, 1.0, 0.1)
    assert sight.weigh(groups.of([town.gang]))[0] > 10
    assert (sight.admit(town.gang, town.gang) >= 2).all()
    assert "12 of 12 owners used a new model within a day" in sight.because(town.gang)


def test_a_gang_that_moves_as_everybody_does_is_not(town: Any) -> None:
    sight = look(town, 0.9, 0.9)
    assert sight.weigh(groups.of([town.gang]))[0] < 2
    assert sight.admit(town.gang, town.others).max() < 2


def test_a_gang_that_stays_where_it_is_is_not(town: Any) -> None:
    assert look(town, 0.0, 0.1).weigh(groups.of([town.gang]))[0] == 0


def test_a_model_that_was_there_before_the_log_is_no_release(town: Any) -> None:
    early = replace(closely(town, 1.0, 0.1), released=np.array([town.begin, town.begin + HOUR]))
    assert pivot.look(replace(town.traces(), closely=early)) is None


def test_without_a_yardstick_or_models_it_is_silent(town: Any) -> None:
    assert pivot.look(town.traces()) is None
    assert look(town, 1.0, 0.1, sample=town.others[:10]) is None
    assert pivot.look(replace(town.traces(), closely=town.closely())) is None
