"""Outsiders: what accounts that a hunt saw, and found in no campaign, do now; the measure of what strangers do.

A template that nobody outside a campaign carried yesterday may be on everybody's lips today. So the share of strangers
that carry it, or that show one of the campaign's addresses, is counted again while decisions are made, among accounts
that are known to be old: those can be no newcomers. Of `seen` of them `carried` carry it: then, for another stranger,
(seen + 1) / (carried + 1) where it carries it too, and 0 where not, is an e-value: its mean is 1 - (1 - p)^(seen + 1),
which is at most 1 whatever the share p. This rests on new strangers being like old ones; where all who carry a template
are new (a course, the customers of one product) it says nothing, and `wave` has to.

- Old accounts that begin to carry the template raise the share, for as long as the state lasts.
- Those that carried it already are in the hunt's share: campaign accounts that the hunt missed are among them, so that
  it is an upper bound. While any of them was heard within SILENT_S it stands; when all have fallen silent it does not.

Memory: a byte for each account that the hunt saw, and 1 MiB to know how many new ones there are.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from stillwatch.store.live import State

SILENT_S: Final = 86_400.0
NEW_BITS: Final = 23
"""Bits of the field in which new accounts are counted; right within a percent up to ten million."""


class Outsiders:
    """Counts what old accounts do, for one state; one of them serves one process."""

    def __init__(self, state: State) -> None:
        self._known: npt.NDArray[np.uint64] = state.known
        self._carried: npt.NDArray[np.bool_] = state.known_carried
        self._there = np.zeros(len(state.known), np.bool_)
        self._new = bytearray(1 << (NEW_BITS - 3))
        self._places = 0
        self.seen = 0
        self._adopted: dict[str, set[int]] = {}
        self._heard: dict[str, float] = {}
        self._tied: dict[str, set[int]] = {}
        self._clean = {one.id: (one.touched + 1) / (max(state.meta.accounts - one.accounts, 0) + 1)
                       for one in state.meta.campaigns}  # fmt: skip

    def met(self, account: int) -> bool:
        """Meet an account that is in no campaign, by its keyed hash; tells whether the hunt saw it."""
        row = self._row(account)
        if row < 0:
            self._meet_new(account)
            return False
        if not self._there[row]:
            self._there[row] = True
            self.seen += 1
        return True

    def _row(self, account: int) -> int:
        row = int(np.searchsorted(self._known, np.uint64(account)))
        return row if row < len(self._known) and int(self._known[row]) == account else -1

    def _meet_new(self, account: int) -> None:
        place = account & ((1 << NEW_BITS) - 1)
        byte, bit = place >> 3, 1 << (place & 7)
        if not self._new[byte] & bit:
            self._new[byte] |= bit
            self._places += 1

    @property
    def new(self) -> float:
        """How many accounts came that the hunt had not seen, about."""
        field = 1 << NEW_BITS
        return -field * math.log1p(-min(self._places / field, 0.999))

    def carry(self, campaign: str, account: int, now: float) -> None:
        """Note that an old account carries a campaign's template."""
        row = self._row(account)
        if row >= 0 and self._carried[row]:
            self._heard[campaign] = max(now, self._heard.get(campaign, now))
        elif row >= 0:
            self._adopted.setdefault(campaign, set()).add(row)

    def show(self, campaign: str, account: int) -> None:
        """Note that an old account which does not carry the template shows one of the campaign's addresses."""
        row = self._row(account)
        if row >= 0:
            self._tied.setdefault(campaign, set()).add(row)

    def carriers(self, campaign: str, hunted: float, now: float) -> float:
        """Give the share of strangers that carry a template of a campaign; `hunted` is what the hunt saw."""
        adopted = len(self._adopted.get(campaign, ()))
        if adopted:
            return max(hunted, (adopted + 1) / (self.seen + 1))
        heard = self._heard.get(campaign)
        if heard is not None and now - heard < SILENT_S:
            return hunted
        return min(hunted, 1 / (self.seen + 1))

    def tied(self, campaign: str) -> float:
        """Give the share of strangers that show any of a campaign's addresses."""
        hunted, shown = self._clean.get(campaign, 1.0), len(self._tied.get(campaign, ()))
        return min((shown + 1) / (self.seen + 1), 1.0) if shown else min(hunted, 1.0, max(1 / (self.seen + 1), 1e-9))
