"""SaaS template: products of one company each, with one template and thousands of fillers.

Looks like a harvest: one rigid template, many items, no follow-up, several accounts (staging, regions,
tenants) that share it. Innocent: each product is one declared customer with its own domain and card, and its
fillers come from its own users.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import FLAT
from stillwatch.sim._parameters import Parameter, counts, rates
from stillwatch.sim.actors._honest import firm
from stillwatch.sim.stage import Stage

PAIR: Final = "reasoning_harvest"
PARAMETERS: Final[dict[str, Parameter]] = {
    "products": counts(3, 14),
    "accounts": counts(12, 90),
    "per_day": rates(15, 90),
}


def plant(stage: Stage) -> None:
    """Found the products; each has a few accounts that use its one template."""
    holder = stage.dealt(stage.p["accounts"], (2, max(3, 2 * stage.p["accounts"] // stage.p["products"]))).astype(
        np.int64
    )
    everybody = []
    for product in range(int(holder.max()) + 1):
        n = int((holder == product).sum())
        accounts = firm(stage, n, f"product {product}")
        scene = (play.APP, play.APP_PLAIN, play.FEW_SHOT_APP)[product % 3]
        stage.stream(
            accounts,
            scene,
            stage.volumes(n, stage.p["per_day"], 0.8),
            rhythm=FLAT,
            frames=stage.key("app", product),
            users=int(stage.rng.integers(50, 4000)),
            presence=0.9,
            sitting=2.0,
            spacing_s=60.0,
        )
        everybody.append(accounts)
    stage.crowd(
        np.concatenate(everybody),
        paired_with=PAIR,
        looks_guilty="one rigid template with thousands of fillers over several accounts, no follow-up",
        innocent="each product's accounts share its card, its mail domain and its name in the open",
    )
