"""Newcomers: accounts that no hunt has found in a campaign, counted until they are recognised as one's, or never.

What is counted of an account, against each campaign:

- **family**: the e-process of its rate of requests in the campaign's families against the rate outside the campaign, a
  mixture over RATES; it begins after the first match, so that nothing has to be kept of accounts that never match, and
  is capped by the share of strangers that carry the family at all (of two e-values the smaller is one), which goes on
  being counted while decisions are made (`outsiders`). Requests of one account resemble each other, and this cap is
  what keeps a popular template from condemning anybody.
- **network**: the mean of two e-values. One bets on each address when it is shown first: (1 - STAKE) + STAKE x its
  likelihood ratio, which is 0 for an address that no member has. The other bets once that any of them is a member's,
  against the share of strangers that ever show one.
- **handover**: answers given to members come back as its history.
- **wave**: other new carriers of the template show the campaign's addresses (`wave`); it speaks for a new account only,
  and only where it uses the template as members do and at most VOUCHED_SHARE of strangers carry it.
- **client**: told, and capped low; it never decides.

An account is recognised when the bits of these views together reach what is needed, and two of family, network,
handover and wave each say something: never by a family or an address alone. By Ville's inequality an account of
strangers' habits is ever recognised with a chance of at most 2^-bits, as far as the views are independent for
strangers; through the wave, which is no evidence about it alone, with the share of strangers that carry the template.

Looks the same when innocent: a colleague of a member behind the same egress who uses the same template. That is why
nothing harder than `harden` may befall a newcomer, and only where an approved order says so.

Memory: some 700 bytes an account, MOST accounts at the most; who was not seen for longest is forgotten first.
Source: Ville 1939; Waudby-Smith & Ramdas 2024 for the mixture.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from stillwatch.store.live import State
from stillwatch.watch.outsiders import Outsiders
from stillwatch.watch.wave import VOUCHED_MOST, VOUCHES_BITS, Wave

MOST: Final = 200_000
RATES: Final = (0.1, 0.3, 0.6, 0.9)
"""Rates of requests in the family that the mixture bets on, equally."""
SAYS_BITS: Final = 4.0
"""Bits from which a view counts as saying something."""
NETWORK_CAP: Final = 16.0
CLIENT_CAP: Final = 3.0
HANDOVER_BITS: Final = 12.0
"""Bits of one answer that came back; with HANDOVER_CAP for any number of them."""
HANDOVER_CAP: Final = 24.0
STAKE: Final = 0.5
"""Share of the evidence that is bet on each address."""
CARRIES: Final = 3
"""Requests in the template from which an account is one of its carriers; a wave vouches for one after VOUCHED_LEAST."""
VOUCHED_LEAST: Final = 10
VOUCHED_SHARE: Final = 0.005
"""Share of strangers that may carry a template for a wave to vouch."""
VOUCHED_INNOCENT: Final = 0.1
"""Share of a wave that innocent carriers may be expected to make up."""
PURE: Final = 0.95
"""Of the share of its requests that nine of ten members have in the template, how much an account needs."""
VALUES: Final = 64
"""Distinct values of one account that are looked at."""


class Bits(NamedTuple):
    """What speaks for an account being one of a campaign, in bits, by view."""

    family: float = 0.0
    network: float = 0.0
    handover: float = 0.0
    wave: float = 0.0
    client: float = 0.0

    @property
    def total(self) -> float:
        """All bits together, the client's among them."""
        return sum(self)

    @property
    def views(self) -> int:
        """How many of the views that may decide say something."""
        return sum(bits >= SAYS_BITS for bits in self[:4])

    def recognised(self, needed: float) -> bool:
        """Tell whether this is enough: two views, or handover by itself."""
        return self.total >= needed and (self.views >= 2 or self.handover >= needed)


