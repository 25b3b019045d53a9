"""CGNAT: a region whose mobile carrier puts everybody behind a handful of addresses.

Looks like a network: hundreds of accounts on few addresses, changing among them every hour, one language, the same
hours. Innocent: carrier-grade NAT (Cloudflare, October 2025: more than 200,000 such addresses, and rules keyed on
them punish developing regions); each has a card and a mailbox of their own.
"""

from __future__ import annotations

from typing import Final

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import EVENING_PERSON
from stillwatch.sim._parameters import Parameter, counts, rates
from stillwatch.sim.stage import Stage

PAIR: Final = "account_network"
PARAMETERS: Final[dict[str, Parameter]] = {"accounts": counts(60, 600), "per_day": rates(1, 5)}


def plant(stage: Stage) -> None:
    """Enrol a region."""
    rng, n = stage.rng, stage.p["accounts"]
    carrier = stage.network.some(rng, stage.network.mobiles, 1)[0]
    zone = float(rng.choice([3, 5.5, 7, -3]))
    accounts = stage.enrol(n, "person", egress_0=carrier, second=0.0, third=0.0, zone=zone + rng.normal(0, 0.3, n))
    stage.stream(
        accounts,
        [(play.CHAT, 3), (play.CHAT_ONCE, 3), (play.HOMEWORK, 1), (play.CODE, 1)],
        stage.volumes(n, stage.p["per_day"] / 2.1, 1.0),
        rhythm=EVENING_PERSON,
        presence=0.1,
    )
    stage.crowd(
        accounts,
        paired_with=PAIR,
        looks_guilty="hundreds of accounts on a handful of addresses, in one rhythm",
        innocent="customers of one mobile carrier, each with their own card, mailbox and questions",
    )
