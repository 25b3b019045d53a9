"""Format: what a member of this room is.

A member is one file. It holds a `FORMAT`: how a record of it is recognised, which field fills which column,
where an account is likely to be found when the default finds none, and, where its records are wrapped, how
they are unwrapped.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from stillwatch import rooms
from stillwatch.errors import UsageError
from stillwatch.ingest._mapping import Columns

ROOM: Final = "ingest"
Plain = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A log format.

    Attributes:
        columns: the default mapping.
        recognise: tells a record of this format from all others.
        unwrap: turns one record as written into those that the mapping reads; None when they are the same.
        accounts: paths that may hold a customer when the default ones do not, best first, for the hint.
    """

    columns: Columns
    recognise: Callable[[Plain], bool]
    unwrap: Callable[[bytes], Iterable[Plain]] | None = None
    accounts: tuple[str, ...] = ()


@functools.cache
def load(name: str) -> Format:
    """Open a member.

    Raises:
        UsageError: when there is no such format.
    """
    try:
        found = rooms.member(ROOM, name).FORMAT
    except KeyError:
        hint = f"one of {', '.join(rooms.names(ROOM))}"
        raise UsageError(f"no such format: `{name}`", where="--format", hint=hint) from None
    if not isinstance(found, Format):
        raise TypeError(f"`{name}` has no FORMAT")
    return found


def every() -> Iterator[tuple[str, Format]]:
    """Open every member, the most particular recognisers first: `canonical` claims the least."""
    for name in sorted(rooms.names(ROOM), key=lambda name: (name == "canonical", name)):
        yield name, load(name)


def recognised(record: Plain) -> str | None:
    """Tell the format of a record, or None."""
    for name, format_ in every():
        if format_.recognise(record):
            return name
    return None
