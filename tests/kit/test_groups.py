"""Groups: sets in flat arrays."""

from __future__ import annotations

import numpy as np

from stillwatch.kit import groups


def some(*sets: list[int]) -> groups.Groups:
    return groups.of([np.array(one, np.int32) for one in sets])


def test_lists_of_groups_are_joined_one_after_the_other() -> None:
    every = groups.together([some([1, 2], [3]), some(), some([0, 4, 5])])
    assert [one.tolist() for one in every] == [[1, 2], [3], [0, 4, 5]]
    assert every.members.dtype == np.int32
    assert len(groups.together([])) == 0


def test_members_are_told_from_others() -> None:
    units, members = np.array([9, 0, 3, 4], np.int32), np.array([0, 3, 8], np.int32)
    assert groups.inside(units, members).tolist() == [False, True, True, False]
    assert not groups.inside(units, members[:0]).any()
