"""Lineage: the entries of a chain of hunts that named each other, so that an entry keeps its id."""

from __future__ import annotations

from datetime import datetime

import msgspec

from stillwatch.model.case import Finding


class Line(msgspec.Struct, kw_only=True, frozen=True):
    """One entry with everything that ever belonged to it.

    Attributes:
        accounts: all accounts that any hunt of the chain found in it.
        families: ids of its families, likewise.
        first: when it was first found, as the first instant of that hunt's traffic.
        last: the last instant of the traffic of the hunt that found it last.
    """

    id: str
    finding: Finding
    accounts: list[str]
    families: list[str]
    grant: str | None = None
    first: datetime
    last: datetime


class Lineage(msgspec.Struct, kw_only=True, frozen=True):
    """All entries of the chain, those that were not found again as well.

    Attributes:
        key: name of the key under which identifiers are hashed in this case.
    """

    schema: int = 1
    key: str = ""
    lines: list[Line] = []
