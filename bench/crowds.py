"""Crowds: innocents who took a campaign's own template over after the hunt; the hardest that a newcomer's rule meets.

Each takes the days after a closure and gives them with the crowd in it: the crowd's requests carry the very template,
with contents of its own (the campaign's, from other requests), and its accounts' addresses are strangers'.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import msgspec
import numpy as np

from stillwatch.model.answer import Asked

Days = list[tuple[Asked, datetime]]
Crowd = Callable[[Days, set[str], set[str], int], tuple[Days, set[str]]]
BROWSERS: Final = ("Mozilla/5.0 (X11; Linux x86_64)", "python-requests/2.32", "OpenAI/Python 2.54.0")


def viral(days: Days, planted: set[str], after: set[str], seed: int) -> tuple[Days, set[str]]:
    """A fashion: a tenth of all strangers, old and new, send the template, more often each day."""
    rng = np.random.default_rng(seed)
    bodies = _bodies(days, after)
    strangers = sorted({asked.account for asked, _ in days} - planted)
    chosen = {name for name in strangers if rng.random() < 0.1}
    begin, end = days[0][1], days[-1][1]
    mixed: Days = []
    for asked, at in days:
        height = (at - begin) / max(end - begin, timedelta(seconds=1))
        if asked.account in chosen and rng.random() < 0.3 + 0.4 * height:
            asked = msgspec.structs.replace(asked, body=bodies[int(rng.integers(len(bodies)))])
        mixed.append((asked, at))
    return mixed, chosen


def course(days: Days, planted: set[str], after: set[str], seed: int) -> tuple[Days, set[str]]:
    """Learners at home: new accounts that practise the template, among questions of their own."""
    return _joined(days, planted, after, seed, "learner", count=20, per_day=5, share=0.6, addresses=400)


def campus(days: Days, planted: set[str], after: set[str], seed: int) -> tuple[Days, set[str]]:
    """A class behind one address: new accounts that send little else."""
    return _joined(days, planted, after, seed, "class", count=20, per_day=6, share=0.95, addresses=1)


def product(days: Days, planted: set[str], after: set[str], seed: int) -> tuple[Days, set[str]]:
    """A wave of customers of one product with the template built in: accounts of their own, three servers."""
    return _joined(days, planted, after, seed, "tenant", count=20, per_day=20, share=1.0, addresses=3)


def servers(days: Days, planted: set[str], after: set[str], seed: int) -> tuple[Days, set[str]]:
    """The same, each customer from servers of its own, and nothing but the template: as alike as innocents can be."""
    return _joined(days, planted, after, seed, "server", count=20, per_day=20, share=1.0, addresses=400)


CROWDS: Final[dict[str, Crowd]] = {
    "a fashion": viral, "learners at home": course, "a class": campus, "customers of a product": product,
    "customers with servers of their own": servers,
}  # fmt: skip


def _joined(
    days: Days, planted: set[str], after: set[str], seed: int, name: str, *, count: int, per_day: float, share: float,
    addresses: int,
) -> tuple[Days, set[str]]:  # fmt: skip
    """Let new accounts join over the first two days, and send the template as a share of their requests."""
    rng = np.random.default_rng(seed)
    bodies = _bodies(days, after)
    other = [asked.body for asked, _ in days if asked.account not in planted]
    begin, end = days[0][1], days[-1][1]
    mixed = list(days)
    accounts = {f"{name}-{n}" for n in range(count)}
    for number, account in enumerate(sorted(accounts)):
        at = begin + timedelta(days=float(rng.uniform(0.1, 2)))
        places = [(number * 7 + n) % addresses for n in range(2)]
        while (at := at + timedelta(days=float(rng.exponential(1 / per_day)))) < end:
            chosen = bodies if rng.random() < share else other
            place = places[int(rng.integers(2))]
            asked = Asked(
                account=account, key=account, ip=f"203.{place // 200}.{place % 200}.{1 + number % 3}", model="demo",
                user_agent=BROWSERS[number % 3], operation="chat", body=chosen[int(rng.integers(len(chosen)))],
            )  # fmt: skip
            mixed.append((asked, at))
    return sorted(mixed, key=lambda one: one[1]), accounts


def _bodies(days: Days, after: set[str]) -> list[object]:
    return [asked.body for asked, _ in days if asked.account in after]
