"""Family card: families who pay with one card and share a computer.

Looks like small pools: two to four accounts of different names on one card, one device and one address. Innocent:
families; each asks about its own things.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import EVENING_PERSON
from stillwatch.sim._parameters import Parameter, counts, rates
from stillwatch.sim.stage import Stage

PAIR: Final = "account_network"
PARAMETERS: Final[dict[str, Parameter]] = {"accounts": counts(30, 300), "per_day": rates(0.8, 4)}


def plant(stage: Stage) -> None:
    """Seat families at their tables."""
    rng, n = stage.rng, stage.p["accounts"]
    family = stage.dealt(n, (2, 4)).astype(np.int64)
    many = int(family.max()) + 1
    surname = stage.keys("family", many)
    issuer = stage.people.bins(rng, many)
    line = stage.network.home(rng, many)
    zone = rng.choice([-8.0, -5.0, 0.0, 1.0, 5.5, 8.0, 9.0], many)
    computer = rng.random(n) < 0.6
    accounts = stage.enrol(
        n,
        "person",
        payment=surname[family],
        bin=issuer[family],
        egress_0=line[family],
        second=0.2,
        zone=zone[family],
    )
    column = stage.people.column
    column("device")[accounts[computer]] = (surname + np.uint64(77))[family[computer]]
    stage.stream(
        accounts,
        [(play.CHAT, 3), (play.CHAT_ONCE, 2), (play.HOMEWORK, 2)],
        stage.volumes(n, stage.p["per_day"] / 2.1, 0.9),
        rhythm=EVENING_PERSON,
        presence=0.2,
    )
    stage.crowd(
        accounts,
        paired_with=PAIR,
        looks_guilty="accounts of different names on one card, device and address",
        innocent="families of two to four, each member with their own questions",
    )
