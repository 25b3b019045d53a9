"""Groups: proposed by one view, weighed by the others, controlled by e-BH, then settled member by member.

The same coincidence is never counted twice: the view that proposes a group does not weigh it (handover, which
sees fresh events all the time, proposes by half of the conversations and weighs by the other half). Under the
null a group's e-value has an expectation of at most one, given how it was proposed; e-BH over all proposals then
bounds the expected share of groups linked by coincidence only, however the groups overlap.

What peers told proposes groups too: a proposal of theirs is weighed by one's own views alone, without those by which it
was looked up here. It comes from outside the log, so part of the error budget is laid on it beforehand (e-values times
weights whose mean is one; Wang and Ramdas 2022, "False discovery rate control with e-values"): it has to show some bits
less than without, and the bound is the same.

Once a group has passed, membership is estimation: an owner stays or enters only by ties in two views, or by
handover, and only if all his ties together beat the odds against a stranger.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from math import log2
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from stillwatch.judge.look import CORE, LEAST, SLACK_BITS, STRANGERS, TIE_BITS, WHOLE, Look
from stillwatch.judge.screen import Screen
from stillwatch.kit import groups as sets
from stillwatch.kit.evalue import LN2, ebh
from stillwatch.kit.groups import Groups
from stillwatch.kit.union import find, join_all

ROUNDS: Final = 6
MOST: Final = 0.5
"""Share of the members who are tied in a view, from which whoever is not lacks something ..."""
SURELY: Final = 0.95
"""... and share of what the members have in common that is expected of another one."""
SOFTLY: Final = 2.0
"""Bits that whoever is tied by soft views alone must show besides."""
KIN: Final = 0.3
"""Share of the smaller of two groups that the larger must let in for both to be one operation."""
NULL: Final = 1000
"""Owners at whom a peer does not point, among whom those are ranked at whom he does."""
SELF_CONFIRMING: Final = ("handover",)
"""Views that propose and weigh on separate events, and so may do both."""


PEERS: Final = "peers"
"""Who proposed a group that peers told of."""
LAST: Final = 3
"""What peers told is settled after all that one's own views proposed."""
TOLD_STRANGERS: Final = 0.05
"""Expected share of strangers among whom the pointing of a peer lets in."""
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

    def told_by(self, number: int) -> Told | None:
        """Give what a peer told, where he proposed a group."""
        place = number - (len(self.groups) - len(self.told))
        return self.told[place] if place >= 0 else None

    def aside(self, number: int) -> frozenset[str]:
        """Name the views that do not weigh a group, because they proposed it."""
        told = self.told_by(number)
        return told.aside if told is not None else frozenset({self.by[number]}) - frozenset(SELF_CONFIRMING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A group whose members are settled."""

    members: npt.NDArray[np.int32]
    ties: dict[str, npt.NDArray[np.float64]]
    """Bits of each member in each view."""
    weights: dict[str, float]
    """What each view weighs of the whole group, capped."""
    total: float
    """The sum over the views that count: not those that look late, nor the one that proposed the group."""
    seed: int
    """The proposal that it grew from."""
    seeds: tuple[int, ...] = ()
    """All passing proposals that lie in it."""
    let_in: Mapping[str, npt.NDArray[np.int32]] = field(default_factory=dict)
    """Members whom the pointing of a peer let in, by whose it was."""


def examine(looks: Mapping[str, Look], fdr: float, told: Sequence[Told] = (), threads: int = 1) -> Proposals:
    """Propose, weigh and control: every group that any view or a peer proposes, by all views that did not."""
    with ThreadPoolExecutor(threads) as pool:
        return _examined(looks, fdr, told, pool)


def _examined(looks: Mapping[str, Look], fdr: float, told: Sequence[Told], pool: Executor) -> Proposals:
    proposed = dict(zip(looks, pool.map(lambda look: look.sight.propose(), looks.values()), strict=True))
    own = [members for found in proposed.values() for members in found]
    every = sets.of([*own, *(one.members for one in told)])
    by = [name for name, found in proposed.items() for _ in range(len(found))] + [PEERS] * len(told)
    proposer = np.array(by, dtype=object)

    def weigh(name: str) -> npt.NDArray[np.float64]:
        asked = np.asarray((proposer != name) | (name in SELF_CONFIRMING), bool)
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
    return Proposals(groups=every, by=by, bits=bits, total=total, passed=passed, gain=gain, told=told)


def _gain(own: int, told: int) -> npt.NDArray[np.float64]:
    """Lay the error budget: bits of weights whose mean is one, of which what peers told has TOLD_SHARE at the least."""
    weights = np.ones(own + told)
    share = max(TOLD_SHARE, told / max(own + told, 1))
    if told and own:
        weights[:own] = (1 - share) * (own + told) / own
        weights[own:] = share * (own + told) / told
    bits: npt.NDArray[np.float64] = np.log2(weights)
    return bits


def settle(
    looks: Mapping[str, Look], seed: npt.NDArray[np.int32], owners: int, taken: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int32]:
    """Grow a group from a seed until it rests, then prune it; owners that are `taken` stay where they are.

    What an owner lacks is not asked while a group grows: a few can tell little of what most have.
    """
    members = seed[~taken[seed]]
    if _few_stay(looks, members, owners):
        return members[:0]
    for _ in range(ROUNDS):
        if len(members) < LEAST:
            break
        candidates = _around(looks, members, taken)
        kept = candidates[_staying(looks, members, candidates, owners, least=LEAST, lacking=False)]
        if np.array_equal(kept, members):
            break
        members = kept
    return _pruned(looks, members, seed, owners)


def settle_told(
    looks: Mapping[str, Look], told: Told, owners: int, taken: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int32]:
    """Settle a group that a peer points at: who of it holds together, and whom these let in.

    Its owners were named before this log was looked at, so that a stranger among them could be one of so many only,
    and need not stand out from the whole log. Whoever is not pointed at comes in as everywhere else.
    """
    pool = told.members[~taken[told.members]]
    core = pool
    for _ in range(ROUNDS):
        if len(core) < LEAST:
            return core
        kept = pool[_close(looks, core, pool, told, taken)]
        if np.array_equal(kept, core):
            break
        core = kept
    members = core
    for _ in range(ROUNDS if len(core) >= LEAST else 0):
        others = np.setdiff1d(_around(looks, members, taken), members).astype(np.int32)
        fresh = others[_staying(looks, members, others, owners)]
        if not len(fresh):
            break
        members = sets.union(members, fresh)
    return _pruned(looks, members, core, owners)


def _around(
    looks: Mapping[str, Look], members: npt.NDArray[np.int32], taken: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int32]:
    """Find the owners who may belong to a group, its members included; not those that are taken."""
    near = [look.sight.near(members) for look in looks.values() if look.view.JOINS]
    near += [look.sight.followers(members) for look in looks.values()]
    candidates = sets.union(members, *near)
    return candidates[~taken[candidates]]


def _pruned(
    looks: Mapping[str, Look], members: npt.NDArray[np.int32], seed: npt.NDArray[np.int32], owners: int
) -> npt.NDArray[np.int32]:
    """Drop blocks that vouch for themselves, and then who lacks too much, until the group rests."""
    for _ in range(ROUNDS):
        before = len(members)
        for prune in (_without_neighbours, _one_hand, _tied):
            if len(members) >= LEAST:
                members = prune(looks, members, seed, owners)
        if len(members) == before or len(members) < LEAST:
            break
    return members


def _tied(
    looks: Mapping[str, Look], members: npt.NDArray[np.int32], _seed: npt.NDArray[np.int32], owners: int
) -> npt.NDArray[np.int32]:
    """Keep those whom the others let in, all things told."""
    return members[_staying(looks, members, members, owners, least=LEAST)]


def _few_stay(looks: Mapping[str, Look], members: npt.NDArray[np.int32], owners: int) -> bool:
    """Tell whether fewer than CORE of a seed let each other in: it is not worth to look who else belongs to it.

    As `_staying`, without the bounds of the views that are as quickly asked.
    """
    if len(members) < CORE:
        return True
    views = [looks[name] for name in _order(looks)]
    caps = np.array([look.view.CAP for look in views])[:, None]
    reach = [look.sight.reach(members, members) if look.view.LATE else np.full(len(members), np.inf) for look in views]
    within = np.minimum(np.stack(reach), caps) + SLACK_BITS
    let_in = _let_in(looks, members, members, within, _needed(owners, members), CORE, lacking=False)
    return int(np.count_nonzero(let_in)) < CORE


def _needed(owners: int, members: npt.NDArray[np.int32]) -> float:
    """Tell how many bits let an owner in."""
    return log2(max(owners / (STRANGERS * max(len(members), 1)), 1.0))


def _one_hand(
    looks: Mapping[str, Look], members: npt.NDArray[np.int32], seed: npt.NDArray[np.int32], owners: int
) -> npt.NDArray[np.int32]:
    """Drop the blocks that only soft views tie to the rest.

    A block hangs together by hard evidence (one purse, one machine, one conversation) by itself, and must not vouch
    for itself, nor may two that came in together vouch for each other: it is weighed against the block that the seed
    lies in, those that this has let in, and whoever is in no block. What ties a large block to them must be more than
    the template or the rhythm that both happen to have: links that join people.
    """
    parent = np.arange(len(members), dtype=np.int32)
    for look in looks.values():
        if look.view.HARD and look.view.JOINS:
            join_all(parent, *look.sight.joints(members))
    block = find(parent)
    sizes = np.bincount(block, minlength=len(members))
    at_home = np.bincount(block[np.isin(members, seed)], minlength=len(members))
    home = int(np.argmax(at_home * (sizes >= 2)))
    others = [int(one) for one in np.flatnonzero(sizes >= 2) if one != home]
    keep = np.isin(block, others, invert=True)
    while others:
        rest = members[keep]
        if len(rest) < 2:
            return members
        kin = [
            _kinship(looks, rest, members[block == one], owners, joined=int(sizes[one]) >= LEAST) >= KIN
            for one in others
        ]
        if not any(kin):
            break
        keep |= np.isin(block, [one for one, let_in in zip(others, kin, strict=True) if let_in])
        others = [one for one, let_in in zip(others, kin, strict=True) if not let_in]
    return members[keep]


def _without_neighbours(
    looks: Mapping[str, Look], members: npt.NDArray[np.int32], seed: npt.NDArray[np.int32], owners: int
) -> npt.NDArray[np.int32]:
    """Drop large blocks of neighbours whom nothing but a template ties to the rest.

    An office that works from the same public rubrics as a campaign comes in whole as soon as one of its people does:
    each of them is tied to the template by what he asks, and to the group by his own colleagues. So a block behind
    one address must be let in by the others, as a block behind one purse must.
    """
    parent, crossing = np.arange(len(members), dtype=np.int32), []
    for look in looks.values():
        if look.view.JOINS and not look.view.HARD:
            join_all(parent, *look.sight.joints(members))
        elif look.view.JOINS:
            crossing.append(look.sight.joints(members))
    block = find(parent)
    sizes = np.bincount(block, minlength=len(members))
    tied = np.zeros(len(members), bool)
    for left, right in crossing:
        beyond = block[left] != block[right]
        tied[left[beyond]] = tied[right[beyond]] = True
    tied_share = np.bincount(block, weights=tied, minlength=len(members)) / np.maximum(sizes, 1)
    home = int(np.argmax(np.bincount(block[np.isin(members, seed)], minlength=len(members))))
    keep = np.ones(len(members), bool)
    for other in np.flatnonzero((sizes >= LEAST) & (tied_share < KIN)).tolist():
        mine = block == other
        rest = members[~mine & keep]
        if other != home and len(rest) >= LEAST:
            keep[mine] = _kinship(looks, rest, members[mine], owners, joined=True) >= KIN
    return members[keep]


def _kinship(
    looks: Mapping[str, Look], large: npt.NDArray[np.int32], small: npt.NDArray[np.int32], owners: int, *, joined: bool
) -> float:
    """Tell the share of a smaller group that a larger one lets in; with `joined`, that a joining view ties to it."""
    tied = np.ones(len(small), bool)
    if joined:
        tied[:] = False
        for look in looks.values():
            if look.view.JOINS:
                tied |= _bits(look, large, small) >= TIE_BITS
        if tied.mean() < KIN:  # whoever stays of them are too few already
            return 0.0
    return float((_staying(looks, large, small, owners) & tied).mean())


def _bits(look: Look, members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    capped: npt.NDArray[np.float64] = np.minimum(look.sight.admit(members, candidates), look.view.CAP)
    return capped


def _reach(look: Look, members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    bound: npt.NDArray[np.float64] = np.minimum(look.sight.reach(members, candidates), look.view.CAP) + SLACK_BITS
    return bound


def _staying(
    looks: Mapping[str, Look], members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32], owners: int,
    least: int = 1, *, lacking: bool = True,
) -> npt.NDArray[np.bool_]:  # fmt: skip
    """Tell which candidates the members let in: by handover, or by ties in two views and enough bits in all.

    What a candidate lacks is set against his ties, unless `lacking` is off.

    Only those are weighed who could get in by the bounds that the views give at little cost; where they are fewer than
    `least`, nobody is let in.
    """
    need = _needed(owners, members)
    could, reach = _within_reach(looks, members, candidates, need)
    inside = np.zeros(len(candidates), bool)
    if len(could) >= least:
        inside[could] = _let_in(looks, members, candidates[could], reach, need, least, lacking)
    return inside


def _order(looks: Mapping[str, Look]) -> list[str]:
    """Order the views: handover lets in by itself, and late views are dear to ask."""
    return sorted(looks, key=lambda name: (name != WHOLE, looks[name].view.LATE, -looks[name].view.CAP))


def _within_reach(
    looks: Mapping[str, Look], members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32], need: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Find the candidates who get in if each view gives all that it can, and what that is, a row for each view."""
    views = [looks[name].view for name in _order(looks)]
    reach = np.stack([looks[name].sight.reach(members, candidates) for name in _order(looks)])
    reach = np.minimum(reach, np.array([view.CAP for view in views])[:, None]) + SLACK_BITS
    ties = np.count_nonzero((reach >= TIE_BITS) & np.array([view.ADMITS for view in views])[:, None], axis=0)
    hopeful = (ties >= 2) & (np.maximum(reach, 0.0).sum(axis=0) >= need)
    if WHOLE in looks:
        hopeful |= reach[0] >= looks[WHOLE].view.CAP
    could = np.flatnonzero(hopeful)
    return could, reach[:, could]


def _let_in(
    looks: Mapping[str, Look], members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32],
    reach: npt.NDArray[np.float64], need: float, least: int, lacking: bool,
) -> npt.NDArray[np.bool_]:  # fmt: skip
    """Do as `_staying`, and weigh everybody. A view looks only at those of whom it could decide.

    Views that are dear to ask, as late ones are, come last.
    """
    order = _order(looks)
    admits = np.array([looks[name].view.ADMITS for name in order])[:, None]
    ties, most = _of_the_rest((reach >= TIE_BITS) & admits), _of_the_rest(np.maximum(reach, 0.0))
    whole = np.zeros(len(candidates), bool)
    views, total = np.zeros(len(candidates), np.int64), np.zeros(len(candidates))
    seen: dict[str, npt.NDArray[np.float64]] = {}
    rest = np.arange(len(candidates))
    for place, name in enumerate(order):
        bits = _bits(looks[name], members, candidates[rest])
        other = looks[name].view.WITHIN
        known = seen[other][rest] if other in seen else np.zeros(len(rest))
        total[rest] += np.maximum(bits - np.maximum(known, 0.0), 0.0)
        views[rest] += (bits >= TIE_BITS) & (known < TIE_BITS) & looks[name].view.ADMITS
        seen[name] = np.zeros(len(candidates))
        seen[name][rest] = bits
        if name == WHOLE:
            whole = bits >= looks[name].view.CAP
        open_ = ~whole & (views + ties[place] >= 2) & (total + most[place] >= need)
        rest = rest[open_[rest]]
        if not len(rest) or np.count_nonzero(whole) + len(rest) < least:
            break
    inside = whole.copy()
    inside[rest] = total[rest] >= need
    if lacking and len(rest):
        inside[rest] = total[rest] + _lacks(looks, members, {name: bits[rest] for name, bits in seen.items()}) >= need
    return inside


