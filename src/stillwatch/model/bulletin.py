"""Bulletin: what peers may be told of a finding, and nothing else.

There is no field for a customer, a price, a volume commitment, a roadmap or a prompt: what has no field cannot leave.
Counts are rounded to two significant figures and times to the day. STIX, MISP and CSV are written from this alone.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Final, Literal

import msgspec

from stillwatch.model.actor import Actor

Marking = Literal["clear", "green", "amber", "amber+strict", "red"]
"""Traffic Light Protocol 2.0, from the widest to the narrowest audience."""

MARKINGS: Final[tuple[Marking, ...]] = ("clear", "green", "amber", "amber+strict", "red")

PURPOSE: Final = (
    "For the defence of AI services against adversarial distillation only. Not for commercial, pricing, hiring or "
    "sales decisions. A lead and not a verdict: confirm it with evidence of your own before you act on anybody."
)
"""The statement that every bulletin carries."""

Shareable = Literal["distillation_campaign", "account_network"]
"""The findings that may be told. The others are facts about one customer's contract."""


class Volume(msgspec.Struct, kw_only=True, frozen=True):
    """How large it was: two significant figures each."""

    accounts: int
    exchanges: int
    tasks: int = 0
    output_tokens: int = 0
    distinct_prompts: int = 0


class Week(msgspec.Struct, kw_only=True, frozen=True):
    """Exchanges in one ISO week, such as `2026-W19`; two significant figures."""

    week: str
    exchanges: int


class Sign(msgspec.Struct, kw_only=True, frozen=True):
    """What one view gave, in bits, and what it would mean if innocent."""

    view: str
    axis: Literal["scale", "deception", "intent"]
    bits: int
    innocent_reading: str


class SharedFamily(msgspec.Struct, kw_only=True, frozen=True):
    """A prompt family as keyed fingerprints of its frame; the frame itself stays in the house.

    Attributes:
        marks: fingerprints under the group's key of the epoch, 16 hexadecimal digits each, ascending.
        threshold: share of the marks that a text must contain to match.
        control: texts of the clean control set that were looked through, and contained none of the marks.
    """

    id: str
    epoch: str
    scheme: str
    marks: list[str]
    threshold: float
    accounts: int
    exchanges: int
    control: int
    kinds: list[str] = []


class Range(msgspec.Struct, kw_only=True, frozen=True):
    """A network in clear: /24, /48 or an AS, with enough accounts behind it and a short life.

    Attributes:
        value: CIDR, or `AS64500`.
        accounts: accounts of the finding seen in it.
        frequency: share of the sender's other accounts seen in it.
        shared_egress: whether many strangers come out of it: never to be enforced on.
    """

    value: str
    accounts: int
    frequency: float
    shared_egress: bool
    valid_until: date


class Reference(msgspec.Struct, kw_only=True, frozen=True):
    """Where more stands: a public page, or a dossier that was handed over by another way.

    Attributes:
        source: whose it is.
        external_id: what it is called there.
        url: its address, by https; empty for what lies nowhere in public.
        sha256: hash of exactly what was meant, 64 hexadecimal digits.
    """

    source: str
    external_id: str = ""
    url: str = ""
    sha256: str = ""


class Bulletin(msgspec.Struct, kw_only=True, frozen=True):
    """One finding, as peers may see it.

    Attributes:
        id: the same for every version; made from the producer and the entry, and tells neither.
        probability: how likely the finding is, in per cent; one of 5, 15, 30, 50, 70, 85, 95.
        confidence: how sound the basis of that is, in per cent; never in one sentence with it.
        innocent: the honest readings that were weighed, the strongest first.
        atlas: MITRE ATLAS techniques.
        gaps: techniques that ATLAS lacks, by our own names.
        actor: who is said to be behind it, where two independent classes of evidence and a person stand behind that.
    """

    schema: int = 1
    id: str
    producer: str
    finding: Shareable
    marking: Marking
    purpose: str = PURPOSE
    created: datetime
    modified: datetime
    revoked: bool = False
    revoked_because: str | None = None
    title: str
    description: str
    first_seen: date
    last_seen: date
    volume: Volume
    weeks: list[Week] = []
    probability: int
    confidence: int
    signs: list[Sign] = []
    innocent: list[str] = []
    targets: list[str] = []
    atlas: list[str] = []
    gaps: list[str] = []
    families: list[SharedFamily] = []
    ranges: list[Range] = []
    actor: Actor | None = None
    references: list[Reference] = []
    note: str = ""
    detector: str = ""
    error_control: str = ""


def rounded(count: float) -> int:
    """Round a count to two significant figures.

    >>> rounded(1561), rounded(24), rounded(7), rounded(0)
    (1600, 24, 7, 0)
    """
    number = round(count)
    digits = len(str(abs(number)))
    return int(round(number, 2 - digits)) if digits > 2 else number


SCALE: Final = (5, 15, 30, 50, 70, 85, 95)
"""Probabilities that STIX's appendix A gives to the seven words of ICD 203."""

WORDS: Final = {
    5: "almost no chance", 15: "very unlikely", 30: "unlikely", 50: "roughly even chance", 70: "likely",
    85: "very likely", 95: "almost certain",
}  # fmt: skip
"""The words of ICD 203 for likelihood. Source: Intelligence Community Directive 203, 2015, section D.6.e.(2)(a)."""


def scaled(percent: float) -> int:
    """Put a percentage on the scale: 1-5, 5-20, 20-45, 45-55, 55-80, 80-95, 95-99 per cent."""
    edges = (5, 20, 45, 55, 80, 95)
    return SCALE[sum(percent > edge for edge in edges)]


def sureness(percent: int) -> str:
    """Say analytic confidence in the three words of ICD 203."""
    return "low" if percent < 40 else "moderate" if percent < 75 else "high"
