"""Release day: customers who move to the new model at once, because they all do.

Looks like a pivot: a group of accounts changes the model within hours of the release. Innocent: products that follow
the newest name, a reseller of model access that switched all its declared accounts, and people who read the news.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import DAY_MS, FLAT, OFFICE
from stillwatch.sim._parameters import Parameter, counts, rates
from stillwatch.sim.actors._honest import firm
from stillwatch.sim.stage import Stage

PAIR: Final = "release_pivot"
PARAMETERS: Final[dict[str, Parameter]] = {"accounts": counts(30, 260), "per_day": rates(5, 40)}


def plant(stage: Stage) -> None:
    """Let products and readers of the news move within a day."""
    rng, n = stage.rng, stage.p["accounts"]
    release = stage.world.release_ms if stage.world.release_ms is not None else 1 << 60
    moved = release + (rng.exponential(0.35, n) * DAY_MS).astype(np.int64)
    house = max(3, n // 8)
    products = firm(stage, house, "products", adopt=moved[:house], sort="startup")
    readers = stage.enrol(n - house, "developer", adopt=moved[house:])
    app = stage.key("app")
    stage.stream(
        products,
        play.APP_PLAIN,
        stage.volumes(house, stage.p["per_day"], 0.6),
        rhythm=FLAT,
        frames=app,
        users=800,
        presence=0.9,
    )
    stage.stream(
        readers,
        [(play.CODE, 3), (play.THINKING, 1), (play.CODING_AGENT, 0.6)],
        stage.volumes(n - house, stage.p["per_day"] / 3.5, 1.0),
        rhythm=OFFICE,
        presence=0.3,
    )
    stage.crowd(
        np.concatenate([products, readers]),
        paired_with=PAIR,
        looks_guilty="moves to the released model within hours, together",
        innocent="a release day: products of one declared firm, and people who read the news",
    )
