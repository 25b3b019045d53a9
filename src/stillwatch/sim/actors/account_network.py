"""Account network: fraudulent accounts that resell access or farm trial credits, without extraction.

On record: resellers ("transfer stations": stolen cards, farmed accounts, trial credits; motives much wider
than distillation) and H.R. 8283's separate class of account network providers. The people behind the pool ask
what people ask.

Shares with its pair (`agency`): devices, addresses and staff over accounts of different names. Does not
share: an agency's clients are real, pay with their own cards and name the agency.
"""

from __future__ import annotations

from typing import Final

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import EVENING_PERSON
from stillwatch.sim._parameters import Parameter, counts, rates, shares
from stillwatch.sim.actors._fraud import fraudulent
from stillwatch.sim.stage import Stage

PAIR: Final = "agency"
PARAMETERS: Final[dict[str, Parameter]] = {
    "accounts": counts(24, 260),
    "per_day": rates(3, 30),
    "hop": shares(0.0, 0.8),
    "clean": shares(0.05, 0.35),
    "end_users": counts(150, 2_000),
}


def plant(stage: Stage) -> None:
    """Enrol the pool and seat its customers."""
    n = stage.p["accounts"]
    accounts = fraudulent(stage, n, clean=stage.p["clean"], replaced=0.2, card=(2, 10), claims=0.2)
    stage.world.pools[stage.actor] = accounts
    stage.campaign(
        accounts,
        finding="account_network",
        tactics=["shared cards", "pooled addresses and devices", "replaced after bans", "resold access"],
    )
    stage.stream(
        accounts,
        [
            (play.CHAT, 3),
            (play.GATEWAY_CHAT, 1),
            (play.CHAT_ONCE, 3),
            (play.CODE, 2),
            (play.HOMEWORK, 1),
            (play.LONG_CHAT, 0.3),
        ],
        stage.volumes(n, stage.p["per_day"] / 2.3, 0.5),
        rhythm=EVENING_PERSON,
        users=stage.p["end_users"],
        shared_users=True,
        send_users=0.0,
        hop=stage.p["hop"],
        presence=0.85,
        sitting=2.0,
    )
