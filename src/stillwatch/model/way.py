"""Way: how one account, exchange or entry went through a hunt, room by room."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from stillwatch.model.case import Entry


class Value(msgspec.Struct, kw_only=True, frozen=True):
    """A value that ties an owner to others of his group, as a keyed hash.

    Attributes:
        inside: owners of the group who have it; `outside`: owners who are not in it.
    """

    column: str
    value: str
    inside: int
    outside: int


class Tie(msgspec.Struct, kw_only=True, frozen=True):
    """What one view says of an account and a group.

    Attributes:
        bits: None where the view saw nothing.
        tied: whether that is a tie.
        admits: whether ties of this view may let somebody in.
    """

    view: str
    bits: float | None
    tied: bool
    admits: bool
    values: list[Value] = []


class Hop(msgspec.Struct, kw_only=True, frozen=True):
    """Conversations handed over between this account's owner and another account's."""

    account: str
    conversations: int
    given: bool
    """Whether this account gave them away; else it took them over."""


class GroupWay(msgspec.Struct, kw_only=True, frozen=True):
    """A group that the hunt looked at.

    Attributes:
        by: the view that proposed it.
        bits: its bits in all views, and `bits_by_view` in each.
        passed: whether it is linked beyond chance.
        verdicts: ids of the entries, cleared or undecided, that came of it.
    """

    owners: int
    by: str
    bits: float
    passed: bool
    bits_by_view: dict[str, float]
    verdicts: list[str] = []


class Stream(msgspec.Struct, kw_only=True, frozen=True):
    """A family inside an account."""

    family: str
    exchanges: int
    output_tokens: int
    template: str
    harness: bool
    entries: list[str]
    """Entries that the family is attributed to."""


class Verdict(msgspec.Struct, kw_only=True, frozen=True):
    """What came of an account: an entry that names it, or why it was cleared, or what is missing."""

    id: str
    what: str
    because: str


class AccountWay(msgspec.Struct, kw_only=True, frozen=True):
    """The way of an account.

    Attributes:
        owner_accounts: the other accounts of its owner, some of them, and `owner_size` all of them with this one.
        group: the settled group that it is in; `near`: the one that it comes nearest to.
        views_tied: views that tie it to that group, of those that may let somebody in.
        bits: its ties together, and `bits_needed` what membership needs.
        proposal: the strongest group that it was proposed in.
        because: which rule decided, or why it was not found.
    """

    schema: int = 1
    kind: Literal["account"] = "account"
    account: str
    exchanges: int
    first: datetime
    last: datetime
    owner_size: int
    owner_accounts: list[str]
    owner_because: str
    declared: bool
    verdicts: list[Verdict]
    streams: list[Stream]
    group: GroupWay | None
    near: GroupWay | None
    ties: list[Tie]
    hops: list[Hop]
    views_tied: int
    bits: float
    bits_needed: float | None
    proposal: GroupWay | None
    because: list[str]


class ExchangeWay(msgspec.Struct, kw_only=True, frozen=True):
    """The way of an exchange.

    Attributes:
        entries: entries that it is attributed to, with the family by which it is.
        found: the way of its account; None where the case does not know it.
    """

    schema: int = 1
    kind: Literal["exchange"] = "exchange"
    exchange: str
    account: str
    at: datetime | None
    entries: list[Verdict]
    family: str
    template: str
    found: AccountWay | None
    because: list[str]


class EntryWay(msgspec.Struct, kw_only=True, frozen=True):
    """The way of an entry."""

    schema: int = 1
    kind: Literal["campaign"] = "campaign"
    entry: Entry
    group: GroupWay | None
    because: list[str]


Way = AccountWay | ExchangeWay | EntryWay
