"""Chain: strangers whom one small purse, machine or telephone after another ties into a long chain.

A household closes: who shares a card shares the computer with the same few people. A hidden hand deals small purses,
machines and telephones over its accounts so that no value stands out, and each comes to lie across the others: the
second holder of this card opened his account on the machine of a third, who has the telephone of a fourth. No value of
a chain is held by more owners than a household has, so no other view would propose it. What it is made of is not
weighed for it: views that look at something else have to see these owners act together.

Looks the same when innocent: two households that a second-hand telephone or a friend's card joins; an organisation
that its people's own accounts hang on, which is left out.
Cost: one pass over the holders of small values. Source: own; SynchroTrap (CCS 2014) chains co-actions in this way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from stillwatch.kit import groups
from stillwatch.kit.groups import Groups
from stillwatch.kit.held import Held
from stillwatch.kit.union import find, join_all
from stillwatch.link._late import LateSight
from stillwatch.link._urn import LEAST
from stillwatch.model.crowd import Crowd
from stillwatch.model.traces import Traces
from stillwatch.model.view import Most, Sight

NEEDS = ("payment", "device", "phone")
CAP = 2.0
HARD = False
LATE = False
ADMITS = False
JOINS = False
WITHIN = ""
ASIDE = ("payment", "signup", "network")
INNOCENT = "two households that a second-hand telephone or a friend's card joins"

COLUMNS: Final = ("payment", "device", "phone")
HOUSEHOLD: Final = 4
"""Owners whom one card, computer or telephone of a household ties together, at the most."""


@dataclass(frozen=True, slots=True)
class ChainSight(LateSight):
    """Proposes chains; `root` names the chain that each owner is in."""

    root: npt.NDArray[np.int32]
    long: npt.NDArray[np.bool_] = field(init=False)
    """Roots of the chains of at least LEAST owners."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "long", np.bincount(self.root, minlength=len(self.root)) >= LEAST)

    def propose(self) -> Groups:
        """Propose the chains of at least LEAST owners."""
        sizes = np.bincount(self.root, minlength=len(self.root))
        order = np.argsort(self.root, kind="stable").astype(np.int32)
        ends = np.cumsum(sizes)
        return groups.of([order[ends[r] - sizes[r] : ends[r]] for r in np.flatnonzero(sizes >= LEAST)])

    def weigh(self, groups: Groups) -> npt.NDArray[np.float64]:
        """Weigh nothing: payment and sign-up weigh the same values."""
        return np.zeros(len(groups))

    def admit(self, members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
        """Give CAP to who lies in a chain with LEAST members, himself included; it is no tie of its own."""
        bits = np.zeros(len(candidates))
        roots = self.root[members]
        chained = np.flatnonzero(self.long[self.root[candidates]])
        if len(chained) and self.long[roots].any():
            names, there = np.unique(roots, return_counts=True)
            those = candidates[chained]
            place = np.minimum(np.searchsorted(names, self.root[those]), len(names) - 1)
            beside = np.where(names[place] == self.root[those], there[place], 0) - groups.inside(those, members)
            bits[chained] = np.where(beside >= LEAST - 1, CAP, 0.0)
        return bits

    def reach(self, members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
        """Give just what `admit` gives."""
        return self.admit(members, candidates)

    def tells(self, members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32]) -> bool:
        """Say that `reach` gives what `admit` gives."""
        del members, candidates
        return True

    def most(self) -> Most:
        """Bound what `admit` gives: nothing for who is in no chain."""
        return Most(each=np.where(self.long[self.root], CAP, 0.0))

    def because(self, members: npt.NDArray[np.int32]) -> str:
        """Tell how many members lie in one chain."""
        longest = int(np.unique(self.root[members], return_counts=True)[1].max(initial=0))
        return f"{longest} of {len(members)} owners hang together by values that at most {HOUSEHOLD} owners hold"


def look(traces: Traces) -> Sight | None:
    """Look at cards, devices and telephones that few hold."""
    columns = [traces.held[name] for name in COLUMNS if name in traces.held]
    if not columns:
        return None
    root = np.arange(traces.crowd.owners, dtype=np.int32)
    for held in columns:
        join_all(root, *_links(held, _in_the_open(traces.crowd)))
    return ChainSight(find(root))


def _links(held: Held, in_the_open: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Chain the holders of each value that a household could hold; owners that hide nothing join nobody."""
    value = np.repeat(np.arange(held.size), np.diff(held.holder_offsets))
    value, holder = value[~in_the_open[held.holders]], held.holders[~in_the_open[held.holders]]
    few = np.bincount(value, minlength=held.size)[value] <= HOUSEHOLD
    value, holder = value[few], holder[few]
    same = np.diff(value) == 0
    return holder[:-1][same], holder[1:][same]


def _in_the_open(crowd: Crowd) -> npt.NDArray[np.bool_]:
    """Find the owners of several accounts: whoever is known by all of them hides none."""
    several: npt.NDArray[np.bool_] = np.bincount(crowd.owner, minlength=crowd.owners) >= 2
    return several | crowd.declared
