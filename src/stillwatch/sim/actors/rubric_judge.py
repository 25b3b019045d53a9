"""Rubric judge: the model is used as a reward model, through many accounts.

On record: C1 (rubric grading, the model as reward model). One rubric, candidate pairs by the thousand, the
same pair again with its sides swapped, verdicts as JSON or letters at temperature 0.

Shares with its pair (`judges_evals`): the rubric, often word for word, swapped pairs, temperature 0. Does not
share: the pair's accounts are their firm's in the open.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import FLAT
from stillwatch.sim._parameters import Parameter, counts, rates, shares
from stillwatch.sim.actors._fraud import fraudulent
from stillwatch.sim.stage import Stage

PAIR: Final = "judges_evals"
PARAMETERS: Final[dict[str, Parameter]] = {
    "accounts": counts(16, 160),
    "per_day": rates(8, 60, reserved="low"),
    "swapped": shares(0.2, 1.0, reserved="low"),
    "clean": shares(0.05, 0.35),
}
SWAPPED: Final = replace(play.JUDGE, ask="judge.swapped")


def plant(stage: Stage) -> None:
    """Deal the pairs to the accounts, and ask some again with their sides swapped."""
    n = stage.p["accounts"]
    accounts = fraudulent(stage, n, clean=stage.p["clean"], replaced=0.08)
    campaign = stage.campaign(
        accounts,
        finding="distillation_campaign",
        tactics=["shared cards", "pooled addresses", "rubric grading", "order-swapped pairs", "one list divided"],
    )
    share = stage.p["swapped"]
    daily = n * stage.p["per_day"] / (1 + share)
    weight = stage.volumes(n, 1.0, 0.3)
    frame = stage.frame_of("rubric_judge")
    first = stage.stream(
        accounts,
        play.JUDGE,
        weight,
        rhythm=FLAT,
        frames=frame,
        campaign=campaign,
        items=stage.listed(daily * stage.rng.uniform(0.7, 1.3, stage.days)),
        sitting=8.0,
        spacing_s=60.0,
    )
    stage.stream(
        accounts,
        SWAPPED,
        stage.volumes(n, 1.0, 0.3),
        rhythm=FLAT,
        frames=frame,
        campaign=campaign,
        items=stage.following(first, int(stage.rng.integers(0, 2)), share),
        sitting=8.0,
        spacing_s=60.0,
    )
    if stage.chance(0.4):
        stage.stream(accounts, play.CHAT_ONCE, np.full(n, stage.p["per_day"] * 0.08), rhythm=FLAT)
