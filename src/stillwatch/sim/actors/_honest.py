"""Honest: how companies and groups that hide nothing enrol their accounts."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import numpy as np

from stillwatch.sim.stage import Accounts, Stage


def firm(
    stage: Stage,
    n: int,
    name: str,
    *,
    sort: str = "company",
    cards: int = 1,
    declared: float = 0.7,
    addresses: int = 2,
    **said: Any,
) -> Accounts:
    """Enrol the n accounts of one firm: its own mail domain, one purse or a few, its own addresses.

    Args:
        stage: the actor's stage.
        n: how many accounts.
        name: tells this firm from the actor's others.
        sort: habits of its accounts.
        cards: how many cards it pays with.
        declared: chance that its accounts name it as their organisation.
        addresses: outside addresses of its office or machines.
        said: columns that override all this.
    """
    rng, people = stage.rng, stage.people
    purse = stage.keys(f"card {name}", cards)
    issuers = people.bins(rng, cards)
    which = rng.integers(0, cards, n)
    organisation = -1
    if rng.random() < declared:
        organisation = people.organisation(stage.text("name.company", stage.key("firm", name)))
    columns: dict[str, Any] = {
        "domain": people.domain(f"{stage.text('name.unique', stage.key('domain', name))}.example"),
        "mail_style": 0,
        "payment": purse[which],
        "bin": issuers[which],
        "organisation": organisation,
        "egress_0": stage.network.office(addresses),
        "second": np.where(rng.random(n) < 0.3, rng.uniform(0.05, 0.4, n), 0.0),
        "third": 0.0,
        "client_0": stage.clients.some(rng, 1)[0] if rng.random() < 0.6 else stage.clients.some(rng, n),
        "programme": -1,
    }
    return stage.enrol(n, sort, **(columns | said))


def first_day(stage: Stage) -> date:
    """Tell the date on which the world begins."""
    return datetime.fromtimestamp(stage.world.start_ms / 1000, UTC).date()
