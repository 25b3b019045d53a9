"""Handover: an answer that was generated for one owner comes back as history from another.

A load balancer that spreads one conversation over its accounts does this at every turn. It counts only answers
that were generated for one owner alone; examples that come back in many conversations are set aside.

Looks the same when innocent: somebody who moves a conversation to his other account; a published example.
Cost: one table of the returned fingerprints. Source: own; the count is weighed as a beta-binomial e-value.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from stillwatch.kit import groups
from stillwatch.kit.groups import Groups
from stillwatch.kit.odds import surplus_bits
from stillwatch.kit.union import find, join_all
from stillwatch.link._urn import LEAST
from stillwatch.model.traces import Handovers, Traces
from stillwatch.model.view import Sight

NEEDS = ("messages", "response")
CAP = 24.0
HARD = True
LATE = False
ADMITS = True
JOINS = True
INNOCENT = "people who move a conversation between accounts of their own, or a published example"

ENOUGH = 2
"""Conversations that must hop between an owner and a group to let him in."""
OFTEN: Final = 6
"""Hops of the middle member from which a pool is known for one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverSight:
    """Groups are proposed by half of the conversations and weighed by the other half."""

    events: Handovers
    half: npt.NDArray[np.bool_]
    """Events by which groups are proposed."""
    owners: int

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
        giver, taker = self.events.giver[~self.half], self.events.taker[~self.half]
        inside = np.zeros(len(groups))
        chance = np.zeros(len(groups))
        answers = self.events.answers / max(self.events.answers.sum(), 1)
        returns = self.events.returns / max(self.events.returns.sum(), 1)
        mark = np.zeros(self.owners, bool)
        for number, members in enumerate(groups):
            mark[members] = True
            inside[number] = np.count_nonzero(mark[giver] & mark[taker])
            chance[number] = answers[members].sum() * returns[members].sum()
            mark[members] = False
        return surplus_bits(inside, len(giver), chance)

    def admit(self, members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
        """Give CAP bits to who shares at least ENOUGH hopping conversations with the members, half for one.

        Where conversations hop often, accounts of one pool give as well as take. Who only takes goes on with what a
        pool once said to him, as the customers of a reseller do who leave it; he gets nothing.
        """
        mark = np.zeros(self.owners, bool)
        mark[members] = True
        giver, taker = self.events.giver, self.events.taker
        given, taken = self._talks(giver, mark[taker]), self._talks(taker, mark[giver])
        shared = given + taken
        bits = np.minimum(shared[candidates] / ENOUGH, 1.0) * CAP
        if len(members) and np.median(shared[members]) >= OFTEN:
            bits[(given[candidates] == 0) | (taken[candidates] == 0)] = 0.0
        return bits

    def _talks(self, who: npt.NDArray[np.int32], there: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """Count the distinct conversations of each owner among some events."""
        pairs = np.unique(np.stack([who[there].astype(np.uint64), self.events.conversation[there]]), axis=1)
        return np.bincount(pairs[0].astype(np.int64), minlength=self.owners)

    def near(self, members: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """Find who gave to or took from a member."""
        mark = np.zeros(self.owners, bool)
        mark[members] = True
        giver, taker = self.events.giver, self.events.taker
        return np.unique(np.concatenate([giver[mark[taker]], taker[mark[giver]]])).astype(np.int32)

    def joints(self, members: npt.NDArray[np.int32]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Join giver and taker of every hop between members."""
        place = np.full(self.owners, -1, np.int32)
        place[members] = np.arange(len(members), dtype=np.int32)
        giver, taker = place[self.events.giver], place[self.events.taker]
        inside = (giver >= 0) & (taker >= 0)
        return giver[inside], taker[inside]

    def because(self, members: npt.NDArray[np.int32]) -> str:
        """Tell how many conversations hopped between how many members."""
        mark = np.zeros(self.owners, bool)
        mark[members] = True
        inside = mark[self.events.giver] & mark[self.events.taker]
        talks = len(np.unique(self.events.conversation[inside]))
        who = len(np.unique(np.concatenate([self.events.giver[inside], self.events.taker[inside]])))
        return (
            f"{int(inside.sum())} answers that were generated for one owner alone came back as history from another "
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
