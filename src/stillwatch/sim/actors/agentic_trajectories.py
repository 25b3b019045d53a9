"""Agentic trajectories: long runs of tool calls over made-up projects, through accounts on several channels.

On record: C2 and C3 (agentic reasoning, tool use, coding; a variety of account types and access paths), C6
(software engineering, long-horizon work). The campaign drives an open framework, so its system prompt, tools
and build are those of thousands of honest users. Each run has a project of its own that is never met again; a
load balancer moves some runs from account to account. Cloud accounts (bedrock, vertex) show neither address
nor TLS fingerprint.

Shares with its pair (`agent_framework`): system prompt, tools, trajectories. Does not share: the pair's users
go on with their own projects, and nothing ties them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import FLAT
from stillwatch.sim._parameters import Parameter, counts, rates, shares
from stillwatch.sim.actors._fraud import fraudulent
from stillwatch.sim.stage import Stage

PAIR: Final = "agent_framework"
PARAMETERS: Final[dict[str, Parameter]] = {
    "accounts": counts(20, 200),
    "per_day": rates(12, 60),
    "clouds": shares(0.1, 0.6),
    "hop": shares(0.02, 0.5, reserved="low"),
    "clean": shares(0.05, 0.35),
}
RUN: Final = replace(play.CODING_AGENT, more="agent.task", turns=10.0, most=44, session=0.3)


def plant(stage: Stage) -> None:
    """Enrol accounts on several channels and run made-up projects."""
    n = stage.p["accounts"]
    channel = np.where(stage.rng.random(n) < stage.p["clouds"], stage.rng.choice([1, 2, 3], n, p=[0.5, 0.35, 0.15]), 0)
    accounts = fraudulent(stage, n, clean=stage.p["clean"], replaced=0.1, channel=channel, claims=0.25)
    campaign = stage.campaign(
        accounts,
        finding="distillation_campaign",
        tactics=[
            "several channels",
            "conversations spread over accounts",
            "trajectories without a project",
            "shared cards",
        ],
    )
    daily = stage.p["per_day"] / (1 + RUN.turns)
    stage.stream(
        accounts,
        RUN,
        stage.volumes(n, daily, 0.4),
        rhythm=FLAT,
        frames=stage.frame_of("agentic_trajectories"),
        campaign=campaign,
        users=1 << 40,
        shared_users=True,
        send_users=0.0,
        hop=stage.p["hop"],
        presence=0.85,
        sitting=2.0,
    )
