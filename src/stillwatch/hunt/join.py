"""Join: let every view look, examine all groups that they propose, and settle those that pass."""

from __future__ import annotations

from dataclasses import dataclass

from stillwatch import rooms
from stillwatch.judge.groups import Look, Proposals, Settled, examine, gather
from stillwatch.model.traces import Traces


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """What the views saw together."""

    looks: dict[str, Look]
    proposals: Proposals
    settled: list[Settled]
    silent: dict[str, tuple[str, ...]]
    """Views that saw nothing for want of columns, with what they need."""


def join(traces: Traces, fdr: float) -> Joined:
    """Run every view of the `link` room over the traces."""
    looks: dict[str, Look] = {}
    silent: dict[str, tuple[str, ...]] = {}
    for name, view in rooms.members("link").items():
        sight = view.look(traces)
        if sight is None:
            silent[name] = view.NEEDS
        else:
            looks[name] = Look(view=view, sight=sight)
    proposals = examine(looks, fdr)
    return Joined(
        looks=looks,
        proposals=proposals,
        settled=gather(looks, proposals, traces.crowd.declared),
        silent=silent,
    )
