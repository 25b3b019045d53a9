"""Release pivot: a linked set of accounts that moves to a new model within a day of its release.

On record: C3 (after a release about half of the traffic moved to it within 24 hours). The accounts harvest
before and after; most of them change the model within hours, at a time when the population has hardly begun.

Shares with its pair (`release_day`): the sudden move. Does not share: what links the accounts, and the one
list.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from stillwatch.errors import UsageError
from stillwatch.sim import playbook as play
from stillwatch.sim._clock import DAY_MS, FLAT
from stillwatch.sim._parameters import Parameter, counts, rates, shares
from stillwatch.sim._people import NEVER
from stillwatch.sim.actors._fraud import fraudulent
from stillwatch.sim.stage import Stage

PAIR: Final = "release_day"
PARAMETERS: Final[dict[str, Parameter]] = {
    "accounts": counts(24, 200),
    "per_day": rates(8, 40),
    "at_once": shares(0.4, 0.9, reserved="low"),
    "clean": shares(0.05, 0.35),
}


def plant(stage: Stage) -> None:
    """Harvest, and pivot when the release comes."""
    release = stage.world.release_ms
    if release is None:
        raise UsageError(
            "`release_pivot` needs a release", hint='add `release = { tier = "large", day = 5 }` to the world'
        )
    n, rng = stage.p["accounts"], stage.rng
    at_once = rng.random(n) < stage.p["at_once"]
    later = rng.random(n) < 0.6
    adopt = release + np.where(at_once, rng.uniform(0.02, 1.0, n) * DAY_MS, rng.uniform(1.0, 6.0, n) * DAY_MS).astype(
        np.int64
    )
    accounts = fraudulent(
        stage, n, clean=stage.p["clean"], replaced=0.06, adopt=np.where(at_once | later, adopt, NEVER)
    )
    campaign = stage.campaign(
        accounts,
        finding="distillation_campaign",
        tactics=["pivot within a day of the release", "shared cards", "pooled addresses", "one list divided"],
    )
    day = release / DAY_MS
    surge = np.where(np.arange(stage.days) >= day, 1.35, 0.9)
    stage.stream(
        accounts,
        play.HARVEST,
        stage.volumes(n, 1.0, 0.35),
        rhythm=FLAT,
        frames=stage.frame_of("release_pivot"),
        campaign=campaign,
        items=stage.listed(n * stage.p["per_day"] * surge),
        sitting=6.0,
        spacing_s=90.0,
    )
