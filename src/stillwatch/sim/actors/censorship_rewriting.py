"""Censorship-safe rewriting: sensitive questions in bulk, each with the deflection that a model is to learn.

On record: C1 (censorship-safe rewrites of politically sensitive queries). One template, invented events in
several languages, through accounts that share a purse.

Shares with its pair (`newsroom`): the subjects, the languages, sometimes the template. Does not share: the
pair is one paper's staff, who go on editing.
"""

from __future__ import annotations

from typing import Final

from stillwatch.sim._clock import FLAT
from stillwatch.sim._parameters import Parameter, counts, rates, shares
from stillwatch.sim._scenes import TASK_TEMPERATURE, Scene
from stillwatch.sim.actors._fraud import fraudulent
from stillwatch.sim.stage import Stage

PAIR: Final = "newsroom"
PARAMETERS: Final[dict[str, Parameter]] = {
    "accounts": counts(14, 120),
    "per_day": rates(6, 40),
    "clean": shares(0.05, 0.35),
}
REWRITE: Final = Scene(
    ask="rewrite.ask",
    answer="rewrite.answer",
    fixed_ask=True,
    temperature=TASK_TEMPERATURE,
    refusals=0.06,
    streams=0.1,
    session=0.0,
)


def plant(stage: Stage) -> None:
    """Divide the questions among the accounts."""
    n = stage.p["accounts"]
    accounts = fraudulent(stage, n, clean=stage.p["clean"], replaced=0.08)
    campaign = stage.campaign(
        accounts,
        finding="distillation_campaign",
        tactics=["shared cards", "pooled addresses", "censorship-safe rewriting", "one list divided"],
    )
    stage.stream(
        accounts,
        REWRITE,
        stage.volumes(n, 1.0, 0.35),
        rhythm=FLAT,
        frames=stage.frame_of("censorship_rewriting"),
        campaign=campaign,
        items=stage.listed(n * stage.p["per_day"] * stage.rng.uniform(0.7, 1.2, stage.days)),
        sitting=6.0,
        spacing_s=80.0,
    )
