"""Join: let every view look, examine all groups that they propose, and settle those that pass."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import numpy.typing as npt

from stillwatch import rooms
from stillwatch.judge.examine import Proposals, Told, examine
from stillwatch.judge.gather import Settled, gather
from stillwatch.judge.look import LEAST, Look
from stillwatch.judge.pointed import Thin, thin
from stillwatch.model.traces import Closely, Traces
from stillwatch.model.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """What the views saw together."""

    looks: dict[str, Look]
    proposals: Proposals
    settled: list[Settled]
    grouped: npt.NDArray[np.bool_]
    """Owners who are in a settled group."""
    silent: dict[str, tuple[str, ...]]
    """Views that saw nothing for want of columns, with what they need."""
    thin: Sequence[Thin] = ()
    """What peers point at and what holds together, and is no group."""
    closely: Closely | None = None
    """What the late views looked at; absent when no proposal passed."""


def join(
    traces: Traces, fdr: float, closer: Callable[[npt.NDArray[np.bool_]], Closely], without: Collection[str] = (),
    told: Sequence[Told] = (), threads: int = 1,
) -> Joined:  # fmt: skip
    """Run every view of the `link` room over the traces.

    Args:
        closer: reads what the late views need, for a mask of owners; called once, when a proposal has passed.
        without: views that are switched off.
        told: what peers told of: proposals, where it is enough for a group, and no evidence.
        threads: how many views weigh at a time.
    """
    silent: dict[str, tuple[str, ...]] = {}
    looks = look(traces, silent, without=without)
    proposals = examine(looks, fdr, [one for one in told if len(one.members) >= LEAST], threads)
    closely = None
    if proposals.passed.any():
        linked = np.zeros(traces.crowd.owners, bool)
        linked[proposals.groups.where(proposals.passed).members] = True
        closely = closer(linked)
        late = replace(traces, closely=closely)
        looks |= look(late, silent, late=True, without=without)
    settled = gather(looks, proposals, traces.crowd.declared, threads)
    grouped = np.zeros(traces.crowd.owners, bool)
    for group in settled:
        grouped[group.members] = True
    return Joined(
        looks=looks, proposals=proposals, settled=settled, silent=silent, closely=closely, grouped=grouped,
        thin=thin(looks, told, grouped | traces.crowd.declared),
    )  # fmt: skip


def look(
    traces: Traces, silent: dict[str, tuple[str, ...]], *, late: bool = False, without: Collection[str] = ()
) -> dict[str, Look]:
    """Let the views look at the traces, the early or the late ones; those that see nothing are noted in `silent`."""
    looks: dict[str, Look] = {}
    for name, view in rooms.members("link").items():
        if late != view.LATE or name in without:
            continue
        sight = view.look(traces)
        if sight is None:
            silent[name] = view.NEEDS
        else:
            looks[name] = Look(view=cast("View", view), sight=sight)
    return looks
