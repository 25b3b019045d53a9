"""Leads: accounts of one's own that a peer's bulletin points at, weighed by one's own frequencies.

A lead is for a person and for the next hunt to look at; nothing acts on it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Final, Literal

import msgspec

from stillwatch.model.bulletin import Bulletin
from stillwatch.share.families import Matcher, epoch_of
from stillwatch.share.ranges import widened

CAP_BITS: Final = 8.0
"""Bits that what a peer told may propose for one account, all of it together."""
EXACT: Final = "exact:"
Kind = Literal["family", "range", "as", "email", "phone", "card", "device"]
"""Ways in which an account of one's own is found; `range` is a network of /24 or /48."""


class Lead(msgspec.Struct, kw_only=True, frozen=True):
    """An account of one's own that a bulletin points at: a lead to look at, and no order.

    Attributes:
        bits: how much rarer it is here to match by chance; of one's own frequencies, capped.
        by: what matched: ids of families, ranges, and `exact:KIND` for identifiers matched without showing them.
        weeks: exchanges that match, by ISO week.
        shadow: always true: nothing acts on a lead by itself.
    """

    account: str
    bits: float
    by: list[str]
    exchanges: int
    weeks: dict[str, int] = {}
    shadow: bool = True

    @property
    def kinds(self) -> list[Kind]:
        """Tell in which ways it was found."""
        return sorted({kind_of(one) for one in self.by})


def kind_of(matched: str) -> Kind:
    """Tell in which way something matched."""
    if matched.startswith(EXACT):
        kind: Kind = msgspec.convert(matched.removeprefix(EXACT), Kind)
        return kind
    return "family" if matched.startswith("f-") else "as" if matched.startswith("AS") else "range"


class Seen(msgspec.Struct, kw_only=True, frozen=True):
    """One exchange of one's own, as far as bulletins can match it."""

    account: str
    day: date
    ip: str | None = None
    asn: int | None = None
    prompt: str = ""


class Hits:
    """What matched, by the value that matched and the account."""

    def __init__(self) -> None:
        self.counts: dict[str, dict[str, Counter[str]]] = {}
        self.accounts: set[str] = set()

    def add(self, value: str, account: str, week: str) -> None:
        """Count an exchange of an account that matches a value."""
        self.counts.setdefault(value, {}).setdefault(account, Counter())[week] += 1

    def leads(self, bulletin: Bulletin, exact: Iterable[Lead] = ()) -> list[Lead]:
        """Weigh what matched by how few of one's own accounts match it.

        Args:
            exact: leads of identifiers that were matched apart, which stay.
        """
        bits: dict[str, float] = {one.account: one.bits for one in exact}
        by: dict[str, list[str]] = {one.account: list(one.by) for one in exact}
        weeks: dict[str, Counter[str]] = {}
        for value, rare in self._rare(bulletin):
            for account, counted in self.counts[value].items():
                bits[account] = bits.get(account, 0.0) + rare
                by.setdefault(account, []).append(value)
                weeks[account] = max(weeks.get(account, Counter()), counted, key=Counter.total)
        names = sorted((one for one in bits if bits[one] >= 1.0), key=lambda one: (-bits[one], one))
        return [_lead(one, bits[one], by[one], weeks.get(one, Counter())) for one in names]

    def _rare(self, bulletin: Bulletin) -> Iterator[tuple[str, float]]:
        """Give each value that matched and may point at somebody, with its bits."""
        egress = {one.value for one in bulletin.ranges if one.shared_egress}
        for value in [*(one.id for one in bulletin.families), *(one.value for one in bulletin.ranges)]:
            if value in self.counts:
                holders = len(self.counts[value])
                rare = -math.log2((holders + 1) / (len(self.accounts) + 2))
                yield value, 0.0 if value in egress else rare


def _lead(account: str, bits: float, by: Sequence[str], weeks: Counter[str]) -> Lead:
    return Lead(
        account=account, bits=round(min(bits, CAP_BITS), 1), by=sorted(set(by)), exchanges=weeks.total(),
        weeks=dict(sorted(weeks.items())),
    )  # fmt: skip


def search(bulletins: Sequence[Bulletin], seen: Iterable[Seen], group: bytes | None, today: date) -> Hits:
    """Look for everything that is valid today in one's own exchanges.

    Args:
        group: the group's key; without it families are not looked for.
    """
    ranges = {one.value for told in bulletins for one in told.ranges if one.valid_until >= today}
    families = [one for told in bulletins for one in told.families]
    matcher = Matcher(families, group) if group is not None and families else None
    hits = Hits()
    for one in seen:
        hits.accounts.add(one.account)
        week = epoch_of(one.day)
        for value in (widened(one.ip) if one.ip else None, f"AS{one.asn}" if one.asn else None):
            if value in ranges:
                hits.add(value, one.account, week)
        if matcher is not None and one.prompt:
            for name in matcher.match(one.prompt):
                hits.add(name, one.account, week)
    return hits


def pointed(leads: Sequence[Lead], accounts: Iterable[str], kind: Kind) -> list[Lead]:
    """Add accounts whose identifiers were matched without showing any other."""
    held = {one.account: one for one in leads}
    for account in accounts:
        last = held.get(account, Lead(account=account, bits=0.0, by=[], exchanges=0))
        held[account] = msgspec.structs.replace(last, bits=CAP_BITS, by=sorted({*last.by, EXACT + kind}))
    return sorted(held.values(), key=lambda one: (-one.bits, one.account))


def exact(leads: Iterable[Lead]) -> list[Lead]:
    """Keep of leads what was matched by identifiers."""
    found = [(one, [by for by in one.by if by.startswith(EXACT)]) for one in leads]
    return [Lead(account=one.account, bits=CAP_BITS, by=by, exchanges=0) for one, by in found if by]
