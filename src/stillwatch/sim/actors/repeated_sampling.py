"""Repeated sampling: each task asked many times over, for the spread of its answers.

On record: C5 (pipelines for synthetic data and reinforcement learning), C1 (the model as a source of
rewards): best of n and rejection sampling need many answers to one prompt. Either several choices in a
request, or the same prompt again through other accounts, at temperature 1.

Shares with its pair (`pass_at_k`): several choices, temperature 1, tasks through one template. Does not
share: the pair is one firm in the open, with one public set.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import FLAT
from stillwatch.sim._parameters import Parameter, Range, counts, rates, shares
from stillwatch.sim._plan import POOL, Items
from stillwatch.sim.actors._fraud import fraudulent
from stillwatch.sim.stage import Stage

PAIR: Final = "pass_at_k"
PARAMETERS: Final[dict[str, Parameter]] = {
    "accounts": counts(16, 140),
    "per_day": rates(5, 30),
    "samples": Range(4, 24),
    "choices": Range(1, 6),
    "clean": shares(0.05, 0.35),
}
SAMPLE: Final = replace(play.HARVEST, ask="sample.ask", answer="harvest.answer", temperature=((1.0, 1),))


def plant(stage: Stage) -> None:
    """Draw every task of a pool many times, through all accounts."""
    n = stage.p["accounts"]
    accounts = fraudulent(stage, n, clean=stage.p["clean"], replaced=0.06)
    campaign = stage.campaign(
        accounts,
        finding="distillation_campaign",
        tactics=["repeated sampling", "shared cards", "pooled addresses"],
    )
    choices = int(stage.p["choices"])
    total = n * stage.p["per_day"] * stage.days
    pool = max(12, round(total * choices / stage.p["samples"]))
    stage.stream(
        accounts,
        replace(SAMPLE, n=choices),
        stage.volumes(n, stage.p["per_day"], 0.3),
        rhythm=FLAT,
        frames=stage.frame_of("repeated_sampling"),
        campaign=campaign,
        items=Items(kind=POOL, salt=stage.key("pool"), size=pool, skew=0.0),
        presence=0.9,
        sitting=8.0,
        spacing_s=50.0,
    )
