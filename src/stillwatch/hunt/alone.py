"""Alone: what the streams of single owners show that tells a harvest from honest use: whose list it is, and its timing.

A stream is looked at with all that its owner's accounts send of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from stillwatch.engine.scratch import Scratch
from stillwatch.hunt.exemplify import Labelling
from stillwatch.kit.codes import Codes
from stillwatch.kit.jit import kernel
from stillwatch.kit.pairs import Counted, Pairs

PUBLIC: Final = 0.1
"""Share of a stream's items that other owners ask too, from which its list is a public one."""
RUN_DAYS: Final = 2
"""Days that one run of an evaluation takes, at the most ..."""
RUN_SHARE: Final = 0.5
"""... and share of a stream that lies in so many days on end when it is a run and not a harvest, which goes on."""
MOMENT_MS: Final = 300_000
"""Length of the moments into which time is cut: five minutes."""
DRIVEN: Final = 0.15
"""Share of the moments in which as many requests would lie if they came when they came, up to which a machine sends one
right after the other. People of one time zone who work eight hours of five days fill a quarter of the week."""

U64 = np.uint64
DAY_MOMENTS: Final = 86_400_000 // MOMENT_MS


def public(scratch: Scratch, owner_of: npt.NDArray[np.int32], alone: Labelling, labels: set[int]) -> set[int]:
    """Find the streams whose items others ask too: a public benchmark, or a product's common questions.

    Args:
        owner_of: owner of each account.
        alone: who says which stream an exchange belongs to.
        labels: the streams that are asked about.

    Cost: two passes over the scratch.
    """
    if not labels:
        return set()
    items, asked = Codes(1 << 14), Pairs()
    for _, piece in scratch.pieces("who", "primary", "last"):
        label = alone.of(owner_of[piece["who"]], piece["primary"])
        there = np.flatnonzero(label)
        code, _ = items.encode(piece["last"][there])
        asked.add(label[there], code.astype(U64) + U64(1), np.zeros(len(there), np.int64))
    asker, several = np.full(len(items), -1, np.int32), np.zeros(len(items), np.bool_)
    for _, piece in scratch.pieces("who", "last"):
        code = items.lookup(piece["last"])
        there = np.flatnonzero(code >= 0)
        note_askers(code[there], owner_of[piece["who"][there]], asker, several)
    mine = asked.close()
    count = np.bincount(mine.one)
    share = np.bincount(mine.one, weights=several[mine.other.astype(np.int64) - 1])
    return {label for label in labels if label < len(count) and share[label] >= PUBLIC * count[label]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How many exchanges of each stream lie in each five minutes from the epoch."""

    sent: Counted

    def one_off(self, label: int) -> bool:
        """Tell whether most of a stream lies in two days on end: somebody ran his benchmark, and stopped.

        So a log of less than five days names nobody in the open.
        """
        mine = self.sent.one == label
        day, many = self.sent.other[mine].astype(np.int64) // DAY_MOMENTS, self.sent.times[mine]
        starts = np.unique(day)
        busiest = max((int(many[(day >= first) & (day < first + RUN_DAYS)].sum()) for first in starts), default=0)
        return busiest > RUN_SHARE * int(many.sum())

    def filled(self, labels: Sequence[int]) -> float:
        """Tell how much of their time streams fill, against as many requests that know nothing of each other; 0 to 1.

        Such requests fall by chance into all moments from the first to the last (Poisson); a script that works through
        a list waits for an answer and asks the next, until it stops. One where nothing was sent.
        """
        mine = np.isin(self.sent.one, labels)
        moment, many = np.unique(self.sent.other[mine].astype(np.int64)), int(self.sent.times[mine].sum())
        if not len(moment):
            return 1.0
        span = int(moment[-1] - moment[0]) + 1
        return min(float(len(moment) / (span * -np.expm1(-many / span))), 1.0)

    def driven(self, labels: Sequence[int]) -> bool:
        """Tell whether a machine drives streams: sittings of requests one right after the other, and then none."""
        return self.filled(labels) <= DRIVEN


def timing(scratch: Scratch, owner_of: npt.NDArray[np.int32], alone: Labelling, labels: set[int]) -> Timing:
    """Note when streams are sent. Arguments as for `public`.

    Cost: one pass over the scratch.
    """
    sent = Pairs()
    for _, piece in scratch.pieces("who", "primary", "at") if labels else ():
        label = alone.of(owner_of[piece["who"]], piece["primary"])
        there = np.flatnonzero(label)
        sent.add(label[there], (piece["at"][there] // MOMENT_MS).astype(U64), np.zeros(len(there), np.int64))
    return Timing(sent=sent.close())


@kernel
def note_askers(
    items: npt.NDArray[np.int32], owners: npt.NDArray[np.int32], asker: npt.NDArray[np.int32],
    several: npt.NDArray[np.bool_],
) -> None:  # fmt: skip
    """Note who asks each item first, and whether anybody else does."""
    for i in range(len(items)):
        if asker[items[i]] < 0:
            asker[items[i]] = owners[i]
        elif asker[items[i]] != owners[i]:
            several[items[i]] = True
