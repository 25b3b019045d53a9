"""Asked: the parameters of a TAXII request, read; what cannot be read is refused with its name."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qsl

from stillwatch.share.door import Refused
from stillwatch.share.taxii.times import AT, microseconds

LIMIT: Final = 10_000
"""Objects in one page at the most, and where no limit is asked for 1,000."""
PAGE: Final = 1000
MOST_VALUES: Final = 200
"""Values of one filter."""


def parameters(query: str) -> dict[str, str]:
    """Read the query of an address; of a parameter that is there twice the last counts."""
    try:
        return dict(parse_qsl(query, keep_blank_values=True, max_num_fields=20))
    except ValueError:
        raise Refused(400, "too many parameters") from None


def listed(text: str | None) -> tuple[str, ...]:
    """Read the values of a filter."""
    found = tuple(dict.fromkeys(one for one in (text or "").split(",") if one))
    if len(found) > MOST_VALUES or any("\x00" in one for one in found):
        raise Refused(400, f"more than {MOST_VALUES} values in a filter, or a zero byte")
    return found


def versions(text: str | None) -> tuple[str, ...]:
    """Read `match[version]`; nothing where it is not asked for."""
    found = listed(text)
    for one in found:
        if one not in ("first", "last", "all") and not AT.fullmatch(one):
            raise Refused(400, "`match[version]`: expected `first`, `last`, `all` or a time in UTC")
    return found


def limit(text: str | None) -> int:
    """Read how many are wanted."""
    if text is None:
        return PAGE
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or int(text) < 1:
        raise Refused(400, "`limit`: expected a number from 1")
    return min(int(text), LIMIT)


def after(text: str | None) -> int:
    """Read `added_after`, in microseconds; zero where it is not asked for."""
    if text is None:
        return 0
    if not AT.fullmatch(text):
        raise Refused(400, "`added_after`: expected a time in UTC", "2026-05-04T00:00:00.000000Z")
    try:
        return microseconds(text)
    except (ValueError, OverflowError):
        raise Refused(400, "`added_after`: is no date") from None
