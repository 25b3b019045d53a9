"""Agency: a marketing agency whose staff work in its clients' accounts.

Looks like a network: accounts of different names, domains and cards, run from the same devices and addresses with the
same house templates, opened in groups. Innocent: the clients are real and pay themselves; most name the agency as
their organisation or came by its referral, and half of all operators know about it.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from stillwatch.sim._clock import OFFICE
from stillwatch.sim._parameters import Parameter, counts, rates, shares
from stillwatch.sim._scenes import Scene
from stillwatch.sim.actors._honest import firm
from stillwatch.sim.stage import Stage

PAIR: Final = "account_network"
PARAMETERS: Final[dict[str, Parameter]] = {
    "accounts": counts(10, 80),
    "per_day": rates(3, 25),
    "named": shares(0.5, 1.0, reserved="low"),
}
WORK: Final = Scene(
    ask="agency.ask", answer="agency.answer", more="office.more", answer_more="office.answer", turns=0.7, pause_s=120
)


def plant(stage: Stage) -> None:
    """Let the agency's people look after its clients."""
    rng, n = stage.rng, stage.p["accounts"]
    staff = stage.keys("staff laptop", max(2, n // 8))
    own = firm(stage, max(1, n // 12), "agency", declared=1.0, device=staff[0])
    name = stage.people.organisations[int(stage.people.column("organisation")[own[0]])]
    house = int(stage.people.column("egress_0")[own[0]])
    clients = stage.enrol(
        n,
        "startup",
        channel=0,
        device=rng.choice(staff, n),
        egress_0=house,
        egress_1=stage.network.home(rng, n),
        second=0.15,
        third=0.0,
        client_0=int(stage.people.column("client_0")[own[0]]),
        organisation=np.where(rng.random(n) < stage.p["named"], stage.people.organisation(name), -1),
        referrer=stage.people.referrer(f"partner {stage.text('name.unique', stage.key('partner'))}"),
    )
    accounts = np.concatenate([own, clients])
    stage.stream(
        accounts,
        WORK,
        stage.volumes(len(accounts), stage.p["per_day"] / 1.7, 0.7),
        rhythm=OFFICE,
        repertoire=stage.keys("house template", 5),
        presence=0.5,
    )
    if stage.chance(0.5):
        stage.declare(accounts, owner=name, reason="agency that works in its clients' accounts, reviewed")
    stage.crowd(
        accounts,
        paired_with=PAIR,
        looks_guilty="one set of devices, addresses and templates over accounts of different names, domains and cards",
        innocent="an agency and its clients, who pay themselves and name it",
    )
