"""Campus: students who were all set the same assignment.

Looks like a campaign: hundreds of young accounts from one network ask about the same few exercises in the
week before the deadline, and ask to be shown the steps; education programme; some share a laboratory
computer. Innocent: a course handed out the exercises; each student has a card and a mailbox of their own, and
goes on asking.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import DAY_MS, EVENING_PERSON
from stillwatch.sim._parameters import Parameter, counts, rates, shares
from stillwatch.sim._plan import POOL, Items
from stillwatch.sim._scenes import Scene
from stillwatch.sim.stage import Stage

PAIR: Final = "reasoning_harvest"
PARAMETERS: Final[dict[str, Parameter]] = {
    "accounts": counts(40, 400),
    "per_day": rates(1.5, 7),
    "lab": shares(0.05, 0.35),
}
ASSIGNMENT: Final = Scene(
    ask="campus.ask",
    answer="tutor.answer",
    more="tutor.more",
    turns=1.8,
    pause_s=80,
    streams=0.6,
    tier="mini",
)


def plant(stage: Stage) -> None:
    """Enrol the course, hand out the sheet, and let the deadline come."""
    rng, n = stage.rng, stage.p["accounts"]
    term = rng.uniform(-25, -4)
    domain = stage.people.domain(f"{stage.text('name.unique', stage.key('campus'))}.edu.example")
    campus = stage.network.office(int(rng.integers(2, 9)))
    own_mail = rng.random(n) < 0.7
    lab = rng.random(n) < stage.p["lab"]
    machines = stage.keys("lab machine", max(1, n // 12))
    accounts = stage.enrol(
        n,
        "student",
        created=((term + rng.exponential(3.0, n)) * DAY_MS).astype(np.int64),
        domain=np.where(own_mail, domain, stage.people.free_mail(rng, n)),
        programme=np.where(rng.random(n) < 0.6, 0, -1),
        egress_1=campus,
        second=rng.uniform(0.3, 0.95, n),
        referrer=stage.people.referrer("course page"),
    )
    stage.people.column("device")[accounts[lab]] = rng.choice(machines, int(lab.sum()))
    due = stage.rng.uniform(0.55, 0.95) * stage.days
    rate = stage.volumes(n, stage.p["per_day"] / 2.6, 0.8)
    sheet = Items(kind=POOL, salt=stage.key("sheet"), size=int(rng.integers(4, 12)), skew=0.3)
    begins = stage.day(max(0, due - 7))
    for first, last, weight in ((begins, stage.day(due - 2), 0.6), (stage.day(due - 2), stage.day(due), 2.4)):
        stage.stream(
            accounts,
            ASSIGNMENT,
            rate * weight,
            rhythm=EVENING_PERSON,
            items=sheet,
            frames=stage.frame_of("reasoning_harvest"),
            begins=max(0, first),
            ends=last,
            presence=0.5,
        )
    stage.stream(accounts, [(play.HOMEWORK, 3), (play.CHAT, 3), (play.CODE, 1)], rate * 0.6, rhythm=EVENING_PERSON)
    stage.crowd(
        accounts,
        paired_with=PAIR,
        looks_guilty="young accounts of one network ask the same few tasks, with their steps, before one day",
        innocent="one course and its sheet; students with own cards who go on asking",
    )
