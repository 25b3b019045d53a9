"""Readings: the competing explanations of a linked group, each with its own likelihood.

That owners are linked is a matter of e-values; what the link *means* is not: it has no null. So each reading is a
hypothesis that says how often a member of such a group shows each of a list of traits, and the readings are
compared on what the members show. A finding needs a hidden reading to beat the best honest one. The expected
shares are policy, written down here and shown with every group; they are not fitted to any log.

Traits of one group depend on each other, so a group counts as at most WITNESSES independent members, and a trait
for at most CAP bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

WITNESSES: Final = 16
CAP: Final = 12.0
LEAST, MOST = 0.02, 0.98

TRAITS: Final[dict[str, str]] = {
    "purse": "pay with an instrument that another of them uses",
    "device": "were opened from a device that opened another of them",
    "hop": "take over conversations that were generated for another of them",
    "replaced": "were closed and followed by another of them, or follow a closed one",
    "egress": "come from an address or neighbourhood that another of them uses",
    "business": "have a mail domain of their own, unlike the others'",
    "open": "show the mail domain or organisation that another of them shows",
    "school": "have a school's mail or an education programme",
    "burst": "were opened within two days of most of the others",
    "brief": "were active on three days or fewer",
    "shared_frame": "use a prompt template that most of the others use",
    "own_frame": "use templates that none of the others uses",
    "verified": "are verified by identity documents",
}

HIDDEN: Final = "hidden"
HONEST: Final = "honest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One explanation: how often its members show each trait; a trait that is not named tells nothing."""

    name: str
    side: str
    says: str
    expects: Mapping[str, float]


READINGS: Final = (
    Reading(
        name="one purse behind strangers",
        side=HIDDEN,
        says="accounts that claim to be strangers and are paid for by one hand",
        expects={
            "purse": 0.85,
            "egress": 0.5,
            "business": 0.1,
            "open": 0.05,
            "school": 0.08,
            "verified": 0.08,
            "brief": 0.15,
            "shared_frame": 0.6,
            "own_frame": 0.4,
        },
    ),
    Reading(
        name="one machine behind strangers",
        side=HIDDEN,
        says="accounts that claim to be strangers and were opened by one hand",
        expects={
            "device": 0.8,
            "egress": 0.5,
            "business": 0.1,
            "open": 0.05,
            "school": 0.08,
            "verified": 0.08,
            "brief": 0.15,
            "shared_frame": 0.6,
            "own_frame": 0.4,
        },
    ),
    Reading(
        name="one load balancer over strangers",
        side=HIDDEN,
        says="accounts that claim to be strangers and carry one stream of conversations",
        expects={
            "hop": 0.85,
            "business": 0.1,
            "open": 0.05,
            "school": 0.08,
            "verified": 0.08,
            "brief": 0.15,
            "shared_frame": 0.6,
            "own_frame": 0.4,
        },
    ),
    Reading(
        name="closed accounts replaced",
        side=HIDDEN,
        says="accounts that are replaced as they are closed",
        expects={"replaced": 0.6, "business": 0.1, "open": 0.05, "school": 0.08, "verified": 0.08, "shared_frame": 0.7},
    ),
    Reading(
        name="one organisation in the open",
        side=HONEST,
        says="colleagues who show whom they work for",
        expects={"open": 0.85, "egress": 0.6, "hop": 0.1, "replaced": 0.05},
    ),
    Reading(
        name="shared egress",
        side=HONEST,
        says="strangers behind one office, campus, carrier or VPN",
        expects={"egress": 0.95, "purse": 0.04, "device": 0.06, "hop": 0.03, "replaced": 0.03, "own_frame": 0.6},
    ),
    Reading(
        name="a course or school",
        side=HONEST,
        says="students of one course",
        expects={"school": 0.85, "purse": 0.05, "hop": 0.04, "replaced": 0.03, "burst": 0.5, "shared_frame": 0.6},
    ),
    Reading(
        name="an event",
        side=HONEST,
        says="participants of one event, who came and went together",
        expects={"brief": 0.85, "burst": 0.85, "hop": 0.04, "replaced": 0.03, "shared_frame": 0.3, "own_frame": 0.7},
    ),
    Reading(
        name="an agency with clients",
        side=HONEST,
        says="clients for whom one agency pays",
        expects={"business": 0.85, "purse": 0.8, "hop": 0.03, "replaced": 0.04, "own_frame": 0.8, "shared_frame": 0.3},
    ),
    Reading(
        name="a shared repertoire",
        side=HONEST,
        says="people who work from one course, library or framework",
        expects={"shared_frame": 0.9, "purse": 0.04, "device": 0.05, "hop": 0.03, "replaced": 0.03},
    ),
    Reading(
        name="households",
        side=HONEST,
        says="families and friends who share a card, a computer or a home",
        expects={
            "purse": 0.4,
            "device": 0.4,
            "egress": 0.5,
            "hop": 0.04,
            "replaced": 0.05,
            "shared_frame": 0.12,
            "own_frame": 0.7,
            "burst": 0.15,
        },
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """A reading with its bits against "strangers at random", and what speaks for and against it."""

    reading: Reading
    bits: float
    because: list[str]


def weigh(shares: Mapping[str, float], members: int, usual: Mapping[str, float]) -> list[Weighed]:
    """Weigh all readings on what a group shows.

    Args:
        shares: share of the members that show each trait; a trait that cannot be seen is absent.
        members: how many there are.
        usual: share of all owners that show it, what strangers at random would show.

    Returns:
        all readings, the best first; bits are log2 of the likelihood against strangers at random.
    """
    count = min(members, WITNESSES)
    found = []
    for reading in READINGS:
        parts = []
        for trait, expected in reading.expects.items():
            if trait not in shares:
                continue
            base = float(np.clip(usual.get(trait, 0.05), LEAST, MOST))
            p = float(np.clip(expected, LEAST, MOST))
            x = shares[trait]
            bits = count * (x * np.log2(p / base) + (1 - x) * np.log2((1 - p) / (1 - base)))
            parts.append((float(np.clip(bits, -CAP, CAP)), trait, x))
        parts.sort(key=lambda part: -abs(part[0]))
        because = [f"{bits:+.1f}: {round(x * 100)} % {TRAITS[trait]}" for bits, trait, x in parts]
        found.append(Weighed(reading=reading, bits=sum(part[0] for part in parts), because=because))
    return sorted(found, key=lambda one: -one.bits)
