"""Nearest: for every owner, the settled group that he is in or comes nearest to, with what each view saw there.

Kept in the case, so that `explain` can say why an account was found, and why another one was not.
"""

from __future__ import annotations

from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from math import log2
from typing import Any

import numpy as np
import numpy.typing as npt

from stillwatch.hunt.join import Joined
from stillwatch.judge.admit import capped
from stillwatch.judge.gather import Settled
from stillwatch.judge.look import STRANGERS, TIE_BITS, Look

NOWHERE = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearest:
    """Where each owner stands. Arrays have one entry for each owner; a group is a place in `joined.settled`."""

    group: npt.NDArray[np.int32]
    """The group that he is in; NOWHERE for none."""
    near: npt.NDArray[np.int32]
    """The group that his ties are to: his own, or the one that he comes nearest to; NOWHERE for none."""
    ties: dict[str, npt.NDArray[np.float32]]
    """Bits of each view for his being in that group; NaN where there is no group."""
    views: npt.NDArray[np.int8]
    """Views that tie him to it, of those that may let somebody in."""
    bits: npt.NDArray[np.float32]
    """All his ties together."""
    proposal: npt.NDArray[np.int32]
    """The strongest proposed group that he is in, as a place in `joined.proposals`; NOWHERE for none."""


def nearest(joined: Joined, owners: int, threads: int = 1) -> Nearest:
    """Find where each owner stands.

    Cost: for each settled group, the views look once at its neighbours; as many at a time as there are threads.
    """
    with ThreadPoolExecutor(threads) as pool:
        return _nearest(joined, owners, pool)


def _nearest(joined: Joined, owners: int, pool: Executor) -> Nearest:
    group, near = np.full(owners, NOWHERE, np.int32), np.full(owners, NOWHERE, np.int32)
    ties = {name: np.full(owners, np.nan, np.float32) for name in joined.looks}
    bits = np.full(owners, -np.inf, np.float32)
    for number, settled in enumerate(joined.settled):
        group[settled.members] = near[settled.members] = number
        _take(joined, ties, bits, settled.members, {name: settled.ties[name] for name in joined.looks})
    for number, settled in enumerate(joined.settled):
        close = np.zeros(owners, np.bool_)
        for neighbours in pool.map(lambda look, of=settled: look.sight.near(of.members), joined.looks.values()):
            close[neighbours] = True
        around = np.flatnonzero(close & (group == NOWHERE)).astype(np.int32)
        if not len(around):
            continue
        seen = _ties(joined, settled, around, pool)
        closer = _sum(joined, seen) > bits[around]
        near[around[closer]] = number
        _take(joined, ties, bits, around[closer], {name: values[closer] for name, values in seen.items()})
    views = np.zeros(owners, np.int8)
    for name, look in joined.looks.items():
        if look.view.ADMITS:
            views += (np.nan_to_num(ties[name]) >= TIE_BITS) & (_known(joined, name, ties) < TIE_BITS)
    return Nearest(
        group=group, near=near, ties=ties, views=views, bits=np.where(near >= 0, bits, 0).astype(np.float32),
        proposal=_proposals(joined, owners),
    )  # fmt: skip


def needed(joined: Joined, settled: Settled, owners: int) -> float:
    """Tell the bits that an owner's ties must reach to be in a group."""
    del joined
    return log2(max(owners / (STRANGERS * max(len(settled.members), 1)), 1.0))


def _ties(
    joined: Joined, settled: Settled, around: npt.NDArray[np.int32], pool: Executor
) -> dict[str, npt.NDArray[np.float64]]:
    def ask(look: Look) -> npt.NDArray[np.float64]:
        return capped(look, settled.members, around)

    return dict(zip(joined.looks, pool.map(ask, joined.looks.values()), strict=True))


def _sum(joined: Joined, ties: dict[str, npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    beyond = [np.maximum(values - _known(joined, name, ties), 0.0) for name, values in ties.items()]
    total: npt.NDArray[np.float64] = np.sum(beyond, axis=0)
    return total


def _known(joined: Joined, name: str, ties: dict[str, npt.NDArray[Any]]) -> npt.NDArray[np.float64]:
    """Tell what another view that looks at the same facts has counted already."""
    other = joined.looks[name].view.WITHIN
    return np.maximum(np.nan_to_num(ties[other]), 0.0) if other in ties else np.zeros(len(ties[name]))


def _take(
    joined: Joined, ties: dict[str, npt.NDArray[np.float32]], bits: npt.NDArray[np.float32],
    who: npt.NDArray[np.int32], seen: dict[str, npt.NDArray[np.float64]],
) -> None:  # fmt: skip
    for name, values in seen.items():
        ties[name][who] = values
    bits[who] = _sum(joined, seen)


def _proposals(joined: Joined, owners: int) -> npt.NDArray[np.int32]:
    """Find the strongest proposal that each owner is in, the last of equals."""
    groups, order = joined.proposals.groups, np.argsort(joined.proposals.total, kind="stable")
    rank = np.empty(len(groups), np.int64)
    rank[order] = np.arange(len(groups))
    best = np.full(owners, -1, np.int64)
    np.maximum.at(best, groups.members, np.repeat(rank, groups.sizes))
    return np.append(order, NOWHERE)[best].astype(np.int32)  # -1 is the last
