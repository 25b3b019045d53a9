"""A case as a hunt might write it, made by hand so that what a person sees can be compared."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stillwatch.model.case import (
    Axis,
    Case,
    Cleared,
    Entry,
    ErrorControl,
    Evidence,
    Explanation,
    FamilySummary,
    GrantUse,
    Missing,
    Traffic,
    Undecided,
)

SNAPSHOTS = Path(__file__).parent.parent / "data" / "report"
FIRST, LAST = datetime(2026, 5, 4, tzinfo=UTC), datetime(2026, 5, 8, 23, 59, tzinfo=UTC)
DAYS = {f"2026-05-{day:02d}": 100 * day for day in range(4, 9)}


def _entry(name: str, finding: str, accounts: int, **more: object) -> Entry:
    told = {
        "exchanges": 2619, "tasks": 2613, "output_tokens": 318_081, "distinct_prompts": 2600,
        "from_": FIRST, "to": LAST,
        "scale": Axis(bits=10.1, because=["2,619 exchanges in 2,613 tasks"], passed=True, needs=4.0),
        "deception": Axis(
            bits=20.0, because=["78 % of 27 owners pay alike", "`one purse` beats `a course` by 38.1 bits"],
            passed=True, needs=4.5,
        ),
        "intent": Axis(bits=6.0, because=["gets long answers in steps"], passed=True, needs=4.0),
        "evidence": [
            Evidence(view="network", axis="deception", bits=12.9, because="25 of 27 owners share an address",
                     innocent_reading="one office"),
            Evidence(view="repertoire", axis="deception", bits=7.4, because="27 of 27 owners share a frame",
                     innocent_reading="a course"),
            Evidence(view="client", axis="deception", bits=-0.3, because="few share a build",
                     innocent_reading="a popular library"),
            Evidence(view="rhythm", axis="deception", bits=2.4, because="2 of 27 keep the same hours",
                     innocent_reading="an office", counted=False),
            Evidence(view="intent", axis="intent", bits=6.0, because="gets long answers in steps",
                     innocent_reading="a tutor"),
        ],
        "explanations": [
            Explanation(name="one purse behind strangers", bits=38.1, because=["+12.0 bits: 78 % pay alike"],
                        side="hidden"),
            Explanation(name="a course or school", bits=-38.1, because=["-12.0 bits: 78 % pay alike"], side="honest"),
        ],
        "families": [
            FamilySummary(id="f-0cd2eb4a", template="Show every step. Question: {…} Answer:", exchanges=2212,
                          accounts=29, kinds=["reasoning"]),
            FamilySummary(id="f-00000001", template="", exchanges=12, accounts=3, harness=True),
        ],
        "targets": ["reasoning"], "atlas": ["AML.T0024.002", "AML.T0040"], "days": DAYS,
    }  # fmt: skip
    return Entry(id=name, finding=finding, accounts=[f"acct-{n:03d}" for n in range(accounts)], **(told | more))


@pytest.fixture
def case() -> Case:
    """Give a case with all four findings and everything that a report tells."""
    return Case(
        stillwatch="0.1.0",
        traffic=Traffic(
            exchanges=52_321, accounts=1312, from_=FIRST, to=LAST, rejected=3, duplicates=7,
            columns_missing=["payment"],
            missing=[Missing(column="payment", lost="the view payment (owners that pay with one purse) sees nothing")],
            days={day: 10 * count for day, count in DAYS.items()},
        ),
        error_control=ErrorControl(
            fdr=0.05, method="e-BH over all proposed groups", groups_examined=426, groups_passed=381, bits_needed=4.5,
            guarantee="At most 5 % of the findings are expected to be linked by coincidence only.",
        ),
        campaigns=[
            _entry("net-0e2f2bd596", "account_network", 48, since_previous="grown", grown_by=5, merged=["net-old"]),
            _entry("cam-83f5b0ed19", "distillation_campaign", 29, part_of="net-0e2f2bd596"),
            _entry("cam-open", "open_extraction", 1, since_previous="known"),
            _entry("cam-grant", "grant_exceeded", 2, grant="g-2026-014", beyond_grant=1234, split_from="cam-before"),
        ],
        cleared=[
            Cleared(id="clear-1", accounts=["acct-900", "acct-901"], exchanges=3154, explanation="a course or school",
                    because="students of one course: +12.0 bits: 91 % have a school's mail"),
        ],
        undecided=[Undecided(id="open-1", accounts=["acct-950"], exchanges=210, missing="hard evidence of one hand")],
        grants=[GrantUse(id="g-2026-014", holder="Example Robotics", exchanges=2_000_000, used=1200, carried=34)],
        warnings=["one account, `shop`, has 67% of all traffic"],
        asked={"traffic": ["traffic/"], "fdr": 0.05},
    )  # fmt: skip


@pytest.fixture
def same() -> Callable[[str, str], None]:
    """Compare what a person sees with what was agreed; STILLWATCH_EXPECT=1 agrees to what is seen now."""

    def compare(name: str, seen: str) -> None:
        agreed = SNAPSHOTS / name
        if os.environ.get("STILLWATCH_EXPECT"):
            agreed.write_text(seen, "utf-8")
        assert seen == agreed.read_text("utf-8")

    return compare
