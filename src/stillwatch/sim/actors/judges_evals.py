"""Judges and evals: firms that let the model grade, with public rubrics.

Looks like reward-model extraction: one rubric over thousands of candidate pairs, the same pair with its sides
swapped, verdicts at temperature 0, several accounts. Innocent: judging is everyday evaluation; each firm's accounts
share its card and domain, and the rubric stands in a public paper.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import FLAT, OFFICE
from stillwatch.sim._parameters import Parameter, counts, rates, shares
from stillwatch.sim.actors._honest import firm
from stillwatch.sim.stage import Stage

PAIR: Final = "rubric_judge"
PARAMETERS: Final[dict[str, Parameter]] = {
    "accounts": counts(8, 60),
    "per_day": rates(15, 120),
    "swapped": shares(0.2, 1.0),
}
SINGLE: Final = replace(play.JUDGE, ask="judge.single")


def plant(stage: Stage) -> None:
    """Let each firm grade its own answers."""
    holder = stage.dealt(stage.p["accounts"], (1, 5)).astype(np.int64)
    everybody = []
    for number in range(int(holder.max()) + 1):
        n = int((holder == number).sum())
        accounts = firm(stage, n, f"firm {number}", sort="startup" if stage.chance(0.6) else "company", channel=0)
        frame = stage.frame_of("rubric_judge") if stage.chance(0.6) else stage.key("rubric", number)
        rate = stage.volumes(n, stage.p["per_day"] / (1 + stage.p["swapped"]), 0.6)
        first = stage.stream(
            accounts,
            play.JUDGE if number % 3 else SINGLE,
            rate,
            rhythm=OFFICE if stage.chance(0.5) else FLAT,
            frames=frame,
            items=stage.listed(rate.sum() * stage.rng.uniform(0.4, 1.6, stage.days)),
            sitting=300.0,
            spacing_s=3.0,
        )
        if number % 3:
            stage.stream(
                accounts,
                replace(play.JUDGE, ask="judge.swapped"),
                1.0,
                frames=frame,
                items=stage.following(first, 0, stage.p["swapped"]),
                sitting=300.0,
                spacing_s=3.0,
            )
        stage.stream(accounts, [(play.CODE, 2), (play.CODING_AGENT, 1)], stage.volumes(n, 1.0, 0.8), rhythm=OFFICE)
        everybody.append(accounts)
    stage.crowd(
        np.concatenate(everybody),
        paired_with=PAIR,
        looks_guilty="one rubric over thousands of pairs, swapped sides, JSON verdicts at temperature 0",
        innocent="firms that evaluate their own products, each in the open",
    )
