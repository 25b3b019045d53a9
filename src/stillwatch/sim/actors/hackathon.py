"""Hackathon: a hall of strangers who sign up within hours and all start from one kit.

Looks like false programmes: accounts opened together behind one address, start-up credits, one referrer, one starter
prompt, shared laptops in a team. Innocent: they met in one hall; each team builds its own thing for a weekend, and
some stay.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import DAY_MS, EVENING_PERSON, FLAT
from stillwatch.sim._parameters import Parameter, counts, rates, shares
from stillwatch.sim._scenes import Scene
from stillwatch.sim.stage import Stage

PAIR: Final = "false_programmes"
PARAMETERS: Final[dict[str, Parameter]] = {
    "accounts": counts(30, 260),
    "per_day": rates(15, 70),
    "staying": shares(0.1, 0.4),
}
KIT: Final = Scene(
    ask="kit.ask",
    answer="en.answer",
    more="kit.ask",
    system="kit.system",
    turns=0.8,
    pause_s=50,
    users=0.3,
    session=0.3,
    streams=0.6,
)


def plant(stage: Stage) -> None:
    """Open the doors on a Friday evening."""
    rng, n = stage.rng, stage.p["accounts"]
    opening = rng.uniform(0.1, 0.7) * stage.days
    hall = stage.network.office(int(rng.integers(1, 3)))
    team = stage.dealt(n, (2, 5))
    laptops = stage.keys("laptop", n + 1)[team.astype(np.int64)]
    shared = rng.random(n) < 0.35
    accounts = stage.enrol(
        n,
        "developer",
        created=((opening * DAY_MS) + np.minimum(rng.exponential(1.6, n), 9) * 3_600_000).astype(np.int64),
        closed=1 << 60,
        reason=-1,
        egress_1=hall,
        second=0.85,
        programme=np.where(rng.random(n) < 0.6, 2, -1),
        referrer=stage.people.referrer(stage.text("name.unique", stage.key("event"))),
        plan=0,
        payment=np.where(rng.random(n) < 0.2, stage.keys("card", n), np.uint64(0)),
    )
    stage.people.column("device")[accounts[shared]] = laptops[shared]
    begins, ends = int(opening * DAY_MS), int((opening + 2.2) * DAY_MS)
    rate = stage.volumes(n, stage.p["per_day"] / 1.9, 0.8)
    stage.stream(
        accounts,
        [(KIT, 3), (play.CODE, 2), (play.CODING_AGENT, 0.4)],
        rate,
        rhythm=FLAT,
        frames=stage.key("kit"),
        begins=begins,
        ends=ends,
        presence=0.9,
        sitting=6.0,
    )
    staying = accounts[rng.random(n) < stage.p["staying"]]
    stage.stream(
        staying,
        [(play.CODE, 2), (play.CHAT, 1)],
        stage.volumes(len(staying), 2.0, 0.9),
        rhythm=EVENING_PERSON,
        begins=ends,
    )
    stage.crowd(
        accounts,
        paired_with=PAIR,
        looks_guilty="opened within hours behind one address, with programme credits, one referrer and one prompt",
        innocent="teams of strangers in one hall, each with its own project for a weekend",
    )
