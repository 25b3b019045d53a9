"""Known: accounts that a person has looked at and vouches for, each with a reason and an end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

KnownKind = Literal["owner", "test", "benign"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One entry of the known file.

    Attributes:
        kind: `owner`: one customer openly holds these accounts; `test`: they are our own; `benign`: a crowd
            that was reviewed and found innocent.
        families: family ids that the entry is confined to; empty for all that these accounts do.
        expires: last day on which it holds, UTC, inclusive.
        by: who reviewed it, where that is told.
    """

    kind: KnownKind
    name: str
    accounts: frozenset[str]
    families: frozenset[str] = frozenset()
    reason: str
    expires: date
    by: str | None = None

    def holds_on(self, day: date) -> bool:
        """Tell whether the entry still holds on a day."""
        return day <= self.expires
