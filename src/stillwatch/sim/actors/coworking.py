"""Coworking: small firms that share a house, its address and its lobby computer.

Looks like a network: a dozen accounts on one address and some on one device, opened over the same months, the same
hours. Innocent: tenants; their cards, domains and work are their own.
"""

from __future__ import annotations

from typing import Final

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import OFFICE
from stillwatch.sim._parameters import Parameter, counts, rates, shares
from stillwatch.sim.stage import Stage

PAIR: Final = "account_network"
PARAMETERS: Final[dict[str, Parameter]] = {
    "accounts": counts(12, 100),
    "per_day": rates(2, 15),
    "lobby": shares(0.05, 0.3),
}


def plant(stage: Stage) -> None:
    """Let the rooms."""
    rng, n = stage.rng, stage.p["accounts"]
    house = stage.network.site(int(stage.network.home(rng, 1)[0]), int(rng.integers(1, 4)))
    accounts = stage.enrol(n, "startup", channel=0, egress_0=house, egress_1=stage.network.home(rng, n), second=0.25)
    lobby = rng.random(n) < stage.p["lobby"]
    stage.people.column("device")[accounts[lobby]] = stage.key("lobby computer")
    stage.stream(
        accounts,
        [(play.CODE, 3), (play.OFFICE, 2), (play.APP_PLAIN, 1), (play.CHAT, 1)],
        stage.volumes(n, stage.p["per_day"] / 1.9, 0.9),
        rhythm=OFFICE,
        presence=0.4,
    )
    stage.crowd(
        accounts,
        paired_with=PAIR,
        looks_guilty="a dozen accounts on one address, some on one device, the same hours",
        innocent="tenants of one house with their own cards, domains and work",
    )
