"""Prompt course: learners who all practise the same dozen templates.

Looks like a slow campaign's repertoire: the same set of intent-bearing templates (reason in steps, judge by a rubric,
rewrite, argue from first principles) over dozens of young accounts with one referrer. Innocent: a course; topics are
the learners' own, and no card, device or conversation is shared.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import DAY_MS, EVENING_PERSON
from stillwatch.sim._parameters import Parameter, Range, counts, rates
from stillwatch.sim._scenes import Scene
from stillwatch.sim.stage import Stage

PAIR: Final = "slow_and_low"
PARAMETERS: Final[dict[str, Parameter]] = {
    "accounts": counts(25, 240),
    "per_day": rates(1.5, 8),
    "templates": Range(8, 20),
}
PRACTICE: Final = Scene(ask="lib.ask", answer="lib.answer", more="en.more", turns=0.5, pause_s=120, streams=0.6)


def plant(stage: Stage) -> None:
    """Teach a dozen templates."""
    rng, n = stage.rng, stage.p["accounts"]
    term = rng.uniform(-20, 1)
    accounts = stage.enrol(
        n,
        "person",
        created=((term + rng.exponential(2.0, n)) * DAY_MS).astype(np.int64),
        referrer=stage.people.referrer("course " + stage.text("name.unique", stage.key("course"))),
    )
    stage.stream(
        accounts,
        PRACTICE,
        stage.volumes(n, stage.p["per_day"] / 1.5, 0.7),
        rhythm=EVENING_PERSON,
        repertoire=stage.keys("template", int(stage.p["templates"])),
        presence=0.4,
    )
    stage.stream(accounts, [(play.CHAT, 2), (play.CHAT_ONCE, 1)], stage.volumes(n, 0.7, 0.9), rhythm=EVENING_PERSON)
    stage.crowd(
        accounts,
        paired_with=PAIR,
        looks_guilty="the same repertoire of templates over dozens of young accounts with one referrer",
        innocent="a course: own topics, own cards, own devices",
    )
