"""Ahead: settle the proposals that come next while the first of them is settled, with the outcome of one after another.

A proposal depends on those before it only by whom they have taken, so the next ones are settled on what is known, as
many at a time as there are threads. When its turn comes, what a proposal has grown to holds if nobody of those on whom
it relied was taken meanwhile; else it is settled anew. So that this is seldom needed, one that grows into what an
earlier one is growing to is given up: it is passed over, or comes to its turn, when that one has settled.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from typing import Final

import numpy as np
import numpy.typing as npt

from stillwatch.judge.screen import Screen
from stillwatch.judge.settle import Grown
from stillwatch.kit.groups import Groups, inside

Told = Callable[[npt.NDArray[np.int32]], None]
Settle = Callable[[int, npt.NDArray[np.bool_], Told], Grown]
"""Settles a proposal by its number, given who is taken, and tells the members as they change."""
BEYOND: Final = 6
"""Proposals that wait for a free thread, so that none is idle: some of them will be given up."""


class Overtaken(Exception):
    """A proposal grows into an earlier one."""


class Ahead:
    """Proposals in their order, each with what it has grown to.

    Args:
        home: where each owner is at home; whoever goes through the proposals fills it in.
        seeds: proposals that lie in each home; those that are passed over are added.
        pool: where proposals are settled, so many at a time.
    """

    def __init__(
        self, screen: Screen, groups: Groups, order: npt.NDArray[np.int64], declared: npt.NDArray[np.bool_],
        home: npt.NDArray[np.int64], seeds: list[list[int]], settle: Settle, pool: Executor, threads: int,
    ) -> None:  # fmt: skip
        self._screen, self._groups, self._order = screen, groups, order
        self._declared, self._home, self._seeds = declared, home, seeds
        self._settle, self._pool = settle, pool
        self._window = threads + BEYOND if threads > 1 else 0
        self._next: deque[tuple[int, list[tuple[int, int]]]] = deque()
        """Places of the next open proposals, as things stand, and what is passed over before each."""
        self._growing: dict[int, Future[Grown | None]] = {}
        self._turn, self._taken = 0, declared
        self._members: dict[int, npt.NDArray[np.int32]] = {}
        """What those that are growing, and those whose turn has not come, have grown to."""

    def __iter__(self) -> Iterator[tuple[int, Grown]]:
        """Go through the proposals that are open when their turn comes: number, and what it has grown to."""
        at, homes = 0, 0
        while True:
            if len(self._seeds) != homes:
                homes, self._taken = len(self._seeds), self._declared | (self._home >= 0)
                self._next.clear()
            self._look_ahead(at, homes)
            place, lying = self._next.popleft()
            for group, proposal in lying:
                self._seeds[group].append(proposal)
            if place == len(self._order):
                break
            yield int(self._order[place]), self._grown(place)
            at = place + 1
        for grown in self._growing.values():
            grown.cancel()

    def _look_ahead(self, at: int, homes: int) -> None:
        """Find the next open proposals, and let them be settled."""
        while len(self._next) <= self._window:
            start = self._next[-1][0] + 1 if self._next else at
            if start > len(self._order):
                break
            place, lying = self._screen.next_open(self._groups, self._order, start, self._home, homes)
            self._next.append((place, lying))
            if self._window and place < len(self._order) and _given_up(self._growing.get(place)):
                self._growing[place] = self._pool.submit(self._grow, place, self._taken)

    def _grow(self, place: int, taken: npt.NDArray[np.bool_]) -> Grown | None:
        """Settle a proposal ahead of its turn; None where it grows into an earlier one, or its turn has gone by."""

        def told(members: npt.NDArray[np.int32]) -> None:
            self._members[place] = members
            before = [theirs for other, theirs in list(self._members.items()) if self._turn <= other < place]
            if place < self._turn or self._taken[members].any() or any(inside(members, one).any() for one in before):
                raise Overtaken

        try:
            return self._settle(int(self._order[place]), taken, told)
        except Overtaken:
            return None

    def _grown(self, place: int) -> Grown:
        """Give what a proposal has grown to, as things stand now."""
        self._turn = place
        for passed in [one for one in self._growing if one < place]:
            self._growing.pop(passed).cancel()
            self._members.pop(passed, None)
        ahead = self._growing.pop(place, None)
        grown = ahead.result() if ahead is not None else None
        if grown is not None and not self._taken[grown.relied].any():
            return grown
        own = self._members
        return self._settle(int(self._order[place]), self._taken, lambda members: own.update({place: members}))


def _given_up(growing: Future[Grown | None] | None) -> bool:
    return growing is None or (growing.done() and not growing.cancelled() and growing.result() is None)
