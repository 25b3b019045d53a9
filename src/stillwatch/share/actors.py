"""Actors: when a finding may name an organisation, and how the claim, its answers and its end are written down.

The rules hold for what is prepared here and for what comes in from peers alike, so that a name that nobody may give
cannot be received either.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

import msgspec

from stillwatch.errors import ShareError
from stillwatch.model.actor import CLASSES, NEVER, Actor, Ground, Reply
from stillwatch.model.bulletin import SCALE, WORDS, Bulletin, sureness

LEAST_CLASSES: Final = 2
"""Independent classes of evidence that a name needs. One can be a coincidence, or be planted."""
LEAST_PROBABILITY: Final = 70
"""`likely`: below it nobody is named."""
LEAST_CONFIDENCE: Final = 40
"""`moderate`: a claim on a weak basis stays in the house."""
MOST_GROUNDS: Final = 12
MOST_REPLIES: Final = 12
LONGEST: Final = 600

Fault = tuple[str, str, str]
"""Field, rule and what to do instead."""


def faults(actor: Actor) -> Iterator[Fault]:
    """Find what keeps a name from being given."""
    if actor.withdrawn:
        return
    if not actor.name.strip():
        yield "actor.name", "no name", "leave the actor out: the accounts are an intrusion set of their own"
    for number, ground in enumerate(actor.grounds):
        yield from _ground(f"actor.grounds.{number}", ground)
    sound = [one for one in actor.grounds if one.kind in CLASSES and one.says.strip()]
    if min(len({one.kind for one in sound}), len({_plainly(one.source) for one in sound})) < LEAST_CLASSES:
        yield (
            "actor.grounds",
            f"fewer than {LEAST_CLASSES} independent classes of evidence, each from a source of its own",
            "leave the name out until a second class is there; the finding is shared without it",
        )  # fmt: skip
    if actor.probability not in SCALE or actor.probability < LEAST_PROBABILITY:
        yield "actor.probability", "a likelihood below `likely`", "name nobody: `likely` is the least"
    if not LEAST_CONFIDENCE <= actor.confidence <= 100:
        yield "actor.confidence", "a confidence below `moderate`", "name nobody: `moderate` is the least"
    if len(actor.stands_behind.split()) < 1:
        yield "actor.stands_behind", "no person who answers for it", "`--by NAME`"
    if actor.asked_on is None and not actor.not_asked_because.strip():
        yield (
            "actor.asked_on", "neither the day on which the organisation was asked, nor why it was not",
            "`--asked DAY`, or `--not-asked-because TEXT`",
        )  # fmt: skip
    if len(actor.grounds) > MOST_GROUNDS or len(actor.replies) > MOST_REPLIES:
        yield "actor", f"more than {MOST_GROUNDS} grounds or {MOST_REPLIES} replies", "shorten it"


def _ground(place: str, ground: Ground) -> Iterator[Fault]:
    kind = _plainly(ground.kind)
    if kind in NEVER:
        yield f"{place}.kind", f"`{kind}`, which is never evidence of who somebody is", "leave it out"
    elif kind not in CLASSES:
        yield f"{place}.kind", "no class of evidence that is known", f"one of {', '.join(CLASSES)}"
    if not ground.says.strip() or not ground.source.strip():
        yield place, "no sentence, or no source", "`--ground CLASS:SOURCE:SENTENCE`"
    if len(ground.says) > LONGEST or len(ground.source) > LONGEST:
        yield place, f"more than {LONGEST} characters", "shorten it"


def parse(text: str) -> Ground:
    """Read a ground as the command line writes it, `CLASS:SOURCE:SENTENCE`.

    Raises:
        ShareError: when a part is missing.
    """
    parts = [one.strip() for one in text.split(":", 2)]
    if len(parts) != 3 or not all(parts):
        raise ShareError(
            f"`{text[:80]}` is no ground", hint="`--ground 'payment:card issuer:two invoices are in its name'`"
        )
    return Ground(kind=_plainly(parts[0]), source=parts[1], says=parts[2])


def claimed(bulletin: Bulletin, actor: Actor) -> Bulletin:
    """Put a name to a finding.

    Raises:
        ShareError: when the finding was taken back, or somebody is named already.
    """
    if bulletin.revoked:
        raise ShareError("it was revoked: nobody is named for it", where=f"bulletin {bulletin.id}")
    if bulletin.actor is not None and not bulletin.actor.withdrawn and bulletin.actor.name != actor.name:
        raise ShareError(
            "it names somebody already",
            where=f"bulletin {bulletin.id}",
            hint="withdraw that claim before another is made",
        )
    kept = bulletin.actor.replies if bulletin.actor is not None and bulletin.actor.name == actor.name else []
    return _newer(bulletin, msgspec.structs.replace(actor, replies=kept))


def replied(bulletin: Bulletin, reply: Reply) -> Bulletin:
    """Write down what whoever is named answered; it travels with the claim from now on.

    Raises:
        ShareError: when nobody is named, or nothing is said.
    """
    actor = _named(bulletin)
    if not reply.says.strip():
        raise ShareError(
            "a reply says something", where=f"bulletin {bulletin.id}", hint='`--says "…"`, in its own words'
        )
    if len(reply.says) > LONGEST:
        raise ShareError(f"a reply has at most {LONGEST} characters", where=f"bulletin {bulletin.id}",
                         hint="quote what matters, and keep the whole letter in the house")  # fmt: skip
    return _newer(bulletin, msgspec.structs.replace(actor, replies=[*actor.replies, reply]))


def withdrawn(bulletin: Bulletin, because: str) -> Bulletin:
    """Take the name back; the finding stands without it.

    Raises:
        ShareError: when nobody is named, or no reason is given.
    """
    actor = _named(bulletin)
    if not because.strip():
        raise ShareError("a withdrawal needs a reason", hint='`--because "…"`')
    return _newer(bulletin, gone(actor, because))


def gone(actor: Actor, because: str) -> Actor:
    """Take a name back: the evidence is not repeated, the answers stay."""
    return msgspec.structs.replace(actor, withdrawn_because=because, grounds=[])


def sentence(actor: Actor) -> str:
    """Say the claim in two sentences: likelihood and confidence never stand in one (ICD 203)."""
    if actor.withdrawn:
        return "A claim about who is behind it was made and is withdrawn."
    kinds = sorted({one.kind.replace("_", " ") for one in actor.grounds})
    asked = f"It was asked on {actor.asked_on}." if actor.asked_on else f"It was not asked: {actor.not_asked_because}."
    said = {"denies": "It denies it.", "admits": "It admits it.", "comments": "It has commented.",
            "silent": "It gave no answer."}  # fmt: skip
    answer = f" {said[actor.replies[-1].stance]}" if actor.replies else ""
    return (
        f"It is {WORDS[actor.probability]} that {actor.name} is behind it, by evidence of these classes: "
        f"{', '.join(kinds)}. Confidence in the basis of this is {sureness(actor.confidence)}. "
        f"{actor.stands_behind} stands behind the claim. {asked}{answer}"
    )


def _named(bulletin: Bulletin) -> Actor:
    if bulletin.actor is None or bulletin.actor.withdrawn:
        raise ShareError(
            "nobody is named in it",
            where=f"bulletin {bulletin.id}",
            hint="`stillwatch share actor-claim` names somebody",
        )
    return bulletin.actor


def _newer(bulletin: Bulletin, actor: Actor) -> Bulletin:
    later: datetime = bulletin.modified + timedelta(milliseconds=1)
    return msgspec.structs.replace(bulletin, actor=actor, modified=max(later, bulletin.modified))


def _plainly(text: str) -> str:
    return text.strip().casefold().replace(" ", "_").replace("-", "_")
