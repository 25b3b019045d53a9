"""Times: as TAXII and STIX write them, and in a form in which text compares as time does."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import Final

AT: Final = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d{1,9})?Z")
"""A time in UTC, of any precision that is in use."""


def stamp_text(microseconds: int) -> str:
    """Write a date with all six digits of its second, as TAXII asks."""
    seconds, rest = divmod(microseconds, 1_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest:06d}Z"


def microseconds(text: str) -> int:
    """Read a time that matches `AT`.

    Raises:
        ValueError: when there is no such day.
    """
    whole, _, rest = text.removesuffix("Z").partition(".")
    at = datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    return int(at.timestamp()) * 1_000_000 + int(rest.ljust(6, "0")[:6] or 0)


def wide(version: str) -> str:
    """Write a time with nine digits of its second, so that one time has one text.

    >>> wide("2026-05-04T00:00:00.5Z")
    '2026-05-04T00:00:00.500000000Z'
    """
    whole, _, rest = version.removesuffix("Z").partition(".")
    return f"{whole}.{rest:0<9.9}Z" if whole else ""


def shown(version: str) -> str:
    """Write a wide time as STIX does: with three digits of its second, or more where they count.

    >>> shown("2026-05-04T00:00:00.500000000Z")
    '2026-05-04T00:00:00.500Z'
    """
    whole, _, rest = version.removesuffix("Z").partition(".")
    return f"{whole}.{rest.rstrip('0'):0<3}Z"
