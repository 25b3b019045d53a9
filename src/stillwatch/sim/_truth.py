"""Truth: what a world planted, in the shape of `truth.json`."""

from __future__ import annotations

from typing import Any

import msgspec


class Campaign(msgspec.Struct, kw_only=True):
    """A planted operation, or the extraction inside one.

    Attributes:
        id: stable in one world, such as `reasoning_harvest-0`.
        kind: what it is, for the scorecard's table; the actor's name unless the actor says otherwise.
        finding: the entry that a hunt should make of it.
        accounts: every account that took part, closed ones included.
        part_of: the network in which it runs.
        written: share of what it harvests that falls into the days that were written.
    """

    id: str
    kind: str
    actor: str
    finding: str
    accounts: list[str]
    exchanges: int = 0
    days: int = 0
    from_: str | None = msgspec.field(name="from", default=None)
    to: str | None = None
    tactics: list[str]
    part_of: str | None = None
    written: float = 1.0
    parameters: dict[str, Any] = {}


class Crowd(msgspec.Struct, kw_only=True):
    """Innocent accounts that look like a campaign.

    Attributes:
        looks_guilty: why a detector might accuse them.
        innocent: why they are not.
        paired_with: the kind of campaign that they look like; empty for ordinary accounts.
    """

    id: str
    kind: str
    actor: str
    accounts: list[str]
    exchanges: int = 0
    looks_guilty: str
    innocent: str
    paired_with: str
    parameters: dict[str, Any] = {}


class Truth(msgspec.Struct, kw_only=True):
    """Everything that a world planted."""

    schema: int = 1
    world: str
    seed: int
    report: bool
    scale: float
    stillwatch: str
    from_: str = msgspec.field(name="from")
    days: int
    exchanges: int = 0
    accounts: int = 0
    checksum: str = ""
    texts: str | None = None
    campaigns: list[Campaign]
    crowds: list[Crowd]
