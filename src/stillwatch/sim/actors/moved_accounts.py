"""Moved accounts: a firm moves its people from private accounts to company ones.

Looks like banned-and-back: dozens of accounts end within days, as many begin within days, with the same devices,
addresses and habits. Innocent: the firm says so; the new accounts carry its mail domain, and the old ones closed at
the customers' own request.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import DAY_MS, OFFICE
from stillwatch.sim._parameters import Parameter, counts, rates, shares
from stillwatch.sim._people import NEVER
from stillwatch.sim.actors._honest import firm
from stillwatch.sim.stage import Stage

PAIR: Final = "banned_and_back"
PARAMETERS: Final[dict[str, Parameter]] = {
    "accounts": counts(16, 120),
    "per_day": rates(3, 25),
    "by_the_provider": shares(0.0, 0.4),
}


def plant(stage: Stage) -> None:
    """Move the staff in the middle of the world."""
    rng = stage.rng
    half = max(3, stage.p["accounts"] // 2)
    moving = rng.uniform(0.3, 0.7) * stage.days
    team = stage.key("team")
    old = stage.enrol(half, "developer", closed=NEVER, created=stage.organic(half) - stage.day(stage.days))
    new = firm(
        stage,
        half,
        "employer",
        declared=0.8,
        created=((moving + rng.uniform(-1.0, 1.5, half)) * DAY_MS).astype(np.int64),
        closed=NEVER,
    )
    column = stage.people.column
    column("closed")[old] = (column("created")[new] + rng.integers(0, 2 * DAY_MS, half)).astype(np.int64)
    column("reason")[old] = np.where(rng.random(half) < stage.p["by_the_provider"], 4, rng.choice([0, 2, 3], half))
    for name in ("device", "who", "client_0", "zone", "phone"):
        column(name)[new] = column(name)[old]
    for name in ("egress_0", "egress_1"):
        column(name)[old] = column(name)[new]
    stage.stream(
        np.concatenate([old, new]),
        [(play.CODE, 3), (play.APP_PLAIN, 1), (play.OFFICE, 1)],
        stage.volumes(2 * half, stage.p["per_day"] / 1.8, 0.6),
        rhythm=OFFICE,
        frames=team,
        presence=0.6,
    )
    stage.crowd(
        np.concatenate([old, new]),
        paired_with=PAIR,
        looks_guilty="dozens of accounts end within days and as many begin, with the same devices and templates",
        innocent="an employer that moved its people to company accounts, in its own name",
    )
