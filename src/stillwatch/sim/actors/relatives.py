"""Relatives: extended families, whose homes a handed-down telephone, an old computer or a grandparent's card joins.

Looks like a chain of small purses and machines: six to twelve accounts of different names, each card and computer held
by a few of them and lying across the others, and in some families one set of prompts that goes round. Innocent: a
family; each pays, works and asks at home, from the address of that home.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import EVENING_PERSON
from stillwatch.sim._parameters import Parameter, counts, rates, shares
from stillwatch.sim.actors.prompt_course import PRACTICE
from stillwatch.sim.stage import Stage

PAIR: Final = "slow_and_low"
PARAMETERS: Final[dict[str, Parameter]] = {
    "accounts": counts(30, 240),
    "per_day": rates(0.8, 4),
    "joined": shares(0.3, 0.9),
    "handed_round": shares(0.2, 0.8),
}


def plant(stage: Stage) -> None:
    """Join homes to families, and let some families share their prompts."""
    rng, n = stage.rng, stage.p["accounts"]
    home = np.sort(stage.dealt(n, (1, 4)).astype(np.int64))
    homes = int(home.max()) + 1
    family = np.repeat(np.arange(homes), rng.integers(2, 5, homes))[:homes]
    card, computer = stage.keys("card", homes), stage.keys("computer", homes)
    handset = stage.keys("handset", n)
    purse, device, phone = card[home], computer[home].copy(), handset.copy()
    device[rng.random(n) > 0.6] = np.uint64(0)
    phone[rng.random(n) > 0.5] = np.uint64(0)
    for one in np.flatnonzero((np.diff(family, prepend=-1) == 0) & (rng.random(homes) < stage.p["joined"])).tolist():
        mine, theirs = rng.choice(np.flatnonzero(home == one)), rng.choice(np.flatnonzero(home == one - 1))
        way = rng.integers(0, 3)
        if way == 0:
            purse[mine] = card[one - 1]
        elif way == 1:
            device[mine] = device[theirs] = computer[one - 1]
        else:
            phone[mine] = phone[theirs] = handset[theirs]
    accounts = stage.enrol(
        n,
        "person",
        payment=purse,
        bin=stage.people.bins(rng, homes)[home],
        device=device,
        phone=phone,
        egress_0=stage.network.home(rng, homes)[home],
        second=0.15,
    )
    handed = rng.random(int(family.max()) + 1) < stage.p["handed_round"]
    for one in np.flatnonzero(handed).tolist():
        stage.stream(
            accounts[family[home] == one],
            PRACTICE,
            stage.p["per_day"] / 3.0,
            rhythm=EVENING_PERSON,
            repertoire=stage.keys(f"prompts {one}", int(rng.integers(4, 9))),
        )
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
        looks_guilty="accounts of different names, chained by cards, computers and telephones of which few hold each",
        innocent="extended families, each home behind an address of its own",
    )
