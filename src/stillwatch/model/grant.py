"""Grant: permission to distil, as a provider gave it to a customer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Who may distil, what, how much and until when.

    Attributes:
        models: the models covered; empty for any.
        families: ids of the families covered.
        templates: texts of the templates covered; with `families` empty too, any use is covered.
        exchanges: cap on answered exchanges; 0 for none.
        starts: first day, UTC.
        ends: last day, UTC, inclusive.
    """

    id: str
    holder: str
    accounts: frozenset[str]
    models: frozenset[str] = frozenset()
    families: frozenset[str] = frozenset()
    templates: tuple[str, ...] = ()
    exchanges: int = 0
    starts: date
    ends: date

    @property
    def covers_any_use(self) -> bool:
        """Tell whether the grant is not bound to families or templates."""
        return not self.families and not self.templates

    def runs_on(self, day: date) -> bool:
        """Tell whether the grant is in force on a day."""
        return self.starts <= day <= self.ends
