"""Prompt library: strangers who copy from one public collection of prompts.

Looks like a slow campaign: hundreds of accounts draw on the same few dozen intent-bearing templates, reworded as they
go, over months. Innocent: the collection is public; each has a handful of favourites and topics of their own.
"""

from __future__ import annotations

from typing import Final

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import OFFICE
from stillwatch.sim._parameters import Parameter, Range, counts, rates
from stillwatch.sim._scenes import Scene
from stillwatch.sim.actors.prompt_course import PRACTICE
from stillwatch.sim.stage import Stage

PAIR: Final = "slow_and_low"
PARAMETERS: Final[dict[str, Parameter]] = {
    "accounts": counts(60, 600),
    "per_day": rates(1, 6),
    "templates": Range(20, 60),
    "favourites": Range(2, 7),
}
REWORDED: Final = Scene(ask="para.ask", answer="para.answer", more="en.more", turns=0.6, pause_s=120, streams=0.5)


def plant(stage: Stage) -> None:
    """Publish the collection; some use its reasoning prompt in their own words."""
    n = stage.p["accounts"]
    accounts = stage.enrol(n, "developer")
    stage.stream(
        accounts,
        [(PRACTICE, 4), (REWORDED, 1)],
        stage.volumes(n, stage.p["per_day"] / 1.6, 0.9),
        rhythm=OFFICE,
        repertoire=stage.keys("template", int(stage.p["templates"])),
        favourites=int(stage.p["favourites"]),
        presence=0.2,
    )
    stage.stream(accounts, [(play.CODE, 2), (play.OFFICE, 1)], stage.volumes(n, 1.2, 1.0), rhythm=OFFICE, presence=0.2)
    stage.crowd(
        accounts,
        paired_with=PAIR,
        looks_guilty="hundreds of accounts draw on the same few dozen templates, some in changing words",
        innocent="readers of a public collection; nothing else ties them",
    )
