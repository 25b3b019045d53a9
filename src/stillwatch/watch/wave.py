"""Wave: new accounts that carry one campaign's template, and what they are taken together.

That a new account carries a template which no stranger carried says much, and not enough: a course may have copied it,
or the customers of one product. What such crowds do not have is the campaign's addresses. Each carrier brings the
e-value of its own addresses; under the innocent reading (whoever they are, their addresses are strangers') the mixture

    mean over SHARES of the product over carriers of (1 - share + share x e-value)

is an e-process, and it grows when some of the carriers are the campaign's. Then the wave vouches for its other
carriers, if at least half of all show such an address, the template is still practically nobody else's, they use it as
the members do, and they are no crowd of their own: several who share one place of the network, none of whom shows an
address of the campaign.

Looks the same when innocent: a few people with addresses of their own who copied the campaign's very template, use it
for everything as the campaign does, and began when the campaign came back.
Source: Ville 1939; Vovk & Wang 2021 for the merging of e-values.
"""

from __future__ import annotations

import math
from typing import Final

SHARES: Final = (0.02, 0.1, 0.3, 0.6)
"""Shares of the carriers that are bet to be the campaign's, equally."""
VOUCHES_BITS: Final = 10.0
VOUCHED_MOST: Final = 16.0
"""Bits that a wave says at most."""
TIED_LEAST: Final = 2
"""Carriers with an address of the campaign that a wave needs, and TIED_SHARE of all."""
TIED_SHARE: Final = 0.5
CROWD: Final = 5
"""Carriers at one place of the network, none of them tied, that are a crowd of their own."""
CLOSE: Final = 2
"""The same for an account with at most FEW_PLACES."""
FEW_PLACES: Final = 2
AT_A_PLACE: Final = 64
PLACES: Final = 100_000
"""Places of one wave that are remembered, with so many carriers at each."""


class Wave:
    """The carriers of one campaign's template; one for each campaign."""

    def __init__(self) -> None:
        self._bits: dict[str, float] = {}
        self._sums = [0.0] * len(SHARES)
        self._tied: set[str] = set()
        self._places: dict[int, set[str]] = {}

    def __len__(self) -> int:
        return len(self._bits)

    def take(self, account: str, bits: float, *, tied: bool, places: set[int]) -> None:
        """Take a carrier in, or what its addresses say by now.

        Args:
            bits: log2 of the e-value of its addresses.
            tied: whether it shows one of the campaign's.
            places: keyed hashes of the places of the network that it showed.
        """
        if tied:
            self._tied.add(account)
        for place in places:
            there = self._places.get(place)
            if there is None and len(self._places) < PLACES:
                there = self._places[place] = set()
            if there is not None and len(there) < AT_A_PLACE:
                there.add(account)
        before = self._bits.get(account)
        if not tied and self.own_crowd(places):  # explained by itself, it is no part of the wave
            self.drop(account)
        elif before != bits:
            self._bits[account] = bits
            for number, share in enumerate(SHARES):
                self._sums[number] += _bet(share, bits) - (0.0 if before is None else _bet(share, before))

    def drop(self, account: str) -> None:
        """Forget a carrier."""
        before = self._bits.pop(account, None)
        if before is not None:
            self._sums = [total - _bet(share, before) for total, share in zip(self._sums, SHARES, strict=True)]
        self._tied.discard(account)

    def bits(self) -> float:
        """Give log2 of the e-value that some of the carriers are the campaign's."""
        if len(self._tied) < max(TIED_LEAST, TIED_SHARE * len(self._bits)):
            return 0.0
        top = max(self._sums)
        return top + math.log2(sum(2.0 ** (each - top) for each in self._sums) / len(SHARES))

    def own_crowd(self, places: set[int]) -> bool:
        """Tell whether an account with these places belongs to a crowd of its own."""
        most = CLOSE if len(places) <= FEW_PLACES else CROWD
        return any(
            len(there) >= most and not there & self._tied
            for there in (self._places.get(place, set()) for place in places)
        )


def _bet(share: float, bits: float) -> float:
    return math.log2(1 - share + share * 2.0 ** min(bits, 60.0))
