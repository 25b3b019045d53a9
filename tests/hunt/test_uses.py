"""How much of a grant is used, over several hunts."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.hunt import uses
from stillwatch.hunt.licences import Use
from stillwatch.hunt.previous import Previous
from stillwatch.hunt.read import Unheard
from stillwatch.hunt.request import Request
from stillwatch.hunt.run import run
from stillwatch.model.grant import Grant
from stillwatch.model.lineage import Lineage

HOUR = uses.HOUR_MS
GRANT = Grant(
    id="g", holder="Example Robotics", accounts=frozenset({"a"}), exchanges=10, starts=date(2026, 5, 1),
    ends=date(2026, 5, 31),
)  # fmt: skip


def previous(hours: dict[int, int], to_ms: int) -> Previous:
    return Previous(
        lineage=Lineage(), families=pa.table({}), grants=uses.table({"g": hours}, {}),
        to=datetime.fromtimestamp(to_ms / 1000, UTC),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("hours", "to", "first", "last", "left"),
    [
        ({1: 5, 2: 6}, 3 * HOUR - 1, 3 * HOUR, 9 * HOUR, {1: 5, 2: 6}),  # one hunt after the other
        ({1: 5, 2: 6, 3: 7}, 4 * HOUR - 1, 2 * HOUR + 5, 9 * HOUR, {1: 5}),  # they overlap: seen hours count once
        ({2: 6}, 2 * HOUR + 30, 2 * HOUR + 60, 9 * HOUR, {2: 6}),  # they meet within one hour
        ({1: 5, 20: 4}, 21 * HOUR, 3 * HOUR, 9 * HOUR, {1: 5, 20: 4}),  # the second looks further back
    ],
)
def test_an_hour_that_two_hunts_saw_counts_once(
    hours: dict[int, int], to: int, first: int, last: int, left: dict[int, int]
) -> None:
    assert uses.carried(previous(hours, to), first, last).get("g", {}) == left


def test_nothing_is_carried_without_a_previous_case() -> None:
    assert uses.carried(None, 0, HOUR) == {}


def test_use_is_told_with_what_was_carried() -> None:
    use = Use(grant=GRANT, accounts=np.zeros(1, np.int64), within=4, carried=5, outside=0, hours={3: 4})
    (told,) = uses.told([GRANT], [use], {"g": {1: 5}})
    assert (told.exchanges, told.used, told.carried) == (10, 4, 5)


def test_a_grant_that_is_no_longer_declared_is_kept_for_the_next_hunt() -> None:
    table = uses.table({}, {"old": {1: 5}})
    assert table.to_pylist()[0]["grant"] == "old"


def test_two_hunts_over_halves_count_what_one_hunt_counts(tmp_path: Path) -> None:
    def row(n: int) -> dict[str, Any]:
        at = datetime(2026, 5, 1 + n // 24, n % 24, tzinfo=UTC)
        return {"exchange": f"x{n}", "at": at, "account": "ba"[n % 2], "status": 429 if n % 8 == 1 else 200}

    log = tmp_path / "log.parquet"
    pq.write_table(pa.Table.from_pylist([row(n) for n in range(96)]), log)
    grants = tmp_path / "grants.toml"
    grants.write_text(
        '[[grant]]\nid = "g"\nholder = "Example"\naccounts = ["a"]\nexchanges = 5\n'
        "starts = 2026-05-01\nends = 2026-05-31\n"
    )
    split = int(datetime(2026, 5, 3, tzinfo=UTC).timestamp() * 1000)

    def hunt(name: str, **more: Any) -> tuple[int, int]:
        case = run(Request(traffic=(str(log),), grants=grants, case=tmp_path / name, **more), Unheard())
        return case.grants[0].used, case.grants[0].carried

    assert hunt("whole") == (36, 0)
    one = hunt("first", until=split)
    other = hunt("second", since=split, previous=tmp_path / "first")
    assert other[1] == one[0]
    assert sum(other) == 36
