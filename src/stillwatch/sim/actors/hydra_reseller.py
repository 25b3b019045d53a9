"""Hydra reseller: pooled accounts resell access, and one customer's extraction hides among the rest.

On record: C1 to C3 (more than 20,000 accounts in one proxy network that mixed distillation with unrelated
customer requests; no single point of failure, a banned account is replaced at once) and ChinaTalk on transfer
stations. End users chat, code and do homework in many languages; a load balancer spreads one conversation
over the pool. The extraction is 2 to 50 per cent of the pool's traffic and may run on a part of the accounts
only.

Two truths: the network (all accounts) and, where the stream runs on a part of it, the campaign inside it.

Shares with its pair (`declared_pool`, `reseller_customers`): conversations that hop between accounts, a mixed
crowd behind few addresses. Does not share: the declared pool says that it is one; the customers have nothing
but the reseller in common.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import EVENING_PERSON, FLAT
from stillwatch.sim._parameters import Parameter, counts, rates, shares
from stillwatch.sim.actors._fraud import fraudulent
from stillwatch.sim.stage import Stage

PAIR: Final = "declared_pool"
PARAMETERS: Final[dict[str, Parameter]] = {
    "accounts": counts(40, 320),
    "per_day": rates(10, 45),
    "mix": shares(0.02, 0.5, reserved="low"),
    "carriers": shares(0.35, 1.0, reserved="low"),
    "hop": shares(0.2, 0.9),
    "clean": shares(0.05, 0.35),
    "end_users": counts(300, 3_000),
}


def plant(stage: Stage) -> None:
    """Enrol the pool, seat its end users, and let one of them harvest."""
    n = stage.p["accounts"]
    accounts = fraudulent(stage, n, clean=stage.p["clean"], replaced=0.2, card=(2, 7))
    stage.world.pools[stage.actor] = accounts
    carrying = accounts[: max(5, round(n * stage.p["carriers"]))]
    whole = len(carrying) >= n
    tactics = [
        "pooled accounts",
        "conversations spread over accounts",
        "replaced after bans",
        "mixed traffic",
    ]
    network = None
    if not whole:
        network = stage.campaign(
            accounts,
            finding="account_network",
            kind="hydra_network",
            tactics=["pooled accounts", "replaced after bans"],
        )
    campaign = stage.campaign(carrying, finding="distillation_campaign", tactics=tactics, part_of=network)
    daily = n * stage.p["per_day"]
    people = [
        (play.CHAT, 3),
        (play.GATEWAY_CHAT, 1),
        (play.CHAT_ONCE, 3),
        (play.CODE, 3),
        (play.HOMEWORK, 1),
        (play.OFFICE, 1),
        (play.LONG_CHAT, 0.3),
    ]
    stage.stream(
        accounts,
        people,
        stage.volumes(n, daily * (1 - stage.p["mix"]) / n / 2.2, 0.4),
        rhythm=EVENING_PERSON,
        users=stage.p["end_users"],
        shared_users=True,
        send_users=0.0,
        hop=stage.p["hop"],
        presence=0.9,
        sitting=2.0,
    )
    asked = stage.listed(daily * stage.p["mix"] * stage.rng.uniform(0.75, 1.25, stage.days))
    stage.stream(
        carrying,
        play.HARVEST,
        stage.volumes(len(carrying), 1.0, 0.3),
        rhythm=FLAT,
        campaign=campaign,
        frames=np.array([stage.frame_of("hydra_reseller")]),
        items=asked,
        sitting=3.0,
        spacing_s=200.0,
    )
