"""The one tree of errors.

    StillwatchError            what went wrong, where, and what next
    ├── UsageError             the command cannot mean what it says           (exit 2)
    ├── SettingsError          a settings, grants, known or map file is wrong (exit 2)
    ├── NothingToRead          no exchange could be read                      (exit 3)
    ├── FormatError            a log is not in a format that we know          (exit 3)
    ├── CaseError              a case directory is missing, locked or damaged (exit 1)
    ├── BookError              an order, token or grant is not as it must be  (exit 1)
    ├── ShareError             something must not leave, or must not come in  (exit 1)
    └── ResourceError          disk or memory ran out                         (exit 1)

Each knows what, where and what next, and prints as

    cannot read line 812 of traffic.jsonl: `account` is missing
    hint: name the field that holds it, `--map` with `account = "metadata.team_id"`
"""

from __future__ import annotations

from typing import ClassVar


class StillwatchError(Exception):
    """Something a person can mend.

    Args:
        what: what went wrong, lower case, without a full stop, names in backticks.
        where: file, line, field or object, when there is one.
        hint: what to do next.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        place = f" ({self.where})" if self.where else ""
        advice = f"\nhint: {self.hint}" if self.hint else ""
        return f"{self.what}{place}{advice}"


class UsageError(StillwatchError):
    """The command cannot mean what it says."""

    exit_code = 2


class SettingsError(StillwatchError):
    """A settings, grants, known or map file is wrong."""

    exit_code = 2


class NothingToRead(StillwatchError):
    """No exchange could be read."""

    exit_code = 3


class FormatError(StillwatchError):
    """A log is not in a format that we know."""

    exit_code = 3


class CaseError(StillwatchError):
    """A case directory is missing, in use, or damaged."""


class BookError(StillwatchError):
    """The book of orders cannot be opened, or what is asked of an order, token or grant cannot be done."""


class ShareError(StillwatchError):
    """Something must not leave the house, or must not come in."""


class ResourceError(StillwatchError):
    """Disk or memory ran out."""
