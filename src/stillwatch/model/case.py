"""Case: the output of one hunt, in the shape of `case.json`.

Other programs rely on this shape: fields are added, never renamed or dropped.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

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
    """One of the three axes with its bits and their sentences; never summed with another.

    Attributes:
        needs: bits from which the axis can pass.
    """

    bits: float
    because: list[str]
    passed: bool = False
    needs: float = 0.0


class Evidence(msgspec.Struct, kw_only=True, frozen=True):
    """One bar of the waterfall: what a view says of a group, and what it would mean if innocent.

    Attributes:
        counted: whether its bits are part of the axis; a view that proposed a group, or looked at it late, is told
            and not counted.
    """

    view: str
    axis: Literal["scale", "deception", "intent"]
    bits: float
    because: str
    innocent_reading: str
    counted: bool = True


class Explanation(msgspec.Struct, kw_only=True, frozen=True):
    """A named reading of the whole group, weighed against the others.

    Attributes:
        bits: how much better it explains the group than the best hidden reading; that one against its strongest
            honest rival.
        side: `hidden` or `honest`.
    """

    name: str
    bits: float
    because: list[str]
    side: str = ""


class FamilySummary(msgspec.Struct, kw_only=True, frozen=True):
    """A family as a campaign shows it: its template with slots, as text that a person can read."""

    id: str
    template: str
    exchanges: int
    accounts: int
    kinds: list[str] = []
    harness: bool = False


class Entry(msgspec.Struct, kw_only=True, frozen=True):
    """One entry of `campaigns`.

    Attributes:
        since_previous: `new` to the hunts named by `--previous`, `known` to them, or `grown`: known, with accounts
            that they did not find in it.
        grown_by: how many accounts that is.
        merged: entries of the previous case that went into this one, beside the one whose id it keeps.
        split_from: the entry of the previous case that this one was part of.
        days: its exchanges on each day, UTC.
    """

    id: str
    since_previous: SincePrevious = "new"
    grown_by: int = 0
    merged: list[str] = []
    split_from: str | None = None
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
    days: dict[str, int] = {}


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


class Missing(msgspec.Struct, kw_only=True, frozen=True):
    """A column that is not there, and what the hunt could not see for want of it."""

    column: str
    lost: str


class Traffic(msgspec.Struct, kw_only=True, frozen=True):
    """What was read.

    Attributes:
        missing: for each of `columns_missing`, what is lost by it.
        days: exchanges on each day, UTC.
    """

    exchanges: int
    accounts: int
    from_: datetime | None = msgspec.field(name="from")
    to: datetime | None
    rejected: int
    columns_missing: list[str]
    duplicates: int = 0
    missing: list[Missing] = []
    days: dict[str, int] = {}


class ViewTold(msgspec.Struct, kw_only=True, frozen=True):
    """One view, as it was used.

    Attributes:
        looks_at: what it sees, in words.
        needs: the columns that it looks at.
        silent: whether it saw nothing, for want of them or of anything in them.
        admits: whether a tie in it counts as one of the two that let an owner into a group.
        hard: whether a link in it is hard evidence of one hand.
        late: whether it looked only at groups that had passed, and so confirms without being counted.
        cap: bits that it may add at the most.
        ties_from: bits from which a link in it counts as a tie.
    """

    name: str
    looks_at: str
    needs: list[str]
    silent: bool
    admits: bool
    hard: bool
    late: bool
    cap: float
    ties_from: float = 0.0


class ErrorControl(msgspec.Struct, kw_only=True, frozen=True):
    """How false alarms are bounded.

    Attributes:
        groups_passed: groups that are linked beyond chance, found guilty or not.
        bits_needed: what the next group would have needed to be among them.
        guarantee: what is bounded, in one sentence.
    """

    fdr: float
    method: str
    groups_examined: int
    groups_passed: int = 0
    bits_needed: float = 0.0
    guarantee: str = ""


class GrantUse(msgspec.Struct, kw_only=True, frozen=True):
    """What a grant was used for.

    Attributes:
        exchanges: its cap; 0 for none.
        used: answered exchanges of its accounts in this traffic.
        carried: those that the previous hunts counted, outside this traffic's time.
    """

    id: str
    holder: str
    exchanges: int
    used: int
    carried: int


class Case(msgspec.Struct, kw_only=True, frozen=True):
    """The output of one hunt.

    Attributes:
        asked: what the hunt was asked for.
        key: name of the key under which identifiers are hashed in the tables of the case.
        forgotten: accounts that were erased from it since.
    """

    schema: int = 1
    stillwatch: str = ""
    traffic: Traffic
    error_control: ErrorControl
    campaigns: list[Entry]
    cleared: list[Cleared]
    undecided: list[Undecided]
    grants: list[GrantUse] = []
    views: list[ViewTold] = []
    warnings: list[str] = []
    asked: dict[str, Any] = {}
    key: str = ""
    forgotten: int = 0

    @property
    def exit_code(self) -> int:
        """Tell the gravest finding: 0 when there is none."""
        return max((GRAVITY[entry.finding] for entry in self.campaigns), default=0)