def _lacks(
    looks: Mapping[str, Look], members: npt.NDArray[np.int32], bits: Mapping[str, npt.NDArray[np.float64]]
) -> npt.NDArray[np.float64]:
    """Weigh what candidates lack that the members have: bits of the view that speaks most against each, at most 0.

    A view in which less than half of the members are tied speaks against nobody for more than the share of those who
    show nothing in it themselves. And but one view speaks: an account that is clean in one way is often so in others.
    Where most members are tied by hard evidence, whom only soft views tie lacks SOFTLY besides: an office that works
    from the same rubric behind the same hosts shows just that.
    """
    worst = np.zeros(len(next(iter(bits.values()))))
    hard, soft = False, np.ones(len(worst), bool)
    for name, told in bits.items():
        left, right = looks[name].sight.joints(members)
        tied = len(np.union1d(left, right)) / len(members)
        least = log2(1.0 - SURELY * tied) if tied < MOST else -np.inf
        worst = np.minimum(worst, np.maximum(told, least))
        if looks[name].view.HARD:
            hard |= tied >= MOST
            soft &= told < TIE_BITS
    return worst - SOFTLY * soft if hard else worst


def _of_the_rest(each: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Sum for every view what the views after it give, column by column."""
    rest: npt.NDArray[Any] = np.cumsum(each[::-1], axis=0)[::-1] - each
    return rest


def gather(looks: Mapping[str, Look], proposals: Proposals, declared: npt.NDArray[np.bool_]) -> list[Settled]:
    """Settle the passing proposals, hard evidence first, then the strongest; then join what is one operation.

    A crowd that shares a template with a campaign would grow together with it if the template came first, so
    proposals by families come last. An owner belongs to the first group that he rests in; a proposal of which
    half lies in settled groups adds nothing. Declared owners hide nothing and are in no group. What is left when a
    proposal has settled must still weigh what the least of those that passed did: it may have passed by others.
    """
    owners = len(declared)
    rank = np.array([_rank(looks[name]) if name in looks else LAST for name in proposals.by])
    shown = proposals.total + proposals.gain
    order = np.flatnonzero(proposals.passed)
    order = order[np.lexsort((-shown[order], rank[order]))]
    found: list[npt.NDArray[np.int32]] = []
    seeds: list[list[int]] = []
    home = np.full(owners, -1, np.int64)
    needed = float(shown[order].min(initial=np.inf))
    at = 0
    screen = Screen(looks, declared)
    first = len(proposals.groups) - len(proposals.told)
    own = order[: np.count_nonzero(order < first)]  # what peers told comes last
    while (at := screen.next_open(proposals.groups, own, at, home, seeds)) < len(own):
        seed = int(own[at])
        at += 1
        _keep(looks, proposals, seed, settle(looks, proposals.groups[seed], owners, declared | (home >= 0)), needed,
              home, found, seeds)  # fmt: skip
    for seed in order[len(own) :].tolist():
        told = proposals.told[seed - first]
        free = home[told.members] < 0
        if np.count_nonzero(free) >= LEAST:  # its rest is looked at too: peers find one template in several operations
            members = settle_told(looks, told, owners, declared | (home >= 0))
            _keep(looks, proposals, seed, members, needed, home, found, seeds)
        elif not free.all():
            seeds[int(np.bincount(home[told.members[~free]]).argmax())].append(seed)
    settled = []
    for one in _joined(looks, found, seeds, owners):
        let_in = _pointed(looks, found[one], proposals.told, declared | (home >= 0))
        members = sets.union(found[one], *let_in.values())
        home[members] = one
        settled.append(_settled(looks, members, tuple(seeds[one]), proposals, let_in))
    return settled


def _keep(
    looks: Mapping[str, Look], proposals: Proposals, seed: int, members: npt.NDArray[np.int32], needed: float,
    home: npt.NDArray[np.int64], found: list[npt.NDArray[np.int32]], seeds: list[list[int]],
) -> None:  # fmt: skip
    """Note a group that has settled, if it still weighs what the least of those that passed did."""
    if len(members) < LEAST:
        return
    if _total(looks, _weigh(looks, members), proposals.aside(seed)) + proposals.gain[seed] >= needed:
        home[members] = len(found)
        found.append(members)
        seeds.append([seed])


def _pointed(
    looks: Mapping[str, Look], members: npt.NDArray[np.int32], told: Sequence[Told], taken: npt.NDArray[np.bool_]
) -> dict[str, npt.NDArray[np.int32]]:
    """Let in owners at whom a peer points together with members; tells whose pointing it was.

    It needs ties in two views of one's own, as for anybody. What the pointing changes is how many are looked at: so few
    that an owner need not stand out from the whole log.
    """
    about = [one for one in _distinct(told) if np.isin(one.members, members).sum() >= max(2, KIN * len(one.members))]
    found: dict[str, npt.NDArray[np.int32]] = {}
    for _ in range(ROUNDS if about else 0):
        before = len(members)
        for one in about:
            pool = one.members[~taken[one.members] & ~np.isin(one.members, members)]
            fresh = pool[_close(looks, members, pool, one, taken, len(about))] if len(pool) else pool
            if len(fresh):
                found[one.label] = sets.union(found.get(one.label, fresh), fresh)
                members = sets.union(members, fresh)
        if len(members) == before:
            break
    return found


def _close(
    looks: Mapping[str, Look], members: npt.NDArray[np.int32], pool: npt.NDArray[np.int32], told: Told,
    taken: npt.NDArray[np.bool_], ways: int = 1,
) -> npt.NDArray[np.bool_]:  # fmt: skip
    """Tell who of those at whom a peer points belongs to the members, so that few strangers are among them.

    An owner needs ties in two views, of which one may be that by which he was looked up. What the others show of him is
    ranked among strangers of this log. How many of the pool are strangers is estimated by those of whom nothing else is
    shown (Storey 2002), so that pointing at a crowd lets in nobody; the expected number of them that come in is at most
    TOLD_STRANGERS of the members.

    Args:
        taken: owners who are no strangers: declared, or in a group.
        ways: in how many ways peers point at the members.
    """
    strangers = _strangers(told, taken)
    tied, shown = _besides(looks, members, pool, told.aside)
    null = np.sort(_besides(looks, members, strangers, told.aside)[1])
    among = len(null) - np.searchsorted(null, shown, side="left") + 1
    quiet = max(int((null <= 0).sum()), 1) / max(len(null), 1)
    least = min(float(len(pool)), (int((shown <= 0).sum()) + 1) / quiet)
    expected = least * ways * among / (len(null) + 1)
    close: npt.NDArray[np.bool_] = tied & (shown > 0) & (expected <= TOLD_STRANGERS * len(members))
    return close


def _strangers(told: Told, taken: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
    """Choose owners at whom it does not point; their numbers say nothing of them."""
    free = ~taken
    free[told.members] = False
    others = np.flatnonzero(free).astype(np.int32)
    return others[np.unique(np.linspace(0, len(others) - 1, min(NULL, len(others))).astype(np.int64))]


def _besides(
    looks: Mapping[str, Look], members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32], aside: Collection[str]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
    """Tell who has ties in two views, and the bits of those that are not aside, where one of these is a tie.

    What he lacks the most counts against them, as everywhere.
    """
    early = {name: look for name, look in looks.items() if not look.view.LATE}
    seen = {name: _bits(look, members, candidates) for name, look in early.items()}
    views, fresh = np.zeros(len(candidates), np.int64), np.zeros(len(candidates), np.int64)
    total, lacks = np.zeros(len(candidates)), np.zeros(len(candidates))
    for name, bits in seen.items():
        view = early[name].view
        known = seen.get(view.WITHIN, np.zeros(len(candidates)))
        tie = (bits >= TIE_BITS) & (known < TIE_BITS) & view.ADMITS
        views += tie
        if name not in aside and view.WITHIN not in aside:
            fresh += tie
            total += np.maximum(bits - np.maximum(known, 0.0), 0.0)
            lacks = np.minimum(lacks, bits)
    return views >= 2, np.where(fresh > 0, np.maximum(total + lacks, 0.0), 0.0)


def _distinct(told: Sequence[Told]) -> list[Told]:
    """Take each set that peers point at once; where two ways give the same, the one that sets fewer views aside."""
    held = {one.members.tobytes(): one for one in sorted(told, key=lambda one: -len(one.aside))}
    return list(held.values())


def _settled(
    looks: Mapping[str, Look], members: npt.NDArray[np.int32], seeds: tuple[int, ...], proposals: Proposals,
    let_in: Mapping[str, npt.NDArray[np.int32]],
) -> Settled:  # fmt: skip
    weights = _weigh(looks, members)
    return Settled(
        members=members,
        ties={name: _bits(look, members, members) for name, look in looks.items()},
        weights=weights,
        total=_total(looks, weights, proposals.aside(seeds[0])),
        seed=seeds[0],
        seeds=seeds,
        let_in=let_in,
    )


def _weigh(looks: Mapping[str, Look], members: npt.NDArray[np.int32]) -> dict[str, float]:
    one = sets.of([members])
    return {name: min(float(look.sight.weigh(one)[0]), look.view.CAP) for name, look in looks.items()}


def _total(looks: Mapping[str, Look], weights: Mapping[str, float], aside: Collection[str]) -> float:
    """Add up as for a proposal: all views but those that proposed, and those that look late."""
    return sum(weights[name] for name, look in looks.items() if not look.view.LATE and name not in aside)


def _rank(look: Look) -> int:
    return 0 if look.view.HARD else 1 if look.view.JOINS else 2


def _joined(
    looks: Mapping[str, Look], found: list[npt.NDArray[np.int32]], seeds: list[list[int]], owners: int
) -> list[int]:
    """Join groups of which one would let in a good part of the other: pieces of one operation; number those left.

    Whom a group would let in is asked once, and again when it has taken in all of those.
    """
    alive = list(range(len(found)))
    kin: dict[int, npt.NDArray[np.float64]] = {}
    grown: dict[int, set[int]] = {}
    changed = True
    while changed:
        changed = False
        for one in list(alive):
            grew = False
            for other in list(alive):
                if one >= other or one not in alive or other not in alive:
                    continue
                small, large = (one, other) if len(found[one]) <= len(found[other]) else (other, one)
                if large not in kin:
                    kin[large], grown[large] = _kin(looks, found, large, owners), set()
                if small in grown[large]:  # since its kin was asked
                    share = _kinship(looks, found[large], found[small], owners, joined=True)
                else:
                    share = float(kin[large][small])
                if share >= KIN:
                    found[one] = sets.union(found[one], found[other])
                    seeds[one] = seeds[one] + seeds[other]
                    alive.remove(other)
                    if large == other:
                        kin[one], grown[one] = kin[other], grown[other]
                    for others in grown.values():
                        others.add(one)
                    changed = True
                    grew = True
            if grew:
                kin.pop(one, None)
    return alive


def _kin(
    looks: Mapping[str, Look], found: list[npt.NDArray[np.int32]], large: int, owners: int
) -> npt.NDArray[np.float64]:
    """Tell the share of every group no larger than one that it lets in, as `_kinship` does, all of them at once."""
    group = np.repeat(np.arange(len(found)), [len(members) for members in found])
    sizes = np.bincount(group)
    asked = np.flatnonzero((group != large) & (sizes <= sizes[large])[group])  # no group lets in a larger one
    everybody = np.concatenate(found)
    for bits_of in (_reach, _bits):  # whom the bounds leave out is not looked at
        tied = np.zeros(len(everybody), bool)
        for look in looks.values():
            if look.view.JOINS:
                tied[asked] |= bits_of(look, found[large], everybody[asked]) >= TIE_BITS
        asked = asked[(np.bincount(group, weights=tied) / sizes >= KIN)[group[asked]]]
    let_in = np.zeros(len(everybody), bool)
    let_in[asked] = _staying(looks, found[large], everybody[asked], owners)
    share: npt.NDArray[np.float64] = np.bincount(group, weights=let_in & tied) / sizes
    return share
