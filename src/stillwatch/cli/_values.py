"""Values: times and sizes as people write them on a command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final

import click

_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", re.IGNORECASE)
_POWERS: Final = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


class Instant(click.ParamType):  # type: ignore[type-arg]
    """A day or an instant, as ms since 1970 UTC: `2026-05-01`, `2026-05-01T12:30:00Z`, `2026-05-01T14:30+02:00`."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read a time; a day is its first instant, UTC."""
        if isinstance(value, int):
            return value
        text = str(value).strip()
        try:
            when = datetime.fromisoformat(text)
        except ValueError:
            self.fail(f"`{text}` is no time; write 2026-05-01 or 2026-05-01T12:30:00Z", param, ctx)
        if when.tzinfo is None:
            if len(text) > len("2026-05-01"):
                self.fail(f"`{text}` has no zone; write {text}Z for UTC, or an offset such as {text}+02:00", param, ctx)
            when = when.replace(tzinfo=UTC)
        return int(when.timestamp() * 1000)


class Size(click.ParamType):  # type: ignore[type-arg]
    """A number of bytes: `6GB`, `512MB`, `1.5GiB`."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read a size; `GB` counts by thousands and `GiB` by 1024."""
        if isinstance(value, int):
            return value
        found = _SIZE.fullmatch(str(value).strip())
        if found is None:
            self.fail(f"`{value}` is no size; write 6GB or 512MB", param, ctx)
        number, unit, binary = found.groups()
        return int(float(number) * (1024 if binary else 1000) ** _POWERS[unit.lower()])
