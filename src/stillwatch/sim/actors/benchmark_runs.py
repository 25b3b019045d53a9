"""Benchmark runs: independent researchers run the same public sets, each once or twice.

Looks like a harvest: thousands of tasks that never repeat, through a rigid template with "think step by
step", in a burst, by accounts that have nothing else to do; the same items by several accounts. Innocent:
each is one account with its own card, or a laboratory with one domain; the set is public, is run from
beginning to end, and then stops.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import FLAT, OFFICE
from stillwatch.sim._keys import key
from stillwatch.sim._parameters import Parameter, Range, counts
from stillwatch.sim._plan import LIST, Items
from stillwatch.sim.stage import Stage

PAIR: Final = "student_evaluation"
PARAMETERS: Final[dict[str, Parameter]] = {
    "accounts": counts(5, 30),
    "sets": Range(2, 6),
    "items": Range(150, 1200, log=True),
}


def plant(stage: Stage) -> None:
    """Let each researcher run one or two of the public sets in one burst."""
    rng, n = stage.rng, stage.p["accounts"]
    accounts = stage.enrol(n, "researcher", organisation=-1)
    for account in range(n):
        for run in range(1 + int(rng.random() < 0.3)):
            chosen = int(rng.integers(stage.p["sets"]))
            quota = np.zeros(stage.days)
            day = int(rng.integers(0, stage.days))
            quota[day : day + int(rng.integers(1, 3))] = stage.p["items"] * (0.5 if run else 1.0)
            stage.stream(
                accounts[account : account + 1],
                play.EVALUATE,
                1.0,
                rhythm=FLAT,
                frames=key("public set", chosen),
                items=Items(
                    kind=LIST,
                    salt=key("public set", stage.world.seed, chosen),
                    quota=np.round(quota).astype(np.int64),
                ),
                sitting=2000.0,
                spacing_s=2.0,
            )
    stage.stream(accounts, [(play.CODE, 2), (play.CHAT, 2)], stage.volumes(n, 1.5, 0.8), rhythm=OFFICE)
    stage.crowd(
        accounts,
        paired_with=PAIR,
        looks_guilty="the same public tasks by several accounts through one template, in bursts, and no more",
        innocent="unrelated researchers; the sets are public and are run once",
    )
