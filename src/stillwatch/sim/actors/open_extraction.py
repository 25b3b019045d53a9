"""Open extraction: one customer that harvests under its own name.

Not an attack but a question of terms: scale and intent without deception. One to three accounts of one firm,
one card, one domain, one template.

Shares with its pair (`licensed_distiller`): everything but the permission.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import FLAT
from stillwatch.sim._parameters import Parameter, Range, rates, shares
from stillwatch.sim.actors._honest import firm
from stillwatch.sim.stage import Stage

PAIR: Final = "licensed_distiller"
PARAMETERS: Final[dict[str, Parameter]] = {
    "accounts": Range(1, 3),
    "per_day": rates(120, 900),
    "rationale": shares(0.0, 0.7),
}


def plant(stage: Stage) -> None:
    """Harvest in the open."""
    n = int(stage.p["accounts"])
    accounts = firm(stage, n, "student lab", declared=1.0, sort="startup", channel=0)
    campaign = stage.campaign(
        accounts, finding="open_extraction", tactics=["one customer in the open", "reasoning elicited", "one long list"]
    )
    share = stage.p["rationale"]
    frame = stage.frame_of("open_extraction")
    first = stage.stream(
        accounts,
        play.HARVEST,
        1.0,
        rhythm=FLAT,
        frames=frame,
        campaign=campaign,
        items=stage.listed(np.full(stage.days, n * stage.p["per_day"] * (1 - share / 2))),
        sitting=4000.0,
        spacing_s=4.0,
    )
    stage.stream(
        accounts,
        play.RATIONALE,
        1.0,
        rhythm=FLAT,
        frames=frame,
        campaign=campaign,
        items=stage.following(first, 1, share / (2 - share)),
        sitting=4000.0,
        spacing_s=4.0,
    )
