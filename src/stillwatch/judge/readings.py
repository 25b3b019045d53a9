"""Readings: the competing explanations of a linked group, each with its own likelihood.

That owners are linked is a matter of e-values; what the link *means* is not: it has no null. So each reading is a
hypothesis that says how often a member of such a group shows each of a list of traits, and the readings are
compared on what the members show. A finding needs a hidden reading to beat every honest one. The expected
shares are policy, written down here and shown with every group; they are not fitted to any log.

What a reading does not name is no news to it, but for hard traits: an honest group shows those hardly ever, and
a hidden one may show any of them. Traits of one group depend on each other, so a group counts as at most
WITNESSES independent members, and one trait for at most CAP bits between two readings, a hard one for HARD_CAP.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

WITNESSES: Final = 16
CAP: Final = 12.0
"""Bits that a circumstance may speak for an honest reading."""
SOFT_CAP: Final = 6.0
"""Bits that a circumstance may speak against one."""
HARD_CAP: Final = 24.0
"""Bits of a trait that ties strangers to one hand, either way."""
LEAST, MOST = 0.01, 0.99
KEY_SHARE: Final = 0.2
"""Share of the members who show the key of a hidden reading, at least."""
RARELY: Final = 0.03
"""How often a member of an honest group shows a hard trait that its reading does not name."""
MANY: Final = 8
"""Members above which a group is large."""
CLAN: Final = 16
"""Members of an extended family, at the most."""

TRAITS: Final[dict[str, str]] = {
    "purse": "pay with an instrument that another of them uses",
    "device": "were opened from a device that opened another of them",
    "hop": "take over conversations that were generated for another of them",
    "replaced": "were closed and followed by another of them, or follow a closed one",
    "block": "are tied into a block of more than four by one card, device, telephone or conversation after another",
    "chained": "are tied into such a block by things of which none is held by more than four",
    "egress": "come from an address or neighbourhood that another of them uses",
    "business": "have a mail domain of their own, unlike the others'",
    "open": "show the mail domain or organisation that another of them shows",
    "school": "have the mail domain of one school",
    "divided": "meet the others on far fewer items of one list than outsiders who draw on it do",
    "burst": "were opened within two days of most of the others",
    "brief": "were active on three days or fewer",
    "shared_frame": "use a prompt template that most of the others use",
    "own_frame": "use templates that none of the others uses",
    "verified": "are verified by identity documents",
    "referred": "came by the same referral",
    "many": "are one of a large group",
    "claims": "claim a programme for another institution than someone with the same computer or telephone",
}
HARD: Final = ("purse", "device", "hop", "replaced", "divided", "claims")
"""Traits that tie strangers to one hand."""

HIDDEN: Final = "hidden"
HONEST: Final = "honest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One explanation: how often its members show each trait; a trait that is not named tells nothing."""

    name: str
    side: str
    says: str
    expects: Mapping[str, float]
    key: str = ""
    """The trait without which the reading cannot be held; a hidden one has one."""
    most: int = 0
    """Members above which it cannot be held; 0 for any number."""
    apart: bool = False
    """Whether it tells of many small groups that nothing ties to each other: of more than CLAN members it is held only
    where less than half are tied into blocks larger than a family."""
    rarer: float = 0.0
    """Bits by which it is rarer than its rivals to begin with."""


FACTORY: Final = {
    "egress": 0.7,
    "business": 0.12,
    "open": 0.12,
    "school": 0.03,
    "verified": 0.06,
    "burst": 0.5,
    "brief": 0.12,
    "referred": 0.3,
    "shared_frame": 0.8,
    "own_frame": 0.3,
}
"""What accounts show that one hand opened to pass for strangers."""

