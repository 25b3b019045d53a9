"""Returned: whether suspended campaigns came back, how soon, and what strangers would have shown."""

from __future__ import annotations

from datetime import datetime

import msgspec


class ReturnedAccount(msgspec.Struct, kw_only=True, frozen=True):
    """A new account in which a suspended campaign works again.

    Attributes:
        hours: from the suspension to its first exchange in the campaign.
        views: what ties it to the campaign: `family`, `infrastructure`, `handover`, `succession`; the hunt that found
            it weighed them, and more.
    """

    account: str
    at: datetime
    hours: float
    views: list[str]


class Return(msgspec.Struct, kw_only=True, frozen=True):
    """What became of one suspended campaign.

    Attributes:
        order: the order that suspended it; empty where it was suspended elsewhere.
        watched_hours: from the suspension to the end of the last traffic that was looked at.
        found_in: cases in which a later entry is the same campaign.
        before: exchanges of it a day before the suspension; `after`: of the new accounts a day, after the first of
            them; -1 for a network, which attributes no exchanges.
        joined_before: accounts that joined it in the same time before the suspension: what growth alone would show.
        echoes: new accounts in no entry that carry a family of it, and nothing more; they are told and not counted.
        echoes_expected: how many of as many new accounts would by chance, from how many strangers did before; -1
            where no earlier traffic tells.
        live: new accounts that the proxy or the endpoint recognised as its newcomers; `live_hours` until the first.
    """

    campaign: str
    order: str
    suspended_at: datetime
    accounts: int
    watched_hours: float
    returned: list[ReturnedAccount]
    first_hours: float | None
    tenth_hours: float | None
    found_in: list[str]
    before: float = 0.0
    after: float = 0.0
    joined_before: int = -1
    echoes: int = 0
    echoes_expected: float = -1.0
    new_accounts: int = 0
    live: int = 0
    live_hours: float | None = None


class Returns(msgspec.Struct, kw_only=True, frozen=True):
    """All of them.

    Attributes:
        median_hours: time to return, half of the campaigns being back by then (Kaplan & Meier 1958: those that are
            not back yet count for as long as they were watched); nothing where fewer than half are.
        guarantee: what bounds false alarms here.
    """

    schema: int = 1
    campaigns: list[Return]
    came_back: int
    median_hours: float | None
    guarantee: str
