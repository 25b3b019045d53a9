"""Bulk customers: hundreds of thousands of ordinary accounts for measurements of speed and memory.

Cheap text and few streams; infrastructure as the ordinary accounts have it. Not a ground for detection
figures.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from stillwatch.sim._clock import EVENING_PERSON, FLAT, OFFICE
from stillwatch.sim._parameters import Fixed, Parameter
from stillwatch.sim._scenes import Scene
from stillwatch.sim.stage import Stage

PAIR: Final = ""
PARAMETERS: Final[dict[str, Parameter]] = {
    "accounts": Fixed(300_000, scaled=True),
    "per_day": Fixed(1.0),
    "turns": Fixed(1),
    "log_sd": Fixed(1.1),
}
PERSON: Final = Scene(ask="bulk.ask", answer="bulk.answer", more="bulk.more", failures=0.002)
PRODUCT: Final = Scene(ask="bulk.app", answer="bulk.answer", more="bulk.more", failures=0.002, tier="mini")


def plant(stage: Stage) -> None:
    """Enrol persons, firms and products."""
    turns = stage.p["turns"]
    everybody = []
    for sort, share, volume, rhythm in (
        ("person", 0.6, 0.8, EVENING_PERSON),
        ("developer", 0.25, 1.0, OFFICE),
        ("startup", 0.15, 1.8, FLAT),
    ):
        n = max(1, round(stage.p["accounts"] * share))
        accounts = stage.enrol(n, sort)
        scene = long(PRODUCT if sort == "startup" else PERSON, turns)
        rate = stage.volumes(n, stage.p["per_day"] * volume / turns, stage.p["log_sd"])
        stage.stream(accounts, scene, rate, rhythm=rhythm, presence=0.3, sitting=6.0)
        everybody.append(accounts)
    stage.crowd(
        np.concatenate(everybody),
        looks_guilty="nothing but chance",
        innocent="customers who have nothing to do with one another",
    )


def long(scene: Scene, turns: int) -> Scene:
    """Make every conversation that many turns long."""
    from dataclasses import replace

    return (
        scene
        if turns <= 1
        else replace(scene, ask=scene.more if scene.ask == "bulk.ask" else scene.ask, turns=1e6, most=turns)
    )
