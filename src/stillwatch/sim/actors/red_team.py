"""Red team: security people who attack the model because they are asked to.

Looks like hidden-prompt extraction: jailbreaks in bulk, refusals, now and then a leak. Innocent: a firm under
contract in the open, and a few independent bug hunters, each for themselves.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import OFFICE
from stillwatch.sim._parameters import Parameter, Range, rates
from stillwatch.sim.actors._honest import firm
from stillwatch.sim.actors.hidden_prompt_extraction import ATTACK
from stillwatch.sim.stage import Stage

PAIR: Final = "hidden_prompt_extraction"
PARAMETERS: Final[dict[str, Parameter]] = {"accounts": Range(5, 20), "per_day": rates(4, 40)}


def plant(stage: Stage) -> None:
    """Attack in the open."""
    n = int(stage.p["accounts"])
    house = max(2, n // 2)
    hired = firm(stage, house, "security", declared=0.9)
    hunters = stage.enrol(n - house, "researcher")
    accounts = np.concatenate([hired, hunters])
    stage.stream(
        accounts,
        [(replace(ATTACK, refusals=0.8), 3), (play.CODE, 1)],
        stage.volumes(n, stage.p["per_day"] / 1.3, 0.8),
        rhythm=OFFICE,
        repertoire=stage.world_frames("hidden_prompt_extraction", 6),
        presence=0.4,
    )
    if stage.chance(0.5):
        owner = stage.people.organisations[int(stage.people.column("organisation")[hired[0]])]
        stage.declare(hired, owner=owner, reason="red team under contract")
    stage.crowd(
        accounts,
        paired_with=PAIR,
        looks_guilty="jailbreaks in bulk over several accounts, with refusals and some leaks",
        innocent="a security firm in the open and unrelated bug hunters",
    )
