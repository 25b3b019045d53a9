"""Bulk campaigns: tens of thousands of fraudulent accounts in dozens of operations, to measure speed.

Numbers as in C1 to C3: 24,000 accounts. Each operation pools its cards, devices and addresses as the other campaigns
do, shares none of them with another one, and has one frame and one list. Cheap text.
"""

from __future__ import annotations

from typing import Final

from stillwatch.sim._clock import FLAT
from stillwatch.sim._parameters import Fixed, Parameter
from stillwatch.sim._scenes import Scene
from stillwatch.sim.actors._fraud import fraudulent
from stillwatch.sim.actors.bulk_customers import long
from stillwatch.sim.stage import Stage

PAIR: Final = "bulk_customers"
PARAMETERS: Final[dict[str, Parameter]] = {
    "accounts": Fixed(24_000, scaled=True),
    "operations": Fixed(60),
    "per_day": Fixed(8.0),
    "turns": Fixed(1),
}
TASK: Final = Scene(
    ask="bulk.task",
    answer="bulk.answer",
    more="bulk.more",
    fixed_ask=True,
    failures=0.002,
    temperature=((0.7, 1),),
)


def plant(stage: Stage) -> None:
    """Found the operations."""
    turns = stage.p["turns"]
    each = max(5, round(stage.p["accounts"] / stage.p["operations"]))
    for operation in range(max(1, round(stage.p["accounts"] / each))):
        own = Stage(stage.world, stage.actor, stage.copy + 1000 * operation, stage.p)
        accounts = fraudulent(own, each, clean=0.15, replaced=0.05)
        campaign = stage.campaign(
            accounts,
            finding="distillation_campaign",
            kind=f"bulk_campaign_{operation}",
            tactics=["shared cards", "one list"],
        )
        quota = own.listed([each * stage.p["per_day"] / turns] * stage.days)
        own.stream(
            accounts,
            long(TASK, turns),
            own.volumes(each, 1.0, 0.3),
            rhythm=FLAT,
            frames=own.key("frame"),
            campaign=campaign,
            items=quota,
            sitting=6.0,
            spacing_s=90.0,
        )
