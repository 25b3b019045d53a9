"""Standing: the orders, grants and allowlist in force, laid out for a look-up; made anew whenever the book changes."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from stillwatch.model.answer import Asked, Order, Spared, rank
from stillwatch.model.grant import Grant
from stillwatch.store.book import Book
from stillwatch.store.key import Key
from stillwatch.store.licences import Issued, grants, used

DAY_S: Final = 86_400


@dataclass(slots=True, kw_only=True)
class Standing:
    """What stands in the book.

    Attributes:
        accounts: orders that name an account, hardest first.
        campaigns: orders that name a campaign without naming accounts, hardest first, by its id.
        joined: the orders that say what befalls newcomers of a campaign, by its id, the hardest ceiling first.
        spared: accounts on the allowlist, and until when (epoch seconds).
        grants: grants by account.
        used: exchanges counted of each grant, by any process.
    """

    accounts: dict[str, list[Order]] = field(default_factory=dict)
    campaigns: dict[str, list[Order]] = field(default_factory=dict)
    joined: dict[str, list[Order]] = field(default_factory=dict)
    spared: dict[str, float] = field(default_factory=dict)
    grants: dict[str, list[Grant]] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)

    def nothing(self) -> bool:
        """Tell whether no order is in force at all."""
        return not (self.accounts or self.campaigns)

    def spares(self, account: str, now: float) -> bool:
        """Tell whether the allowlist keeps an account."""
        return self.spared.get(account, 0.0) > now

    def keeps(self, account: str, now: float) -> bool:
        """Tell whether the allowlist, or any grant of the day, keeps an account; nothing more is looked at."""
        day = today(now).date()
        return self.spares(account, now) or any(grant.runs_on(day) for grant in self.grants.get(account, ()))

    def covering(self, asked: Asked, now: float, used: Counter[str], carried: Callable[[], set[str]]) -> Grant | None:
        """Find a grant of the account that covers the request.

        Args:
            used: exchanges counted of each grant by this process, and not yet in the book.
            carried: tells the families that the request contains; called only where a grant names families.
        """
        day = today(now).date()
        families: set[str] | None = None
        for grant in self.grants.get(asked.account, ()):
            spent = self.used.get(grant.id, 0) + used[grant.id]
            if not grant.runs_on(day) or (grant.exchanges and spent >= grant.exchanges):
                continue
            if grant.models and asked.model not in grant.models:
                continue
            if grant.families:
                if families is None:
                    families = carried()
                if families and not families & grant.families:
                    continue
            return grant
        return None

    def hardest(self, account: str, campaigns: Iterable[str], now: float, key: Key) -> Order | None:
        """Find the hardest order in force on an account that is a member of these campaigns."""
        found: Order | None = None
        for order in self.accounts.get(account, ()):
            if in_force(order, account, now, key):
                found = order
                break
        for campaign in campaigns:
            for order in self.campaigns.get(campaign, ()):
                harder = found is None or rank(order.rung) > rank(found.rung)
                if harder and in_force(order, account, now, key):
                    found = order
        return found


def standing(book: Book) -> Standing:
    """Read the book."""
    return laid_out(book.orders(), book.spared(), grants(book), used(book))


def laid_out(
    orders: Iterable[Order], allowed: Iterable[Spared], issued: Iterable[Issued], spent: dict[str, int]
) -> Standing:
    """Lay orders, the allowlist and grants out for a look-up."""
    found = Standing(used=spent)
    for order in sorted(orders, key=lambda one: -rank(one.rung)):
        if order.step != "approved":
            continue
        if order.accounts:
            for account in order.accounts:
                found.accounts.setdefault(account, []).append(order)
        elif order.campaign is not None:
            found.campaigns.setdefault(order.campaign, []).append(order)
        if order.campaign is not None:
            found.joined.setdefault(order.campaign, []).append(order)
    for told in found.joined.values():
        told.sort(key=lambda one: -rank(one.newcomers))
    for spared in allowed:
        found.spared[spared.account] = spared.ends.timestamp()
    for one in issued:
        if one.revoked_at is None:
            for account in one.grant.accounts:
                found.grants.setdefault(account, []).append(one.grant)
    return found


def in_force(order: Order, account: str, now: float, key: Key) -> bool:
    """Tell whether an order acts on an account at an instant (epoch seconds).

    It ends by itself; it rests while it is snoozed; and where it has a delay, each account has an instant of its own
    within it, drawn with the key, so that probing learns little and a restart changes nothing.
    """
    if order.approved_at is None or now >= order.ends.timestamp():
        return False
    if order.snoozed_until is not None and now < order.snoozed_until.timestamp():
        return False
    begin = order.approved_at.timestamp()
    if order.delay_s > 0:
        begin += order.delay_s * drawn(key, order.id, account)
    return now >= begin


def drawn(key: Key, order: str, account: str) -> float:
    """Draw a number in [0, 1) for an account under an order: the same each time."""
    digest = hashlib.blake2b(f"{order}\0{account}".encode("utf-8", "replace"), digest_size=8, key=key.secret)
    return int.from_bytes(digest.digest(), "big") / 2**64


def reference(key: Key, order: str, account: str) -> str:
    """Make what a refused party quotes: it names the order, and the account to nobody but us."""
    return f"{order}-{int(drawn(key, order, account) * 2**32):08x}"


def today(now: float) -> datetime:
    """Give the day of an instant, UTC."""
    return datetime.fromtimestamp(now, UTC)
