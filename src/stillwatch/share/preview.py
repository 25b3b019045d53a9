"""Preview: every field that would leave, with its value and why it leaves, and what stays in the house."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from stillwatch.kit.plain import plain
from stillwatch.model.bulletin import Bulletin

WHY: Final[tuple[tuple[str, str], ...]] = (
    ("schema", "tells a program how to read the rest"),
    ("id", "the same in every version, so that a correction or a revocation finds it; made of no customer's id"),
    ("producer", "peers must know whom to ask, and whose word it is"),
    ("finding", "what was found, in one of two words"),
    ("marking", "to whom a receiver may pass it on: Traffic Light Protocol 2.0"),
    ("purpose", "what it may be used for, and what not"),
    ("created", "when the finding was first made"),
    ("modified", "which of two versions is the newer one"),
    ("revoked", "whether it is taken back"),
    ("revoked_because", "why it is taken back"),
    ("title", "a line for a person; written from rounded counts"),
    ("description", "a paragraph for a person; written from rounded counts, never from the log"),
    ("first_seen", "lets a peer look at the same days; the day, not the hour"),
    ("last_seen", "lets a peer look at the same days; the day, not the hour"),
    ("volume.", "how large it is; two significant figures"),
    ("weeks.", "lets peers lay their weeks beside ours; two significant figures"),
    ("probability", "how likely the finding is, on the scale of ICD 203"),
    ("confidence", "how sound the basis of that is"),
    ("signs.", "which sort of evidence there is, so that a peer knows where to look; no value of it leaves"),
    ("innocent.", "honest readings that were weighed: a peer must weigh them too"),
    ("targets.", "which capability was harvested"),
    ("atlas.", "the technique, by its public number"),
    ("gaps.", "the technique, where ATLAS has no number"),
    ("families.", "fingerprints under the group's key of the week: whoever holds the key can test a guessed text"),
    ("ranges.", "a network of many addresses, in clear, with its end"),
    ("actor.name", "who is said to be behind it: a claim of its own, which needs two independent classes of evidence"),
    ("actor.probability", "how likely that is, on the scale of ICD 203"),
    ("actor.confidence", "how sound the basis of that is"),
    ("actor.grounds.", "the evidence for the name, so that a peer can weigh it himself"),
    ("actor.stands_behind", "the person who answers for the claim"),
    ("actor.claimed", "when it was made"),
    ("actor.asked_on", "whether whoever is named was heard"),
    ("actor.not_asked_because", "why whoever is named was not heard"),
    ("actor.replies.", "what whoever is named answers: it travels with the claim"),
    ("actor.withdrawn_because", "why the name is taken back"),
    ("references.", "where more stands: a public page, or a document handed over apart, with its hash"),
    ("note", "written by the preparer"),
    ("detector", "which program found it"),
    ("error_control", "how false alarms were bounded"),
)
"""Why each field leaves; a field without a line here is refused by the tests."""

STAYS: Final = (
    "account ids, keys, organisations, end users and sessions",
    "e-mail addresses, telephone numbers, payment instruments, devices and single addresses",
    "prompts, answers, templates and exemplars",
    "exact counts, hours, and every day's count",
    "prices, plans, contracts and grants",
    "findings `open_extraction` and `grant_exceeded`, and everything cleared or undecided",
)
"""What has no field in a bulletin."""


class Leaving(msgspec.Struct, kw_only=True, frozen=True):
    """One field that would leave."""

    field: str
    value: str
    why: str


def leaving(bulletin: Bulletin) -> list[Leaving]:
    """List every field of a bulletin that holds something.

    Raises:
        KeyError: when a field has no reason to leave.
    """
    found = []
    for field, value in _flat(msgspec.to_builtins(bulletin), ""):
        found.append(Leaving(field=field, value=plain(value, 300), why=why(field)))
    return found


def why(field: str) -> str:
    """Tell why a field leaves.

    Raises:
        KeyError: when it has no reason.
    """
    for name, reason in WHY:
        if field == name or (name.endswith(".") and field.startswith(name)):
            return reason
    raise KeyError(f"no reason is written down why `{field}` should leave")


def _flat(thing: object, path: str) -> list[tuple[str, str]]:
    if isinstance(thing, dict) and "shared_egress" in thing:
        egress = "; shared egress, never to be enforced on" if thing["shared_egress"] else ""
        range_ = f"{thing['accounts']} accounts, {thing['frequency']:.2%} of all others, until {thing['valid_until']}"
        return [(path, f"{thing['value']}: {range_}{egress}")]
    if isinstance(thing, dict):
        return [pair for name, value in thing.items() for pair in _flat(value, f"{path}.{name}".strip("."))]
    if isinstance(thing, list):
        if thing and all(isinstance(one, str) and re.fullmatch(r"[0-9a-f]{16}", one) for one in thing):
            return [(path, f"{len(thing)} fingerprints: {thing[0]} … {thing[-1]}")]
        return [pair for number, value in enumerate(thing) for pair in _flat(value, f"{path}.{number}")]
    if thing is None or thing == "":
        return []
    told = {True: "yes", False: "no"}.get(thing) if isinstance(thing, bool) else None
    return [(path, told or str(thing))]
