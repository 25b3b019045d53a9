"""Heard: what one replica saw that the others need to know, in small batches that count once however often they come.

A batch has its writer and a number; numbers of one writer rise by one, so that a batch which comes again is known, and
one that is missing is noticed. Rows of families and ties mean something within one live state only: a batch names it,
and what was seen under another state is passed over, while slowed and challenged requests count all the same.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from typing import Final

import msgspec

EVENTS: Final = 200
"""Events in one batch; together some 12 kB."""
KEPT: Final = 4096
"""Batches that are kept, to be sent again to a store that lost them."""


class Seen(msgspec.Struct, array_like=True, frozen=True):
    """One request of an account that is being counted; see `newcomers`."""

    account: str
    families: list[int]
    shown: list[tuple[int, int]]
    handed: list[int]


class Given(msgspec.Struct, array_like=True, frozen=True):
    """Fingerprints of an answer that was given to a member of a campaign; -1 for somebody who is listened to."""

    campaign: int
    account: str
    lanes: list[int]


class Batch(msgspec.Struct, array_like=True, frozen=True, kw_only=True):
    """What one writer heard in one turn.

    Attributes:
        state: which live state the rows are of.
        taken: requests that slowed accounts were let through.
        challenged: accounts that were challenged.
        listened: accounts that brought an answer of a member, and are listened to from now on.
    """

    writer: str
    number: int
    state: str
    seen: list[Seen] = []
    given: list[Given] = []
    taken: dict[str, int] = {}
    challenged: list[str] = []
    listened: list[str] = []


class Heard:
    """What was heard since the last turn, and the batches of the turns before; one of them serves one process."""

    def __init__(self, writer: str) -> None:
        self.writer = writer
        self.dropped = 0
        self._seen: list[Seen] = []
        self._given: list[Given] = []
        self._taken: Counter[str] = Counter()
        self._challenged: list[str] = []
        self._listened: list[str] = []
        self._number = 0
        self._batches: deque[Batch] = deque()
        self._sent = 0

    @property
    def number(self) -> int:
        """The number of the last batch."""
        return self._number

    def saw(self, account: str, families: list[int], shown: list[tuple[int, int]], handed: list[int]) -> None:
        """Hear of a request that was counted."""
        self._seen.append(Seen(account, families, shown, handed))

    def gave(self, campaign: int, account: str, lanes: list[int]) -> None:
        """Hear of an answer to a member."""
        self._given.append(Given(campaign, account, lanes))

    def took(self, account: str) -> None:
        """Hear that a slowed account was let through."""
        self._taken[account] += 1

    def challenged(self, account: str) -> None:
        """Hear that an account was challenged."""
        self._challenged.append(account)

    def listens(self, account: str) -> None:
        """Hear that an account is listened to."""
        self._listened.append(account)

    def gather(self, state: str) -> None:
        """End a turn: what was heard becomes batches. Beyond KEPT the oldest are dropped, and counted if unsent."""
        while self._seen or self._given or self._taken or self._challenged or self._listened:
            self._number += 1
            self._batches.append(
                Batch(
                    writer=self.writer, number=self._number, state=state, seen=self._seen[:EVENTS],
                    given=self._given[:EVENTS], taken=dict(self._taken), challenged=self._challenged,
                    listened=self._listened,
                )
            )  # fmt: skip
            self._seen, self._given = self._seen[EVENTS:], self._given[EVENTS:]
            self._taken, self._challenged, self._listened = Counter(), [], []
        while len(self._batches) > KEPT:
            self.dropped += self._batches.popleft().number > self._sent

    def unsent(self, most: int) -> list[Batch]:
        """Give the oldest batches that were not sent."""
        if not self._batches:
            return []
        first = max(self._sent + 1 - self._batches[0].number, 0)
        return [self._batches[place] for place in range(first, min(first + most, len(self._batches)))]

    def sent(self, batches: list[Batch]) -> None:
        """Know that batches have arrived."""
        self._sent = max([self._sent, *(batch.number for batch in batches)])

    def again(self) -> None:
        """Send all that is kept once more: the store may have lost it."""
        self._sent = 0


class Once:
    """Lets each batch through once."""

    def __init__(self) -> None:
        self.missed = 0
        self._last: dict[str, int] = {}

    def known(self, last: dict[str, int]) -> None:
        """Know which batches an earlier process let through already."""
        self._last.update(last)

    def last(self, own: Heard) -> dict[str, int]:
        """Tell the last batch of each writer that was let through, our own among them."""
        return {**self._last, own.writer: own.number}

    def new(self, batches: list[Batch]) -> Iterator[Batch]:
        """Give the batches that did not come before."""
        for batch in batches:
            last = self._last.get(batch.writer, 0)
            if batch.number > last:
                if last:
                    self.missed += batch.number - last - 1
                self._last[batch.writer] = batch.number
                yield batch
