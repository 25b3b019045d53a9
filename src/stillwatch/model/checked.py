"""Checked: what came of looking at a file before it goes live."""

from __future__ import annotations

import msgspec


class CheckedFile(msgspec.Struct, kw_only=True, frozen=True):
    """One file, or directory.

    Attributes:
        kind: `settings`, `policy`, `peers`, `playbooks`, `prices`, `grants`, `known`, `accounts`, `commands`, `state`.
        good: whether it may go live.
        what: what is wrong, or what it holds.
        where: the file and the place in it.
        hint: what next.
    """

    kind: str
    file: str
    good: bool
    what: str
    where: str = ""
    hint: str = ""
