"""Rank: which families are harness, and which family of an exchange is its primary one.

A family is harness when its owners show no excess ties in any other view: a framework, a popular application, a
text that went round. It is tested, not thresholded by its spread (a large campaign outspans most frameworks); it
weighs nothing in linking and stays visible.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from itertools import islice
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from stillwatch.engine.scratch import Scratch
from stillwatch.families.assign import KEPT
from stillwatch.kit import groups
from stillwatch.kit.held import Held
from stillwatch.kit.jit import kernel
from stillwatch.kit.urn import urn_bits

SPREAD: Final = 8
"""Owners from which a family can be harness: fewer cannot show that they are strangers."""
TIED_BITS: Final = 6.0
"""Bits from which the owners of a family are tied in a view."""
TIED_SHARES: Final = np.array([0.95, 0.5])
"""Shares of the owners who may be tied: with fewer than about half, strangers use the family too."""
ELSEWHERE: Final = ("payment", "device", "ip", "prefix")


def find_harness(family: Held, held: Mapping[str, Held], count: int) -> npt.NDArray[np.bool_]:
    """Test every family with at least SPREAD owners for ties elsewhere.

    Args:
        family: table of owners by families; its keys are family numbers.
        held: the other tables.
        count: number of families.
    """
    harness = np.zeros(count, bool)
    holders = np.diff(family.holder_offsets)
    wide = np.flatnonzero(holders >= SPREAD)
    crowds = groups.of([family.holding(int(value)) for value in wide])
    tied = np.zeros(len(wide), bool)
    for name in ELSEWHERE:
        if name in held and len(wide):
            tied |= urn_bits(crowds, held[name], memberships=TIED_SHARES) >= TIED_BITS
    harness[family.keys[wide[~tied]].astype(np.int64)] = True
    return harness


def choose_primary(scratch: Scratch, harness: npt.NDArray[np.bool_], pool: Executor, threads: int) -> None:
    """Write the column `primary`.

    The broadest family of the last turn that is no harness, else of the opening turn, else of the system text,
    else a harness family, else 0.
    """
    scratch.begin("primary", "int32")

    def give(place: tuple[int, dict[str, npt.NDArray[Any]]]) -> None:
        start, piece = place
        chosen = np.zeros(len(piece["family"]), np.int32)
        _choose(piece["family"], harness, chosen)
        scratch.fill("primary", start, chosen)

    pieces = scratch.pieces("family")
    while some := list(islice(pieces, threads)):  # so many are in memory at once
        list(pool.map(give, some))


@kernel
def _choose(families: npt.NDArray[np.int32], harness: npt.NDArray[np.bool_], chosen: npt.NDArray[np.int32]) -> None:
    for row in range(len(families)):
        for wanted in range(2):
            for number in range(KEPT + 2):
                place = number if number < KEPT else 2 * KEPT + 1 - number  # of the opening before the system text
                family = families[row, place]
                if chosen[row] == 0 and family > 0 and harness[family] == (wanted == 1):
                    chosen[row] = family
