"""Own training: engineers who train models of their own, and agents that audit their own code many at a time.

Looks like a harvest: distillation, teacher and student, reasoning traces, rubrics and synthetic data in every request,
and runs of a dozen agents at once over one repository. On record: requests refused for the vocabulary of distillation
during the user's own fine-tuning, and an account banned for parallel audits of its own code. Innocent: the model and
the data are theirs; each asks for advice on trouble of their own, goes on asking, and nothing ties them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import OFFICE
from stillwatch.sim._parameters import Parameter, counts, rates, shares
from stillwatch.sim._scenes import Scene
from stillwatch.sim.actors._honest import firm
from stillwatch.sim.stage import Stage

PAIR: Final = "reasoning_harvest"
PARAMETERS: Final[dict[str, Parameter]] = {
    "accounts": counts(20, 160),
    "per_day": rates(3, 20),
    "auditors": shares(0.05, 0.25),
}
ADVICE: Final = Scene(
    ask="train.ask", answer="train.answer", more="train.more", turns=1.2, pause_s=120, session=0.2, streams=0.6
)
AUDIT: Final = replace(play.CODING_AGENT, turns=6.0, pause_s=6)


def plant(stage: Stage) -> None:
    """Let strangers and one laboratory ask about training, and a few of them audit their code."""
    n = int(stage.p["accounts"])
    house = max(2, n // 5)
    laboratory = firm(stage, house, "software house", declared=0.7)
    strangers = stage.enrol(n - house, "researcher")
    accounts = np.concatenate([laboratory, strangers])
    stage.stream(
        accounts,
        [(ADVICE, 4), (play.CODE, 1)],
        stage.volumes(n, stage.p["per_day"] / 2.2, 0.9),
        rhythm=OFFICE,
        presence=0.3,
    )
    auditors = strangers[: max(1, round(n * stage.p["auditors"]))]
    stage.stream(auditors, AUDIT, stage.volumes(len(auditors), 3.0, 0.6), sitting=12.0, spacing_s=4.0, presence=0.3)
    stage.crowd(
        accounts,
        paired_with=PAIR,
        looks_guilty="the vocabulary of distillation in every request, and a dozen agents at a time",
        innocent="people who train their own models on their own data, each with trouble of their own",
    )
