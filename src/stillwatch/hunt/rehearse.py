"""Rehearse: say what a hunt would read and need, and what it could not see, without hunting."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from stillwatch import ingest
from stillwatch.hunt.missing import missing
from stillwatch.hunt.plan import disk, free, memory_for
from stillwatch.hunt.read import declare
from stillwatch.hunt.request import STDIN, Request
from stillwatch.model.case import Missing

DISK_SHARE: Final = 1.2
"""Disk for logs that have to be converted, in parts of their size on disk; packed logs take more."""


class Rehearsal(msgspec.Struct, kw_only=True, frozen=True):
    """What a hunt would read and need.

    Attributes:
        exchanges: how many there are; about, where logs have to be converted.
        missing: columns that none of the sources looked at fills.
        disk: bytes that the hunt would need while it works, about.
        memory: bytes of memory, about.
    """

    schema: int = 1
    survey: ingest.Survey
    accounts: int | None
    grants: int
    known: int
    previous: str | None
    exchanges: int
    missing: list[Missing]
    disk: int
    disk_free: int
    memory: int


def rehearse(request: Request) -> Rehearsal:
    """Look at everything that a hunt was given.

    Raises:
        StillwatchError: for every mistake that the hunt itself would find before it reads.
    """
    declared = declare(request)
    looked = ingest.survey(
        [one for one in request.traffic if one != STDIN], format=request.format, map_file=request.map,
        settings=request.settings.ingest,
    )  # fmt: skip
    there = {column for sort in looked.sorts for column in sort.columns}
    exchanges = sum(sort.exchanges or 0 for sort in looked.sorts)
    converted = sum(sort.bytes for sort in looked.sorts if not sort.as_is)
    return Rehearsal(
        survey=looked,
        accounts=len(declared.accounts) if declared.accounts is not None else None,
        grants=len(declared.grants),
        known=len(declared.known),
        previous=str(request.previous) if request.previous else None,
        exchanges=exchanges,
        missing=missing(there, declared.columns, no_content=request.no_content),
        disk=disk(exchanges, sum(sort.text for sort in looked.sorts)) + int(DISK_SHARE * converted),
        disk_free=free(Path(request.case)),
        memory=memory_for(exchanges),
    )
