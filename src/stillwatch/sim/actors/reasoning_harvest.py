"""Reasoning harvest: one list of tasks, asked through many accounts in a frame that elicits reasoning.

On record: AML.CS0056 and Anthropic, 23 February 2026 (C1): shared payment methods, coordinated timing read as
load balancing, prompts that hand over a finished answer and ask for the reasoning behind it; C6: about 26
exchanges per account and day. Each task is asked once; a second stage hands back the model's own answers and
asks for the reasoning in between. Cards, devices and addresses are pooled with overlap and holes; some
accounts are clean.

Shares with its pair (`tutoring`): the wording that asks for steps, often word for word; answers in steps;
young accounts. Does not share: the pair's accounts say who they are, pupils go on asking, and nothing ties
them in secret.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import DAY_MS, FLAT, OFFICE
from stillwatch.sim._parameters import Parameter, Range, counts, rates, shares
from stillwatch.sim.actors._fraud import fraudulent
from stillwatch.sim.stage import Stage

PAIR: Final = "tutoring"
PARAMETERS: Final[dict[str, Parameter]] = {
    "accounts": counts(24, 240),
    "per_day": rates(6, 40, reserved="low"),
    "rationale": shares(0.0, 0.6),
    "clean": shares(0.05, 0.4),
    "cover": shares(0.0, 0.3),
    "lag_days": Range(1, 3),
}


def plant(stage: Stage) -> None:
    """Enrol the accounts, divide one list among them, and come back for the reasoning."""
    n = stage.p["accounts"]
    accounts = fraudulent(stage, n, clean=stage.p["clean"], replaced=0.1)
    campaign = stage.campaign(
        accounts,
        finding="distillation_campaign",
        tactics=[
            "shared cards",
            "pooled addresses",
            "one list divided",
            "reasoning elicited",
            "rationale for an answer",
        ],
    )
    per_day, days = stage.p["per_day"], stage.days
    share = stage.p["rationale"]
    frame = stage.frame_of("reasoning_harvest")
    ramp = np.clip(np.linspace(0.4, 1.3, days), 0, 1) * stage.rng.uniform(0.8, 1.2, days)
    asked = stage.listed(n * per_day * (1 - share / 2) * (1 - stage.p["cover"]) * ramp / ramp.mean())
    weight = stage.volumes(n, 1.0, 0.35)
    first = stage.stream(
        accounts,
        play.HARVEST,
        weight,
        rhythm=FLAT if stage.chance(0.6) else OFFICE,
        frames=frame,
        campaign=campaign,
        items=asked,
        sitting=6.0,
        spacing_s=90.0,
    )
    if share > 0:
        stage.stream(
            accounts,
            replace(play.RATIONALE),
            weight,
            rhythm=FLAT,
            frames=frame,
            campaign=campaign,
            items=stage.following(first, stage.p["lag_days"], share / (2 - share)),
            sitting=6.0,
            spacing_s=90.0,
        )
    if stage.p["cover"] > 0:  # ordinary questions that make the accounts look lived in
        stage.stream(
            accounts,
            [(play.CHAT_ONCE, 2), (play.CODE, 1)],
            n * 0 + per_day * stage.p["cover"] / 1.5,
            rhythm=OFFICE,
            begins=0,
            ends=days * DAY_MS,
        )
