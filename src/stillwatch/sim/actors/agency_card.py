"""Agency card: an agency that keeps one account per project, all on its own card and mail domain.

Looks like a purse behind many sign-ups: one card, one device pool, accounts opened in groups, the same templates.
Innocent: it is one owner in the open, and its mail domain says so.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from stillwatch.sim._clock import DAY_MS, OFFICE
from stillwatch.sim._parameters import Parameter, counts, rates
from stillwatch.sim.actors._honest import firm
from stillwatch.sim.actors.agency import WORK
from stillwatch.sim.stage import Stage

PAIR: Final = "reasoning_harvest"
PARAMETERS: Final[dict[str, Parameter]] = {"accounts": counts(8, 60), "per_day": rates(4, 30)}


def plant(stage: Stage) -> None:
    """Open an account for every project."""
    n, rng = stage.p["accounts"], stage.rng
    opened = rng.uniform(-220, -1, max(2, n // 6))
    accounts = firm(
        stage,
        n,
        "agency",
        declared=0.4,
        device=rng.choice(stage.keys("laptop", max(2, n // 6)), n),
        created=((rng.choice(opened, n) + rng.exponential(0.4, n)) * DAY_MS).astype(np.int64),
    )
    stage.stream(
        accounts,
        WORK,
        stage.volumes(n, stage.p["per_day"] / 1.7, 0.7),
        rhythm=OFFICE,
        repertoire=stage.keys("template", 6),
        presence=0.5,
    )
    stage.crowd(
        accounts,
        paired_with=PAIR,
        looks_guilty="one card behind many accounts that were opened in groups and use the same templates",
        innocent="one agency: one card and one mail domain of its own, in the open",
    )
