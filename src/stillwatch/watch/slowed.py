"""Slowed: how far the requests of a slowed account may go on, and whom an hour has challenged already.

A slowed account has a bucket of half a minute's requests, which fills at `[watch] slow_per_minute`; what other replicas
let through is taken from it as well. Memory: SLOWED accounts of each at the most.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from stillwatch.settings import Watch as WatchSettings
from stillwatch.watch.heard import Batch

SLOWED: Final = 200_000
"""Accounts whose slowed and challenged requests are counted."""


class Slowed:
    """Buckets of slowed accounts and hours of challenged ones; one of them serves one process."""

    def __init__(self, settings: WatchSettings) -> None:
        closed = settings.fail_closed
        self._settings = settings
        self._shares = isinstance(closed, tuple) and "slow" in closed
        self._slowed: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._challenged: OrderedDict[str, float] = OrderedDict()

    def slow(self, account: str, now: float, share: float) -> int:
        """Take from the account's bucket; returns how long to wait in seconds, 0 where it may pass.

        Args:
            share: of the rate that this replica may allow by itself; it counts only where slowing fails closed.
        """
        shared = share if self._shares else 1.0
        per_s = self._settings.slow_per_minute / 60.0 * shared
        room = max(self._settings.slow_per_minute / 2.0, 1.0)
        level, at = self._slowed.pop(account, (room, now))
        level = min(room, level + max(now - at, 0.0) * per_s)
        passes = level >= 1.0
        self._slowed[account] = (level - 1.0 if passes else level, now)
        if len(self._slowed) > SLOWED:
            self._slowed.popitem(last=False)
        return 0 if passes else max(int((1.0 - level) / per_s) + 1, 1)

    def challenge(self, account: str, now: float) -> int:
        """Challenge one request an hour, where nothing can be stepped up to; returns 1 for that one, else 0."""
        if now - self._challenged.get(account, -3600.0) < 3600.0:
            return 0
        self._has_been_challenged(account, now)
        return 1

    def hear(self, batch: Batch, now: float) -> None:
        """Count what another replica let through, and whom it challenged."""
        for account, requests in batch.taken.items():
            level, at = self._slowed.pop(account, (max(self._settings.slow_per_minute / 2.0, 1.0), now))
            self._slowed[account] = (max(level - requests, -self._settings.slow_per_minute), at)
        for account in batch.challenged:
            self._has_been_challenged(account, now)

    def _has_been_challenged(self, account: str, now: float) -> None:
        self._challenged[account] = now
        self._challenged.move_to_end(account)
        if len(self._challenged) > SLOWED:
            self._challenged.popitem(last=False)
