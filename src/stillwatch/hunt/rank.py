"""Rank: which families are harness, and which family of an exchange is its primary one.

A family is harness when its owners show no excess ties in any other view: a framework, a popular application, a
text that went round. It is tested, not thresholded by its spread (a large campaign outspans most frameworks); it
weighs nothing in linking and stays visible.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from stillwatch.engine.scratch import Scratch
from stillwatch.families.assign import KEPT
from stillwatch.kit import groups
from stillwatch.kit.held import Held
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


def choose_primary(scratch: Scratch, harness: npt.NDArray[np.bool_]) -> None:
    """Write the column `primary`.

    The broadest family of the last turn that is no harness, else of the opening turn, else of the system text,
    else a harness family, else 0.
    """
    scratch.begin("primary", "int32")
    order = [*range(KEPT), KEPT + 1, KEPT]
    for start, piece in scratch.pieces("family"):
        families = piece["family"]
        chosen = np.zeros(len(families), np.int32)
        for wanted in (False, True):
            for place in order:
                column = families[:, place]
                fits = (chosen == 0) & (column > 0) & (harness[column] == wanted)
                chosen[fits] = column[fits]
        scratch.fill("primary", start, chosen)
