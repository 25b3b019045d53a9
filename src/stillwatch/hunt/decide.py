"""Decide: from settled groups and large streams to findings, cleared and undecided."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from stillwatch.hunt.join import Joined
from stillwatch.hunt.weigh import Weighed
from stillwatch.judge import axes, intent, readings
from stillwatch.judge.groups import TIE_BITS, Settled
from stillwatch.judge.intent import Read
from stillwatch.judge.traits import Traits
from stillwatch.model.case import Axis, Evidence, Explanation, Finding
from stillwatch.model.traces import Streams, Traces

STREAM_SHARE: Final = 0.25
"""A family of a group that shows intent belongs to the extraction when it scores this share of the best one."""
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


def decide(traces: Traces, joined: Joined, weighed: Weighed) -> Decided:
    """Judge every settled group, the largest first."""
    out = Decided()
    traits = Traits(traces)
    for number in sorted(range(len(joined.settled)), key=lambda n: -len(joined.settled[n].members)):
        _group(traces, joined, weighed, traits, number, out)
    return out


def _group(traces: Traces, joined: Joined, weighed: Weighed, traits: Traits, number: int, out: Decided) -> None:
    group = joined.settled[number]
    accounts = traces.crowd.accounts_of(group.members)
    shares = traits.of(group.members, group.ties, group.late)
    told = readings.weigh(shares, len(group.members), traits.usual)
    hidden = axes.deception(float(joined.proposals.total[group.seed]), told, shares, len(group.members))
    if not hidden.axis.passed:
        _innocent(accounts, hidden, shares, out)
        return
    own = [one.family for one in weighed.own[number]]
    reads = {family: weighed.streams[number, family] for family in own}
    network = Draft(
        finding="account_network",
        accounts=accounts,
        families=[],
        deception=hidden.axis,
        intent=axes.intent(list(reads.values()), weighed.pools.get(number), weighed.wholes.get(number)),
        evidence=_evidence(joined, group),
        explanations=_explanations(told, hidden, shares),
        shown=own[:8],
        kinds={family: reads[family].kinds for family in own},
    )
    if not network.intent.passed:
        out.drafts.append(network)
        return
    campaign = _campaign(traces, network, reads, weighed.wholes.get(number))
    if len(campaign.accounts) < len(accounts):
        network.intent = Axis(bits=0.0, because=["see the campaign inside it"])
        campaign.part_of = len(out.drafts)
        out.drafts.append(network)
    out.drafts.append(campaign)


def _innocent(accounts: npt.NDArray[np.int64], hidden: axes.Deception, shares: dict[str, float], out: Decided) -> None:
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


def _campaign(traces: Traces, network: Draft, reads: dict[int, Read], whole: Read | None) -> Draft:
    """Make the campaign inside a network: the families that look like extraction, and who carries them.

    Where it is the group's whole traffic that looks like it, all of it is attributed.
    """
    assert traces.streams is not None  # noqa: S101 - the corridor made them
    best = max((read.score for read in reads.values()), default=0.0)
    most = max((read.bits for read in reads.values()), default=0.0)
    entire = whole if whole is not None and whole.score > best and whole.bits >= most else None
    families = [] if entire else [f for f, read in reads.items() if read.score >= max(STREAM_SHARE * best, 1e-6)]
    shown = {family: reads[family] for family in families}
    told = [entire] if entire else list(shown.values())
    return Draft(
        finding="distillation_campaign",
        accounts=network.accounts if entire else _carriers(traces.streams, network.accounts, families),
        families=families,
        deception=network.deception,
        intent=network.intent,
        evidence=[*network.evidence, *_intent_evidence(told)],
        explanations=network.explanations,
        shown=families or network.shown,
        kinds={family: read.kinds for family, read in shown.items()},
        targets=list(dict.fromkeys(intent.KINDS[kind].target for read in told for kind in read.kinds)),
    )


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
    """Show what each view sees in the group: bits as they passed the error control, sentence, innocent reading.

    A late view confirms: its bits are of the settled group, and had no part in the error control.
    """
    shown = []
    for name, look in joined.looks.items():
        late = look.view.LATE
        bits = min(group.late[name] if late else float(joined.proposals.bits[name][group.seed]), look.view.CAP)
        tied = float((group.ties[name] >= TIE_BITS).mean())
        if bits < 1.0 and tied < 0.1:
            continue
        proposed = not late and joined.proposals.by[group.seed] == name and bits <= 0.0
        note = " (confirms; not counted)" if late else " (proposed the group; not counted)" if proposed else ""
        shown.append(
            Evidence(
                view=name,
                axis="deception",
                bits=round(bits, 1),
                because=look.sight.because(group.members) + note,
                innocent_reading=look.view.INNOCENT,
            )
        )
    return sorted(shown, key=lambda one: -one.bits)


def _intent_evidence(reads: Sequence[Read]) -> list[Evidence]:
    return [
        Evidence(
            view="intent",
            axis="intent",
            bits=round(read.bits, 1),
            because=read.because,
            innocent_reading="a tutor, an evaluation, a batch job or a product that works in the same way",
        )
        for read in sorted(reads, key=lambda one: -one.bits)[:4]
    ]


def entry_id(finding: str, accounts: Sequence[str]) -> str:
    """Name an entry by who is in it."""
    digest = hashlib.blake2b("\n".join([finding, *sorted(accounts)]).encode(), digest_size=5)
    return f"{'net' if finding == 'account_network' else 'cam'}-{digest.hexdigest()}"
