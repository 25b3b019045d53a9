"""Let in who mainly sends what hardly anybody but a group sends: they are few, and need not stand out from the log.

A group that hides well ties most of its accounts by purses, machines and addresses, and leaves some without. These
send the frames that the others send, and nobody else does. Looked up by that, an owner is one of a handful and not one
of the whole log. Another view must still tie him, and strangers of whom as much is shown must be few.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from stillwatch.judge.admit import ROUNDS
from stillwatch.judge.examine import TEMPLATE, Told
from stillwatch.judge.look import Look
from stillwatch.judge.pointed import close
from stillwatch.kit import groups as sets

OWN = "its own frames"
SHOWN_BY: Final = 0.05
"""Share of strangers of whom as much is shown, at the most: what anybody risks whose own template a campaign copied."""


def kindred(
    looks: Mapping[str, Look], members: npt.NDArray[np.int32], taken: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int32]:
    """Find whom the frames of a group let in besides its members, who themselves count from then on.

    What an owner lacks is not held against him: that most members are tied in a view is how they came in.

    Args:
        taken: owners who are in a group, the members too, or declared.
    """
    grown, by_template = members, [looks[TEMPLATE]] if TEMPLATE in looks else []
    for look in by_template * ROUNDS:
        users = look.sight.devoted(grown)
        pool = np.setdiff1d(users[~taken[users]], grown).astype(np.int32)
        if not len(pool):
            break
        looked_up = Told(members=pool, aside=frozenset({TEMPLATE}), label=OWN)
        fresh = pool[close(looks, grown, pool, looked_up, taken, rare=SHOWN_BY, lacking=False)]
        if not len(fresh):
            break
        grown = sets.union(grown, fresh)
    return np.setdiff1d(grown, members).astype(np.int32)
