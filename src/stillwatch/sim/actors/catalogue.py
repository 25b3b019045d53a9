"""Catalogue: shops and publishers that have thousands of things described, night after night.

Looks like an open harvest: one customer, one template, thousands of long answers to prompts that never come twice,
sent by a machine one right after the other, for weeks. Innocent: the answers tell and advertise, and are printed; they
argue nothing, and no model learns from them.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import FLAT, NIGHT_JOB
from stillwatch.sim._parameters import Parameter, Range, rates
from stillwatch.sim._scenes import Scene
from stillwatch.sim.actors._honest import firm
from stillwatch.sim.stage import Stage

PAIR: Final = "open_extraction"
PARAMETERS: Final[dict[str, Parameter]] = {
    "firms": Range(1, 3),
    "per_day": rates(80, 600),
}
DESCRIBE: Final = Scene(
    ask="catalogue.ask", answer="catalogue.answer", temperature=((0.7, 2), (None, 1)), limit=play.HARVEST.limit
)


def plant(stage: Stage) -> None:
    """Let each firm go through its list, from one or two accounts."""
    everybody = []
    for number in range(int(stage.p["firms"])):
        accounts = firm(stage, 1 + int(stage.chance(0.5)), f"shop {number}")
        stage.stream(
            accounts,
            DESCRIBE,
            1.0,
            rhythm=NIGHT_JOB if stage.chance(0.5) else FLAT,
            frames=stage.key("catalogue", number),
            items=stage.listed(np.full(stage.days, len(accounts) * stage.p["per_day"])),
            sitting=4000.0,
            spacing_s=4.0,
        )
        everybody.append(accounts)
    stage.crowd(
        np.concatenate(everybody),
        paired_with=PAIR,
        looks_guilty="thousands of long answers through one template, one right after the other, for weeks",
        innocent="descriptions and stories for print: they argue nothing",
    )