READINGS: Final = (
    Reading(
        name="one purse behind strangers",
        side=HIDDEN,
        key="purse",
        says="accounts that claim to be strangers and are paid for by one hand",
        expects={**FACTORY, "purse": 0.8, "block": 0.75},
    ),
    Reading(
        name="one machine behind strangers",
        side=HIDDEN,
        key="device",
        says="accounts that claim to be strangers and were opened by one hand",
        expects={**FACTORY, "device": 0.7, "purse": 0.3, "business": 0.2, "block": 0.75},
    ),
    Reading(
        name="a chain of small purses and machines",
        side=HIDDEN,
        key="chained",
        says="accounts that claim to be strangers and were dealt cards, machines and telephones a few at a time",
        expects={
            **{trait: share for trait, share in FACTORY.items() if trait != "egress"},
            "chained": 0.8,
            "purse": 0.6,
            "device": 0.5,
            "business": 0.2,
            "block": 0.9,
        },
        rarer=5.0,  # families are common
    ),
    Reading(
        name="one load balancer over strangers",
        side=HIDDEN,
        key="hop",
        says="accounts that claim to be strangers and carry one stream of conversations",
        expects={**FACTORY, "hop": 0.9, "egress": 0.4, "business": 0.2},
    ),
    Reading(
        name="closed accounts replaced",
        side=HIDDEN,
        key="replaced",
        says="accounts that are replaced as they are closed",
        expects={**FACTORY, "replaced": 0.6},
    ),
    Reading(
        name="one organisation in the open",
        side=HONEST,
        says="colleagues who show whom they work for",
        expects={
            "open": 0.85,
            "egress": 0.7,
            "block": 0.6,
            "hop": 0.1,
            "replaced": 0.05,
            "shared_frame": 0.6,
            "referred": 0.2,
        },
    ),
    Reading(
        name="shared egress",
        side=HONEST,
        says="strangers behind one office, campus, carrier or VPN",
        expects={
            "egress": 0.95,
            "purse": 0.04,
            "device": 0.06,
            "block": 0.05,
            "hop": 0.03,
            "replaced": 0.03,
            "own_frame": 0.6,
            "chained": 0.03,
        },
    ),
    Reading(
        name="a course or school",
        side=HONEST,
        says="students of one course",
        expects={
            "school": 0.75,
            "business": 0.05,
            "open": 0.1,
            "purse": 0.03,
            "device": 0.3,
            "block": 0.3,
            "egress": 0.9,
            "hop": 0.03,
            "replaced": 0.03,
            "burst": 0.5,
            "shared_frame": 0.8,
            "referred": 0.7,
            "claims": 0.1,
        },
    ),
    Reading(
        name="an event",
        side=HONEST,
        says="participants of one event, who came and went together",
        expects={
            "brief": 0.75,
            "burst": 0.95,
            "device": 0.25,
            "block": 0.3,
            "egress": 0.95,
            "purse": 0.04,
            "hop": 0.03,
            "replaced": 0.03,
            "shared_frame": 0.5,
            "referred": 0.8,
            "claims": 0.1,
        },
    ),
    Reading(
        name="an agency with clients",
        side=HONEST,
        says="clients for whom one agency pays",
        expects={
            "business": 0.6,
            "open": 0.3,
            "purse": 0.8,
            "device": 0.3,
            "block": 0.85,
            "hop": 0.03,
            "replaced": 0.04,
            "own_frame": 0.7,
            "shared_frame": 0.4,
            "chained": 0.03,
        },
    ),
    Reading(
        name="an agency's people",
        side=HONEST,
        says="staff of an agency who work in the accounts of its clients, who pay themselves and name it",
        expects={
            "open": 0.5,
            "business": 0.4,
            "device": 0.65,
            "block": 0.6,
            "egress": 0.95,
            "purse": 0.04,
            "hop": 0.04,
            "replaced": 0.03,
            "shared_frame": 0.8,
            "referred": 0.7,
            "claims": 0.1,
        },
    ),
    Reading(
        name="a shared repertoire",
        side=HONEST,
        says="people who work from one course, library or framework",
        expects={"shared_frame": 0.9, "purse": 0.04, "device": 0.05, "hop": 0.03, "replaced": 0.03, "chained": 0.03},
    ),
    Reading(
        name="a service provider's staff",
        side=HONEST,
        says="staff of one workplace who work in the accounts of several firms",
        expects={
            "business": 0.92,
            "device": 0.9,
            "block": 0.85,
            "egress": 0.95,
            "purse": 0.04,
            "hop": 0.04,
            "replaced": 0.03,
            "shared_frame": 0.6,
            "claims": 0.1,
        },
    ),
    Reading(
        name="a marketplace",
        side=HONEST,
        says="customers of one marketplace or prepaid reseller, which appears as their instrument",
        expects={
            "purse": 0.97,
            "block": 0.9,
            "egress": 0.05,
            "device": 0.03,
            "hop": 0.02,
            "referred": 0.8,
            "shared_frame": 0.1,
            "own_frame": 0.8,
            "chained": 0.03,
        },
    ),
    Reading(
        name="households",
        side=HONEST,
        says="families and friends who share a card, a computer or a home",
        expects={
            "purse": 0.8,
            "device": 0.6,
            "egress": 0.9,
            "hop": 0.03,
            "replaced": 0.05,
            "shared_frame": 0.12,
            "own_frame": 0.7,
            "burst": 0.15,
            "block": 0.04,
            "many": 0.02,
            "chained": 0.08,
        },
        apart=True,
    ),
    Reading(
        name="relatives",
        side=HONEST,
        says="an extended family, whose homes a card, a computer or a telephone that goes round joins",
        expects={
            "purse": 0.85,
            "device": 0.5,
            "block": 0.85,
            "egress": 0.75,
            "hop": 0.03,
            "replaced": 0.03,
            "business": 0.05,
            "burst": 0.15,
            "brief": 0.1,
            "shared_frame": 0.7,
            "own_frame": 0.7,
            "referred": 0.5,
            "many": 0.3,
        },
        most=CLAN,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """A reading with what each trait says for it (bits against what owners at large show)."""

    reading: Reading
    parts: Mapping[str, float]

    def against(self, other: Weighed) -> float:
        """Weigh this hidden reading against an honest one: log2 of their odds, each trait capped."""
        return sum(self._between(other).values()) - self.reading.rarer

    def _between(self, other: Weighed) -> dict[str, float]:
        """Bits for this reading, a hidden one, against an honest one: circumstances clear more than they accuse."""
        told = {}
        for trait, bits in self.parts.items():
            least, most = (-HARD_CAP, HARD_CAP) if trait in HARD else (-CAP, SOFT_CAP)
            told[trait] = float(np.clip(bits - other.parts[trait], least, most))
        return told

    def because(self, other: Weighed, shares: Mapping[str, float], *, sign: int = 1, most: int = 4) -> list[str]:
        """Say which traits tell most between this reading and an honest one: for this one, or with sign -1 for that."""
        told = self._between(other)
        ordered = sorted((trait for trait in told if abs(told[trait]) >= 0.5), key=lambda trait: -abs(told[trait]))
        return [
            f"{sign * told[trait]:+.1f} bits: {round(shares.get(trait, 1.0) * 100)} % {TRAITS[trait]}"
            for trait in ordered[:most]
        ]


def weigh(shares: Mapping[str, float], members: int, usual: Mapping[str, float]) -> list[Weighed]:
    """Weigh all readings on what a group shows.

    Args:
        shares: share of the members that show each trait; a trait that cannot be seen is absent.
        members: how many there are.
        usual: share of all owners that show it.
    """
    shares = {**shares, "many": float(members > MANY)}
    count = min(members, WITNESSES)
    found = []
    for reading in READINGS:
        if (reading.key and reading.key not in shares) or 0 < reading.most < members:
            continue
        if reading.apart and members > CLAN and shares.get("block", 0.0) >= 0.5:
            continue
        parts: dict[str, float] = {}
        for trait, x in shares.items():
            base = float(np.clip(usual.get(trait, 0.05), LEAST, MOST))
            witnesses = 3 if trait == "many" else count
            parts[trait] = _part(reading, trait, x, 0.5 if trait == "many" else base, witnesses)
        found.append(Weighed(reading=reading, parts=parts))
    return found


def _part(reading: Reading, trait: str, x: float, base: float, count: int) -> float:
    if trait == reading.key and x < KEY_SHARE:
        expected = MOST  # without its key the reading is not held
    elif trait in reading.expects:
        expected = reading.expects[trait]
    elif trait not in HARD:
        return 0.0
    elif reading.side == HIDDEN:
        return max(_bits(x, max(x, base), base, count) - 1.0, 0.0)
    else:
        expected = max(RARELY, min(base, 0.1))
    return _bits(x, expected, base, count)


def _bits(x: float, expected: float, base: float, count: int) -> float:
    p = float(np.clip(expected, LEAST, MOST))
    return float(count * (x * np.log2(p / base) + (1 - x) * np.log2((1 - p) / (1 - base))))


def best(weighed: Sequence[Weighed]) -> tuple[Weighed, Weighed, float]:
    """Find the hidden reading that does best against the honest ones, its strongest rival, and the bits between."""
    hidden = [one for one in weighed if one.reading.side == HIDDEN]
    honest = [one for one in weighed if one.reading.side == HONEST]
    rivals = [min(honest, key=one.against) for one in hidden]
    margins = [one.against(rival) for one, rival in zip(hidden, rivals, strict=True)]
    top = int(np.argmax(margins))
    return hidden[top], rivals[top], margins[top]
