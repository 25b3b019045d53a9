"""Popular SDK build: readers of one tutorial who run its container and its first request.

Looks like a campaign's client: hundreds of accounts on one rare build and TLS stack, and the same first prompt that
asks to think out loud, often on the day of sign-up. The build may be the one that a campaign uses too. Innocent: a
tutorial's container image; afterwards everybody does something else.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import EVENING_PERSON, OFFICE
from stillwatch.sim._parameters import Parameter, counts, rates
from stillwatch.sim._scenes import Scene
from stillwatch.sim.stage import Stage

PAIR: Final = "reasoning_harvest"
PARAMETERS: Final[dict[str, Parameter]] = {"accounts": counts(50, 500), "per_day": rates(1, 6)}
FIRST: Final = Scene(
    ask="quickstart.ask", answer="quickstart.answer", fixed_answer=False, streams=0.1, temperature=((0.7, 1),)
)


def plant(stage: Stage) -> None:
    """Publish the tutorial."""
    rng, n = stage.rng, stage.p["accounts"]
    image = stage.common("starter image", lambda: stage.clients.rare("python"))
    created = np.minimum(stage.organic(n), stage.day(stage.days * 0.8))
    young = rng.random(n) < 0.5
    created[young] = rng.integers(-stage.day(3), stage.day(stage.days * 0.8), int(young.sum()))
    accounts = stage.enrol(n, "developer", client_0=image, upgrade=1 << 60, created=created)
    stage.stream(accounts, FIRST, 0.35, rhythm=EVENING_PERSON, frames=stage.key("tutorial"), presence=0.1)
    stage.stream(
        accounts,
        [(play.CODE, 3), (play.CHAT_ONCE, 1), (play.APP_PLAIN, 1)],
        stage.volumes(n, stage.p["per_day"] / 1.9, 1.1),
        rhythm=OFFICE,
        presence=0.2,
    )
    stage.crowd(
        accounts,
        paired_with=PAIR,
        looks_guilty="one rare build over hundreds of accounts, and one first prompt that elicits reasoning",
        innocent="readers of one tutorial; own cards, own networks, own work",
    )
