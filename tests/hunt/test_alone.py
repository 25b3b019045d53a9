"""Whose list a customer in the open works through, and when."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt

from stillwatch.hunt.alone import Timing, public, timing
from stillwatch.hunt.labels import Labels

WEEK_S = 7 * 86_400
BEGIN_MS = 1_777_852_800_000


class Log3:
    """Three owners who ask ten things each: the first two the same ten, in a burst; the third his own, one a day."""

    def pieces(self, *names: str) -> Any:
        asked = np.concatenate([np.arange(10), np.arange(10), np.arange(100, 110)]).astype(np.uint64)
        columns = {
            "who": np.repeat(np.arange(3), 10), "primary": np.ones(30, np.int32), "last": asked,
            "at": 1_777_852_800_000 + 86_400_000 * np.concatenate([[0] * 5 + [1] * 3 + [9] * 2, [4] * 10, range(10)]),
        }  # fmt: skip
        yield 0, {name: columns[name] for name in names}


ALONE = Labels(
    group=np.array([1, 2, 3], np.int32), control_family=np.zeros(2, np.int32), control_owner=np.zeros(3, np.int32),
    stream={(1, 1): 1, (2, 1): 2, (3, 1): 3},
)  # fmt: skip


def test_a_list_that_others_ask_too_is_no_open_harvest() -> None:
    assert public(cast("Any", Log3()), np.arange(3, dtype=np.int32), ALONE, {1, 2, 3}) == {1, 2}


def test_a_run_that_is_over_in_two_days_is_no_open_harvest() -> None:
    times = timing(cast("Any", Log3()), np.arange(3, dtype=np.int32), ALONE, {1, 2, 3})
    assert [times.one_off(label) for label in (1, 2, 3)] == [True, True, False]


class Sent:
    """One owner's exchanges, in one stream, at the seconds that are told."""

    def __init__(self, seconds: npt.NDArray[np.float64]) -> None:
        self.at = BEGIN_MS + (1000 * seconds).astype(np.int64)

    def pieces(self, *names: str) -> Any:
        rows = len(self.at)
        columns = {"who": np.zeros(rows, np.int32), "primary": np.ones(rows, np.int32), "at": self.at}
        for start in range(0, rows, 700):
            yield start, {name: columns[name][start : start + 700] for name in names}


def seen(seconds: npt.NDArray[np.float64]) -> Timing:
    return timing(cast("Any", Sent(seconds)), np.zeros(1, np.int32), ALONE, {1})


def test_a_script_works_in_sittings_and_customers_come_when_they_come() -> None:
    rng = np.random.default_rng(2)
    sittings = [day * 86_400 + rng.uniform(0, 80_000) + np.cumsum(rng.exponential(5.0, 300)) for day in range(7)]
    assert seen(np.concatenate(sittings)).driven([1])
    for many in (300, 2100, 50_000):
        assert not seen(rng.uniform(0, WEEK_S, many)).driven([1])


def test_an_office_with_its_nights_and_weekends_is_no_machine() -> None:
    rng = np.random.default_rng(3)
    hours = rng.integers(0, 5, 30_000) * 86_400 + rng.uniform(9 * 3600, 17 * 3600, 30_000)
    assert not seen(np.append(hours, WEEK_S)).driven([1])


def test_of_nothing_sent_no_machine_is_seen() -> None:
    assert not seen(np.zeros(0)).driven([1])
    assert not seen(np.arange(10.0)).driven([2])
