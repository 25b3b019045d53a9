"""Licensed distiller: a firm that may distil, and keeps to its grant.

Looks like a harvest in every exchange: frames that elicit reasoning, rationale for given answers, thousands of tasks,
several accounts. Innocent: a grant names its accounts, models, dates and cap, and none is passed.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import numpy as np

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import FLAT
from stillwatch.sim._parameters import Parameter, Range, rates, shares
from stillwatch.sim.actors._honest import firm, first_day
from stillwatch.sim.stage import Stage

PAIR: Final = "reasoning_harvest"
PARAMETERS: Final[dict[str, Parameter]] = {
    "accounts": Range(2, 12),
    "per_day": rates(60, 400),
    "rationale": shares(0.0, 0.6),
}


def plant(stage: Stage) -> None:
    """Harvest within the grant."""
    n = int(stage.p["accounts"])
    accounts = firm(stage, n, "licensee", declared=1.0, channel=0, adopt=1 << 60)
    quota = np.full(stage.days, n * stage.p["per_day"])
    start = first_day(stage)
    stage.grant(
        accounts,
        id=f"g-{stage.actor}-{stage.copy}",
        holder=stage.text("name.company", stage.key("firm", "licensee")),
        models=["demo-large"] if stage.chance(0.5) else [],
        families=[],
        exchanges=round(float(quota.sum()) * 1.5) if stage.chance(0.6) else 0,
        starts=start - timedelta(days=30),
        ends=start + timedelta(days=365),
    )
    share = stage.p["rationale"]
    frame = stage.frame_of("reasoning_harvest")
    first = stage.stream(
        accounts,
        play.HARVEST,
        stage.volumes(n, 1.0, 0.3),
        rhythm=FLAT,
        frames=frame,
        items=stage.listed(quota * (1 - share / 2)),
        sitting=2000.0,
        spacing_s=4.0,
    )
    stage.stream(
        accounts,
        play.RATIONALE,
        stage.volumes(n, 1.0, 0.3),
        rhythm=FLAT,
        frames=frame,
        items=stage.following(first, 1, share / (2 - share)),
        sitting=2000.0,
        spacing_s=4.0,
    )
    stage.crowd(
        accounts,
        paired_with=PAIR,
        looks_guilty="a harvest in every exchange: reasoning elicited, rationale for given answers, one long list",
        innocent="a grant covers the accounts, models, dates and number of exchanges",
    )
