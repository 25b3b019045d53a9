"""Replayed: what an old day would have been under one policy and under another."""

from __future__ import annotations

from datetime import datetime

import msgspec


class ActionCount(msgspec.Struct, kw_only=True, frozen=True):
    """How often something was done.

    Attributes:
        paying: of the accounts, those whose plan is a paid one; -1 without the accounts file.
        outside: of the accounts, those that no campaign of the live state has as a member.
    """

    requests: int
    accounts: int
    paying: int = -1
    outside: int = 0


class Outcome(msgspec.Struct, kw_only=True, frozen=True):
    """The day under one policy.

    Attributes:
        policy: how it was named.
        orders: how many orders it has.
        actions: by action, `allow` among them.
        recognised: accounts that were recognised as newcomers of a campaign.
        near: accounts that carried a template of a campaign and were neither its members nor recognised: the nearest
            innocent crowd of that day.
        covered: requests that a grant or the allowlist decided.
    """

    policy: str
    orders: int
    actions: dict[str, ActionCount]
    recognised: int
    near: int
    covered: int


class Differing(msgspec.Struct, kw_only=True, frozen=True):
    """One request that would have been met otherwise."""

    exchange: str
    at: datetime
    account: str
    against: str
    policy: str
    order: str | None
    because: list[str]


class Replayed(msgspec.Struct, kw_only=True, frozen=True):
    """Both, side by side.

    Attributes:
        changes: requests by `old action → new action`, where they differ.
        hit_anew: accounts that the old policy let pass wholly, and the new one does not; of them `hit_anew_paying` pay.
        let_go: the other way round.
        first: some of the requests that differ; `--out` has all of them.
        limits: what a replay cannot know.
    """

    schema: int = 1
    exchanges: int
    accounts: int
    from_: datetime | None = msgspec.field(name="from")
    to: datetime | None
    against: Outcome
    policy: Outcome
    differing: int
    changes: dict[str, int]
    hit_anew: int
    hit_anew_paying: int
    let_go: int
    first: list[Differing]
    limits: list[str]
