"""Banned and back: a wave of accounts is closed, and another takes up its list within hours or days.

On record: C1 to C3 (a banned account is replaced at once), resellers (every control bred an evasion service).
The new wave has new names and mailboxes; some cards, devices and addresses return, the template and the list
go on. One
operation: closed accounts included.

Shares with its pair (`moved_accounts`): accounts that end and accounts that begin where they ended. Does not
share: the pair says who it is.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import DAY_MS, FLAT
from stillwatch.sim._parameters import Parameter, Range, counts, rates, shares
from stillwatch.sim._people import NEVER
from stillwatch.sim.actors._fraud import fraudulent
from stillwatch.sim.stage import Stage

PAIR: Final = "moved_accounts"
PARAMETERS: Final[dict[str, Parameter]] = {
    "accounts": counts(30, 220),
    "per_day": rates(8, 40),
    "waves": Range(2, 4),
    "returning": shares(0.15, 0.7, reserved="low"),
    "clean": shares(0.05, 0.3),
}


def plant(stage: Stage) -> None:
    """Let each wave end in one day or two, and the next begin."""
    n, rng, waves = stage.p["accounts"], stage.rng, int(stage.p["waves"])
    accounts = fraudulent(stage, n, clean=stage.p["clean"])
    column = stage.people.column
    wave = np.arange(n) * waves // n
    edge = 0.0
    for number in range(waves):
        mine = accounts[wave == number]
        if number:
            column("created")[mine] = ((edge + rng.uniform(0.05, 1.2, len(mine))) * DAY_MS).astype(np.int64)
            before = accounts[wave == number - 1]
            again = rng.random(len(mine)) < stage.p["returning"]
            source = rng.choice(before, len(mine))
            for name in ("payment", "bin", "device", "egress_0"):
                some = again & (rng.random(len(mine)) < 0.7)
                column(name)[mine[some]] = column(name)[source[some]]
        if number < waves - 1:
            edge = (number + 1) * stage.days / waves + rng.uniform(-0.5, 0.5)
            column("closed")[mine] = ((edge + rng.uniform(-0.4, 0.4, len(mine))) * DAY_MS).astype(np.int64)
            column("reason")[mine] = rng.choice([5, 4], len(mine), p=[0.7, 0.3])
        else:
            column("closed")[mine] = NEVER
    campaign = stage.campaign(
        accounts,
        finding="distillation_campaign",
        tactics=["replaced after bans", "cards and devices return", "template and list go on"],
    )
    stage.stream(
        accounts,
        play.HARVEST,
        stage.volumes(n, 1.0, 0.35),
        rhythm=FLAT,
        frames=stage.frame_of("banned_and_back"),
        campaign=campaign,
        items=stage.listed(n / waves * stage.p["per_day"] * rng.uniform(0.7, 1.2, stage.days)),
        sitting=6.0,
        spacing_s=90.0,
    )
