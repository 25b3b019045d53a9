"""Sorts: how accounts of one sort sign up, pay and connect, where their actor says nothing else.

Shares are estimates in the shape of such customer bases; none is a measurement, and no two sorts differ in a
single telling value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from stillwatch.sim._clock import DAY_MS
from stillwatch.sim._keys import join
from stillwatch.sim._people import NEVER

if TYPE_CHECKING:
    from stillwatch.sim.stage import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Sort:
    """Habits of one sort of customer; shares between 0 and 1."""

    free_mail: float
    throwaway: float = 0.005
    card: float = 0.75
    device: float = 0.7
    phone: float = 0.45
    plans: tuple[float, ...] = (3, 5, 2, 0, 0)
    home: float = 0.7  # else a cloud machine, serverless code or a rented host
    mobile: float = 0.2
    vpn: float = 0.06
    cloud: float = 0.15
    browser: float = 0.0
    organisation: float = 0.0
    programme: tuple[float, ...] = (0.0, 0.0, 0.0)  # education, research, startup
    channels: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0)
    closed: float = 0.02


SORTS: Final = {
    "person": Sort(
        free_mail=0.95, throwaway=0.012, card=0.45, plans=(7, 3, 2, 0, 0), home=0.9, browser=0.35, mobile=0.3
    ),
    "developer": Sort(free_mail=0.8, plans=(4, 6, 3, 0, 0), home=0.62, cloud=0.25, mobile=0.1, organisation=0.04),
    "student": Sort(free_mail=0.55, card=0.3, plans=(8, 3, 1, 0, 0), home=0.9, mobile=0.35, programme=(0.3, 0.02, 0.0)),
    "researcher": Sort(free_mail=0.35, plans=(2, 6, 3, 1, 0), home=0.5, cloud=0.3, programme=(0.04, 0.2, 0.0)),
    "startup": Sort(
        free_mail=0.25,
        card=0.95,
        plans=(1, 6, 4, 3, 0),
        home=0.12,
        cloud=0.2,
        organisation=0.4,
        programme=(0.0, 0.01, 0.12),
        channels=(0.9, 0.04, 0.03, 0.03),
    ),
    "company": Sort(
        free_mail=0.04,
        card=0.97,
        plans=(0, 3, 3, 5, 3),
        home=0.02,
        cloud=0.3,
        organisation=0.65,
        mobile=0.02,
        channels=(0.72, 0.13, 0.07, 0.08),
    ),
}


def habits(stage: Stage, n: int, sort: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """Draw the columns of n accounts of a sort."""
    _rng, people, habit = stage.rng, stage.people, SORTS[sort]
    who = np.broadcast_to(np.asarray(said.get("who", stage.keys(f"who {people.count}", n)), np.uint64), (n,))
    columns: dict[str, Any] = {"who": who, "person": join(who, stage.key("person"))}
    _sign_up(stage, n, habit, columns)
    _pay(stage, n, habit, columns, who)
    _connect(stage, n, habit, columns)
    _settle(stage, n, columns, who)
    return columns


def _sign_up(stage: Stage, n: int, habit: Sort, columns: dict[str, Any]) -> None:
    rng, people = stage.rng, stage.people
    created = stage.organic(n)
    columns["created"] = created
    gone = rng.random(n) < habit.closed * min(1.0, stage.days / 30)
    closing = np.maximum(created, 0) + rng.integers(1, max(2, stage.days) * DAY_MS, n)
    columns["closed"] = np.where(gone & (closing < stage.days * DAY_MS), closing, NEVER)
    columns["reason"] = np.where(columns["closed"] < NEVER, rng.choice([0, 0, 0, 0, 1, 1, 4, 5], n), -1)
    mail = rng.random(n)
    columns["domain"] = people.free_mail(rng, n)
    thrown = mail < habit.throwaway
    columns["domain"][thrown] = people.throwaway_mail(rng, int(thrown.sum()))
    own = mail > habit.free_mail
    columns["domain"][own] = own_domains(stage, int(own.sum()))
    columns["mail_style"] = np.where(own, 0, rng.choice(4, n, p=[0.45, 0.2, 0.2, 0.15]))
    columns["phone"] = np.where(rng.random(n) < habit.phone, stage.keys(f"phone {people.count}", n), 0)
    columns["referrer"] = np.where(
        rng.random(n) < 0.55, rng.choice(8, n, p=[0.4, 0.2, 0.06, 0.04, 0.06, 0.1, 0.1, 0.04]), -1
    )
    programme = rng.random(n)
    edges = np.cumsum(habit.programme)
    columns["programme"] = np.where(programme < edges[-1], np.searchsorted(edges, programme, side="right"), -1)
    came = (columns["programme"] >= 0) & (rng.random(n) < 0.6)
    columns["referrer"] = np.where(came, people.referrer("programme page"), columns["referrer"])
    declared = rng.random(n) < habit.organisation
    columns["organisation"] = np.full(n, -1, np.int32)
    names = stage.words("name.company", stage.keys(f"organisation {people.count}", int(declared.sum())))
    columns["organisation"][declared] = [people.organisation(name) for name in names]


def own_domains(stage: Stage, n: int) -> Any:
    """Make one company domain for each of n accounts."""
    names = stage.words("name.unique", stage.keys(f"domain {stage.people.count}", n))
    return stage.people.add_domains([f"{name}.example" for name in names]) if n else np.zeros(0, np.int32)


def _pay(stage: Stage, n: int, habit: Sort, columns: dict[str, Any], who: Any) -> None:
    rng, people = stage.rng, stage.people
    plans = np.array(habit.plans, float)
    columns["plan"] = rng.choice(len(plans), n, p=plans / plans.sum())
    paying = (rng.random(n) < habit.card) | (columns["plan"] > 1)
    columns["payment"] = np.where(paying, join(who, stage.key("payment")), np.uint64(0))
    columns["bin"] = np.where(paying, people.bins(rng, n), 0)
    columns["device"] = np.where(rng.random(n) < habit.device, join(who, stage.key("device")), np.uint64(0))
    known = np.where(columns["phone"] != 0, 2, np.where(rng.random(n) < 0.93, 1, 0))
    columns["verification"] = np.where(paying & (rng.random(n) < 0.6), 3, known)
    columns["verification"] = np.where((columns["plan"] >= 3) & (rng.random(n) < 0.5), 4, columns["verification"])


def _connect(stage: Stage, n: int, habit: Sort, columns: dict[str, Any]) -> None:
    rng, network, clients = stage.rng, stage.network, stage.clients
    first = network.home(rng, n)
    place = rng.random(n)
    away = place > habit.home
    machine = np.where(
        rng.random(n) < 0.45,
        network.some(rng, network.machines, n),
        np.where(rng.random(n) < 0.4, network.some(rng, network.serverless, n), network.some(rng, network.hosts, n)),
    )
    columns["egress_0"] = np.where(away, machine, first)
    mobile, vpn, cloud = (rng.random(n) < share for share in (habit.mobile, habit.vpn, habit.cloud))
    relay = rng.random(n) < 0.3
    hidden = np.where(relay, network.some(rng, network.relays, n), network.some(rng, network.vpns, n))
    columns["egress_1"] = np.where(mobile, network.some(rng, network.mobiles, n), np.where(cloud, machine, first))
    columns["second"] = np.where(mobile | (cloud & ~away), rng.uniform(0.05, 0.5, n), 0.0)
    columns["egress_2"] = hidden
    columns["third"] = np.where(vpn, rng.uniform(0.1, 0.5, n), 0.0)
    builds = clients.some(rng, n)
    odd = rng.random(n) < 0.05
    builds = np.where(odd, clients.tail(rng, n, stage.world.size), builds)
    if habit.browser:
        browsing = rng.random(n) < habit.browser
        builds = np.where(browsing, clients.some(rng, n, "browser"), builds)
    columns["client_0"] = builds
    columns["client_1"] = np.maximum(builds - rng.integers(1, 4, n), 0)  # newer builds stand before older ones
    upgrading = rng.random(n) < 0.15
    columns["upgrade"] = np.where(upgrading, rng.integers(0, max(1, stage.days) * DAY_MS, n), NEVER)
    shares = np.array(habit.channels)
    columns["channel"] = rng.choice(4, n, p=shares / shares.sum())
    if shares[1:].any():
        columns["client_0"] = np.where(columns["channel"] == 1, clients.some(rng, n, "cloud"), columns["client_0"])
    columns["keys"] = rng.choice([1, 2, 3, 5], n, p=[0.72, 0.17, 0.08, 0.03])


def _settle(stage: Stage, n: int, columns: dict[str, Any], who: Any) -> None:
    """Give each account a home: its zone and country follow from the language that it chats in."""
    from stillwatch.sim.stage import LANDS, ZONES

    rng = stage.rng
    zone, land = np.zeros(n), np.zeros(n, np.int8)
    languages = np.array(stage.languages(who))
    for language in np.unique(languages):
        mine = np.flatnonzero(languages == language)
        zone[mine] = rng.choice(ZONES.get(str(language), (0.0,)), len(mine))
        land[mine] = rng.choice(LANDS.get(str(language), (0,)), len(mine))
    columns["zone"] = zone + rng.normal(0, 0.8, n)
    columns["country"] = land
    columns["adopt"] = adoption(stage, n)


def adoption(stage: Stage, n: int) -> Any:
    """Draw when accounts move to a released model: some at once, most over weeks, a quarter never."""
    release = stage.world.release_ms
    if release is None:
        return NEVER
    rng = stage.rng
    kind = rng.random(n)
    delay = np.exp(rng.normal(np.log(6.0), 1.1, n)) * DAY_MS
    at_once = rng.exponential(0.4, n) * DAY_MS
    moved = release + np.where(kind < 0.18, at_once, delay).astype(np.int64)
    return np.where(kind > 0.75, NEVER, moved)
