"""Student evaluation: benchmark-shaped bursts and gap-directed prompts around a student's training.

On record: the student evaluation loop (threat, section 4, unverified there). Two or three rounds with pauses
between: first the public sets, then prompts about what the student got wrong, through a small hidden set of
accounts.

Shares with its pair (`benchmark_runs`): the public sets, their templates, the bursts. Does not share: the
pair's researchers have nothing to do with one another, and nobody asks about a student's gaps.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import FLAT
from stillwatch.sim._keys import key
from stillwatch.sim._parameters import Parameter, Range, counts, rates, shares
from stillwatch.sim._plan import LIST, Items
from stillwatch.sim.actors._fraud import fraudulent
from stillwatch.sim.stage import Stage

PAIR: Final = "benchmark_runs"
PARAMETERS: Final[dict[str, Parameter]] = {
    "accounts": counts(8, 60),
    "per_day": rates(20, 90),
    "rounds": Range(2, 4),
    "gaps": shares(0.2, 0.8),
    "clean": shares(0.0, 0.3),
}


def plant(stage: Stage) -> None:
    """Run the rounds."""
    n, rng, days = stage.p["accounts"], stage.rng, stage.days
    accounts = fraudulent(stage, n, clean=stage.p["clean"])
    campaign = stage.campaign(
        accounts,
        finding="distillation_campaign",
        tactics=["benchmark-shaped bursts", "gap-directed prompts", "shared cards", "pooled addresses"],
    )
    rounds = int(stage.p["rounds"])
    test, repair = np.zeros(days), np.zeros(days)
    for nth in range(rounds):
        first = int((nth + rng.uniform(0.1, 0.5)) * days / rounds)
        test[first : first + 1] = n * stage.p["per_day"] * (1 - stage.p["gaps"])
        repair[first : first + 2] += n * stage.p["per_day"] * stage.p["gaps"] / 2
    chosen = int(rng.integers(3))
    stage.stream(
        accounts,
        play.EVALUATE,
        1.0,
        rhythm=FLAT,
        frames=key("public set", chosen),
        campaign=campaign,
        items=Items(kind=LIST, salt=key("public set", stage.world.seed, chosen), quota=np.round(test).astype(np.int64)),
        sitting=500.0,
        spacing_s=4.0,
    )
    stage.stream(
        accounts,
        replace(play.HARVEST, ask="gap.ask"),
        1.0,
        rhythm=FLAT,
        frames=stage.frame_of("student_evaluation"),
        campaign=campaign,
        items=stage.listed(repair),
        sitting=500.0,
        spacing_s=6.0,
    )
    stage.stream(accounts, play.CHAT_ONCE, stage.volumes(n, 0.5, 0.5), rhythm=FLAT, presence=0.3)
