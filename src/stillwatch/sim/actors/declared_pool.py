"""Declared pool: a gateway that sells access to many models and says so.

Looks like a hydra: conversations hop between its accounts, thousands of people in many languages behind few
addresses, accounts added when one meets its limit. Innocent: the operator knows the owner, the accounts name it, and
it sends its end users' ids.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import FLAT
from stillwatch.sim._parameters import Parameter, counts, rates, shares
from stillwatch.sim.actors._honest import firm
from stillwatch.sim.stage import Stage

PAIR: Final = "hydra_reseller"
PARAMETERS: Final[dict[str, Parameter]] = {
    "accounts": counts(8, 80),
    "per_day": rates(20, 120),
    "hop": shares(0.2, 0.9),
    "end_users": counts(200, 3_000),
}


def plant(stage: Stage) -> None:
    """Open the gateway."""
    n, rng = stage.p["accounts"], stage.rng
    gateway = stage.clients.build("gateway/2.4 (+https://gateway.example)")
    accounts = firm(
        stage,
        n,
        "gateway",
        declared=1.0,
        cards=max(1, n // 25),
        addresses=int(rng.integers(2, 12)),
        client_0=gateway,
        upgrade=1 << 60,
        channel=0,
        created=np.sort(rng.integers(-stage.day(200), stage.day(stage.days * 0.6), n)),
    )
    stage.world.pools[stage.actor] = accounts
    stage.stream(
        accounts,
        [
            (play.CHAT, 3),
            (play.GATEWAY_CHAT, 1),
            (play.CHAT_ONCE, 3),
            (play.CODE, 3),
            (play.APP_PLAIN, 2),
            (play.LONG_CHAT, 0.4),
        ],
        stage.volumes(n, stage.p["per_day"] / 2.1, 0.4),
        rhythm=FLAT,
        users=stage.p["end_users"],
        shared_users=True,
        send_users=1.0,
        hop=stage.p["hop"],
        presence=0.95,
        sitting=2.0,
    )
    owner = stage.people.organisations[int(stage.people.column("organisation")[accounts[0]])]
    stage.declare(accounts, owner=owner, reason="gateway that sells access in the open, contract on file")
    stage.crowd(
        accounts,
        paired_with=PAIR,
        looks_guilty="conversations that hop between accounts, a mixed crowd behind few addresses",
        innocent="a declared gateway: one owner, known to the operator, with end-user ids",
    )
