"""Viral prompt: a prompt that everybody passes on for a few days.

Looks like a campaign: one long template, first seen on one day, over hundreds of accounts at once, young ones
among them. Innocent: nothing ties the accounts but the prompt, the curve rises and falls like a fashion, and
each account uses it a few times among other things.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import DAY_MS, EVENING_PERSON
from stillwatch.sim._parameters import Parameter, counts, shares
from stillwatch.sim.stage import Stage

PAIR: Final = "reasoning_harvest"
PARAMETERS: Final[dict[str, Parameter]] = {"accounts": counts(80, 900), "new": shares(0.1, 0.5)}


def plant(stage: Stage) -> None:
    """Let a fashion come and go."""
    rng, n = stage.rng, stage.p["accounts"]
    peak = rng.uniform(0.2, 0.7) * stage.days
    young = rng.random(n) < stage.p["new"]
    created = np.where(young, (peak + rng.normal(0, 1.5, n)) * DAY_MS, stage.organic(n)).astype(np.int64)
    created = np.minimum(created, stage.day(stage.days - 0.6))
    accounts = stage.enrol(
        n,
        "person",
        created=created,
        referrer=np.where(young & (rng.random(n) < 0.6), stage.people.referrer("video"), -1),
    )
    for day in range(stage.days):
        height = float(np.exp(-abs(day - peak) / 1.8))
        if height > 0.02:
            stage.stream(
                accounts,
                play.VIRAL,
                0.5 * height,
                rhythm=EVENING_PERSON,
                frames=stage.key("viral"),
                begins=stage.day(day),
                ends=stage.day(day + 1),
                presence=1.0,
            )
    stage.stream(accounts, [(play.CHAT, 3), (play.CHAT_ONCE, 2)], stage.volumes(n, 0.7, 1.0), rhythm=EVENING_PERSON)
    stage.crowd(
        accounts,
        paired_with=PAIR,
        looks_guilty="one long template over hundreds of accounts within days, many of them new",
        innocent="a fashion: strangers, each a few times, among other questions",
    )
