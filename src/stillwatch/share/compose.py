"""Compose: from a finding to the bulletin that may be told of it.

Every sentence is written here from rounded counts; none is taken from the log, from a prompt or from an id.
"""

from __future__ import annotations

import re
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Final

import msgspec

from stillwatch.errors import ShareError
from stillwatch.model.actor import Actor
from stillwatch.model.bulletin import (
    WORDS,
    Bulletin,
    Marking,
    Range,
    SharedFamily,
    Sign,
    Volume,
    Week,
    rounded,
    scaled,
)
from stillwatch.model.case import Case, Entry
from stillwatch.share import actors

NAMESPACE: Final = uuid.UUID("6f1f1c0e-8a4b-5a0e-9d2b-6b0c5a3f7e21")
"""Our own namespace for version-5 UUIDs: the same finding has the same ids for ever."""

FLOOR: Final = 5
"""Accounts below which nothing is told of a finding: fewer could be recognised."""

SURE: Final = 85
"""Confidence of a finding that passed the error control and whose strongest honest rival lies 10 bits behind."""

GAPS: Final[Mapping[str, str]] = {
    "reasoning": "reasoning-harvest",
    "hidden_reasoning": "reasoning-harvest",
    "censorship_safe_rewriting": "safety-stripping",
}
"""Techniques without an ATLAS number, by what the traffic was after. Account fraud comes from the finding."""

_NAMES: Final = {"distillation_campaign": "Distillation campaign", "account_network": "Network of deceptive accounts"}
_ATLAS: Final = re.compile(r"AML\.T\d{4}(\.\d{3})?")
_PLAIN: Final = re.compile(r"[a-z_]{1,40}")


def compose(
    entry: Entry, case: Case, *, producer: str, marking: Marking = "amber+strict", created: datetime | None = None,
    families: Iterable[SharedFamily] = (), ranges: Iterable[Range] = (), note: str = "",
) -> Bulletin:  # fmt: skip
    """Write the bulletin of one finding.

    Args:
        producer: name of the organisation that tells it.
        created: when the finding was first told or found; the first instant of this case when left out.

    Raises:
        ShareError: when the finding is none that may be told, or too few accounts are in it.
    """
    if entry.finding not in ("distillation_campaign", "account_network"):
        raise ShareError(
            f"`{entry.finding}` is a fact about one customer's contract and is not shared", where=entry.id,
            hint="share distillation campaigns and account networks only",
        )  # fmt: skip
    if len(entry.accounts) < FLOOR:
        raise ShareError(
            f"`accounts`: {len(entry.accounts)} is too few, a finding is shared from {FLOOR} on", where=entry.id
        )
    volume = Volume(
        accounts=rounded(len(entry.accounts)), exchanges=rounded(entry.exchanges), tasks=rounded(entry.tasks),
        output_tokens=rounded(entry.output_tokens), distinct_prompts=rounded(entry.distinct_prompts),
    )  # fmt: skip
    probability, confidence = weigh(entry, case.error_control.fdr)
    targets = [one for one in entry.targets if _PLAIN.fullmatch(one)]
    begin = day(created or case.traffic.from_ or entry.from_)
    return Bulletin(
        id=bulletin_id(producer, entry.id), producer=producer, finding=entry.finding, marking=marking,
        created=begin, modified=max(begin, day(case.traffic.to or entry.to)),
        title=_title(entry, volume), description=_description(entry, volume, probability, targets),
        first_seen=entry.from_.date(), last_seen=entry.to.date(), volume=volume, weeks=weeks(entry.days),
        probability=probability, confidence=confidence, signs=_signs(entry), innocent=_innocent(entry),
        targets=targets, atlas=sorted({one for one in entry.atlas if _ATLAS.fullmatch(one)}),
        gaps=_gaps(entry, targets), families=list(families), ranges=list(ranges), note=note,
        detector=f"stillwatch {case.stillwatch}".strip(),
        error_control=f"e-BH, false-discovery rate {case.error_control.fdr:g}",
    )  # fmt: skip


def day(at: datetime) -> datetime:
    """Give the beginning of the day: an hour could tell of an account."""
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def bulletin_id(producer: str, entry: str) -> str:
    """Name a bulletin: the same for every version, and nothing can be read from it."""
    return str(uuid.uuid5(NAMESPACE, f"bulletin|{producer}|{entry}"))


def weigh(entry: Entry, fdr: float) -> tuple[int, int]:
    """Tell how likely the finding is, and how sound the basis is, in per cent.

    The likelihood is that of the hidden reading against its best honest rival, with even odds before, and at most
    what the false-discovery rate leaves.
    """
    bits = max((one.bits for one in entry.explanations if one.side == "hidden"), default=0.0)
    likely = 100 * (1 - fdr) / (1 + 2.0 ** -min(max(bits, -40.0), 40.0))
    views = {one.view for one in entry.evidence if one.axis == "deception" and one.counted and one.bits > 0}
    sure = SURE if bits >= 10 and len(views) >= 3 else 60 if bits >= 5 and len(views) >= 2 else 30
    return scaled(likely), sure


def weeks(days: Mapping[str, int]) -> list[Week]:
    """Add days up to ISO weeks."""
    found: Counter[str] = Counter()
    for day, count in days.items():
        year, week, _ = date.fromisoformat(day).isocalendar()
        found[f"{year}-W{week:02d}"] += count
    return [Week(week=name, exchanges=rounded(count)) for name, count in sorted(found.items())]


def revoke(bulletin: Bulletin, at: datetime, because: str) -> Bulletin:
    """Take a bulletin back for good: every object made of it is then written as revoked, under its old id."""
    return msgspec.structs.replace(
        bulletin, revoked=True, revoked_because=because, modified=at, note="", actor=_undone(bulletin.actor)
    )


def _undone(actor: Actor | None) -> Actor | None:
    """Take a name back together with the finding it hangs on."""
    if actor is None or actor.withdrawn:
        return actor
    return actors.gone(actor, "the finding it hangs on is taken back")


def _title(entry: Entry, volume: Volume) -> str:
    return f"{_NAMES[entry.finding]}, {entry.from_:%B %Y}: about {volume.accounts:,} accounts"


def _description(entry: Entry, volume: Volume, probability: int, targets: list[str]) -> str:
    after = f" Its prompts were after {', '.join(targets).replace('_', ' ')}." if targets else ""
    what = {
        "distillation_campaign": "that these accounts act as one, hide it, and gather training data",
        "account_network": "that these accounts act as one and hide it",
    }[entry.finding]
    return (
        f"About {volume.accounts:,} accounts sent about {volume.exchanges:,} exchanges in about {volume.tasks:,} tasks "
        f"between {entry.from_:%Y-%m-%d} and {entry.to:%Y-%m-%d}.{after} It is {WORDS[probability]} {what}. "
        "Who is behind it is no part of this claim."
    )


def _signs(entry: Entry) -> list[Sign]:
    return [
        Sign(view=one.view, axis=one.axis, bits=round(one.bits), innocent_reading=one.innocent_reading)
        for one in entry.evidence
        if one.counted and one.bits >= 1
    ]


def _innocent(entry: Entry) -> list[str]:
    honest = sorted((one for one in entry.explanations if one.side == "honest"), key=lambda one: -one.bits)
    return [one.name for one in honest]


def _gaps(entry: Entry, targets: Iterable[str]) -> list[str]:
    found = {GAPS[one] for one in targets if one in GAPS}
    if any(one.view in ("payment", "signup") and one.bits > 0 for one in entry.evidence):
        found.add("bulk-account-fraud")
    return sorted(found)
