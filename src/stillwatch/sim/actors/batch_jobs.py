"""Batch jobs: nightly pipelines of many firms, all at two in the morning.

Looks like load-balanced extraction: rigid templates without follow-up, thousands of items, starts and stops in step,
JSON answers at temperature 0, all from a few clouds. Innocent: cron starts at the full hour everywhere; each firm has
its own template, card and name.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import MORNING_JOB, NIGHT_JOB
from stillwatch.sim._parameters import Parameter, counts, rates
from stillwatch.sim.actors._honest import firm
from stillwatch.sim.stage import Stage

PAIR: Final = "reasoning_harvest"
PARAMETERS: Final[dict[str, Parameter]] = {"accounts": counts(10, 90), "per_day": rates(20, 150)}


def plant(stage: Stage) -> None:
    """Give each firm one to four service accounts and a nightly run."""
    holder = stage.dealt(stage.p["accounts"], (1, 4)).astype(np.int64)
    cloud = stage.network.some(stage.rng, stage.network.serverless, int(holder.max()) + 1)
    everybody = []
    for number in range(int(holder.max()) + 1):
        n = int((holder == number).sum())
        accounts = firm(stage, n, f"firm {number}", egress_0=cloud[number])
        stage.stream(
            accounts,
            [(play.BATCH, 2), (play.PIPELINE, 1)],
            stage.volumes(n, stage.p["per_day"], 0.6),
            rhythm=NIGHT_JOB if stage.chance(0.7) else MORNING_JOB,
            frames=stage.key("job", number),
            presence=0.85,
            sitting=2000.0,
            spacing_s=2.5,
        )
        everybody.append(accounts)
    stage.crowd(
        np.concatenate(everybody),
        paired_with=PAIR,
        looks_guilty="rigid templates, no follow-up, starts in step at night, a few clouds' shared addresses",
        innocent="cron jobs of unrelated firms, each with its own template, card and domain",
    )
