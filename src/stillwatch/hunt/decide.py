"""Decide: from settled groups and large streams to findings, cleared and undecided."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt

from stillwatch.hunt.join import Joined
from stillwatch.hunt.licences import Use
from stillwatch.hunt.weigh import Weighed
from stillwatch.judge import axes, intent, readings
from stillwatch.judge.examine import PEERS, Told
from stillwatch.judge.gather import Settled
from stillwatch.judge.intent import Read
from stillwatch.judge.look import LEAST, TIE_BITS
from stillwatch.judge.open import stands_out
from stillwatch.judge.pointed import vouched
from stillwatch.judge.traits import Traits
from stillwatch.model.case import Axis, Evidence, Explanation, Finding
from stillwatch.model.items import Meeting, deficit_bits, meetings
from stillwatch.model.traces import Streams, Traces

STREAM_SHARE: Final = 0.25
"""A family of a group that shows intent belongs to the extraction when it scores this share of the best one, or when it
is of the same kind (volume set aside) by this score."""
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
    beyond: int | None = None


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


def decide(traces: Traces, joined: Joined, weighed: Weighed, uses: Sequence[Use]) -> Decided:
    """Judge every settled group, the largest first; then single owners in the open, and grants."""
    out = Decided()
    traits = Traits(traces)
    for number in sorted(range(len(joined.settled)), key=lambda n: -len(joined.settled[n].members)):
        _group(traces, joined, weighed, traits, number, out)
    _pointed_at(traces, joined, out)
    _open(traces, weighed, out)
    _licensed(traces, uses, out)
    return out


def _pointed_at(traces: Traces, joined: Joined, out: Decided) -> None:
    """Leave undecided, for a person, what peers point at and what holds together without being a group."""
    for one in joined.thin:
        few = len(one.members) < LEAST
        out.undecided.append(
            Examined(
                accounts=traces.crowd.accounts_of(one.members),
                because="",
                explanation="",
                missing=(f"{LEAST} owners (there are {len(one.members)})" if few else "ties in one piece")
                + f": {one.told.label} points at them, and most are tied by {', '.join(one.tied[:3]) or 'no one view'}",
            )
        )


_IN_THE_OPEN = Axis(bits=0.0, because=["one customer under its own name: nothing is hidden"])


def _open(traces: Traces, weighed: Weighed, out: Decided) -> None:
    """Name single owners whose streams are whole signatures of extraction; a grant covers its holder."""
    taken = traces.crowd.declared.copy()
    for draft in out.drafts:
        taken[traces.crowd.owner[draft.accounts]] = True
    held: dict[int, list[int]] = {}
    for owner, family in weighed.singles.open:
        if not taken[owner]:
            held.setdefault(owner, []).append(family)
    for owner, every in held.items():
        read = {family: weighed.singles.open[owner, family] for family in every}
        sent = {family: weighed.singles.sent[owner, family] for family in every}
        families = stands_out(read, sent, weighed.singles.among[owner], partial(weighed.driven, owner))
        if not families:
            continue
        reads = {family: weighed.singles.open[owner, family] for family in families}
        best = max(reads.values(), key=lambda read: read.bits)
        accounts = traces.crowd.accounts_of(np.array([owner], np.int32))
        out.drafts.append(
            Draft(
                finding="open_extraction",
                accounts=_carriers(traces.streams, accounts, families) if traces.streams else accounts,
                families=families,
                deception=_IN_THE_OPEN,
                intent=Axis(bits=round(best.bits, 1), because=[best.because], passed=True),
                evidence=[*_intent_evidence(list(reads.values())), _pace(weighed.filled(owner, families))],
                explanations=[],
                shown=families,
                kinds={family: read.kinds for family, read in reads.items()},
                targets=_targets(list(reads.values())),
            )
        )


def _pace(filled: float) -> Evidence:
    """Say when one customer's requests come; it weighs nothing by itself."""
    return Evidence(
        view="rhythm", axis="intent", bits=0.0, counted=False,
        because=f"its requests fill {filled:.0%} of the five-minute moments that as many independent ones would fill",
        innocent_reading="a nightly batch job, or people of one office and time zone",
    )  # fmt: skip


