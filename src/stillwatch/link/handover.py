"""Handover: an answer that was generated for one owner comes back as history from another.

A load balancer that spreads one conversation over its accounts does this at every turn. It counts only answers
that were generated for one owner alone; examples that come back in many conversations are set aside.

Looks the same when innocent: somebody who moves a conversation to his other account; a published example.
Cost: one table of the returned fingerprints. Source: own; the count is weighed as a beta-binomial e-value.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from stillwatch.kit import groups
from stillwatch.kit.groups import Groups
from stillwatch.kit.odds import surplus_bits
from stillwatch.kit.union import find, join_all
from stillwatch.link._urn import LEAST
from stillwatch.model.traces import Handovers, Traces
from stillwatch.model.view import Most, Sight

NEEDS = ("messages", "response")
CAP = 24.0
HARD = True
LATE = False
ADMITS = True
JOINS = True
WITHIN = ""
ASIDE: tuple[str, ...] = ()
INNOCENT = "people who move a conversation between accounts of their own, or a published example"

ENOUGH = 2
"""Conversations that must hop between an owner and a group to let him in."""
OFTEN: Final = 6
"""Hops of the middle member from which a pool is known for one."""


@dataclass(frozen=True, slots=True)
class _Index:
    """Events by one of their owners, so that a group costs what its own events cost."""

    order: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]

    def of(self, owners: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
        """Number the events of some owners."""
        starts, counts = self.offsets[owners], self.offsets[owners + 1] - self.offsets[owners]
        within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
        events: npt.NDArray[np.int64] = self.order[np.repeat(starts, counts) + within]
        return events


def _index(who: npt.NDArray[np.int32], owners: int) -> _Index:
    offsets = np.zeros(owners + 1, np.int64)
    np.cumsum(np.bincount(who, minlength=owners), out=offsets[1:])
    return _Index(np.argsort(who, kind="stable"), offsets)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverSight:
    """Groups are proposed by half of the conversations and weighed by the other half."""

    events: Handovers
    half: npt.NDArray[np.bool_]
    """Events by which groups are proposed."""
    owners: int
    given: _Index = field(init=False)
    taken: _Index = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "given", _index(self.events.giver, self.owners))
        object.__setattr__(self, "taken", _index(self.events.taker, self.owners))

    def propose(self) -> Groups:
        """Propose the components of owners between whom conversations hop."""
        parent = np.arange(self.owners, dtype=np.int32)
        join_all(parent, self.events.giver[self.half], self.events.taker[self.half])
        roots = find(parent)
        sizes = np.bincount(roots, minlength=self.owners)
        order = np.argsort(roots, kind="stable").astype(np.int32)
        ends = np.cumsum(sizes)
        return groups.of([order[ends[r] - sizes[r] : ends[r]] for r in np.flatnonzero(sizes >= LEAST)])

    def weigh(self, groups: Groups) -> npt.NDArray[np.float64]:
        """Weigh how many of the other half's events fall inside each group, against chance."""
        inside = np.zeros(len(groups))
        chance = np.zeros(len(groups))
        answers = self.events.answers / max(self.events.answers.sum(), 1)
        returns = self.events.returns / max(self.events.returns.sum(), 1)
        for number, members in enumerate(groups):
            inside[number] = np.count_nonzero(~self.half[self._between(members)])
            chance[number] = answers[members].sum() * returns[members].sum()
        return surplus_bits(inside, int(np.count_nonzero(~self.half)), chance)

    def _between(self, members: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
        """Number the events of which both sides are members."""
        events = self.given.of(members)
        return events[np.isin(self.events.taker[events], members)]

    def admit(self, members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
        """Give CAP bits to who shares at least ENOUGH hopping conversations with the members, half for one.

        Where conversations hop often, accounts of one pool give as well as take. Who only takes goes on with what a
        pool once said to him, as the customers of a reseller do who leave it; he gets nothing.
        """
        given = self._talks(self.events.giver, self.taken.of(members))
        taken = self._talks(self.events.taker, self.given.of(members))
        shared = given + taken
        bits = np.minimum(shared[candidates] / ENOUGH, 1.0) * CAP
        if len(members) and np.median(shared[members]) >= OFTEN:
            bits[(given[candidates] == 0) | (taken[candidates] == 0)] = 0.0
        return bits

    def reach(self, members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
        """Give just what `admit` gives."""
        return self.admit(members, candidates)

    def tells(self, members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32]) -> bool:
        """Say that `reach` gives what `admit` gives."""
        del members, candidates
        return True

    def most(self) -> Most:
        """Bound what `admit` gives: nothing for who never gave nor took."""
        each = np.zeros(self.owners)
        each[self.events.giver] = each[self.events.taker] = CAP
        return Most(each=each)

    def _talks(self, who: npt.NDArray[np.int32], events: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Count the distinct conversations of each owner among some events."""
        pairs = np.unique(np.stack([who[events].astype(np.uint64), self.events.conversation[events]]), axis=1)
        return np.bincount(pairs[0].astype(np.int64), minlength=self.owners)

    def near(self, members: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """Find who gave to or took from a member."""
        givers, takers = self.events.giver[self.taken.of(members)], self.events.taker[self.given.of(members)]
        return np.unique(np.concatenate([givers, takers])).astype(np.int32)

    def followers(self, members: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """Know nobody by what he shows alone."""
        return members[:0]

    def devoted(self, members: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """Know nobody by what he mainly does."""
        return members[:0]

    def joints(self, members: npt.NDArray[np.int32]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Join giver and taker of every hop between members."""
        place = np.full(self.owners, -1, np.int32)
        place[members] = np.arange(len(members), dtype=np.int32)
        events = self._between(members)
        return place[self.events.giver[events]], place[self.events.taker[events]]

    def because(self, members: npt.NDArray[np.int32]) -> str:
        """Tell how many conversations hopped between how many members."""
        events = self._between(members)
        talks = len(np.unique(self.events.conversation[events]))
        who = len(np.unique(np.concatenate([self.events.giver[events], self.events.taker[events]])))
        return (
            f"{len(events)} answers that were generated for one owner alone came back as history from another "
            f"of them, in {talks} conversations between {who} of {len(members)} owners"
        )


EXAMPLE = 3
"""Conversations in which a text must come back to count as a published example."""


def look(traces: Traces) -> Sight | None:
    """Look at the turns that came back elsewhere."""
    if traces.handovers is None or len(traces.handovers.giver) == 0:
        return None
    half = (traces.handovers.conversation >> np.uint64(17)) & np.uint64(1) == 0
    return HandoverSight(events=traces.handovers, half=half, owners=traces.crowd.owners)


def without_examples(events: Handovers, text: npt.NDArray[np.uint32]) -> Handovers:
    """Set aside texts that come back in several conversations: few-shot examples, published dialogues.

    Args:
        text: one fingerprint of the text that came back, for each event.
    """
    pairs = np.unique(np.stack([text.astype(np.uint64), events.conversation]), axis=1)
    texts, talks = np.unique(pairs[0], return_counts=True)
    keep = ~np.isin(text.astype(np.uint64), texts[talks >= EXAMPLE])
    return replace(
        events,
        giver=events.giver[keep],
        taker=events.taker[keep],
        conversation=events.conversation[keep],
        at=events.at[keep],
    )
