"""Harvester: a reasoning harvest whose every tactic is a parameter, for sweeps and for an adversary who learns.

On record: the levers of C1 to C7 and of coordination, section 8: more accounts at a lower rate, ordinary traffic in
between, wording that changes, cards and devices that fewer accounts share, homes as exits, human hours, and cells that
share nothing with each other. Nothing is drawn here: what is not said stays at the naive value.

Shares with its pair (`tutoring`): the wording that asks for steps. Does not share: the pair's accounts say who they
are.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import EVENING_PERSON, FLAT, OFFICE
from stillwatch.sim._parameters import Fixed, Parameter
from stillwatch.sim._scenes import Scene
from stillwatch.sim.actors._fraud import fraudulent
from stillwatch.sim.actors.slow_and_low import TASK
from stillwatch.sim.stage import Accounts, Stage

PAIR: Final = "tutoring"
PARAMETERS: Final[dict[str, Parameter]] = {
    "accounts": Fixed(60, scaled=True),
    "per_day": Fixed(20.0),
    "mix": Fixed(1.0),
    "paraphrase": Fixed(0.0),
    "clean": Fixed(0.1),
    "each": Fixed(8),
    "homes": Fixed(0.0),
    "jitter": Fixed(0.0),
    "cells": Fixed(1),
}
"""`per_day`: harvested exchanges per account; `mix`: their share of the account's traffic; `paraphrase`: share that is
worded anew; `clean`: share of accounts tied by nothing; `each`: most accounts on one card or device; `homes`: share of
accounts with a home and a client of their own; `jitter`: share of accounts that keep human hours; `cells`: parts
that share no card, device, address or list."""


def plant(stage: Stage) -> None:
    """Enrol cell after cell, and give each a list of its own."""
    n, cells = int(stage.p["accounts"]), max(1, int(stage.p["cells"]))
    sizes = [len(part) for part in np.array_split(np.arange(n), cells)]
    stages = [Stage(stage.world, stage.actor, stage.copy + 1000 * cell, stage.p) for cell in range(cells)]
    enrolled = [_enrol(cell, size) for cell, size in zip(stages, sizes, strict=True)]
    campaign = stage.campaign(
        np.concatenate(enrolled),
        finding="distillation_campaign",
        tactics=["pooled cards and devices", "one list divided", "reasoning elicited"],
    )
    for cell, accounts in zip(stages, enrolled, strict=True):
        _harvest(cell, accounts, campaign)


def _enrol(stage: Stage, n: int) -> Accounts:
    most = max(2, int(stage.p["each"]))
    few = (min(2, most), most)
    accounts = fraudulent(stage, n, clean=stage.p["clean"], card=few, device=few, claims=0.05)
    home = stage.rng.random(n) < stage.p["homes"]
    alone = accounts[home]
    stage.people.column("egress_0")[alone] = stage.network.home(stage.rng, len(alone))
    stage.people.column("client_0")[alone] = stage.clients.some(stage.rng, len(alone))
    stage.people.column("second")[alone] = 0.0
    return accounts


def _harvest(stage: Stage, accounts: Accounts, campaign: int) -> None:
    n, p = len(accounts), stage.p
    anew = float(p["paraphrase"])
    worded: list[tuple[Scene, float]] = [(play.HARVEST, 1 - anew), (replace(TASK, turns=0.0), anew)]
    human = stage.rng.random(n) < p["jitter"]
    stage.stream(
        accounts,
        [(scene, weight) for scene, weight in worded if weight > 0],
        stage.volumes(n, 1.0, 0.35),
        rhythm=np.where(human, np.where(stage.rng.random(n) < 0.5, OFFICE, EVENING_PERSON), FLAT),
        frames=stage.frame_of("harvester"),
        campaign=campaign,
        items=stage.listed([n * float(p["per_day"])] * stage.days),
        sitting=6.0 - 4.0 * float(p["jitter"]),
        spacing_s=90.0 + 400.0 * float(p["jitter"]),
    )
    if p["mix"] < 1:  # ordinary questions among the harvest
        cover = float(p["per_day"]) * (1 / max(float(p["mix"]), 0.01) - 1)
        stage.stream(
            accounts,
            [(play.CHAT, 3), (play.CHAT_ONCE, 2), (play.CODE, 1)],
            stage.volumes(n, cover / 2.1, 0.5),
            rhythm=EVENING_PERSON,
            presence=0.6,
        )
