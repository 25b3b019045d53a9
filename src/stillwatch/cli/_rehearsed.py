"""Rehearsed: what a hunt would read and need, as lines for a person."""

from __future__ import annotations

from collections.abc import Iterator

from stillwatch.hunt.plan import size
from stillwatch.hunt.rehearse import Rehearsal
from stillwatch.ingest import Sort
from stillwatch.kit.plain import plain

SHOWN = 5


def rehearsed(told: Rehearsal) -> Iterator[str]:
    """Write what a hunt would read, need, and not see."""
    yield "this hunt would read"
    for sort in told.survey.sorts:
        yield from (f"  {line}" for line in _sort(sort))
    if told.survey.passed_over:
        names = ", ".join(plain(name) for name in told.survey.passed_over[:SHOWN])
        more = len(told.survey.passed_over) - SHOWN
        yield f"  passed over, by their names: {names}{f' and {more} more' if more > 0 else ''}"
    accounts = "none" if told.accounts is None else f"{told.accounts:,}"
    previous = plain(told.previous or "none")
    yield f"  accounts: {accounts}; grants: {told.grants}; known: {told.known}; previous: {previous}"
    if told.missing:
        yield "without"
        for one in told.missing:
            yield f"  {one.column}: {one.lost}"
    disk = f"{size(told.disk)} of disk ({size(told.disk_free)} are free)"
    yield f"and need about {disk} and {size(told.memory)} of memory"


def _sort(sort: Sort) -> Iterator[str]:
    what = f"{sort.sources:,} source{'s' if sort.sources != 1 else ''}, {size(sort.bytes)}"
    if sort.as_is:
        yield f"{what}: canonical Parquet, used where it lies; {sort.exchanges or 0:,} exchanges"
        return
    if not sort.sample:
        yield f"{what}: empty"
        return
    formats = ", ".join(sort.formats) or "nothing could be read"
    yield f"{what}: {formats}, to be converted; from the head of {plain(sort.sample)}"
    yield f"  {sort.read:,} exchanges read, {sort.rejected:,} lines rejected{_whole(sort)}"
    if sort.reason:
        yield f"  commonest reason: {plain(sort.reason, 300)}"
    if sort.mend_with:
        yield f"  mended by --map with: {plain(sort.mend_with, 200)}"


def _whole(sort: Sort) -> str:
    return f"; about {sort.exchanges:,} exchanges in all" if sort.exchanges and sort.exchanges > sort.read else ""
