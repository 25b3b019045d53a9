"""Propose groups and weigh them: what one view proposes the others weigh, and e-BH controls.

The same coincidence is never counted twice: the view that proposes a group does not weigh it (handover, which
sees fresh events all the time, proposes by half of the conversations and weighs by the other half). Under the
null a group's e-value has an expectation of at most one, given how it was proposed; e-BH over all proposals then
bounds the expected share of groups linked by coincidence only, however the groups overlap.

What peers told proposes groups too: a proposal of theirs is weighed by one's own views alone, without those by which it
was looked up here. It comes from outside the log, so part of the error budget is laid on it beforehand (e-values times
weights whose mean is one; Wang and Ramdas 2022, "False discovery rate control with e-values"): it has to show some bits
less than without, and the bound is the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from stillwatch.judge.look import Look
from stillwatch.kit import groups as sets
from stillwatch.kit.evalue import LN2, ebh
from stillwatch.kit.groups import Groups

PEERS: Final = "peers"
"""Who proposed a group that peers told of."""
NETWORK: Final = "network"
TEMPLATE: Final = "repertoire"
"""Views by whose columns networks and prompt families are looked up."""
SELF_CONFIRMING: Final = ("handover",)
"""Views that propose and weigh on separate events, and so may do both."""
TOLD_SHARE: Final = 0.2
"""Part of the error budget that is laid on what peers told, however little that is; it costs the others a third of a
bit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A group that a peer's bulletin points at: a lead, and no evidence.

    Attributes:
        aside: views by whose columns it was looked up, which therefore do not weigh it.
        label: whose it is, for a person.
    """

    members: npt.NDArray[np.int32]
    aside: frozenset[str]
    label: str

    @property
    def broad(self) -> bool:
        """Tell whether it points by networks too, out of which strangers come as well."""
        return NETWORK in self.aside

    @property
    def by_template(self) -> bool:
        """Tell whether it points by prompt families alone, which no ordinary customer of the peer's sends."""
        return self.aside == {TEMPLATE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposals:
    """All groups that were examined."""

    groups: Groups
    by: list[str]
    """The view that proposed each."""
    bits: dict[str, npt.NDArray[np.float64]]
    """What each view weighs, before capping; 0 in the view that proposed."""
    total: npt.NDArray[np.float64]
    """Capped bits over the views."""
    passed: npt.NDArray[np.bool_]
    gain: npt.NDArray[np.float64]
    """Bits that the error budget laid on each gives it, or takes from it; 0 where no peer told anything."""
    told: Sequence[Told] = ()
    """What peers told: the last proposals."""
    asides: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Views that do not weigh what a view proposes, by who proposes; where it is not named, itself."""

    def told_by(self, number: int) -> Told | None:
        """Give what a peer told, where he proposed a group."""
        place = number - (len(self.groups) - len(self.told))
        return self.told[place] if place >= 0 else None

    def aside(self, number: int) -> frozenset[str]:
        """Name the views that do not weigh a group, because they proposed it."""
        told = self.told_by(number)
        by = self.by[number]
        return told.aside if told is not None else self.asides.get(by, frozenset({by}) - frozenset(SELF_CONFIRMING))


def examine(looks: Mapping[str, Look], fdr: float, told: Sequence[Told] = (), threads: int = 1) -> Proposals:
    """Propose, weigh and control: every group that any view or a peer proposes, by all views that did not."""
    with ThreadPoolExecutor(threads) as pool:
        return _examined(looks, fdr, told, pool)


def _examined(looks: Mapping[str, Look], fdr: float, told: Sequence[Told], pool: Executor) -> Proposals:
    proposed = dict(zip(looks, pool.map(lambda look: look.sight.propose(), looks.values()), strict=True))
    own = sets.together(list(proposed.values()))
    every = sets.together([own, sets.of([one.members for one in told])])
    by = [name for name, found in proposed.items() for _ in range(len(found))] + [PEERS] * len(told)
    proposer = np.array(by, dtype=object)
    asides = {name: frozenset({name, *look.view.ASIDE}) - frozenset(SELF_CONFIRMING) for name, look in looks.items()}

    def weigh(name: str) -> npt.NDArray[np.float64]:
        asked = ~np.isin(proposer, [one for one, aside in asides.items() if name in aside])
        asked[len(own) :] = [name not in one.aside for one in told]
        weighed = np.zeros(len(every))
        if asked.any():
            weighed[asked] = looks[name].sight.weigh(every if asked.all() else every.where(asked))
        return weighed

    bits = dict(zip(looks, pool.map(weigh, looks), strict=True))
    total = np.zeros(len(every))
    for name, look in looks.items():
        total += np.minimum(bits[name], look.view.CAP)
    gain = _gain(len(own), len(told))
    passed = ebh((total + gain) * LN2, fdr, log=True) if len(every) else np.zeros(0, bool)
    return Proposals(groups=every, by=by, bits=bits, total=total, passed=passed, gain=gain, told=told,
                     asides=asides)  # fmt: skip


def _gain(own: int, told: int) -> npt.NDArray[np.float64]:
    """Lay the error budget: bits of weights whose mean is one, of which what peers told has TOLD_SHARE at the least."""
    weights = np.ones(own + told)
    share = max(TOLD_SHARE, told / max(own + told, 1))
    if told and own:
        weights[:own] = (1 - share) * (own + told) / own
        weights[own:] = share * (own + told) / told
    bits: npt.NDArray[np.float64] = np.log2(weights)
    return bits
