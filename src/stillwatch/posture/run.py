"""Run: every practice of the catalogue against what is known of an installation."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Final

import msgspec

from stillwatch import rooms
from stillwatch.posture.catalogue import AREAS, Catalogue, Practice, catalogue
from stillwatch.posture.facts import Facts, State, Told, lacking, met, unseen

Check = Callable[[Facts, float], Told]
AHEAD_DAYS: Final = 1
"""Days by which the date of an attestation may lie ahead: zones."""


class Line(msgspec.Struct, kw_only=True, frozen=True):
    """One practice, and how it stands."""

    id: str
    area: str
    what: str
    mitigation: list[str]
    state: State
    evidence: str
    next: str = ""


class Posture(msgspec.Struct, kw_only=True, frozen=True):
    """How an installation stands.

    Attributes:
        catalogue: version of the catalogue.
        met, not_met, cannot_be_seen: how many practices.
    """

    schema: int = 1
    catalogue: str
    met: int
    not_met: int
    cannot_be_seen: int
    practices: list[Line]


def checks() -> dict[str, Check]:
    """Find the check of every practice, by its name."""
    found: dict[str, Check] = {}
    for area in AREAS:
        module = rooms.member("posture.checks", area)
        for name, thing in vars(module).items():
            if callable(thing) and not name.startswith("_") and thing.__module__ == module.__name__:
                found[name.replace("_", "-")] = thing
    return found


def posture(facts: Facts, known: Catalogue | None = None) -> Posture:
    """Check every practice."""
    known = known or catalogue()
    held = checks()
    lines = [_line(one, facts, held) for one in known.practice]
    states = [one.state for one in lines]
    return Posture(
        catalogue=known.version, met=states.count("met"), not_met=states.count("not met"),
        cannot_be_seen=states.count("cannot be seen"), practices=lines,
    )  # fmt: skip


def _line(practice: Practice, facts: Facts, held: dict[str, Check]) -> Line:
    told = attested(practice, facts) if practice.attest else held[practice.id](facts, practice.limit)
    return Line(
        id=practice.id, area=practice.area, what=practice.what, mitigation=practice.mitigation, state=told.state,
        evidence=told.evidence, next=told.next,
    )  # fmt: skip


def attested(practice: Practice, facts: Facts) -> Told:
    """Judge what only a person can tell, by who says so and when; it holds for `limit` days."""
    said = facts.settings.posture.attested.get(practice.id)
    today: date = facts.now.date()
    after = f'write `{practice.id} = {{ by = "…", on = {today} }}` under `[posture.attested]` once it is so'
    if said is None:
        return unseen("no program can see it, and nobody says so", after)
    days = (today - said.on).days
    told = f"{said.by} says so, on {said.on}"
    if not said.by.strip() or days < -AHEAD_DAYS:
        return lacking("nobody stands behind it" if not said.by.strip() else f"{told}, which is not yet", after)
    if days > practice.limit:
        return lacking(f"{told}, {days} days ago", f"look again, every {practice.limit:g} days: {after}")
    return met(told)