class Against:
    """What one account has shown that points to one campaign."""

    __slots__ = ("client", "handed", "hits", "looked", "network", "rate", "requests", "spread", "tied")

    def __init__(self) -> None:
        self.requests = self.hits = self.handed = 0
        self.rate = self.spread = 1.0
        self.network = self.client = 0.0
        self.looked = self.tied = False

    def family_bits(self, carriers: float) -> float:
        """Weigh its requests in the template, which this share of strangers carries."""
        if not self.hits:
            return 0.0
        return max(min(rate_bits(self.hits - 1, self.requests - 1, self.rate), -math.log2(carriers)), 0.0)

    def network_bits(self, tied: float) -> float:
        """Weigh its addresses, of which this share of strangers shows one of the campaign's."""
        if not self.looked:
            return 0.0
        once = (1 - STAKE) + STAKE * (self.tied / tied)
        return math.log2((2.0 ** min(self.network, 60.0) + once) / 2)

    @property
    def purity(self) -> float:
        """The share of its requests in the template, since the first."""
        return self.hits / self.requests if self.requests else 0.0


def rate_bits(hits: int, requests: int, rate: float) -> float:
    """Give log2 of the mixture e-process for `hits` of `requests` against a rate of at most `rate`."""
    rate = min(max(rate, 1e-9), 0.999)
    bets = [
        hits * math.log2(bet / rate) + (requests - hits) * math.log2((1 - bet) / (1 - rate))
        for bet in RATES
        if bet > rate
    ]
    if not bets:
        return 0.0
    top = max(bets)
    return top + math.log2(sum(2.0 ** (bet - top) for bet in bets) / len(RATES))


def expected_innocents(innocent: float, accounts: int, members: int) -> float:
    """Bound the innocents expected to be recognised among as many new accounts as the hunt saw, `accounts`.

    By what their own requests show `innocent`; through a wave as large as the campaign what VOUCHED_SHARE and
    VOUCHED_INNOCENT let through.
    """
    waved = VOUCHED_INNOCENT * members
    return innocent + (min(VOUCHED_SHARE * accounts, waved) if accounts else waved)


def kin(state: State) -> dict[str, frozenset[str]]:
    """Give the campaigns that share a template with each, itself among them: a hunt may find an operation in pieces."""
    carried: dict[bytes, set[str]] = {}
    for family, number in zip(state.family.tolist(), state.campaign.tolist(), strict=True):
        carried.setdefault(family, set()).add(state.meta.campaigns[number].id)
    found = {one.id: {one.id} for one in state.meta.campaigns}
    for names in carried.values():
        for name in names:
            found[name] |= names
    return {name: frozenset(names) for name, names in found.items()}


def needed_bits(accounts: int, innocent: float) -> float:
    """Give the bits that are needed so that among `accounts` strangers `innocent` are expected to be recognised."""
    return max(math.log2(max(accounts, 1) / max(innocent, 1e-9)), 2 * SAYS_BITS)


class Newcomer:
    """One account that is being counted, against campaigns by their ids."""

    __slots__ = ("against", "campaign", "known", "places", "seen", "since", "turn")

    def __init__(self) -> None:
        self.against: dict[str, Against] = {}
        self.seen: set[int] = set()
        self.places: set[int] = set()
        self.campaign = ""
        self.since = 0.0
        self.known = False
        self.turn = 0


