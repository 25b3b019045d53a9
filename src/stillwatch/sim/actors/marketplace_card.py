"""Marketplace card: customers who pay through a marketplace that appears as one payment instrument.

Looks like one purse behind hundreds of strangers. Innocent: an app store, a cloud's bill or a seller of prepaid
credit stands between; a value held by hundreds says nothing about any two of them.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import EVENING_PERSON
from stillwatch.sim._parameters import Parameter, Range, counts, rates
from stillwatch.sim.stage import Stage

PAIR: Final = "account_network"
PARAMETERS: Final[dict[str, Parameter]] = {
    "accounts": counts(60, 600),
    "per_day": rates(0.8, 4),
    "sellers": Range(1, 4),
}


def plant(stage: Stage) -> None:
    """Put sellers between the customers and the service."""
    rng, n = stage.rng, stage.p["accounts"]
    sellers = stage.keys("seller", int(stage.p["sellers"]))
    which = rng.integers(0, len(sellers), n)
    accounts = stage.enrol(
        n,
        "person",
        payment=sellers[which],
        bin=np.array([499_901, 499_902, 499_903, 499_904])[which],
        referrer=stage.people.referrer("marketplace"),
    )
    stage.stream(
        accounts,
        [(play.CHAT, 3), (play.CHAT_ONCE, 3), (play.CODE, 1)],
        stage.volumes(n, stage.p["per_day"] / 2.0, 1.0),
        rhythm=EVENING_PERSON,
        presence=0.12,
    )
    stage.crowd(
        accounts,
        paired_with=PAIR,
        looks_guilty="one payment instrument behind hundreds of strangers",
        innocent="a marketplace or seller of credit pays on behalf of its customers",
    )
