"""Case: the output of one hunt, in the shape of `case.json`.

Other programs rely on this shape: fields are added, never renamed or dropped.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

import msgspec

Finding = Literal["distillation_campaign", "account_network", "open_extraction", "grant_exceeded"]
SincePrevious = Literal["new", "known", "grown"]

GRAVITY: Final[dict[Finding, int]] = {
    "open_extraction": 11,
    "grant_exceeded": 12,
    "account_network": 13,
    "distillation_campaign": 14,
}
"""Exit code of each finding; the gravest one speaks."""


class Axis(msgspec.Struct, kw_only=True, frozen=True):
    """One of the three axes with its bits and their sentences; never summed with another."""

    bits: float
    because: list[str]
    passed: bool = False


class Evidence(msgspec.Struct, kw_only=True, frozen=True):
    """One bar of the waterfall: what a view says of a group, and what it would mean if innocent."""

    view: str
    axis: Literal["scale", "deception", "intent"]
    bits: float
    because: str
    innocent_reading: str


class Explanation(msgspec.Struct, kw_only=True, frozen=True):
    """A named reading of the whole group, weighed against the others."""

    name: str
    bits: float
    because: list[str]


class FamilySummary(msgspec.Struct, kw_only=True, frozen=True):
    """A family as a campaign shows it: its template with slots, as text that a person can read."""

    id: str
    template: str
    exchanges: int
    accounts: int
    kinds: list[str] = []
    harness: bool = False


class Entry(msgspec.Struct, kw_only=True, frozen=True):
    """One entry of `campaigns`."""

    id: str
    since_previous: SincePrevious = "new"
    finding: Finding
    part_of: str | None = None
    accounts: list[str]
    exchanges: int
    tasks: int
    output_tokens: int
    distinct_prompts: int
    from_: datetime = msgspec.field(name="from")
    to: datetime
    scale: Axis
    deception: Axis
    intent: Axis
    evidence: list[Evidence]
    explanations: list[Explanation] = []
    families: list[FamilySummary]
    targets: list[str]
    atlas: list[str]
    grant: str | None = None
    beyond_grant: int | None = None


class Cleared(msgspec.Struct, kw_only=True, frozen=True):
    """Accounts that were examined and found innocent, and why."""

    accounts: list[str]
    exchanges: int
    because: str
    id: str = ""
    explanation: str = ""


class Undecided(msgspec.Struct, kw_only=True, frozen=True):
    """Accounts that could be neither found nor cleared, and what is missing."""

    accounts: list[str]
    exchanges: int
    missing: str
    id: str = ""


class Traffic(msgspec.Struct, kw_only=True, frozen=True):
    """What was read."""

    exchanges: int
    accounts: int
    from_: datetime | None = msgspec.field(name="from")
    to: datetime | None
    rejected: int
    columns_missing: list[str]
    duplicates: int = 0


class ErrorControl(msgspec.Struct, kw_only=True, frozen=True):
    """How false alarms are bounded."""

    fdr: float
    method: str
    groups_examined: int


class Case(msgspec.Struct, kw_only=True, frozen=True):
    """The output of one hunt."""

    schema: int = 1
    stillwatch: str = ""
    traffic: Traffic
    error_control: ErrorControl
    campaigns: list[Entry]
    cleared: list[Cleared]
    undecided: list[Undecided]
    warnings: list[str] = []

    @property
    def exit_code(self) -> int:
        """Tell the gravest finding: 0 when there is none."""
        return max((GRAVITY[entry.finding] for entry in self.campaigns), default=0)
