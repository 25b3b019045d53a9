"""Slow and low: a patient campaign with clean infrastructure, whose requests are worded anew each time.

On record: C6 (light users' volumes) and C5 (obfuscation, more than plain templates); coordination, section 8
(homes as exits and a client stack to an account leave content, timing and payment). A few requests a day from
homes, own mailboxes, mostly own cards. What remains: a card here and a device there that two accounts share,
conversations that go on in another account when a limit is met, and one list of tasks that nobody asks twice.

Shares with its pair (`prompt_library`): a repertoire of requests in changing words. Does not share: any card,
device or conversation.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import EVENING_PERSON, OFFICE
from stillwatch.sim._parameters import Parameter, counts, rates, shares
from stillwatch.sim._scenes import Scene
from stillwatch.sim.actors._fraud import fraudulent
from stillwatch.sim.stage import Stage

PAIR: Final = "prompt_library"
PARAMETERS: Final[dict[str, Parameter]] = {
    "accounts": counts(40, 320),
    "per_day": rates(1.5, 8, reserved="low"),
    "clean": shares(0.3, 0.75),
    "hop": shares(0.0, 0.25, reserved="low"),
    "cover": shares(0.1, 0.5),
}
TASK: Final = Scene(
    ask="para.ask",
    answer="para.answer",
    more="para.ask",
    answer_more="para.answer",
    turns=0.5,
    most=6,
    pause_s=150,
    streams=0.5,
    session=0.1,
)


def plant(stage: Stage) -> None:
    """Ask slowly, in other words each time, among ordinary questions."""
    n = stage.p["accounts"]
    accounts = fraudulent(
        stage,
        n,
        clean=stage.p["clean"],
        card=(2, 3),
        device=(2, 3),
        claims=0.03,
        egress_0=stage.network.home(stage.rng, n),
        second=0.0,
        client_0=stage.clients.some(stage.rng, n),
        created=stage.organic(n) - stage.day(stage.days),
    )
    campaign = stage.campaign(
        accounts,
        finding="distillation_campaign",
        tactics=["paraphrased templates", "clean infrastructure", "one list divided", "few shared cards and devices"],
    )
    per_day, cover = stage.p["per_day"], stage.p["cover"]
    stage.stream(
        accounts,
        replace(TASK, fixed_ask=False),
        stage.volumes(n, 1.0, 0.6),
        rhythm=OFFICE,
        frames=stage.key("domain"),
        campaign=campaign,
        items=stage.listed([n * per_day * (1 - cover) / 1.5] * stage.days),
        hop=stage.p["hop"],
        sitting=2.0,
        spacing_s=400.0,
    )
    stage.stream(
        accounts,
        [(play.CHAT, 3), (play.CHAT_ONCE, 2), (play.CODE, 1)],
        stage.volumes(n, per_day * cover / 2.1, 0.6),
        rhythm=EVENING_PERSON,
        presence=0.4,
    )
