"""Actor: the claim that a named organisation is behind a finding; apart from the finding, and graded by itself.

Accounts that act as one are an intrusion set and have no name. A name is a second claim, which can be wrong while the
first is right: it needs evidence of two independent classes, a person who stands behind it, and room for the answer of
whoever is named, which travels with it wherever it goes.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Final, Literal

import msgspec

Class = Literal["infrastructure", "payment", "registration", "content", "model", "admission", "finding_of_authority"]
"""Kinds of evidence that may tie a name to accounts."""

CLASSES: Final[dict[Class, str]] = {
    "infrastructure": "networks, machines or domains that are the organisation's own",
    "payment": "instruments or invoices in the organisation's name",
    "registration": "sign-ups verified as the organisation's, or as people who publicly work for it",
    "content": "what the prompts and files say of whose work they are",
    "model": "a model that the organisation released was shown to have learnt from these answers",
    "admission": "the organisation's own word",
    "finding_of_authority": "what a court or a public authority has found",
}
"""What each class means."""

NEVER: Final = ("country", "nationality", "language", "working_hours", "client")
"""What is no evidence of who somebody is, whoever brings it."""

Stance = Literal["denies", "comments", "admits", "silent"]


class Ground(msgspec.Struct, kw_only=True, frozen=True):
    """One piece of evidence for a name.

    Attributes:
        kind: its class.
        source: where it comes from, in a few words; two grounds from one source are one.
        says: the evidence, in a sentence.
    """

    kind: str
    source: str
    says: str


class Reply(msgspec.Struct, kw_only=True, frozen=True):
    """What whoever is named answered, in his own words."""

    on: date
    stance: Stance
    says: str


class Actor(msgspec.Struct, kw_only=True, frozen=True):
    """The claim that an organisation is behind a finding.

    Attributes:
        name: the organisation; never a natural person.
        probability: how likely it is, on the scale of ICD 203.
        confidence: how sound the basis of that is, in per cent.
        stands_behind: the person of the producer who answers for the claim.
        asked_on: when the organisation was asked for its view; else `not_asked_because`.
        withdrawn_because: why the claim is taken back; the finding itself may stand.
    """

    name: str
    probability: int
    confidence: int
    grounds: list[Ground] = []
    stands_behind: str
    claimed: datetime
    asked_on: date | None = None
    not_asked_because: str = ""
    replies: list[Reply] = []
    withdrawn_because: str = ""

    @property
    def withdrawn(self) -> bool:
        """Tell whether the claim is taken back."""
        return bool(self.withdrawn_because)
