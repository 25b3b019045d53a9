"""Reseller's customers: people who bought access at a station and have an account of their own besides.

Looks like the pool's own accounts: conversations that began in a pool account go on in theirs, with the pool's
answers as history. Innocent: they paste yesterday's chat into a new window; their card, device and line are their
own. Where no pool is in the world they are merely people with long histories.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import EVENING_PERSON
from stillwatch.sim._parameters import Parameter, counts, rates, shares
from stillwatch.sim.stage import Stage

PAIR: Final = "hydra_reseller"
PARAMETERS: Final[dict[str, Parameter]] = {
    "accounts": counts(10, 120),
    "per_day": rates(1, 8),
    "carried": shares(0.05, 0.4),
}
POOLS: Final = ("hydra_reseller", "account_network", "declared_pool")


def plant(stage: Stage) -> None:
    """Let people carry conversations over from a pool."""
    n = stage.p["accounts"]
    accounts = stage.enrol(n, "person")
    pool = next((stage.world.pools[name] for name in POOLS if name in stage.world.pools), np.zeros(0, np.int32))
    stage.stream(
        accounts,
        [(replace(play.CHAT, turns=2.5), 3), (replace(play.CODE, turns=2.5), 2)],
        stage.volumes(n, stage.p["per_day"] / 3.5, 0.8),
        rhythm=EVENING_PERSON,
        origins=pool,
        moved=stage.p["carried"] if len(pool) else 0.0,
        presence=0.3,
    )
    stage.stream(accounts, [(play.CHAT_ONCE, 2), (play.HOMEWORK, 1)], stage.volumes(n, 0.8, 0.8), rhythm=EVENING_PERSON)
    stage.crowd(
        accounts,
        paired_with=PAIR,
        looks_guilty="conversations that a pool account began go on in theirs, word for word",
        innocent="customers of a reseller with accounts of their own, who paste what they had before",
    )
