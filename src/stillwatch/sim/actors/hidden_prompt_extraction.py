"""Hidden-prompt extraction: jailbreaks in bulk that try to bring out instructions and hidden reasoning.

On record: C7 (jailbreaks that expose proprietary information), C4 (reasoning trace coercion). Most attempts
are refused; some answers leak. Attempts come from many accounts, since accounts that try are stopped.

Shares with its pair (`red_team`): the attacks, the refusals, the leaks. Does not share: the red team is a
firm under contract that signs its name.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import FLAT
from stillwatch.sim._parameters import Parameter, counts, rates, shares
from stillwatch.sim._scenes import Scene
from stillwatch.sim.actors._fraud import fraudulent
from stillwatch.sim.stage import Stage

PAIR: Final = "red_team"
PARAMETERS: Final[dict[str, Parameter]] = {
    "accounts": counts(14, 110),
    "per_day": rates(4, 24),
    "leaks": shares(0.05, 0.4),
    "clean": shares(0.05, 0.35),
}
ATTACK: Final = Scene(
    ask="attack.ask",
    answer="attack.answer",
    refusal="refusal.firm",
    turns=0.25,
    pause_s=40,
    temperature=((1.0, 2), (None, 2)),
    streams=0.2,
    session=0.0,
)


def plant(stage: Stage) -> None:
    """Try again and again, from account to account."""
    n = stage.p["accounts"]
    accounts = fraudulent(stage, n, clean=stage.p["clean"], replaced=0.25)
    campaign = stage.campaign(
        accounts,
        finding="distillation_campaign",
        tactics=["jailbreaks", "hidden instructions and reasoning", "shared cards", "replaced after bans"],
    )
    stage.stream(
        accounts,
        replace(ATTACK, refusals=1 - stage.p["leaks"]),
        stage.volumes(n, stage.p["per_day"] / 1.25, 0.4),
        rhythm=FLAT,
        repertoire=stage.world_frames(stage.actor, 6),
        campaign=campaign,
        presence=0.7,
        sitting=5.0,
        spacing_s=60.0,
    )
    stage.stream(accounts, play.CHAT_ONCE, stage.volumes(n, 0.8, 0.6), rhythm=FLAT, presence=0.4)