class Newcomers:
    """All accounts that are being counted; one of them serves one process.

    Counts are kept against campaigns by their ids, so that they go on when a new state takes the place of the one
    before (`follow`), and when a process takes up what another left (`waiting`).
    """

    def __init__(
        self, state: State, innocent: float, most: int = MOST, *, hashed: Callable[[str], int] | None = None
    ) -> None:
        self._most = most
        self._hashed = hashed or (lambda _: 0)
        self._turn = 0
        self._held: OrderedDict[str, Newcomer] = OrderedDict()
        self.waiting: Callable[[str], Newcomer | None] | None = None
        self.changed: set[str] = set()
        self.follow(state, innocent)

    def follow(self, state: State, innocent: float) -> None:
        """Count by a new state from now on; what was counted of its campaigns goes on."""
        self._state = state
        self._turn += 1
        self.outsiders = Outsiders(state)
        self._kin = kin(state)
        self._waves = {name: Wave() for name in self._kin}
        self._purity = {one.id: PURE * one.purity for one in state.meta.campaigns}
        self.needed = needed_bits(state.meta.accounts, innocent)
        self._ids = [campaign.id for campaign in state.meta.campaigns]
        self._numbers = {name: number for number, name in enumerate(self._ids)}

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, account: str) -> bool:
        return account in self._held

    def held(self, account: str) -> Newcomer | None:
        """Give what is counted of an account."""
        return self._held.get(account)

    def drop(self, gone: Callable[[str], bool]) -> None:
        """Forget accounts."""
        for account in [one for one in self._held if gone(one)]:
            del self._held[account]
            self.changed.discard(account)
            self._leave(account)

    def near(self) -> int:
        """Count the accounts that carried a campaign's template and were not recognised."""
        return sum(
            not held.campaign and any(against.hits for against in held.against.values()) for held in self._held.values()
        )

    def see(
        self, account: str, families: Iterable[int], ties: Iterable[tuple[int, int]], handed: Iterable[int],
        now: float = 0.0,
    ) -> tuple[int, Bits]:  # fmt: skip
        """Count one request; returns the campaign that the account is recognised as of (-1 for none) and its bits.

        Args:
            families: rows of the state's families that the request contains.
            ties: (value, row of the state's ties) that it shows; row -1 for an address that ties to no campaign.
            handed: campaigns of which a member was given the answer that the request brings along.
            now: epoch seconds, noted when the account is recognised.
        """
        held = self._held.get(account)
        carried, shown, given = list(families), list(ties), list(handed)
        if held is None:
            if self.waiting is not None:
                held = self.waiting(account)
            if held is None and not (carried or given or any(row >= 0 for _, row in shown)):
                return -1, NOTHING
            held = self._held[account] = held or Newcomer()
            if len(self._held) > self._most:
                self._leave(self._held.popitem(last=False)[0])
        else:
            self._held.move_to_end(account)
        if held.turn != self._turn:
            held.turn, held.known = self._turn, self.outsiders.met(self._hashed(account))
        self._count(held, carried, shown, given)
        self.changed.add(account)
        for name, against in held.against.items():
            if name in self._numbers:
                self._gather(account, held, name, against, now, carries=bool(carried))
        return self._weigh(held, now)

    def _leave(self, account: str) -> None:
        for wave in self._waves.values():
            wave.drop(account)

    def _gather(self, account: str, held: Newcomer, name: str, against: Against, now: float, *, carries: bool) -> None:
        """Note what an old account does, and take a new one that carries the template into the wave."""
        if held.known:
            if carries and against.hits:
                self.outsiders.carry(name, self._hashed(account), now)
            elif against.tied and not against.hits:
                self.outsiders.show(name, self._hashed(account))
        elif against.hits >= CARRIES and against.purity >= self._purity[name]:
            bits, tied = self._kin_bits(held, name)
            self._waves[name].take(account, bits, tied=tied, places=held.places)
        elif against.hits >= CARRIES:
            self._waves[name].drop(account)

    def _count(self, held: Newcomer, carried: list[int], shown: list[tuple[int, int]], given: list[int]) -> None:
        state, ids = self._state, self._ids
        best: dict[str, int] = {}
        for family in carried:
            name = ids[state.campaign[family]]
            if name not in best or state.spread[family] < state.spread[best[name]]:
                best[name] = family
        handed = [ids[number] for number in given]
        for name in (*best, *handed, *(ids[state.tie_campaign[row]] for _, row in shown if row >= 0)):
            held.against.setdefault(name, Against())
        for name, against in held.against.items():
            if against.hits or name in best:
                against.requests += 1
            if name in best:
                family = best[name]
                against.hits += 1
                against.rate = max(float(state.rate[family]), against.rate if against.hits > 1 else 0.0)
                against.spread = max(float(state.spread[family]), against.spread if against.hits > 1 else 0.0)
        for name in handed:
            held.against[name].handed += 1
        self._look(held, shown, {*best, *handed})

    def _look(self, held: Newcomer, shown: list[tuple[int, int]], otherwise: set[str]) -> None:
        """Weigh each value when it is shown for the first time; one that made us look is not weighed itself."""
        ties: dict[int, dict[str, int]] = {}
        for value, row in shown:
            ties.setdefault(value, {})
            if row >= 0:
                ties[value][self._ids[self._state.tie_campaign[row]]] = row
        for value, rows in ties.items():
            if value in held.seen or len(held.seen) >= VALUES:
                continue
            held.seen.add(value)
            if not rows or any(self._state.tie_network[row] for row in rows.values()):
                held.places.add(value)
            for name, against in held.against.items():
                row = rows.get(name, -1)
                network = row >= 0 and bool(self._state.tie_network[row])
                against.tied |= network
                if row >= 0 and not network:
                    against.client = max(against.client, float(self._state.tie_bits[row]))
                elif against.requests or name in otherwise or against.looked:
                    ratio = 2.0 ** min(float(self._state.tie_bits[row]), 40.0) if row >= 0 else 0.0
                    if row >= 0 or not rows:
                        against.network += math.log2((1 - STAKE) + STAKE * ratio)
                against.looked = True

    def _kin_bits(self, held: Newcomer, name: str) -> tuple[float, bool]:
        """Weigh an account's addresses against a campaign and its kin: the mean e-value, and whether any ties it."""
        each = [(held.against.get(one), self.outsiders.tied(one)) for one in self._kin[name]]
        values = [1.0 if against is None else 2.0 ** against.network_bits(tied) for against, tied in each]
        return math.log2(sum(values) / len(values)), any(against is not None and against.tied for against, _ in each)

    def _weigh(self, held: Newcomer, now: float) -> tuple[int, Bits]:
        found, most = "", NOTHING
        for name, against in held.against.items():
            if name not in self._numbers:  # a later hunt has not found that campaign again
                continue
            bits = self._bits(held, name, against, now)
            if bits.total > most.total:
                most = bits
                found = name if bits.recognised(self.needed) else ""
        if found and held.campaign != found:
            held.campaign, held.since = found, held.since or now
        return self._numbers.get(held.campaign, -1), most

    def _bits(self, held: Newcomer, name: str, against: Against, now: float) -> Bits:
        carriers = self.outsiders.carriers(name, against.spread, now)
        bits = Bits(
            family=against.family_bits(carriers),
            network=min(max(against.network_bits(self.outsiders.tied(name)), 0.0), NETWORK_CAP),
            handover=min(against.handed * HANDOVER_BITS, HANDOVER_CAP),
            client=min(max(against.client, 0.0), CLIENT_CAP),
        )
        if bits.recognised(self.needed) or not self._vouched(held, name, against, carriers):
            return bits
        return bits._replace(wave=min(self._waves[name].bits(), VOUCHED_MOST))

    def _vouched(self, held: Newcomer, name: str, against: Against, carriers: float) -> bool:
        """Tell whether the wave of a campaign vouches for an account that carries its template."""
        wave = self._waves[name]
        return (
            not held.known
            and against.hits >= VOUCHED_LEAST
            and carriers <= VOUCHED_SHARE
            and against.purity >= self._purity[name]
            and carriers * self.outsiders.new <= VOUCHED_INNOCENT * len(wave)
            and wave.bits() >= VOUCHES_BITS
            and not wave.own_crowd(held.places)
        )


NOTHING: Final = Bits()
