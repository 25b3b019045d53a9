"""Tactics: the levers of an adversary, what they cost, and how it learns which of them to pull."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np


class Tactics(msgspec.Struct, kw_only=True, frozen=True):
    """How an adversary goes about one harvest.

    Attributes:
        accounts: how many.
        days: over how many days; the rate is what the goal leaves for each account and day.
        mix: share of each account's traffic that is harvest.
        paraphrase: share of requests that are worded anew.
        clean: share of accounts that share no card, device or address with another.
        each: most accounts on one card or device.
        homes: share of accounts with a home and a client of their own.
        jitter: share of accounts that keep human hours.
        cells: parts that share nothing with each other.
    """

    accounts: int
    days: int
    mix: float = 1.0
    paraphrase: float = 0.0
    clean: float = 0.1
    each: int = 8
    homes: float = 0.0
    jitter: float = 0.0
    cells: int = 1


class Budget(msgspec.Struct, kw_only=True, frozen=True):
    """What an adversary may spend at the most, in multiples of the naive campaign."""

    accounts: float = 8.0
    days: float = 3.0


NAIVE: Final = Tactics(accounts=60, days=14)
LEVERS: Final = ("accounts", "days", "mix", "paraphrase", "clean", "each", "homes", "jitter", "cells")


def cost(tactics: Tactics) -> float:
    """Tell the multiple of accounts and days against the naive campaign.

    Levers that need more infrastructure are paid in accounts: ordinary traffic in between (`mix`) costs requests, and
    clean accounts, fewer accounts to a card, and homes cost what the accounts would have shared. None of that has a
    price here; only accounts and days are counted, because they can be.
    """
    return tactics.accounts / NAIVE.accounts * tactics.days / NAIVE.days


def pull(tactics: Tactics, lever: str, strength: float, budget: Budget) -> Tactics:
    """Pull one lever, a step towards hiding (`strength` > 0) or back towards cheapness (< 0).

    Raises:
        ValueError: when there is no such lever.
    """
    now = getattr(tactics, lever, None)
    if now is None:
        raise ValueError(f"no lever is called {lever}")
    if lever in ("accounts", "days"):
        least = getattr(NAIVE, lever)
        most = round(least * getattr(budget, lever))
        return msgspec.structs.replace(
            tactics, **{lever: int(np.clip(round(now * 2 ** (0.6 * strength)), least, most))}
        )
    if lever == "cells":
        cells = int(np.clip(round(now * 2**strength), 1, max(1, tactics.accounts // 4)))
        return msgspec.structs.replace(tactics, cells=cells)
    if lever == "each":
        return msgspec.structs.replace(tactics, each=int(np.clip(round(now / 2 ** (0.7 * strength)), 2, 8)))
    if lever == "mix":
        return msgspec.structs.replace(tactics, mix=float(np.clip(now / 2**strength, 0.05, 1.0)))
    return msgspec.structs.replace(tactics, **{lever: float(np.clip(now + 0.3 * strength, 0.0, 1.0))})


class Seen(msgspec.Struct, kw_only=True, frozen=True):
    """What an adversary sees of a round: the harvest that it got, and what was stopped, when, as what.

    Attributes:
        harvested: share of the goal that was made before the first alert, the mean over the round's worlds.
        alert_days: days that had passed at the first alert in each world; null where there was none.
        stopped: share of its accounts that were stopped by then, the mean.
        categories: what they were stopped as.
    """

    round: int
    tactics: Tactics
    cost: float
    harvested: float
    alert_days: list[int | None]
    stopped: float
    categories: list[str]


GOAL: Final = 0.5


def worth(seen: Seen) -> float:
    """Rank rounds: up to half of the harvest by what was harvested, beyond that by how cheap it was."""
    return seen.harvested if seen.harvested < GOAL else 1.0 + 1.0 / seen.cost


def choose(rounds: Sequence[Seen], budget: Budget, seed: int) -> Tactics:
    """Choose the tactics of the next round from all rounds so far.

    It begins naively, then moves from one of its best rounds: two or three levers at a time, and more often those that
    helped before (each lever's odds grow with the mean change in worth of the rounds that pulled it). Once half of the
    harvest was made it tries to pay less.
    """
    number = len(rounds)
    if not rounds:
        return NAIVE
    rng = np.random.default_rng([seed, number])
    best = sorted(rounds, key=worth, reverse=True)[:3]
    base = best[min(int(rng.geometric(0.6)) - 1, len(best) - 1)]
    odds = _odds(rounds)
    levers = rng.choice(len(LEVERS), int(rng.integers(2, 4)), replace=False, p=odds)
    tactics = base.tactics
    for lever in (LEVERS[int(place)] for place in levers):
        paid = lever in ("accounts", "days")
        back = rng.random() < (0.6 if paid and base.harvested >= GOAL else 0.25)
        tactics = pull(tactics, lever, float(rng.uniform(0.5, 2.0)) * (-1 if back else 1), budget)
    if any(one.tactics == tactics for one in rounds):
        tactics = pull(tactics, LEVERS[int(rng.integers(len(LEVERS)))], 1.0, budget)
    return tactics


def _odds(rounds: Sequence[Seen]) -> np.ndarray:
    """Weigh levers by how rounds fared that had them further out than the naive campaign, softly."""
    mean = float(np.mean([worth(one) for one in rounds]))
    scores = []
    for lever in LEVERS:
        pulled = [worth(one) - mean for one in rounds if getattr(one.tactics, lever) != getattr(NAIVE, lever)]
        scores.append(sum(pulled) / (len(pulled) + 2.0))
    odds = np.exp(4.0 * np.array(scores))
    return np.asarray(odds / odds.sum())
