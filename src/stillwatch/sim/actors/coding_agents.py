"""Coding agents: one firm's engineers, who all let agents work on one large repository.

Looks like trajectory harvesting: dozens of accounts, long runs of tool calls around the clock, the same paths and
names in every run. Innocent: one firm in the open with one repository, to which everybody comes back.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import OFFICE
from stillwatch.sim._parameters import Parameter, counts, rates
from stillwatch.sim.actors._honest import firm
from stillwatch.sim.stage import Stage

PAIR: Final = "agentic_trajectories"
PARAMETERS: Final[dict[str, Parameter]] = {"accounts": counts(10, 90), "per_day": rates(10, 80)}
LONG: Final = replace(play.CODING_AGENT, turns=11.0, most=60)


def plant(stage: Stage) -> None:
    """Give every engineer an account and the same repository."""
    n = stage.p["accounts"]
    accounts = firm(stage, n, "software house", cards=max(1, n // 40), who=stage.key("repository"), declared=0.7)
    stage.stream(
        accounts,
        [(LONG, 3), (play.CODE, 1)],
        stage.volumes(n, stage.p["per_day"] / 9.0, 0.8),
        rhythm=OFFICE,
        frames=stage.frame_of("agentic_trajectories"),
        presence=0.5,
    )
    stage.crowd(
        accounts,
        paired_with=PAIR,
        looks_guilty="long runs of tool calls over dozens of accounts with one system prompt and the same paths",
        innocent="one firm's engineers on one repository, to which they come back",
    )
