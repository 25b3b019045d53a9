"""Multilingual product: one firm's exercises in twelve languages, an account for each region.

Looks like a language sweep: the same items, numbers and orders language after language, over several accounts, with
the thinking asked for in each. Innocent: one firm in the open, whose pupils go on asking.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from stillwatch.sim._clock import EVENING_PERSON
from stillwatch.sim._parameters import Parameter, Range, rates
from stillwatch.sim._plan import POOL, Items
from stillwatch.sim.actors._honest import firm
from stillwatch.sim.actors.multilingual_sweep import LANGUAGES, exercise
from stillwatch.sim.stage import Stage

PAIR: Final = "multilingual_sweep"
PARAMETERS: Final[dict[str, Parameter]] = {
    "accounts": Range(4, 12),
    "per_day": rates(20, 140),
    "exercises": Range(60, 500),
}


def plant(stage: Stage) -> None:
    """Give each region an account and its languages."""
    n = int(stage.p["accounts"])
    accounts = firm(stage, n, "publisher", declared=0.9, sort="startup", channel=0)
    book = Items(kind=POOL, salt=stage.key("book"), size=int(stage.p["exercises"]), skew=0.4)
    languages = stage.rng.permutation(len(LANGUAGES))
    for number, account in enumerate(accounts):
        mine = [LANGUAGES[k] for k in languages[number :: max(1, n // 2)]][:3] or ["en"]
        scenes = [
            (replace(exercise(language), turns=0.9, pause_s=70, users=1.0, session=1.0, fixed_ask=False), 1.0)
            for language in mine
        ]
        stage.stream(
            np.array([account]),
            scenes,
            stage.p["per_day"] / 1.9,
            rhythm=EVENING_PERSON,
            frames=stage.frame_of("multilingual_sweep"),
            items=book,
            users=500,
            send_users=1.0,
            presence=0.95,
        )
    stage.crowd(
        accounts,
        paired_with=PAIR,
        looks_guilty="the same exercises with their thinking in many languages, over several accounts",
        innocent="one publisher's product: its name, card and domain, and pupils who go on asking",
    )
