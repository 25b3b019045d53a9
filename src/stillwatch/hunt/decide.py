"""Decide: from settled groups and large streams to findings, cleared and undecided."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from stillwatch.hunt.join import Joined
from stillwatch.judge import axes, intent, readings
from stillwatch.judge.groups import Settled
from stillwatch.judge.intent import Read
from stillwatch.judge.streams import Enriched, enriched
from stillwatch.judge.traits import Traits
from stillwatch.model.case import Axis, Evidence, Explanation, Finding
from stillwatch.model.traces import Families, Streams, Traces

STREAM_BITS: Final = 2.0
"""Bits from which a family of a group that shows intent belongs to the extraction."""
ATLAS: Final[dict[str, list[str]]] = {
    "distillation_campaign": ["AML.T0024.002", "AML.T0040", "AML.T0021", "AML.T0065"],
    "account_network": ["AML.T0008.005", "AML.T0021", "AML.T0040"],
    "open_extraction": ["AML.T0024.002", "AML.T0040"],
    "grant_exceeded": ["AML.T0040"],
}


@dataclass(slots=True, kw_only=True)
class Draft:
    """An entry before its exchanges are counted."""

    finding: Finding
    accounts: npt.NDArray[np.int64]
    families: list[int]
    """Families whose exchanges are attributed; empty: all exchanges are counted and none attributed."""
    deception: Axis
    intent: Axis
    evidence: list[Evidence]
    explanations: list[Explanation]
    shown: list[int] = field(default_factory=list)
    kinds: dict[int, list[str]] = field(default_factory=dict)
    targets: list[str] = field(default_factory=list)
    part_of: int | None = None
    grant: str | None = None


@dataclass(slots=True, kw_only=True)
class Examined:
    """A group that was looked at and is no finding."""

    accounts: npt.NDArray[np.int64]
    because: str
    explanation: str
    missing: str = ""


@dataclass(slots=True, kw_only=True)
class Decided:
    """What came of everything that was looked at."""

    drafts: list[Draft] = field(default_factory=list)
    cleared: list[Examined] = field(default_factory=list)
    undecided: list[Examined] = field(default_factory=list)


def decide(traces: Traces, joined: Joined, families: Families, reads: dict[int, Read]) -> Decided:
    """Judge every settled group."""
    out = Decided()
    traits = Traits(traces)
    for group in sorted(joined.settled, key=lambda one: -len(one.members)):
        _group(traces, joined, families, reads, traits, group, out)
    return out


def owned(traces: Traces, joined: Joined, families: Families) -> list[list[Enriched]]:
    """Find the families that belong to each settled group."""
    assert traces.streams is not None  # noqa: S101 - the corridor made them
    return [
        enriched(group.members, traces.streams, traces.crowd.owner, traces.crowd.owners, families)
        for group in joined.settled
    ]


def _group(
    traces: Traces, joined: Joined, families: Families, reads: dict[int, Read], traits: Traits, group: Settled,
    out: Decided,
) -> None:  # fmt: skip
    assert traces.streams is not None  # noqa: S101
    crowd = traces.crowd
    accounts = crowd.accounts_of(group.members)
    shares = traits.of(group.members, group.ties)
    weighed = readings.weigh(shares, len(group.members), traits.usual)
    hidden = axes.deception(float(joined.proposals.total[group.seed]), weighed, shares, len(group.members))
    told = _explanations(weighed, hidden, shares)
    if not hidden.axis.passed:
        spot = Examined(
            accounts=accounts,
            because=f"{hidden.honest.reading.says}: " + "; ".join(hidden.honest.because(hidden.hidden, shares)),
            explanation=hidden.honest.reading.name,
        )
        if hidden.margin <= 0 or not any(shares.get(trait, 0.0) for trait in readings.HARD):
            out.cleared.append(spot)
        else:
            spot.missing = "hard evidence of one hand; " + "; ".join(hidden.axis.because)
            out.undecided.append(spot)
        return
    own = enriched(group.members, traces.streams, crowd.owner, crowd.owners, families)
    seen = [one for one in own if one.family in reads]
    wanted = axes.intent([reads[one.family] for one in seen])
    evidence = _evidence(joined, group)
    network = Draft(
        finding="account_network", accounts=accounts, families=[], deception=hidden.axis, intent=wanted,
        evidence=evidence, explanations=told, shown=[one.family for one in own[:8]],
        kinds={one.family: reads[one.family].kinds for one in seen},
    )  # fmt: skip
    if not wanted.passed:
        out.drafts.append(network)
        return
    extraction = [one.family for one in seen if reads[one.family].bits >= STREAM_BITS and reads[one.family].kinds]
    carrying = _carriers(traces.streams, accounts, extraction)
    kinds = [kind for family in extraction for kind in reads[family].kinds]
    campaign = Draft(
        finding="distillation_campaign", accounts=carrying, families=extraction, deception=hidden.axis,
        intent=wanted, evidence=[*evidence, *_intent_evidence(extraction, reads)], explanations=told,
        shown=extraction, kinds={family: reads[family].kinds for family in extraction},
        targets=list(dict.fromkeys(intent.KINDS[kind].target for kind in kinds)),
    )  # fmt: skip
    if len(carrying) < len(accounts):
        network.intent = Axis(bits=0.0, because=["see the campaign inside it"])
        campaign.part_of = len(out.drafts)
        out.drafts.append(network)
    out.drafts.append(campaign)


def _explanations(
    weighed: Sequence[readings.Weighed], hidden: axes.Deception, shares: dict[str, float]
) -> list[Explanation]:
    """Show every reading against the best hidden one (that one against its strongest rival)."""
    told = []
    for one in weighed:
        rival = hidden.honest if one is hidden.hidden else hidden.hidden
        told.append(
            Explanation(name=one.reading.name, bits=round(one.against(rival), 1), because=one.because(rival, shares))
        )
    return sorted(told, key=lambda one: -one.bits)


def _carriers(streams: Streams, accounts: npt.NDArray[np.int64], families: Sequence[int]) -> npt.NDArray[np.int64]:
    there = np.isin(streams.family, families)
    return np.intersect1d(accounts, streams.account[there])


def _evidence(joined: Joined, group: Settled) -> list[Evidence]:
    """Show what each view sees in the group: bits as they passed the error control, sentence, innocent reading."""
    shown = []
    for name, look in joined.looks.items():
        bits = min(float(joined.proposals.bits[name][group.seed]), look.view.CAP)
        tied = float((group.ties[name] >= 2.0).mean())
        if bits < 1.0 and tied < 0.1:
            continue
        proposed = joined.proposals.by[group.seed] == name and bits <= 0.0
        shown.append(
            Evidence(
                view=name, axis="deception", bits=round(bits, 1),
                because=look.sight.because(group.members) + (" (proposed the group; not counted)" if proposed else ""),
                innocent_reading=look.view.INNOCENT,
            )
        )  # fmt: skip
    return sorted(shown, key=lambda one: -one.bits)


def _intent_evidence(families: Sequence[int], reads: dict[int, Read]) -> list[Evidence]:
    return [
        Evidence(
            view="intent", axis="intent", bits=round(reads[family].bits, 1), because=reads[family].because,
            innocent_reading="a tutor, an evaluation, a batch job or a product that works in the same way",
        )
        for family in sorted(families, key=lambda f: -reads[f].bits)[:4]
    ]  # fmt: skip


def entry_id(finding: str, accounts: Sequence[str]) -> str:
    """Name an entry by who is in it."""
    digest = hashlib.blake2b("\n".join([finding, *sorted(accounts)]).encode(), digest_size=5)
    return f"{'net' if finding == 'account_network' else 'cam'}-{digest.hexdigest()}"