def _licensed(traces: Traces, uses: Sequence[Use], out: Decided) -> None:
    """Tell of every grant that is used whether its holder kept to it."""
    for use in uses:
        grant = use.grant
        told = f"grant {grant.id} of {grant.holder}: {use.within + use.carried:,} answered exchanges inside its terms"
        told += f" of {grant.exchanges:,}" if grant.exchanges else " (no cap)"
        told += f", {use.outside:,} outside" if use.outside else ""
        if use.beyond == 0:
            out.cleared.append(Examined(accounts=use.accounts, because=told, explanation="a grant"))
            continue
        families = sorted(
            {int(family) for family in traces.streams.family[np.isin(traces.streams.account, use.accounts)]} - {0}
        ) if traces.streams else []  # fmt: skip
        out.drafts.append(
            Draft(
                finding="grant_exceeded",
                accounts=use.accounts,
                families=[],
                deception=_IN_THE_OPEN,
                intent=Axis(bits=0.0, because=["a licensed use; what goes beyond it is counted, not guessed"]),
                evidence=[
                    Evidence(
                        view="grant", axis="scale", bits=0.0, because=told,
                        innocent_reading="a holder who did not notice that the cap or the term had ended",
                    )
                ],
                explanations=[],
                shown=families[:8],
                grant=grant.id,
                beyond=use.beyond,
            )
        )  # fmt: skip


def _targets(reads: Sequence[Read]) -> list[str]:
    return list(dict.fromkeys(intent.KINDS[kind].target for read in reads for kind in read.kinds))


def _group(traces: Traces, joined: Joined, weighed: Weighed, traits: Traits, number: int, out: Decided) -> None:
    group = joined.settled[number]
    accounts = traces.crowd.accounts_of(group.members)
    shares = traits.of(group.members, group.ties, group.weights)
    told = readings.weigh(shares, len(group.members), traits.usual)
    peer = vouched(group.members, joined.proposals.told, joined.grouped)
    hidden = axes.deception(group.total, told, shares, len(group.members), vouched=peer.label if peer else "")
    if not hidden.axis.passed:
        _innocent(accounts, hidden, shares, out, peer)
        return
    own = [one.family for one in weighed.own[number]]
    reads = {family: weighed.streams[number, family] for family in own}
    network = Draft(
        finding="account_network",
        accounts=accounts,
        families=[],
        deception=hidden.axis,
        intent=axes.intent(
            list(reads.values()),
            weighed.pools.get(number),
            weighed.wholes.get(number),
            sizes=[one.exchanges for one in weighed.own[number]],
        ),
        evidence=_evidence(joined, group),
        explanations=_explanations(told, hidden, shares),
        shown=own[:8],
        kinds={family: reads[family].kinds for family in own},
    )
    divided = [] if network.intent.passed else _divided(joined, group)
    if not (network.intent.passed or divided):
        out.drafts.append(network)
        return
    if divided:
        network.intent = axes.divided(divided)
        out.drafts.append(_of_one_list(traces, network, [one.family for one in divided]))
        return
    campaign = _campaign(traces, network, reads, weighed.pools.get(number), weighed.wholes.get(number))
    if len(campaign.accounts) < len(accounts):
        network.intent = Axis(bits=0.0, because=["see the campaign inside it"])
        campaign.part_of = len(out.drafts)
        out.drafts.append(network)
    out.drafts.append(campaign)


def _divided(joined: Joined, group: Settled) -> list[Meeting]:
    """Find the frames in which the group goes through one list with many hands."""
    if joined.closely is None or group.weights.get("shards", 0.0) < axes.DIVIDED_BITS:
        return []
    frames = meetings(joined.closely, group.members)
    return [one for one in frames if deficit_bits(one.met, one.expected) >= axes.FRAME_BITS]


def _of_one_list(traces: Traces, network: Draft, families: list[int]) -> Draft:
    """Make the campaign of a network that divides one list: the frames of the list, and who carries them."""
    assert traces.streams is not None  # noqa: S101 - the corridor made them
    return replace(
        network,
        finding="distillation_campaign",
        accounts=_carriers(traces.streams, network.accounts, families),
        families=families,
        shown=families,
        kinds={family: ["divided"] for family in families},
        targets=[intent.KINDS["divided"].target],
    )


def _innocent(
    accounts: npt.NDArray[np.int64], hidden: axes.Deception, shares: dict[str, float], out: Decided, peer: Told | None
) -> None:
    """Clear a group or leave it undecided; what a peer told of is for a person to look at, and never cleared alone."""
    spot = Examined(
        accounts=accounts,
        because=f"{hidden.honest.reading.says}: " + "; ".join(hidden.honest.because(hidden.hidden, shares)),
        explanation=hidden.honest.reading.name,
    )
    if peer is not None and hidden.margin <= 0:
        spot.missing = f"a person's look: {peer.label} found its template in a campaign; here, {spot.because}"
        out.undecided.append(spot)
    elif hidden.margin <= 0 or not any(shares.get(trait, 0.0) for trait in readings.HARD):
        out.cleared.append(spot)
    else:
        spot.missing = "hard evidence of one hand; " + "; ".join(hidden.axis.because)
        out.undecided.append(spot)


