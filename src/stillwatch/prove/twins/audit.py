"""An audit by twins: which records were committed to in time, what the suspect says of them, and one verdict.

Only records whose leaf stands in a committed index count. How many of the committed ones are no longer in the store is
told: whoever erases records chooses what is tested, and a reader should ask why.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import NormalDist
from typing import Literal

import msgspec

from stillwatch.errors import UsageError
from stillwatch.kit import merkle
from stillwatch.kit.evalue import mix
from stillwatch.prove.ask import worth
from stillwatch.prove.ask.survey import Summary
from stillwatch.prove.keys import commit
from stillwatch.prove.keys.ring import Ring
from stillwatch.prove.twins import habits
from stillwatch.prove.twins.store import Twin, Twins
from stillwatch.prove.twins.test import TwinReport, weigh_campaigns

Verdict = Literal["trained_on_served_answers", "no_trace", "undetermined", "void"]
Replies = Mapping[str, Sequence[str]]
LEAST_REQUESTS = 30
SHARP = 0.1
"""Without a finding: nobody is cleared whom an effect of this size would not have shown, in nine audits of ten."""
LEAST_COMMON = 0.02
"""The share of the replies' word pairs that some sample must have, or they are noise; students of the lab have 0.78."""


class Index(msgspec.Struct, kw_only=True, frozen=True):
    """What was published of a store: hashes only."""

    ring: str
    root: str
    leaves: tuple[str, ...]
    schema: int = 1


@dataclass(frozen=True, kw_only=True)
class Committed:
    """The records that count, and what is to be said of the others."""

    twins: list[Twin]
    uncommitted: int
    missing: int
    at: datetime | None
    because: str


class TwinsReport(msgspec.Struct, kw_only=True, frozen=True):
    """The outcome of one audit by twins.

    Attributes:
        ln_e: evidence of level 1, natural logarithm: half all requests together, half the mean of the campaigns.
        everything: all committed requests together.
        campaigns: each campaign's, those found first.
        uncommitted: records that no committed index names; they were left out.
        missing: records that an index names and the store no longer has.
        committed_at: when the latest index used was committed to.
    """

    suspect: str
    verdict: Verdict
    because: list[str]
    ln_e: float
    everything: TwinReport
    campaigns: list[TwinReport]
    uncommitted: int
    missing: int
    committed_at: datetime | None
    alpha: float
    fdr: float
    limits: list[str]
    survey: Summary | None = None
    schema: int = 1


EXIT = {"trained_on_served_answers": 10, "no_trace": 0, "undetermined": 4, "void": 5}
LIMITS = [
    "the test proves that the suspect depends on which samples were served, not who gave it to the suspect, nor why",
    "no trace is no acquittal: few requests, paraphrase or other prompts than were served can hide it",
    "the date of a commitment is worth what its publication is worth",
]


def committed(store: Twins, ring: Ring, indexes: Sequence[Path], *, released: datetime | None = None) -> Committed:
    """Take the records that a committed index names.

    Raises:
        UsageError: when an index cannot be read or is another ring's.
    """
    log = commit.load(ring)
    known: set[str] = set()
    latest: datetime | None = None
    because = "no index of the twins was named: `--index FILE`, the file that was committed to"
    for path in indexes:
        index, digest = _read(path, ring)
        head = log.since(merkle.leaf_hash(digest))
        if head is None:
            because = f"`{path.name}` is in no signed commitment"
        elif released is not None and head.at >= released:
            because = f"the commitment of {head.at:%Y-%m-%d} is not older than the suspect, of {released:%Y-%m-%d}"
        else:
            known |= set(index.leaves)
            latest = head.at if latest is None else max(latest, head.at)
    everything = list(store.records())
    used = [twin for twin in everything if twin.leaf in known]
    return Committed(
        twins=used, uncommitted=len(everything) - len(used), missing=len(known) - len(used), at=latest,
        because="" if known else because,
    )  # fmt: skip


def _read(path: Path, ring: Ring) -> tuple[Index, bytes]:
    try:
        raw = path.read_bytes()
        index = msgspec.json.decode(raw, type=Index)
    except (OSError, msgspec.DecodeError) as why:
        raise UsageError(f"`{path}` is no index of twins: {why}") from why
    if index.ring != ring.id:
        raise UsageError(f"`{path}` is an index for the keys `{index.ring}`, not `{ring.id}`")
    return index, hashlib.sha256(raw).digest()


