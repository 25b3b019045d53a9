"""Support outsourcer: a call centre whose agents work for several client firms in shifts.

Looks like a network: accounts of different firms on the same desks, addresses and build, around the clock, with one
reply template. Innocent: each client's account carries the client's domain and card; the desks are the outsourcer's.
"""

from __future__ import annotations

from typing import Final

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import FLAT
from stillwatch.sim._parameters import Parameter, counts, rates
from stillwatch.sim.stage import Accounts, Stage

PAIR: Final = "account_network"
PARAMETERS: Final[dict[str, Parameter]] = {"accounts": counts(10, 70), "per_day": rates(8, 60)}


def plant(stage: Stage) -> None:
    """Staff the desks."""
    rng, n = stage.rng, stage.p["accounts"]
    centre = stage.network.office(int(rng.integers(1, 5)))
    desks = stage.keys("desk", max(3, n // 3))
    build = stage.clients.some(rng, 1)[0]
    accounts = stage.enrol(
        n,
        "company",
        channel=0,
        egress_0=centre,
        second=0.0,
        third=0.0,
        device=rng.choice(desks, n),
        client_0=build,
        upgrade=1 << 60,
        domain=_own(stage, n),
    )
    stage.stream(
        accounts,
        [(play.APP_PLAIN, 3), (play.OFFICE, 1)],
        stage.volumes(n, stage.p["per_day"] / 1.2, 0.7),
        rhythm=FLAT,
        frames=stage.key("reply template") if stage.chance(0.5) else None,
        users=400,
        presence=0.9,
    )
    stage.crowd(
        accounts,
        paired_with=PAIR,
        looks_guilty="accounts of different firms on the same desks, addresses and build, with one reply template",
        innocent="a call centre that works for several firms, each with its own domain and card",
    )


def _own(stage: Stage, n: int) -> Accounts:
    names = stage.words("name.unique", stage.keys("client domain", n))
    return stage.people.add_domains([f"{name}.example" for name in names])
