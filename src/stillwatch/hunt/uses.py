"""Uses: how much of a grant is used up, over this traffic and that of the hunts before.

A cap runs over months and a hunt over days, so the answered exchanges inside the terms of a grant are counted by the
hour and handed from case to case. An hour that both hunts saw is counted once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pyarrow as pa

from stillwatch.hunt.licences import HOUR_MS, Use
from stillwatch.hunt.previous import Previous
from stillwatch.kit.arrow import numbers
from stillwatch.model.case import GrantUse
from stillwatch.model.exchange import AT
from stillwatch.model.grant import Grant

USES: Final = pa.schema([("grant", pa.string()), ("hour", AT), ("exchanges", pa.int64())])

Hours = dict[int, int]
"""Answered exchanges by the hour, as hours since 1970 UTC."""


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


def sums(before: Mapping[str, Hours]) -> dict[str, int]:
    """Add up what was carried over of each grant."""
    return {name: sum(hours.values()) for name, hours in before.items()}


def told(grants: Sequence[Grant], used: Sequence[Use], before: Mapping[str, Hours]) -> list[GrantUse]:
    """Say how much of each grant is used."""
    within = {use.grant.id: use.within for use in used}
    return [
        GrantUse(
            id=grant.id, holder=grant.holder, exchanges=grant.exchanges, used=within.get(grant.id, 0),
            carried=sums(before).get(grant.id, 0),
        )
        for grant in grants
    ]  # fmt: skip


def table(used: Mapping[str, Hours], before: Mapping[str, Hours]) -> pa.Table:
    """Write what the next hunt takes over; grants that are no longer declared are kept too."""
    rows = []
    for name in sorted({*used, *before}):
        hours = dict(before.get(name, {}))
        for hour, times in used.get(name, {}).items():
            hours[hour] = hours.get(hour, 0) + times
        rows += [(name, hour * HOUR_MS, times) for hour, times in sorted(hours.items())]
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    return pa.table([pa.array(column, kind) for column, kind in zip(columns, USES.types, strict=True)], schema=USES)
