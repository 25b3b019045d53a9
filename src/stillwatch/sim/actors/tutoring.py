"""Tutoring: products that show their steps, with the very wording that a harvest uses.

Looks like a harvest: a template that asks for every step, exercises by the thousand, several accounts. Innocent: one
firm runs the schools' accounts under its name, domain and card; independent tutors copied its template from a forum
and have nothing else in common; pupils answer, ask again and get things wrong.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import EVENING_PERSON
from stillwatch.sim._parameters import Parameter, Range, counts, rates
from stillwatch.sim.actors._honest import firm
from stillwatch.sim.stage import Stage

PAIR: Final = "reasoning_harvest"
PARAMETERS: Final[dict[str, Parameter]] = {
    "accounts": counts(8, 60),
    "per_day": rates(10, 70),
    "schools": Range(2, 9),
}
IN_FRAME: Final = replace(
    play.TUTOR, ask="harvest.ask", answer="harvest.answer", system="", fixed_ask=False, turns=1.4, limit=((2048, 1),)
)


def plant(stage: Stage) -> None:
    """Found the firm with its schools, and let independent tutors copy its template."""
    n = stage.p["accounts"]
    schools = max(2, min(int(stage.p["schools"]), n // 2))
    chain = firm(stage, schools, "chain", declared=0.9, sort="startup", channel=0)
    alone = stage.enrol(max(1, n - schools), "startup", organisation=-1)
    frame = stage.frame_of("reasoning_harvest")
    for accounts, scenes in ((chain, [(IN_FRAME, 2), (play.TUTOR, 1)]), (alone, [(IN_FRAME, 1), (play.TUTOR, 2)])):
        stage.stream(
            accounts,
            scenes,
            stage.volumes(len(accounts), stage.p["per_day"] / 2.8, 0.7),
            rhythm=EVENING_PERSON,
            frames=frame,
            users=int(stage.rng.integers(60, 900)),
            send_users=0.8,
            presence=0.8,
            sitting=3.0,
        )
    stage.crowd(
        np.concatenate([chain, alone]),
        paired_with=PAIR,
        looks_guilty="one template that asks for every step, over several accounts, with thousands of exercises",
        innocent="a tutoring firm in the open and tutors who copied its template; pupils who go on asking",
    )
