"""Newsroom: a paper's staff, who make sensitive stories fit for print.

Looks like censorship-safe rewriting: sensitive questions in several languages, each with a neutral version and a
careful answer, sometimes through the very same template. Innocent: one paper's desk, which goes on editing.
"""

from __future__ import annotations

from typing import Final

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import OFFICE
from stillwatch.sim._parameters import Parameter, counts, rates
from stillwatch.sim._scenes import Scene
from stillwatch.sim.actors._honest import firm
from stillwatch.sim.stage import Stage

PAIR: Final = "censorship_rewriting"
PARAMETERS: Final[dict[str, Parameter]] = {"accounts": counts(8, 60), "per_day": rates(3, 25)}
DESK: Final = Scene(
    ask="desk.ask", answer="desk.answer", more="desk.more", turns=1.2, pause_s=100, refusals=0.03, streams=0.4
)


def plant(stage: Stage) -> None:
    """Put the paper to bed."""
    n = stage.p["accounts"]
    accounts = firm(stage, n, "paper", cards=max(1, n // 20), declared=0.6)
    stage.stream(
        accounts,
        [(DESK, 3), (play.OFFICE, 1)],
        stage.volumes(n, stage.p["per_day"] / 2.0, 0.7),
        rhythm=OFFICE,
        repertoire=stage.world_frames("censorship_rewriting", 3),
        presence=0.5,
    )
    stage.crowd(
        accounts,
        paired_with=PAIR,
        looks_guilty="sensitive questions in bulk, each with a neutral version, through one template",
        innocent="one paper's desk: its mail domain and cards, and staff who go on editing",
    )
