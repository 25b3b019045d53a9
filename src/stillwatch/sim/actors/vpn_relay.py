"""VPN and relay: people who hide their address from everybody, for their own reasons.

Looks like a network: accounts whose addresses change several times a day, shared exits of a few providers, disposable
mailboxes, prepaid cards. Innocent: privacy; nothing else ties them.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import EVENING_PERSON
from stillwatch.sim._parameters import Parameter, counts, rates, shares
from stillwatch.sim.stage import Stage

PAIR: Final = "account_network"
PARAMETERS: Final[dict[str, Parameter]] = {
    "accounts": counts(40, 400),
    "per_day": rates(1, 8),
    "throwaway": shares(0.05, 0.4),
}


def plant(stage: Stage) -> None:
    """Enrol people behind VPNs, relays and prepaid cards."""
    rng, n = stage.rng, stage.p["accounts"]
    relay = rng.random(n) < 0.35
    exits = np.where(
        relay, stage.network.some(rng, stage.network.relays, n), stage.network.some(rng, stage.network.vpns, n)
    )
    thrown = rng.random(n) < stage.p["throwaway"]
    prepaid = rng.random(n) < 0.3
    accounts = stage.enrol(
        n,
        "person",
        egress_0=exits,
        second=0.0,
        third=0.0,
        domain=np.where(thrown, stage.people.throwaway_mail(rng, n), stage.people.free_mail(rng, n)),
    )
    column = stage.people.column
    column("bin")[accounts[prepaid]] = np.where(column("payment")[accounts[prepaid]] != 0, 499_777, 0)
    stage.stream(
        accounts,
        [(play.CHAT, 3), (play.CHAT_ONCE, 2), (play.CODE, 1), (play.THINKING, 1)],
        stage.volumes(n, stage.p["per_day"] / 2.0, 1.0),
        rhythm=EVENING_PERSON,
        presence=0.15,
    )
    stage.crowd(
        accounts,
        paired_with=PAIR,
        looks_guilty="shared exits that change all day, disposable mailboxes, prepaid cards of one issuer",
        innocent="people who value their privacy and have nothing else in common",
    )
