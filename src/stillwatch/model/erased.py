"""Erased: what `forget` took out of a store that is made of parts, and what it had to leave there."""

from __future__ import annotations

import msgspec


class ErasedParts(msgspec.Struct, kw_only=True, frozen=True):
    """What was erased from a state or share directory, or would be.

    Attributes:
        rows: how much of each part, by the name of the part; parts of which nothing was erased are left out.
        left: what was left, and what has to be done first: it still acts, or could not be looked through.
    """

    store: str
    rows: dict[str, int]
    left: list[str]

    @property
    def anything(self) -> bool:
        """Tell whether anything was erased."""
        return any(self.rows.values())
