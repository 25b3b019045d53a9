"""Uses: how much of a grant is used up, over this traffic and that of the hunts before.

A cap runs over months and a hunt over days, so answered exchanges of a grant's accounts are counted by the hour and
handed from case to case. An hour that both hunts saw is counted once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.engine.scratch import Scratch
from stillwatch.hunt.previous import Previous
from stillwatch.kit.arrow import numbers
from stillwatch.kit.codes import Codes
from stillwatch.model.case import GrantUse
from stillwatch.model.crowd import Crowd
from stillwatch.model.exchange import AT
from stillwatch.model.grant import Grant

HOUR_MS: Final = 3_600_000
USES: Final = pa.schema([("grant", pa.string()), ("hour", AT), ("exchanges", pa.int64())])

Hours = dict[int, int]
"""Answered exchanges by the hour, as hours since 1970 UTC."""


def count(scratch: Scratch, codes: Codes, crowd: Crowd, grants: Sequence[Grant]) -> dict[str, Hours]:
    """Count the answered exchanges of each grant's accounts, by the hour.

    Where the log has no status every exchange counts as answered.
    """
    if not grants:
        return {}
    place = {name: number for number, name in enumerate(crowd.accounts)}
    masks: dict[str, npt.NDArray[np.bool_]] = {}
    for grant in grants:
        masks[grant.id] = np.zeros(len(crowd.accounts), bool)
        masks[grant.id][[place[name] for name in grant.accounts if name in place]] = True
    found: dict[str, Hours] = {grant.id: {} for grant in grants}
    names = ("account", "at", "status") if "status" in scratch else ("account", "at")
    for _, piece in scratch.pieces(*names):
        account = codes.lookup(piece["account"])
        status = piece.get("status", np.full(len(account), 200))
        answered = (status == 0) | ((status >= 200) & (status < 300))
        for name, mask in masks.items():
            hours, counts = np.unique(piece["at"][mask[account] & answered] // HOUR_MS, return_counts=True)
            for hour, times in zip(hours.tolist(), counts.tolist(), strict=True):
                found[name][hour] = found[name].get(hour, 0) + times
    return found


def carried(previous: Previous | None, first: int, last: int) -> dict[str, Hours]:
    """Take over what earlier hunts counted outside this traffic's time.

    Args:
        first: first instant of this traffic, in ms since 1970 UTC.
        last: its last instant.
    """
    if previous is None or not len(previous.grants):
        return {}
    disjoint = previous.to is not None and previous.to.timestamp() * 1000 < first
    low, high = first // HOUR_MS + (1 if disjoint else 0), last // HOUR_MS
    hours = numbers(previous.grants.column("hour"), np.int64, 0) // HOUR_MS
    found: dict[str, Hours] = {}
    for name, hour, times in zip(
        previous.grants.column("grant").to_pylist(), hours.tolist(), previous.grants.column("exchanges").to_pylist(),
        strict=True,
    ):  # fmt: skip
        if hour < low or hour > high:
            found.setdefault(name, {})[hour] = times
    return found


def told(grants: Sequence[Grant], used: dict[str, Hours], before: dict[str, Hours]) -> list[GrantUse]:
    """Say how much of each grant is used."""
    return [
        GrantUse(
            id=grant.id, holder=grant.holder, exchanges=grant.exchanges, used=sum(used.get(grant.id, {}).values()),
            carried=sum(before.get(grant.id, {}).values()),
        )
        for grant in grants
    ]  # fmt: skip


def table(used: dict[str, Hours], before: dict[str, Hours]) -> pa.Table:
    """Write what the next hunt takes over; grants that are no longer declared are kept too."""
    rows = []
    for name in sorted({*used, *before}):
        hours = dict(before.get(name, {}))
        for hour, times in used.get(name, {}).items():
            hours[hour] = hours.get(hour, 0) + times
        rows += [(name, hour * HOUR_MS, times) for hour, times in sorted(hours.items())]
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    return pa.table([pa.array(column, kind) for column, kind in zip(columns, USES.types, strict=True)], schema=USES)
