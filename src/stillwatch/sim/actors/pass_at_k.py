"""Pass at k: firms that draw several answers to each task, since that is how they measure.

Looks like repeated sampling: several choices in a request or the same prompt again, temperature 1, through one
template. Innocent: each firm in the open, with one public or own set, for a measurement that ends.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import FLAT, OFFICE
from stillwatch.sim._parameters import Parameter, Range, counts, rates
from stillwatch.sim._plan import POOL, Items
from stillwatch.sim.actors._honest import firm
from stillwatch.sim.actors.repeated_sampling import SAMPLE
from stillwatch.sim.stage import Stage

PAIR: Final = "repeated_sampling"
PARAMETERS: Final[dict[str, Parameter]] = {
    "accounts": counts(5, 40),
    "per_day": rates(10, 80),
    "choices": Range(1, 6),
    "tasks": Range(100, 500),
}


def plant(stage: Stage) -> None:
    """Let each firm measure for a few days."""
    rng = stage.rng
    holder = stage.dealt(stage.p["accounts"], (1, 4)).astype(np.int64)
    everybody = []
    for number in range(int(holder.max()) + 1):
        n = int((holder == number).sum())
        accounts = firm(stage, n, f"firm {number}", sort="startup", channel=0)
        begins = rng.uniform(0, stage.days * 0.6)
        stage.stream(
            accounts,
            replace(SAMPLE, n=int(stage.p["choices"])),
            stage.volumes(n, stage.p["per_day"], 0.5),
            rhythm=FLAT,
            frames=stage.frame_of("repeated_sampling"),
            items=Items(kind=POOL, salt=stage.key("tasks", number), size=int(stage.p["tasks"]), skew=0.0),
            begins=stage.day(begins),
            ends=stage.day(begins + rng.uniform(1, max(2, stage.days * 0.5))),
            presence=0.9,
            sitting=200.0,
            spacing_s=4.0,
        )
        stage.stream(accounts, [(play.CODE, 2), (play.CODING_AGENT, 1)], stage.volumes(n, 1.0, 0.8), rhythm=OFFICE)
        everybody.append(accounts)
    stage.crowd(
        np.concatenate(everybody),
        paired_with=PAIR,
        looks_guilty="the same prompts many times at temperature 1, several choices, one template",
        innocent="firms that measure pass at k, each in the open and for a few days",
    )
