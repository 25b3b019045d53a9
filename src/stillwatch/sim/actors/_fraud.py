"""Fraud: how the accounts of a deceptive operation are made.

On record (threat: C1 to C7 and resellers): cards, addresses and devices are pooled, a banned account is
replaced at once, education and start-up programmes are claimed, residential proxies and rented hosts hide
where requests come from. Pools overlap and have holes: no single attribute is shared by all, and some
accounts share none.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from stillwatch.sim._clock import DAY_MS
from stillwatch.sim._people import NEVER
from stillwatch.sim.stage import Accounts, Stage


def fraudulent(
    stage: Stage,
    n: int,
    *,
    clean: float,
    replaced: float = 0.0,
    card: tuple[int, int] = (3, 9),
    device: tuple[int, int] = (2, 8),
    claims: float = 0.15,
    organisation: bool = False,
    **said: Any,
) -> Accounts:
    """Enrol n accounts of one hidden hand.

    Args:
        stage: the actor's stage.
        n: how many accounts.
        clean: share of accounts whose card, device and address are their own.
        replaced: share of accounts that are closed while the world runs, each replaced by another of the n.
        card: fewest and most accounts on one card.
        device: fewest and most accounts on one device.
        claims: share of accounts that falsely claim a programme.
        organisation: whether accounts declare (different, invented) organisations.
        said: columns that override all this.
    """
    rng, people, network = stage.rng, stage.people, stage.network
    lone = rng.random(n) < clean
    cards, issuers = stage.cards(n, card, holes=0.12)
    devices = stage.keys("device", n + 1)[stage.dealt(n, device).astype(np.int64)]
    columns: dict[str, Any] = {}
    columns |= _signed_up(stage, n, replaced)
    columns |= _sent_from(stage, n)
    programme = np.where(rng.random(n) < claims, rng.choice([0, 1, 2], n, p=[0.5, 0.2, 0.3]), -1)
    columns["programme"] = programme
    columns["payment"], columns["bin"], columns["device"] = cards, issuers, devices
    columns["device"] = np.where(rng.random(n) < 0.25, np.uint64(0), columns["device"])
    pooled = {name: columns[name] for name in ("payment", "bin", "device", "egress_0", "client_0", "second")}
    accounts = stage.enrol(n, "developer", **(columns | said))
    own = stage.keys("own", n)
    for name in pooled:
        if name in said:
            continue
        column = people.column(name)
        if name == "payment":
            column[accounts[lone]] = own[lone]
        elif name == "bin":
            column[accounts[lone]] = people.bins(rng, int(lone.sum()))
        elif name == "device":
            column[accounts[lone]] = np.where(rng.random(int(lone.sum())) < 0.5, own[lone] + np.uint64(1), np.uint64(0))
        elif name == "egress_0":
            column[accounts[lone]] = network.home(rng, int(lone.sum()))
        elif name == "client_0":
            column[accounts[lone]] = stage.clients.some(rng, int(lone.sum()))
        else:
            column[accounts[lone]] = 0.0
    if organisation:
        names = stage.words("name.company", stage.keys("shell", n))
        people.column("organisation")[accounts] = [people.organisation(name) for name in names]
    return accounts


def _signed_up(stage: Stage, n: int, replaced: float) -> dict[str, Any]:
    """Open accounts in bursts before the campaign, some while it runs in the place of closed ones."""
    rng, people = stage.rng, stage.people
    bursts = rng.uniform(-60, -1, max(1, n // 25)) * DAY_MS
    created = rng.choice(bursts, n) + rng.exponential(0.6, n) * DAY_MS
    organic = rng.random(n) < 0.3
    created = np.where(organic, rng.uniform(-200, -2, n) * DAY_MS, np.minimum(created, -DAY_MS / 4)).astype(np.int64)
    closed, reason = np.full(n, NEVER, np.int64), np.full(n, -1)
    pairs = round(n * replaced / 2)
    if pairs:
        order = rng.permutation(n)
        old, new = order[:pairs], order[pairs : 2 * pairs]
        when = (rng.uniform(0.2, 0.85, pairs) * stage.days * DAY_MS).astype(np.int64)
        closed[old] = when
        reason[old] = rng.choice([5, 4, 1], pairs, p=[0.6, 0.3, 0.1])
        created[new] = when + rng.integers(DAY_MS // 48, 2 * DAY_MS, pairs)
    mail = rng.random(n)
    domain = people.free_mail(rng, n)
    thrown = mail < 0.12
    domain[thrown] = people.throwaway_mail(rng, int(thrown.sum()))
    bought = people.add_domains([f"{d}.example" for d in stage.words("name.unique", stage.keys("bought", 1 + n // 30))])
    catchall = mail > 0.8
    domain[catchall] = rng.choice(bought, int(catchall.sum()))
    phones = stage.keys("phone", n)[stage.dealt(n, (1, 3)).astype(np.int64)]
    return {
        "created": created,
        "closed": closed,
        "reason": reason,
        "domain": domain,
        "mail_style": rng.choice(4, n, p=[0.35, 0.2, 0.3, 0.15]),
        "phone": np.where(rng.random(n) < 0.5, phones, np.uint64(0)),
        "verification": rng.choice([1, 2, 3, 4], n, p=[0.33, 0.25, 0.37, 0.05]),
        "plan": rng.choice([0, 1, 2], n, p=[0.2, 0.6, 0.2]),
    }


def _sent_from(stage: Stage, n: int) -> dict[str, Any]:
    """Send through rented hosts and residential proxies; a few builds, one of them rare."""
    rng, network, clients = stage.rng, stage.network, stage.clients
    hosts = [network.rent(rng, int(rng.integers(1, 5))) for _ in range(2 + n // 40)]
    proxies = network.proxies(max(6, n))
    way = rng.random(n)
    builds = clients.some(rng, 3, "python")
    image = stage.common("starter image", lambda: clients.rare("python"))
    rare = image if rng.random() < 0.35 else clients.rare("python")
    build = np.where(rng.random(n) < rng.uniform(0.0, 0.6), rare, rng.choice(builds, n))
    first = np.where(way < 0.5, proxies, rng.choice(hosts, n))
    return {
        "egress_0": np.where(way > 0.85, network.some(rng, network.vpns, n), first),
        "egress_1": rng.choice(hosts, n),
        "second": np.where(rng.random(n) < 0.4, rng.uniform(0.1, 0.5, n), 0.0),
        "third": 0.0,
        "client_0": build,
        "channel": 0,
        "keys": rng.choice([1, 2], n),
    }
