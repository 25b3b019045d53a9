"""Multilingual sweep: one set of exercises asked over in many languages, with the thinking forced into each.

On record: C4 (reasoning across tasks in non-English target languages; the thinking language made to match the
user's). The same items, so the same numbers and names, language after language, account after account.

Shares with its pair (`multilingual_product`): exercises and orders in twelve languages. Does not share: the
pair is one firm's product, whose pupils go on asking.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from stillwatch.sim._clock import FLAT
from stillwatch.sim._parameters import Parameter, Range, counts, rates, shares
from stillwatch.sim._plan import LIST, Items
from stillwatch.sim._scenes import Scene
from stillwatch.sim.actors._fraud import fraudulent
from stillwatch.sim.stage import Stage

PAIR: Final = "multilingual_product"
LANGUAGES: Final = ("en", "zh", "ja", "ko", "de", "fr", "es", "pt", "ru", "ar", "hi", "th")
PARAMETERS: Final[dict[str, Parameter]] = {
    "accounts": counts(24, 180),
    "per_day": rates(6, 36),
    "languages": Range(5, 12),
    "clean": shares(0.05, 0.35),
}


def exercise(language: str, tier: str = "large") -> Scene:
    """Play an exercise in one language, on one tier of models."""
    return Scene(
        ask=f"sweep.{language}.ask",
        answer=f"sweep.{language}.answer",
        more=f"sweep.{language}.more",
        fixed_ask=True,
        temperature=((0.7, 1), (1.0, 1)),
        tier=tier,
        effort=(("high", 2), ("medium", 1)) if tier == "reason" else ((None, 1),),
        reasoning=f"sweep.{language}.answer" if tier == "reason" else "",
        streams=0.1,
        session=0.0,
    )


def plant(stage: Stage) -> None:
    """Go through the set once in each language; each language has its share of the accounts."""
    n, rng = stage.p["accounts"], stage.rng
    accounts = fraudulent(stage, n, clean=stage.p["clean"], replaced=0.06)
    campaign = stage.campaign(
        accounts,
        finding="distillation_campaign",
        tactics=["one set over many languages", "thinking language forced", "shared cards", "pooled addresses"],
    )
    languages = [LANGUAGES[k] for k in rng.permutation(len(LANGUAGES))[: int(stage.p["languages"])]]
    tier = str(rng.choice(["large", "reason"]))
    daily = n * stage.p["per_day"] / len(languages)
    quota = np.round(daily * rng.uniform(0.8, 1.2, stage.days)).astype(np.int64)
    for language in languages:
        some = accounts[rng.random(n) < 0.45]
        stage.stream(
            some if len(some) > 3 else accounts,
            exercise(language, tier),
            1.0,
            rhythm=FLAT,
            frames=stage.frame_of("multilingual_sweep"),
            campaign=campaign,
            items=Items(kind=LIST, salt=stage.key("set"), quota=quota),
            sitting=6.0,
            spacing_s=70.0,
        )