def _campaign(traces: Traces, network: Draft, reads: dict[int, Read], pool: Read | None, whole: Read | None) -> Draft:
    """Make the campaign inside a network: the families that look like extraction, and who carries them.

    Where it is the group's whole traffic that looks like it, all of it is attributed.
    """
    assert traces.streams is not None  # noqa: S101 - the corridor made them
    best = max((read.score for read in reads.values()), default=0.0)
    most = max((read.bits for read in reads.values()), default=0.0)
    entire = whole if whole is not None and whole.score > best and whole.bits >= most else None
    kinds = {kind for read in (pool, *reads.values()) if read and read.score >= 0.5 * best for kind in read.kinds[:1]}
    families = [] if entire else [f for f, read in reads.items() if _of_kind(read, kinds, best)]
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
        targets=_targets(told),
    )


def _explanations(
    weighed: Sequence[readings.Weighed], hidden: axes.Deception, shares: dict[str, float]
) -> list[Explanation]:
    """Show every hidden reading against the best honest one, and every honest one against the best hidden one."""
    told = []
    for one in weighed:
        guilty = one.reading.side == readings.HIDDEN
        accuser, other = (one, hidden.honest) if guilty else (hidden.hidden, one)
        bits, because = accuser.against(other), accuser.because(other, shares, sign=1 if guilty else -1)
        told.append(Explanation(name=one.reading.name, bits=round(bits if guilty else -bits, 1), because=because))
    return sorted(told, key=lambda one: -one.bits)


def _of_kind(read: Read, kinds: set[str], best: float) -> bool:
    return read.score >= max(STREAM_SHARE * best, 1e-6) or any(
        read.alike.get(kind, 0.0) >= STREAM_SHARE for kind in kinds
    )


def _carriers(streams: Streams, accounts: npt.NDArray[np.int64], families: Sequence[int]) -> npt.NDArray[np.int64]:
    there = np.isin(streams.family, families)
    return np.intersect1d(accounts, streams.account[there])


def _evidence(joined: Joined, group: Settled) -> list[Evidence]:
    """Show what each view sees in the group: bits, sentence, innocent reading.

    A late view confirms; it had no part in the error control, nor had the view that proposed the group.
    """
    shown = []
    for name, look in joined.looks.items():
        late, bits = look.view.LATE, group.weights[name]
        tied = float((group.ties[name] >= TIE_BITS).mean())
        if bits < 1.0 and tied < 0.1:
            continue
        proposed = name in joined.proposals.aside(group.seed)
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
    return [*sorted(shown, key=lambda one: -one.bits), *_told(joined, group)]


def _told(joined: Joined, group: Settled) -> list[Evidence]:
    """Say which peers pointed at the group, and what that changed; it weighs nothing."""
    proposed = joined.proposals.told_by(group.seed)
    held: dict[str, tuple[int, int]] = {}
    for told in joined.proposals.told:
        inside = int(np.isin(told.members, group.members).sum())
        if inside >= 2:
            held[told.label] = max(held.get(told.label, (0, 0)), (inside, len(told.members)))
    return [
        Evidence(
            view=PEERS, axis="deception", bits=0.0, innocent_reading="a peer may be wrong, or mean somebody else",
            because=f"{label} points at {of} owners, of whom {inside} are in the group"
            f"{_changed(label, proposed, group)} (a lead; not counted)",
        )
        for label, (inside, of) in sorted(held.items())
    ]  # fmt: skip


def _changed(label: str, proposed: Told | None, group: Settled) -> str:
    told = ", and proposed it" if proposed is not None and proposed.label == label else ""
    if label in group.let_in:
        told += f"; {len(group.let_in[label])} of them were looked at for that, and have two ties of this log's own"
    return told


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


PREFIX: Final = {
    "distillation_campaign": "cam", "account_network": "net", "open_extraction": "open", "grant_exceeded": "grant",
}  # fmt: skip


def entry_id(finding: str, accounts: Sequence[str]) -> str:
    """Name an entry by who is in it."""
    digest = hashlib.blake2b("\n".join([finding, *sorted(accounts)]).encode(), digest_size=5)
    return f"{PREFIX[finding]}-{digest.hexdigest()}"
