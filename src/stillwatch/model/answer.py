"""Answer: what is decided about one request, and the orders that decisions come from.

A **rung** is what an order says, from `observe` to `suspend`; the **action** is what the gateway then does to a
request. Other programs rely on the shape of `Decision`: fields are added, never renamed or dropped.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

import msgspec

Rung = Literal["observe", "notify", "slow", "challenge", "harden", "suspend"]
LADDER: Final[tuple[Rung, ...]] = ("observe", "notify", "slow", "challenge", "harden", "suspend")
"""The rungs, mildest first."""
NEWCOMERS_MOST: Final[Rung] = "harden"
"""The hardest that may befall an account which no person has looked at."""

FREE: Final = ("", "free", "trial", "none", "evaluation")
"""Plans that nobody pays for."""

Action = Literal["allow", "slow", "challenge", "harden", "refuse"]
Step = Literal["planned", "approved", "expired", "undone"]
"""How far an order is; `approved` orders are in force until they end."""


def rank(rung: Rung) -> int:
    """Tell how hard a rung is."""
    return LADDER.index(rung)


class Asked(msgspec.Struct, kw_only=True):
    """One request, as whoever stands before the model tells of it; everything may be missing but the account.

    Attributes:
        body: the request as the client sent it, parsed.
        status: `POST /v1/decide` takes more fields than these and looks at none of them.
    """

    account: str = ""
    key: str = ""
    ip: str = ""
    user_agent: str = ""
    ja4: str = ""
    model: str = ""
    operation: str = ""
    body: Any = None


class Would(msgspec.Struct, kw_only=True, frozen=True):
    """What would have been done, had the gateway not been in shadow."""

    action: Action
    transforms: list[str] = []
    category: str | None = None


class Decision(msgspec.Struct, kw_only=True, frozen=True):
    """What to do with one request.

    Attributes:
        transforms: what to change in the request and its answer, by name.
        ttl_s: how long the same may be said of the same account without asking again.
        category: why, in a word that the refused party may read.
        reference: what a refused party quotes in an appeal.
        shadow: whether nothing is enforced; `action` is then always `allow`.
        would: what would have been done, where that is more than `allow`; in shadow only.
        order: the order that it comes from.
        retry_after_s: how long a slowed or challenged client is to wait.
    """

    action: Action = "allow"
    transforms: list[str] = []
    ttl_s: int = 0
    category: str | None = None
    reference: str | None = None
    because: list[str] = []
    shadow: bool = True
    would: Would | None = None
    order: str | None = None
    retry_after_s: int = 0


class Blast(msgspec.Struct, kw_only=True, frozen=True):
    """Whom an order would hit, counted before it is approved.

    Attributes:
        accounts: named by it, those outside grants and the allowlist.
        spared: named by it, and left alone for a grant or an entry of the allowlist.
        exchanges: of these accounts in the traffic hunted.
        paying: those of them whose plan is a paid one; -1 where the case does not tell.
        crowd: accounts outside the order that carry the same families: the nearest innocent crowd.
        newcomers_expected: innocent newcomers expected among as many new accounts as the hunt saw, at most.
        strongest: the hardest other order that these accounts are under already.
    """

    accounts: int = 0
    spared: int = 0
    exchanges: int = 0
    paying: int = -1
    crowd: int = 0
    newcomers_expected: float = 0.0
    strongest: str | None = None


class Order(msgspec.Struct, kw_only=True, frozen=True):
    """A countermeasure on somebody.

    Attributes:
        id: as in `o-1f3c9a02`.
        accounts: whom it names; with `campaign` and without accounts, all members of the campaign.
        members: where it names a campaign and the case was at hand, the members that the case named then.
        newcomers: the ceiling for accounts that join the campaign later.
        transforms: what `harden` does; empty for all that the rung has.
        evidence: why, in sentences, as the case told them.
        delay_s: enforcement begins so many seconds after approval at the latest, at an instant drawn for each account.
        snoozed_until: it rests until then.
    """

    id: str
    rung: Rung
    accounts: list[str] = []
    campaign: str | None = None
    members: list[str] = []
    newcomers: Rung = "observe"
    transforms: list[str] = []
    category: str = "model_extraction"
    reason: str
    evidence: list[str] = []
    planned_by: str
    planned_at: datetime
    approved_by: str | None = None
    approved_at: datetime | None = None
    ends: datetime
    delay_s: int = 0
    snoozed_until: datetime | None = None
    step: Step = "planned"
    blast: Blast = Blast()


class Note(msgspec.Struct, kw_only=True, frozen=True):
    """One line of the record: who did what to an order, when and why."""

    number: int
    order: str
    at: datetime
    did: str
    by: str
    why: str = ""


class Spared(msgspec.Struct, kw_only=True, frozen=True):
    """An account on the allowlist, with a reason and an end."""

    account: str
    reason: str
    by: str
    ends: datetime
