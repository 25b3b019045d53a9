"""Ordinary: the customers that every log is full of, with the coincidences that honest people make.

People who chat, developers, students, office workers, small products and their users, pipelines, researchers.
Among
them honest coincidences at the rates at which they are met: people with two accounts, colleagues on one card,
accounts closed and opened again, a shared family computer. They are nobody's pair and nobody's victim: a
finding that names them is false.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from stillwatch.sim import playbook as play
from stillwatch.sim._clock import DAY_MS, EVENING_PERSON, FLAT, NIGHT_JOB, OFFICE
from stillwatch.sim._parameters import Fixed, Parameter, counts, rates, shares
from stillwatch.sim._people import NEVER
from stillwatch.sim.stage import Accounts, Numbers, Stage

PAIR: Final = ""
PARAMETERS: Final[dict[str, Parameter]] = {
    "accounts": counts(600, 6_000),
    "per_day": rates(1.5, 6.0),
    "two_accounts": shares(0.006, 0.03),
    "one_card": shares(0.004, 0.02),
    "reopened": shares(0.002, 0.012),
    "log_sd": Fixed(1.25),
}
SORTS: Final = {  # share of accounts, sort, relative volume
    "chatters": (0.40, "person", 0.6),
    "students": (0.12, "student", 0.7),
    "coders": (0.20, "developer", 1.2),
    "workers": (0.10, "company", 0.9),
    "products": (0.09, "startup", 2.6),
    "pipelines": (0.05, "company", 3.0),
    "researchers": (0.04, "researcher", 1.6),
}


def plant(stage: Stage) -> None:
    """Enrol the customers, then let some of them share what people share."""
    everybody = []
    total = sum(share * volume for share, _, volume in SORTS.values())
    for name, (share, sort, volume) in SORTS.items():
        n = max(1, round(stage.p["accounts"] * share))
        accounts = stage.enrol(n, sort)
        rate = stage.volumes(n, stage.p["per_day"] * volume / total, stage.p["log_sd"])
        _play(stage, name, accounts, rate)
        everybody.append(accounts)
    people = np.concatenate(everybody)
    stage.crowd(
        people,
        looks_guilty="nothing but chance: popular prompts, builds, networks and mail providers",
        innocent="customers who have nothing to do with one another",
    )
    _coincide(stage, people)


def _play(stage: Stage, name: str, accounts: Accounts, rate: Numbers) -> None:
    rng, n = stage.rng, len(accounts)
    evening, office = np.full(n, EVENING_PERSON), np.full(n, OFFICE)
    if name == "chatters":
        scenes = [
            (play.CHAT, 5),
            (play.CHAT_ONCE, 4),
            (play.GATEWAY_CHAT, 0.4),
            (play.LONG_CHAT, 0.5),
            (play.CHAT_HELD, 1),
            (play.THINKING, 1.2),
        ]
        stage.stream(accounts, scenes, rate / 2.2, rhythm=evening, presence=0.08)
    elif name == "students":
        scenes = [(play.HOMEWORK, 4), (play.CHAT, 2), (play.CODE, 1.5), (play.LONG_READ, 0.3)]
        stage.stream(accounts, scenes, rate / 2.4, rhythm=evening, presence=0.1)
    elif name == "coders":
        some = rng.random(n) < 0.3
        stage.stream(
            accounts[~some],
            [(play.CODE, 5), (play.CHAT_ONCE, 1), (play.THINKING, 1)],
            rate[~some] / 2.2,
            rhythm=office[~some],
        )
        stage.stream(
            accounts[some],
            [(play.CODING_AGENT, 3), (play.CODE, 1)],
            rate[some] / 5.5,
            rhythm=office[some],
            presence=0.3,
        )
    elif name == "workers":
        stage.stream(accounts, [(play.OFFICE, 5), (play.CHAT, 1)], rate / 1.6, rhythm=office, presence=0.3)
    elif name == "products":
        scenes = [(play.APP, 3), (play.APP_PLAIN, 3), (play.APP_CHAT, 2), (play.FEW_SHOT_APP, 1)]
        for scene, part in zip(
            scenes, np.array_split(rng.permutation(n), [n // 3, 2 * n // 3, 8 * n // 9]), strict=True
        ):
            stage.stream(
                accounts[part],
                scene[0],
                rate[part] / (1 + scene[0].turns),
                rhythm=FLAT,
                users=60,
                presence=0.7,
                sitting=2.0,
                spacing_s=120.0,
            )
    elif name == "pipelines":
        rhythm = rng.choice([NIGHT_JOB, FLAT, OFFICE, NIGHT_JOB + 1], n)
        stage.stream(
            accounts,
            [(play.PIPELINE, 2), (play.BATCH, 1)],
            rate,
            rhythm=rhythm,
            presence=0.5,
            sitting=400.0,
            spacing_s=3.0,
        )
    else:
        some = rng.random(n) < 0.5
        stage.stream(
            accounts[some],
            [(play.CODE, 2), (play.CHAT, 2), (play.THINKING, 1)],
            rate[some] / 2,
            rhythm=OFFICE,
        )
        stage.stream(
            accounts[~some],
            [(play.EVALUATE, 3), (play.EVALUATE_LOGPROBS, 1), (play.JUDGE, 1)],
            rate[~some],
            rhythm=OFFICE,
            presence=0.15,
            sitting=200.0,
            spacing_s=4.0,
        )


def _coincide(stage: Stage, people: Accounts) -> None:
    """Let honest people share cards, devices and numbers; each small circle is its own affair."""
    rng, column = stage.rng, stage.people.column
    mixed = rng.permutation(people)
    pairs = mixed[: 2 * round(len(people) * stage.p["two_accounts"] / 2)].reshape(-1, 2)
    first, second = pairs[:, 0], pairs[:, 1]
    for name in ("payment", "bin", "device", "egress_0", "zone", "phone"):
        kept = rng.random(len(pairs)) < (0.5 if name == "phone" else 0.85)
        column(name)[second[kept]] = column(name)[first[kept]]
    rest = mixed[2 * len(pairs) :]
    circles = _circles(stage, rest, round(len(people) * stage.p["one_card"]))
    moved = rest[-max(2, 2 * round(len(people) * stage.p["reopened"] / 2)) :].reshape(-1, 2)
    _move(stage, moved)
    named = [
        ("two accounts", pairs.ravel(), "one person with a private and a work account"),
        ("one card", circles, "colleagues or a family on one card"),
        ("reopened", moved.ravel(), "one person who closed an account and opened another"),
    ]
    for name, accounts, innocent in named:
        stage.crowd(
            accounts,
            kind=f"ordinary {name}",
            looks_guilty="shared card, device or telephone, or an account that follows a closed one",
            innocent=innocent,
        )


def _circles(stage: Stage, people: Accounts, n: int) -> Accounts:
    """Let circles of two to four pay with one card, most with the mail domain of their firm."""
    rng, column = stage.rng, stage.people.column
    taken = people[:n]
    holder = stage.dealt(len(taken), (2, 4)).astype(np.int64)
    for circle in range(int(holder.max(initial=-1)) + 1):
        members = taken[holder == circle]
        for name in ("payment", "bin"):
            column(name)[members] = column(name)[members[0]] or (
                stage.key("circle", circle) if name == "payment" else 400_013
            )
        if len(members) > 2 or rng.random() < 0.6:
            column("domain")[members] = stage.people.domain(
                f"{stage.text('name.unique', stage.key('firm', circle))}.example"
            )
        if rng.random() < 0.5:
            column("egress_0")[members] = column("egress_0")[members[0]]
    return taken


def _move(stage: Stage, moved: Accounts) -> None:
    """Close the first of each two accounts while the world runs, and open the second soon after."""
    rng, column = stage.rng, stage.people.column
    old, new = moved[:, 0], moved[:, 1]
    when = (rng.uniform(0.15, 0.8, len(moved)) * stage.days * DAY_MS).astype(np.int64)
    column("created")[old] = np.minimum(column("created")[old], when - DAY_MS)
    column("closed")[old] = when
    column("reason")[old] = rng.choice([0, 2, 3, 1, 4], len(moved))
    column("created")[new] = when + rng.integers(DAY_MS // 20, 3 * DAY_MS, len(moved))
    column("closed")[new] = NEVER
    column("reason")[new] = -1
    for name in ("payment", "bin", "device", "who", "egress_0", "client_0", "zone"):
        column(name)[new] = column(name)[old]
