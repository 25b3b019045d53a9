"""Traits: what the members of a group show, and what owners at large show, for the readings to be weighed on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from stillwatch.kit.held import Held
from stillwatch.kit.union import find, join_all
from stillwatch.model import mail
from stillwatch.model.crowd import Crowd
from stillwatch.model.traces import Traces

TIE_BITS = 2.0
HOP_BITS = 12.0
DIVIDED_BITS = 6.0
"""Bits of the shards view from which a list is believed to be divided."""
OPEN_ACCOUNTS = 2
"""Accounts of an owner that is openly an organisation, when nobody else has its mail domain; who shares something
with such a one hides nothing by it."""
DAY_MS = 86_400_000
BURST_MS = 2 * DAY_MS
BRIEF_MS = 3 * DAY_MS
KYC = 5
FAMILY = 4
"""Owners that a household's card or computer ties together, at the most."""

Shares = dict[str, float]


class Traits:
    """Reads traits off owners; made once for a log."""

    def __init__(self, traces: Traces) -> None:
        crowd = traces.crowd
        self._traces = traces
        self._first_account = _first_accounts(crowd)
        facts = crowd.facts
        at = self._first_account
        self._domain = np.where(facts.mail_kind == mail.OWN, facts.mail_domain, np.uint64(0))[at]
        self._organisation = facts.organisation[at]
        self._school = np.where(facts.mail_kind == mail.SCHOOL, facts.mail_domain, np.uint64(0))[at]
        named = np.isin(facts.mail_kind, (mail.OWN, mail.SCHOOL))
        claimed = np.where(named, facts.mail_domain, facts.organisation)
        self._claimed = np.where(facts.programme != 0, claimed, np.uint64(0))[at]
        self._tools = [values[at] for values in (facts.device, facts.phone)]
        self._created = facts.created_at[at]
        self._verified = (facts.verification == KYC)[at]
        first = np.full(crowd.owners, np.iinfo(np.int64).max)
        last = np.full(crowd.owners, np.iinfo(np.int64).min)
        np.minimum.at(first, crowd.owner, crowd.first)
        np.maximum.at(last, crowd.owner, crowd.last)
        self._active = last - first
        self._columns = facts.columns
        self._referrer = facts.referrer[at]
        several = np.bincount(crowd.owner, minlength=crowd.owners) >= OPEN_ACCOUNTS
        self._organisation_like = several & crowd.domains_of_their_own()[at] | crowd.declared
        self.usual = self._usual()

    def _usual(self) -> Shares:
        held = self._traces.held
        everybody = np.arange(self._traces.crowd.owners, dtype=np.int32)
        shares = {
            name: float(_sharing(held[column], everybody).mean())
            for name, column in (("purse", "payment"), ("device", "device"), ("egress", "ip"))
            if column in held
        }
        if self._traces.handovers is not None:
            hops = np.union1d(self._traces.handovers.giver, self._traces.handovers.taker)
            shares["hop"] = len(hops) / max(len(everybody), 1)
        if "email" in self._columns:
            shares["business"] = float((self._domain != 0).mean())
            shares["open"] = 0.02
        if "email" in self._columns:
            shares["school"] = 0.02
        if "verification" in self._columns:
            shares["verified"] = float(self._verified.mean())
        if "family" in held:
            shares["shared_frame"] = 0.05
            shares["own_frame"] = 0.5
        if "created_at" in self._columns:
            shares["burst"] = 0.05
        if "referrer" in self._columns:
            shares["referred"] = 0.1
        shares["brief"] = float((self._active <= BRIEF_MS).mean())
        shares["block"] = 0.02
        shares["chained"] = 0.03
        return shares

    def of(
        self,
        members: npt.NDArray[np.int32],
        ties: Mapping[str, npt.NDArray[np.float64]],
        weights: Mapping[str, float],
    ) -> Shares:
        """Read the share of members that show each trait; what cannot be seen is absent."""
        held = self._traces.held
        shares: Shares = {"brief": float((self._active[members] <= BRIEF_MS).mean())}
        strangers = members[~self._organisation_like[members]]
        for name, column in (("purse", "payment"), ("device", "device")):
            if column in held:
                shares[name] = float(_sharing(held[column], strangers).sum() / len(members))
        if {"payment", "device"} & set(held):
            shares["block"] = self._in_a_block(members, strangers)
        if "payment" in held:
            shares["purses"] = _beside_the_largest(held["payment"], strangers) / len(members)
        if "programme" in self._columns:
            shares["claims"] = float(self._false_claims(members).mean())
        if "referrer" in self._columns:
            shares["referred"] = _most_common(self._referrer[members])
        if "network" in ties:
            shares["egress"] = float((ties["network"] >= TIE_BITS).mean())
        if "chain" in ties:
            shares["chained"] = float((ties["chain"] >= TIE_BITS).mean())
        if "handover" in ties:
            shares["hop"] = float((ties["handover"] >= HOP_BITS).mean())
        if "succession" in ties:
            shares["replaced"] = float((ties["succession"] >= TIE_BITS).mean())
        if weights.get("shards", 0.0) > 0.0:
            shares["divided"] = float(weights["shards"] >= DIVIDED_BITS)
        if "email" in self._columns or "organisation" in self._columns:
            shares |= self._identity(members)
        if "email" in self._columns:
            shares["school"] = _most_common(self._school[members])
        if "verification" in self._columns:
            shares["verified"] = float(self._verified[members].mean())
        if "created_at" in self._columns:
            shares["burst"] = _densest(self._created[members])
        if "family" in held:
            shares |= _frames(held["family"], members)
        return shares

    def _in_a_block(self, members: npt.NDArray[np.int32], strangers: npt.NDArray[np.int32]) -> float:
        """Tell the share that one thing or conversation after another ties into a block of more than four."""
        parent = np.arange(self._traces.crowd.owners, dtype=np.int32)
        for column in ("payment", "device", "phone"):
            held = self._traces.held.get(column)
            if held is not None:
                position, value = held.spread(strangers)
                order = np.argsort(value, kind="stable")
                same = np.flatnonzero(np.diff(value[order]) == 0)
                join_all(parent, strangers[position[order[same]]], strangers[position[order[same + 1]]])
        if self._traces.handovers is not None:
            inside = np.isin(self._traces.handovers.giver, members) & np.isin(self._traces.handovers.taker, members)
            join_all(parent, self._traces.handovers.giver[inside], self._traces.handovers.taker[inside])
        sizes = np.unique(find(parent)[members], return_inverse=True, return_counts=True)
        return float((sizes[2][sizes[1]] > FAMILY).mean())

    def _false_claims(self, members: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
        """Tell who claims a programme for another institution than somebody with the same computer or telephone."""
        claimed = self._claimed[members]
        out = np.zeros(len(members), bool)
        for values in self._tools:
            held = values[members]
            inside = np.flatnonzero((held != 0) & (claimed != 0))
            pairs = np.unique(np.stack([held[inside], claimed[inside]]), axis=1)
            tools, institutions = np.unique(pairs[0], return_counts=True)
            out[inside] |= np.isin(held[inside], tools[institutions >= 2])
        return out

    def _identity(self, members: npt.NDArray[np.int32]) -> Shares:
        domain, organisation = self._domain[members], self._organisation[members]
        several = np.zeros(len(members), bool)
        for values in (domain, organisation):
            names, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
            several |= ((names != 0) & (counts >= 2))[inverse]
        alone = (domain != 0) & ~several
        return {"open": float(several.mean()), "business": float(alone.mean())}


def _first_accounts(crowd: Crowd) -> npt.NDArray[np.int64]:
    """Find the most active account of each owner."""
    order = np.lexsort((-crowd.exchanges, crowd.owner))
    starts = np.flatnonzero(np.diff(crowd.owner[order], prepend=-1))
    return order[starts]


def _sharing(held: Held, members: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    """Tell which members hold a value that another member holds."""
    position, value = held.spread(members)
    counts = np.bincount(value, minlength=held.size)
    out = np.zeros(len(members), bool)
    out[position[counts[value] >= 2]] = True
    return out


def _beside_the_largest(held: Held, members: npt.NDArray[np.int32]) -> int:
    """Count the members who share a value with another, but for those who share the one that most of them hold."""
    counts = np.bincount(held.spread(members)[1], minlength=held.size)
    shared = counts[counts >= 2]
    return int(shared.sum() - shared.max(initial=0))


def _most_common(values: npt.NDArray[np.uint64]) -> float:
    """Tell the share of the value that most have; 0 is no value."""
    names, counts = np.unique(values, return_counts=True)
    return float(counts[names != 0].max(initial=0) / len(values))


def _densest(created: npt.NDArray[np.int64]) -> float:
    """Tell the share of members that were created in the group's densest two days."""
    known = np.sort(created[created > 0])
    if not len(known):
        return 0.0
    ends = np.searchsorted(known, known + BURST_MS, side="right")
    return float((ends - np.arange(len(known))).max() / len(created))


def _frames(held: Held, members: npt.NDArray[np.int32]) -> Shares:
    position, value = held.spread(members)
    counts = np.bincount(value, minlength=held.size)
    common = float(counts.max() / len(members)) if len(value) else 0.0
    shared = np.zeros(len(members))
    weights = held.weights[_places(held, members)]
    np.add.at(shared, position[counts[value] >= 2], weights[counts[value] >= 2])
    own = held.bears[members] & (shared < 0.8)
    return {"shared_frame": common, "own_frame": float(own.mean())}


def _places(held: Held, members: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    starts, counts = held.offsets[members], held.offsets[members + 1] - held.offsets[members]
    within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    places: npt.NDArray[np.int64] = np.repeat(starts, counts) + within
    return places
