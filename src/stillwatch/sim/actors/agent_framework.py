"""Agent framework: thousands of strangers whose coding agents send the same long system prompt.

Looks like a campaign: one system prompt, one build, one tool set over hundreds of accounts, long trajectories
of tool calls, and a line that asks for reasoning ("think step by step before you use a tool"). Innocent: the
framework wrote it; each user works on a project of their own, and nothing else ties them.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import OFFICE
from stillwatch.sim._parameters import Parameter, counts, rates
from stillwatch.sim.stage import Stage

PAIR: Final = "agentic_trajectories"
PARAMETERS: Final[dict[str, Parameter]] = {"accounts": counts(120, 1_200), "per_day": rates(4, 18)}


def plant(stage: Stage) -> None:
    """Enrol strangers who installed the same framework."""
    n = stage.p["accounts"]
    agent = stage.text("name.product", stage.key("agent")).lower().replace(" ", "-")
    builds = np.array(
        [
            stage.clients.build(f"{agent}/{major}.{minor}.{patch}")
            for major, minor, patch in ((1, 4, 0), (1, 4, 2), (1, 5, 0))
        ]
    )
    client = stage.rng.choice(builds, n, p=[0.2, 0.5, 0.3])
    accounts = stage.enrol(n, "developer", client_0=client)
    stage.stream(
        accounts,
        play.CODING_AGENT,
        stage.volumes(n, stage.p["per_day"] / 6.5, 1.1),
        rhythm=OFFICE,
        frames=stage.frame_of("agentic_trajectories"),
        presence=0.25,
    )
    stage.crowd(
        accounts,
        paired_with=PAIR,
        looks_guilty="one system prompt, build and tool set over hundreds of accounts; reasoning asked for",
        innocent="users of one framework: own projects, own cards, own addresses",
    )
