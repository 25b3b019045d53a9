"""Looked: a case, read for what it tells of campaigns that come back: who, in what, tied by what, and since when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from stillwatch.model.case import Case
from stillwatch.store import cases


@dataclass(frozen=True, kw_only=True)
class Looked:
    """A case with the tables that tell of returns."""

    directory: Path
    case: Case

    @cached_property
    def members(self) -> dict[str, dict[str, Any]]:
        """Accounts, by name."""
        names = ["account", "owner", "first", "last", "tie_succession"]
        return {row["account"]: row for row in self._rows(cases.MEMBERS, names)}

    @cached_property
    def streams(self) -> list[dict[str, Any]]:
        """Families inside accounts."""
        return self._rows(cases.STREAMS, ["account", "family", "first"])

    @cached_property
    def marks(self) -> dict[str, frozenset[int]]:
        """Keyed fingerprints of families."""
        return {row["family"]: frozenset(row["marks"] or ()) for row in self._rows(cases.FAMILIES, ["family", "marks"])}

    @cached_property
    def groups(self) -> dict[int, frozenset[str]]:
        """Entries that came of each settled group."""
        rows = self._rows(cases.GROUPS, ["number", "verdicts"])
        return {row["number"]: frozenset(row["verdicts"] or ()) for row in rows}

    def values(self, entry: str) -> dict[tuple[str, str], set[int]]:
        """Give the values that tie the members of an entry, with the owners that hold each."""
        held: dict[tuple[str, str], set[int]] = {}
        for row in self._rows(cases.TIES, ["group", "owner", "column", "value"]):
            if entry in self.groups.get(row["group"], ()):
                held.setdefault((row["column"], row["value"]), set()).add(row["owner"])
        return held

    def first_of(self, entry: str) -> dict[str, datetime]:
        """Tell when each account was first in an entry: by its exchanges, else by when it was first seen."""
        found: dict[str, datetime] = {}
        for row in self._rows(cases.EXCHANGES, ["account", "campaign", "at"]):
            if row["campaign"] == entry and (row["account"] not in found or row["at"] < found[row["account"]]):
                found[row["account"]] = row["at"]
        return found

    def taken(self, entry: str) -> list[tuple[str, datetime]]:
        """List (account, instant) of the exchanges of an entry."""
        rows = self._rows(cases.EXCHANGES, ["account", "campaign", "at"])
        return [(row["account"], row["at"]) for row in rows if row["campaign"] == entry]

    def handed(self) -> list[tuple[int, int]]:
        """List between which owners conversations were handed over."""
        return [(row["giver"], row["taker"]) for row in self._rows(cases.HANDOVERS, ["giver", "taker"])]

    def _rows(self, name: str, columns: list[str]) -> list[dict[str, Any]]:
        table = cases.table(self.directory, name)
        return table.select([one for one in columns if one in table.column_names]).to_pylist() if len(table) else []
