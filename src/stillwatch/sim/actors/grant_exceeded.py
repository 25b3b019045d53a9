"""Grant exceeded: a licensed distiller that goes beyond its licence.

The firm declared its accounts and has a grant; it passes the cap, or uses a model or dates that the grant
does not name. A statement of fact, not of deception.

Shares with its pair (`licensed_distiller`): the firm, the template, the grant's form.
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

PAIR: Final = "licensed_distiller"
PARAMETERS: Final[dict[str, Parameter]] = {
    "accounts": Range(1, 8),
    "per_day": rates(60, 500),
    "beyond": shares(0.15, 0.7),
}


def plant(stage: Stage) -> None:
    """Harvest under a grant, and beyond it in one of three ways."""
    n, rng, days = int(stage.p["accounts"]), stage.rng, stage.days
    accounts = firm(stage, n, "licensee", declared=1.0, sort="company", channel=0, adopt=1 << 60)
    way = str(rng.choice(["cap", "dates", "model"]))
    campaign = stage.campaign(accounts, finding="grant_exceeded", tactics=[f"beyond the grant: {way}"])
    quota = np.full(days, n * stage.p["per_day"])
    total = float(quota.sum())
    within = 1 - stage.p["beyond"]
    start = first_day(stage)
    stage.grant(
        accounts,
        id=f"g-{stage.actor}-{stage.copy}",
        holder=stage.text("name.company", stage.key("firm", "licensee")),
        models=["demo-mini"] if way == "model" else ["demo-large"],
        families=[],
        exchanges=round(total * within) if way == "cap" else 0,
        starts=start - timedelta(days=60),
        ends=start + timedelta(days=max(0, round(days * within) - 1))
        if way == "dates"
        else start + timedelta(days=300),
    )
    stage.stream(
        accounts,
        play.HARVEST,
        1.0,
        rhythm=FLAT,
        frames=stage.frame_of("grant_exceeded"),
        campaign=campaign,
        items=stage.listed(quota),
        sitting=4000.0,
        spacing_s=4.0,
    )
