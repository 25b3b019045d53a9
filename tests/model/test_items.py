"""Items: meetings of a group against those of outsiders, counted as one would by hand."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from stillwatch.model.items import Items, meetings


@pytest.mark.parametrize("seed", range(3))
def test_meetings_are_those_that_one_counts_by_hand(seed: int, town: Any) -> None:
    rng = np.random.default_rng(seed)
    drawn = {(int(o), int(f), int(f) * 100 + int(i)) for o, f, i in rng.integers(0, (60, 3, 25), (700, 3))}
    rows = sorted(drawn, key=lambda _: rng.random())
    owner, family, item = (np.array(column) for column in zip(*rows, strict=True))
    closely = town.closely(
        item_owner=owner.astype(np.int32), item=item.astype(np.uint64), item_family=family.astype(np.int32)
    )
    kept = Items(closely)
    for size in (3, 12, 40):
        members = np.sort(rng.choice(60, size, replace=False)).astype(np.int32)
        found = kept.meetings(members)
        assert len(found) == 3
        assert found == meetings(closely, members)
        for one in found:
            inside = [i for o, f, i in rows if f == one.family and o in members]
            outside = [i for o, f, i in rows if f == one.family and o not in members]
            met, others = (sum(a == b for a, b in combinations(some, 2)) for some in (inside, outside))
            across = sum(a == b for a in inside for b in outside)
            both = [[o for o, f, _ in rows if f == one.family and (o in members) == here] for here in (True, False)]
            pairs_in, pairs_out = (sum(a != b for a, b in combinations(some, 2)) for some in both)
            rate = (across / (len(inside) * len(outside))) ** 2 / (others / pairs_out)
            assert one.met == met
            assert one.expected == pytest.approx(rate * pairs_in)