def audit(
    found: Committed,
    scores: Mapping[str, Sequence[float]],
    campaigns: Mapping[str, str],
    *,
    suspect: str,
    alpha: float = 1e-3,
    fdr: float = 0.05,
    replies: Replies | None = None,
    survey: Summary | None = None,
) -> TwinsReport:
    """Weigh the committed twins and say what was found.

    Args:
        found: the records.
        scores: what the suspect makes of each sample, by request id.
        campaigns: campaign of each account, by the store's hash of it.
        suspect: what to call the suspect.
        alpha: chance of saying that an innocent suspect was trained on what was served.
        fdr: expected share of wrongly named campaigns.
        replies: what the suspect said, where the scores were made of it; they then count by size, else by rank.
        survey: how asking went, if it was asked.
    """
    whole, *each = weigh_campaigns(found.twins, scores, campaigns, alpha=alpha, fdr=fdr, by_rank=replies is None)
    total = _total(whole, each)
    verdict, because = _verdict(found, whole, total, alpha, replies)
    if survey and survey.stopped:
        because.append(survey.stopped)
        verdict = "undetermined" if verdict == "no_trace" else verdict
    if verdict != "trained_on_served_answers":
        each = [msgspec.structs.replace(report, attributed=False) for report in each]
        whole = msgspec.structs.replace(whole, attributed=False)
    if found.missing:
        because.append(f"{found.missing:,} committed records are no longer in the store")
    return TwinsReport(
        suspect=suspect, verdict=verdict, because=because, ln_e=total, everything=whole,
        campaigns=sorted(each, key=lambda r: (not r.attributed, -r.ln_e)), uncommitted=found.uncommitted,
        missing=found.missing, committed_at=found.at, alpha=alpha, fdr=fdr, limits=LIMITS, survey=survey,
    )  # fmt: skip


def _total(whole: TwinReport, each: Sequence[TwinReport]) -> float:
    """Give the evidence of level 1: half all requests together, half the mean of the campaigns."""
    if not each:
        return whole.ln_e
    return mix([whole.ln_e, mix([report.ln_e for report in each])])


def _verdict(
    found: Committed, whole: TwinReport, total: float, alpha: float, replies: Replies | None
) -> tuple[Verdict, list[str]]:
    if found.because:
        return "void", [found.because]
    if replies is not None and (why := _worthless(found.twins, replies)):
        return "undetermined", [why]
    if whole.used < LEAST_REQUESTS:
        return "undetermined", [f"{whole.used} requests tell their twins apart, {LEAST_REQUESTS} are needed"]
    bits = total / math.log(2)
    if total >= -math.log(alpha):
        return "trained_on_served_answers", [f"the suspect leans to what was served by {bits:.0f} bits"]
    because = [f"the evidence is {bits:.1f} bits, {-math.log2(alpha):.1f} are needed"]
    if replies is not None and (declined := worth.declined(_said(found.twins, replies))):
        return "undetermined", [declined, *because]
    if whole.used < (needed := _needed(alpha)):
        few = f"{whole.used:,} requests are too few to clear it: an effect of {SHARP} is seen in {needed:,}"
        return "undetermined", [few, *because]
    return "no_trace", because


def _needed(alpha: float) -> int:
    """Give the requests in which an effect of `SHARP` is seen in nine of ten audits."""
    normal = NormalDist()
    return math.ceil(((normal.inv_cdf(1 - alpha) + normal.inv_cdf(0.9)) / SHARP) ** 2)


def _said(twins: Sequence[Twin], replies: Replies) -> list[str]:
    return [text for twin in twins for text in replies.get(twin.id, ()) if text.strip()]


def _worthless(twins: Sequence[Twin], replies: Replies) -> str:
    """Say why replies show nothing, whatever their scores; empty when they may."""
    said = _said(twins, replies)
    if why := worth.nothing_said(said):
        return why
    share = habits.common({twin.id: twin.samples for twin in twins}, {"": said})
    noise = f"{share:.1%} of the replies' word pairs stand in any sample: this is noise, or another language"
    return (worth.declined(said) or noise) if share < LEAST_COMMON else ""
