"""Enterprise NAT: a company whose staff signed up one by one and all come out of one address.

Looks like a campaign: dozens of accounts behind one address, one build on company laptops, sign-ups in the
week of a training course, office hours in step, the same onboarding prompt. Innocent: one mail domain, and
the company pays.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import DAY_MS, OFFICE
from stillwatch.sim._parameters import Parameter, counts, rates, shares
from stillwatch.sim.actors._honest import firm
from stillwatch.sim.stage import Stage

PAIR: Final = "account_network"
PARAMETERS: Final[dict[str, Parameter]] = {
    "accounts": counts(30, 260),
    "per_day": rates(2, 12),
    "private_mail": shares(0.0, 0.3),
}


def plant(stage: Stage) -> None:
    """Enrol the staff; some used their private mail address and card."""
    n = stage.p["accounts"]
    week = stage.rng.uniform(-200, -3)
    created = ((week + stage.rng.exponential(2.0, n)) * DAY_MS).astype(np.int64)
    accounts = firm(
        stage,
        n,
        "staff",
        cards=max(1, n // 60),
        addresses=int(stage.rng.integers(1, 3)),
        created=created,
        client_0=stage.clients.some(stage.rng, 1)[0],
        declared=0.85,
    )
    private = accounts[stage.rng.random(n) < stage.p["private_mail"]]
    stage.people.column("domain")[private] = stage.people.free_mail(stage.rng, len(private))
    stage.people.column("payment")[private] = stage.keys("private card", len(private))
    stage.people.column("bin")[private] = stage.people.bins(stage.rng, len(private))
    stage.stream(
        accounts,
        [(play.OFFICE, 5), (play.CODE, 2), (play.CHAT, 1)],
        stage.volumes(n, stage.p["per_day"] / 1.9, 0.9),
        rhythm=OFFICE,
        presence=0.35,
    )
    stage.crowd(
        accounts,
        paired_with=PAIR,
        looks_guilty="dozens of accounts behind one address, one build, sign-ups within days, hours in step",
        innocent="one employer: its mail domain and its cards; private accounts have cards of their own",
    )
