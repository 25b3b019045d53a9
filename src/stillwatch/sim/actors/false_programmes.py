"""False programmes: accounts that claim to be schools or start-ups, and harvest on their credits.

On record: C1 to C3 (education, security-research and start-up accounts were the paths most used for fraud).
Each account claims another institution with a domain bought for it; behind them are few devices, telephones
and addresses.

Shares with its pair (`hackathon`): programme accounts opened within hours, credits, one referrer, one starter
template. Does not share: the teams met in one hall and each builds its own thing.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import DAY_MS, FLAT, OFFICE
from stillwatch.sim._parameters import Parameter, counts, rates, shares
from stillwatch.sim.actors._fraud import fraudulent
from stillwatch.sim.stage import Stage

PAIR: Final = "hackathon"
PARAMETERS: Final[dict[str, Parameter]] = {
    "accounts": counts(16, 150),
    "per_day": rates(6, 40),
    "clean": shares(0.05, 0.3),
    "cover": shares(0.0, 0.3),
}


def plant(stage: Stage) -> None:
    """Invent institutions and harvest."""
    n, rng = stage.p["accounts"], stage.rng
    ending = rng.choice(["edu.example", "ac.example", "example"], n, p=[0.5, 0.2, 0.3])
    names = stage.words("name.unique", stage.keys("institution", n))
    domains = stage.people.add_domains([f"{name}.{end}" for name, end in zip(names, ending, strict=True)])
    opened = rng.uniform(-40, -2, max(2, n // 20))
    accounts = fraudulent(
        stage,
        n,
        clean=stage.p["clean"],
        replaced=0.08,
        device=(3, 12),
        domain=domains,
        programme=rng.choice([0, 1, 2], n, p=[0.5, 0.25, 0.25]),
        payment=np.where(rng.random(n) < 0.35, stage.cards(n, (2, 6))[0], np.uint64(0)),
        organisation=True,
        created=((rng.choice(opened, n) + rng.exponential(0.3, n)) * DAY_MS).astype(np.int64),
        closed=1 << 60,
        referrer=np.where(rng.random(n) < 0.7, stage.people.referrer("programme page"), -1),
    )
    campaign = stage.campaign(
        accounts,
        finding="distillation_campaign",
        tactics=["false programme claims", "shared devices and telephones", "pooled addresses", "one list divided"],
    )
    per_day, cover = stage.p["per_day"], stage.p["cover"]
    stage.stream(
        accounts,
        play.HARVEST,
        stage.volumes(n, 1.0, 0.35),
        rhythm=FLAT,
        frames=stage.frame_of("false_programmes"),
        campaign=campaign,
        items=stage.listed([n * per_day * (1 - cover)] * stage.days),
        sitting=6.0,
        spacing_s=90.0,
    )
    if cover > 0:
        stage.stream(accounts, play.CHAT, stage.volumes(n, per_day * cover / 2.3, 0.5), rhythm=OFFICE)
