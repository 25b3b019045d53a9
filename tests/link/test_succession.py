"""Succession: closed accounts whose work goes on in new ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from stillwatch.kit import groups
from stillwatch.link import succession

DAY = 86_400_000


def dates(town: Any, lag_days: float) -> dict[str, Any]:
    """Half of a gang of 24 is closed, one a day; the others open so many days later. Strangers come and go."""
    rng = np.random.default_rng(8)
    created = town.begin - rng.integers(100, 700, town.owners) * DAY
    closed = np.where(rng.random(town.owners) < 0.1, town.begin + rng.integers(0, 20, town.owners) * DAY, 0)
    closed[:24] = 0
    closed[:12] = town.begin + np.arange(12) * DAY // 8
    created[12:24] = closed[:12] + int(lag_days * DAY)
    return {"created_at": created, "closed_at": closed}


GANG = np.arange(24, dtype=np.int32)


def look(town: Any, lag_days: float) -> Any:
    sight = succession.look(town.traces(town.crowd(**dates(town, lag_days))))
    assert sight is not None
    return sight


def test_accounts_that_replace_closed_ones_are_tied(town: Any) -> None:
    sight = look(town, 2.0)
    assert sight.weigh(groups.of([GANG]))[0] > succession.SHOWN_BITS
    bits = sight.admit(GANG, GANG)
    assert (bits[12:] >= 2).all(), "those that were opened after a closure"
    assert "12 owners were opened within a week after" in sight.because(GANG)


def test_accounts_that_were_opened_before_the_closures_replace_nobody(town: Any) -> None:
    sight = look(town, -4.0)
    assert sight.weigh(groups.of([GANG]))[0] == 0
    assert (sight.admit(GANG, GANG) == 0).all()


def test_strangers_who_come_and_go_are_not_tied(town: Any) -> None:
    assert look(town, 2.0).weigh(groups.of(town.strangers(100, size=24))).max() < 4.4


def test_where_nobody_was_closed_it_is_silent(town: Any) -> None:
    known = dates(town, 2.0)
    assert succession.look(town.traces(town.crowd(created_at=known["created_at"]))) is None
    assert succession.look(town.traces(town.crowd(closed_at=known["closed_at"]))) is None


def test_it_confirms_and_proposes_nobody(town: Any) -> None:
    sight = look(town, 2.0)
    assert len(sight.propose()) == 0
    assert len(sight.near(GANG)) == 0
