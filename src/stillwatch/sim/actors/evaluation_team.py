"""Evaluation team: colleagues who evaluate models from accounts that they opened privately.

Looks like a judge campaign: five to a dozen accounts that declare nothing, the same repertoire of rubrics and test
frames, the same public items, from one office. Innocent: no card, device or conversation is shared, they are few, and
they hide nothing: most write from their firm's mailboxes.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import OFFICE
from stillwatch.sim._keys import key
from stillwatch.sim._parameters import Parameter, Range, rates, shares
from stillwatch.sim._plan import POOL, Items
from stillwatch.sim.actors.prompt_course import PRACTICE
from stillwatch.sim.stage import Stage

PAIR: Final = "rubric_judge"
PARAMETERS: Final[dict[str, Parameter]] = {
    "accounts": Range(5, 14),
    "per_day": rates(5, 40),
    "firm_mail": shares(0.4, 1.0, reserved="low"),
}


def plant(stage: Stage) -> None:
    """Let the team test."""
    rng, n = stage.rng, int(stage.p["accounts"])
    office = stage.network.office(1)
    firm = stage.people.domain(f"{stage.text('name.unique', stage.key('firm'))}.example")
    accounts = stage.enrol(
        n,
        "researcher",
        organisation=-1,
        programme=-1,
        domain=np.where(rng.random(n) < stage.p["firm_mail"], firm, stage.people.free_mail(rng, n)),
        egress_1=office,
        second=0.7,
    )
    rate = stage.volumes(n, stage.p["per_day"], 0.5)
    stage.stream(
        accounts,
        play.JUDGE,
        rate * 0.4,
        rhythm=OFFICE,
        frames=stage.frame_of("rubric_judge"),
        items=Items(kind=POOL, salt=key("team pairs", stage.world.seed), size=400, skew=0.0),
        sitting=40.0,
        spacing_s=8.0,
        presence=0.5,
    )
    stage.stream(
        accounts,
        PRACTICE,
        rate * 0.3,
        rhythm=OFFICE,
        repertoire=stage.keys("frame", 6),
        presence=0.5,
    )
    stage.stream(accounts, [(play.CODE, 2), (play.OFFICE, 1)], rate * 0.2, rhythm=OFFICE)
    stage.crowd(
        accounts,
        paired_with=PAIR,
        looks_guilty="undeclared accounts of one office with the same repertoire of rubrics and test frames",
        innocent="colleagues who evaluate models; own cards and devices, most with their firm's mailbox",
    )
