"""Facts: all that checks look at, and the three things that a check may say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

import pyarrow as pa

from stillwatch.posture.house import House
from stillwatch.posture.traffic import Traffic
from stillwatch.settings import Settings

State = Literal["met", "not met", "cannot be seen"]


class Told(NamedTuple):
    """What a check says: how it stands, by what evidence, and what to do next; nothing where it is met."""

    state: State
    evidence: str
    next: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of an installation; `None` where nothing was given to look at."""

    settings: Settings
    now: datetime
    traffic: Traffic | None
    accounts: pa.Table | None
    house: House

    def filled(self, column: str) -> float | None:
        """Tell for which share of the accounts a column is there; `None` without accounts."""
        if self.accounts is None or not len(self.accounts):
            return None
        if column not in self.accounts.column_names:
            return 0.0
        return 1 - int(self.accounts[column].null_count) / len(self.accounts)


def met(evidence: str) -> Told:
    """Say that a practice is met."""
    return Told("met", evidence)


def lacking(evidence: str, after: str) -> Told:
    """Say that a practice is not met, and what to do next."""
    return Told("not met", evidence, after)


def unseen(evidence: str, after: str) -> Told:
    """Say that it cannot be seen, and what would show it."""
    return Told("cannot be seen", evidence, after)


def judged(good: object, evidence: str, after: str) -> Told:
    """Say that a practice is met, or what to do next."""
    return met(evidence) if good else lacking(evidence, after)


def of(part: float, whole: float) -> str:
    """Write a share, for a sentence: never 100 % of what is not whole."""
    share = part / whole if whole else 0.0
    if 0.995 <= share < 1:
        return "over 99 %"
    return "under 1 %" if 0 < share < 0.005 else f"{share:.0%}".replace("%", " %")


NO_TRAFFIC = unseen("no log was given", "name your logs: `stillwatch posture TRAFFIC`")
NO_ACCOUNTS = unseen("no accounts were given", "name what you know of your customers: `--accounts FILE`")
NO_BOOK = unseen("no book was found", "name the state directory of your servers: `--state DIR`")
