"""Succession: closed accounts whose work goes on in new ones.

Accounts are closed and opened all the time, so it is a rate against chance: how many of a group's accounts were
opened in the week after another of them was closed, against the week before. By chance both are equally likely.

Looks the same when innocent: people who lose access and come back, or move from private accounts to company ones.
Cost: sorting the group's dates. Source: sign test as a beta-binomial e-value.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from stillwatch.kit.groups import Groups
from stillwatch.kit.odds import surplus_bits
from stillwatch.link._late import LateSight
from stillwatch.model.crowd import Crowd
from stillwatch.model.traces import Traces
from stillwatch.model.view import Most, Sight

NEEDS = ("closed_at", "created_at")
CAP = 16.0
HARD = True
LATE = True
ADMITS = True
JOINS = False
WITHIN = "signup"
ASIDE: tuple[str, ...] = ()
INNOCENT = "people who lose access and come back, or move to accounts of their company"

WEEK_MS = 7 * 86_400_000
SHOWN_BITS = 4.0
"""Bits of the group from which single successions are believed."""


@dataclass(frozen=True, slots=True)
class SuccessionSight(LateSight):
    """Counts accounts opened after and before the closures of others in the group."""

    crowd: Crowd
    order: npt.NDArray[np.int64] = field(init=False)
    """Accounts, ordered by their owners."""
    offsets: npt.NDArray[np.int64] = field(init=False)
    """Owner o has the accounts `order[offsets[o]:offsets[o + 1]]`."""
    closed: npt.NDArray[np.bool_] = field(init=False)
    """Owners one of whose accounts was closed."""
    last: dict[str, tuple[bytes, float]] = field(init=False, repr=False, default_factory=dict)
    """The group that was asked for last, and its bits."""

    def __post_init__(self) -> None:
        owner = self.crowd.owner
        closed = np.zeros(self.crowd.owners, bool)
        closed[owner[self.crowd.facts.closed_at > 0]] = True
        object.__setattr__(self, "closed", closed)
        object.__setattr__(self, "order", np.argsort(owner, kind="stable"))
        sizes = np.bincount(owner, minlength=self.crowd.owners)
        object.__setattr__(self, "offsets", np.concatenate([[0], np.cumsum(sizes)]))

    def weigh(self, groups: Groups) -> npt.NDArray[np.float64]:
        """Weigh each group by a sign test over its openings."""
        return np.array([self._bits(members) for members in groups])

    def _bits(self, members: npt.NDArray[np.int32]) -> float:
        if not self.closed[members].any():
            return 0.0
        who, last = members.tobytes(), self.last.get("last")
        if last is None or last[0] != who:  # whoever bounds a group by it weighs it next
            self.last["last"] = last = who, self._signed(members)
        return last[1]

    def _signed(self, members: npt.NDArray[np.int32]) -> float:
        after, before, _ = self._openings(members, members)
        hits, trials = float(after.sum()), float(after.sum() + before.sum())
        return float(surplus_bits(np.array([hits]), np.array([trials]), np.array([0.5]))[0])

    def _accounts(self, owners: npt.NDArray[np.int32]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """List (position in `owners`, account) of every account that some owners have."""
        starts, counts = self.offsets[owners], self.offsets[owners + 1] - self.offsets[owners]
        position = np.repeat(np.arange(len(owners)), counts)
        within = np.arange(len(position)) - np.repeat(np.cumsum(counts) - counts, counts)
        return position, self.order[np.repeat(starts, counts) + within]

    def _openings(
        self, members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32]
    ) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """Tell which candidates opened within a week after, or before, a member's closure; and which are closed."""
        facts = self.crowd.facts
        closed = facts.closed_at[self._accounts(members)[1]]
        closed = np.sort(closed[closed > 0])
        position, account = self._accounts(candidates)
        size = len(candidates)
        after, before, ended = np.zeros(size, bool), np.zeros(size, bool), np.zeros(size, bool)
        ended[position[facts.closed_at[account] > 0]] = True
        opened = facts.created_at[account] > 0
        who, created = position[opened], facts.created_at[account[opened]]
        if len(closed):
            last = np.searchsorted(closed, created, side="right")
            previous = closed[np.maximum(last - 1, 0)]
            following = closed[np.minimum(last, len(closed) - 1)]
            after[who[(last > 0) & (created - previous <= WEEK_MS)]] = True
            before[who[(last < len(closed)) & (following - created <= WEEK_MS)]] = True
        return after & ~before, before & ~after, ended

    def admit(self, members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
        """Weigh who succeeds a closed member, or was closed like the members, by how much rarer that is outside."""
        if self._bits(members) < SHOWN_BITS:
            return np.zeros(len(candidates))
        everybody = np.arange(self.crowd.owners, dtype=np.int32)
        after, _, ended = self._openings(members, everybody)
        inside = np.zeros(self.crowd.owners, bool)
        inside[members] = True
        out = np.zeros(len(candidates))
        for shown in (after, ended):
            own = (shown[members].sum() - shown[candidates] * inside[candidates] + 0.5) / (len(members) + 1.0)
            others = (shown[~inside].sum() + 1.0) / max(int((~inside).sum()) + 1.0, 1.0)
            out = np.maximum(out, np.where(shown[candidates], np.log2(np.maximum(own / others, 1e-3)), 0.0))
        weighed: npt.NDArray[np.float64] = out
        return weighed

    def reach(self, members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
        """Bound what `admit` gives: nothing, in a group that shows no successions."""
        return np.full(len(candidates), np.inf if self._bits(members) >= SHOWN_BITS else 0.0)

    def most(self) -> Most:
        """Bound what `admit` gives: nothing, in a group of which no account was closed."""
        return Most(woken=self.closed)

    def because(self, members: npt.NDArray[np.int32]) -> str:
        """Tell how many members were opened within a week after another was closed, and before."""
        after, before, ended = self._openings(members, members)
        return (
            f"{int(after.sum())} owners were opened within a week after another of them was closed, "
            f"{int(before.sum())} within a week before; {int(ended.sum())} of {len(members)} were closed"
        )


def look(traces: Traces) -> Sight | None:
    """Look at dates of opening and closing."""
    facts = traces.crowd.facts
    if not facts.closed_at.any() or not facts.created_at.any():
        return None
    return SuccessionSight(traces.crowd)
