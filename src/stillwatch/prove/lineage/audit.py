"""An audit of lineage: all keys of a ring against one suspect's text, look by look.

Keys that mark in the same way share one plan, so that a thousand keys cost little more than one. Every look adds to
an anytime-valid total (`kit.evalue.Looks`): the auditor may stop as soon as it is decided.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from stillwatch.errors import UsageError
from stillwatch.kit.evalue import Looks, ebh, log_sum_exp
from stillwatch.prove import prf
from stillwatch.prove.ask import worth
from stillwatch.prove.ask.survey import Summary
from stillwatch.prove.keys import commit
from stillwatch.prove.keys.ring import Ring
from stillwatch.prove.keys.tracer import Tracer
from stillwatch.prove.lineage import evidence, report, tally, tokens
from stillwatch.prove.lineage.evidence import Evidence, Plan
from stillwatch.prove.lineage.report import KeyReport, Report, Verdict
from stillwatch.prove.lineage.tally import Reading, Tally
from stillwatch.prove.mark import Mark

LEAST_PAIRS = 500
LEAST_ANSWERS = 20
LEAST_SHARP = 0.5
"""Without a finding: the widest half interval of a lift with which `no_trace` may be said; a mark that a model repeats
word for word has a lift of 2 and more, a twentieth of its text marked gave 0.2 in the lab."""


@dataclass(frozen=True, kw_only=True)
class Levels:
    """Which errors are allowed.

    Attributes:
        alpha: chance of saying that an innocent suspect was trained on our answers.
        fdr: expected share of wrongly named campaigns.
        looks: how many looks are planned.
        decoys: how many decoy keys the best keys are ranked among.
    """

    alpha: float = 1e-3
    fdr: float = 0.05
    looks: int = 1
    decoys: int = 2000


@dataclass(frozen=True, kw_only=True)
class References:
    """What the suspect's text is compared with; none of it may be marked.

    Attributes:
        own: our own unmarked answers.
        others: texts of other models, one list each.
        reading: probabilities of reference models at the suspect's own tokens, for the text as a whole.
        names: what to call them in the report.
    """

    own: Sequence[str] = ()
    others: Sequence[Sequence[str]] = ()
    reading: Reading | None = None
    names: Sequence[str] = ()


@dataclass
class _Standing:
    """A key and how it stands over the looks."""

    tracer: Tracer
    commitment: commit.Standing
    looks: Looks
    last: Evidence | None = None
    sums: list[int] = field(default_factory=list)
    plan: Plan | None = None
    log10_p: float = 0.0
    log10_p_both: float = 0.0

    def take(self, plan: Plan, weighed: Evidence) -> None:
        """Take one look: evidence adds up, p-values pay for the number of looks."""
        self.plan, self.last = plan, weighed
        self.looks.add(weighed.ln_e)
        price = math.log(len(self.looks.weights))
        self.log10_p = min(self.log10_p, (weighed.ln_p + price) / math.log(10))
        self.log10_p_both = min(self.log10_p_both, (weighed.ln_p_both + price) / math.log(10))


@dataclass(frozen=True)
class _Way:
    """What keys must share to share a plan."""

    tokens: str
    mark: Mark
    kind: str


class Audit:
    """All keys of a ring against a growing text.

    Args:
        ring: the keys.
        references: what to compare with.
        levels: which errors are allowed.
        released: when the suspect was released, if known; later commitments do not count.

    Raises:
        UsageError: when the ring has no key.
        SettingsError: when a commitment does not hold, or a tokens file is missing.
    """

    def __init__(self, ring: Ring, references: References, levels: Levels, *, released: datetime | None = None) -> None:
        self._ring, self._references, self._levels = ring, references, levels
        self._log = commit.load(ring)
        tracers = ring.tracers()
        if not tracers:
            raise UsageError(f"no key in `{ring.place}`", hint="make one with `stillwatch tracer make`")
        self._keys = [
            _Standing(t, commit.standing(t, ring, self._log, released=released), Looks.equal(levels.looks))
            for t in tracers
        ]
        self._encoders = {
            spec: tokens.encoder(spec, ring.place / "tokens") for spec in {t.card.tokens for t in tracers}
        }
        self._taken = 0
        self._texts: list[str] = []
        self._tallies: dict[tuple[str, int], Tally] = {}

    @cached_property
    def main_tokens(self) -> str:
        """The kind of tokens that most keys use; text is counted in it."""
        return Counter(k.tracer.card.tokens for k in self._keys).most_common(1)[0][0]

    def count(self, text: str) -> int:
        """Count the tokens of a text."""
        return len(self._encoders[self.main_tokens](text))

    def look(self, texts: Sequence[str]) -> bool:
        """Take the next look, at all of the text so far; returns whether it is decided.

        Raises:
            ValueError: when more looks are taken than were planned.
        """
        self._texts = list(texts)
        self._tallies = {}
        self._taken += 1
        ways: dict[_Way, list[_Standing]] = {}
        for key in self._keys:
            card = key.tracer.card
            ways.setdefault(_Way(card.tokens, card.mark, card.kind), []).append(key)
        for way, members in ways.items():
            self._weigh(way, members)
        return self._decided()

    def _weigh(self, way: _Way, members: Sequence[_Standing]) -> None:
        found = self._tally(way.tokens, way.mark.window)
        plan = Plan.of(found, way.mark, only=self._owned(found, way.kind))
        words = [member.tracer.words(s.epoch) for member in members for s in member.tracer.secrets]
        sums = iter(plan.sums(words).tolist())
        for member in members:
            member.sums = [next(sums) for _ in member.tracer.secrets]
        young = [member for member in members if len(member.sums) == 1]
        each = evidence.weigh_each(plan, np.array([member.sums[0] for member in young], dtype=np.int64))
        for member, weighed in zip(young, each, strict=True):
            member.take(plan, weighed)
        for member in members:
            if len(member.sums) > 1:
                member.take(plan, evidence.weigh_key(plan, member.sums))

    def _tally(self, spec: str, window: int) -> Tally:
        known = self._tallies.get((spec, window))
        if known is None:
            known = self._tallies[spec, window] = self._compare(spec, window)
        return known

    def _compare(self, spec: str, window: int) -> Tally:
        encode, refs = self._encoders[spec], self._references
        suspect = [encode(text) for text in self._texts]
        if refs.reading is not None:
            return tally.read(*tally.pairs(suspect, window), refs.reading, window=window)
        return tally.compare(
            suspect, [encode(t) for t in refs.own], [[encode(t) for t in other] for other in refs.others],
            window=window,
        )  # fmt: skip

    def _owned(self, found: Tally, kind: str) -> NDArray[np.bool_]:
        """Find the pairs whose window belongs to the house key, or to the group keys."""
        lanes = prf.owner_lanes(self._ring.owner(), found.windows, window=found.window).astype(np.int64)
        house = lanes < self._ring.file.house_share
        return house if kind == "house" else ~house

    @property
    def _usable(self) -> list[_Standing]:
        return [key for key in self._keys if key.commitment.committed]

    def _total(self) -> float:
        """Evidence of level 1: that the suspect depends on any usable key."""
        house = [k.looks.ln_e for k in self._usable if k.tracer.card.kind == "house"]
        groups = [k.looks.ln_e for k in self._usable if k.tracer.card.kind == "group"]
        parts = [log_sum_exp(part) - math.log(len(part)) for part in (house, groups) if part]
        return log_sum_exp(parts) - math.log(len(parts)) if parts else -math.inf

    def _found(self) -> set[str]:
        """Name the keys that level 2 attributes."""
        if self._total() < -math.log(self._levels.alpha):
            return set()
        groups = [k for k in self._usable if k.tracer.card.kind == "group"]
        rejected = ebh([k.looks.ln_e for k in groups], self._levels.fdr, log=True)
        named = {k.tracer.card.id for k, hit in zip(groups, rejected, strict=True) if hit}
        houses = [k for k in self._usable if k.tracer.card.kind == "house"]
        return named | {k.tracer.card.id for k in houses if k.looks.ln_e >= -math.log(self._levels.alpha)}

    def _decided(self) -> bool:
        groups = any(k.tracer.card.kind == "group" for k in self._usable)
        named = {k.tracer.card.id: k.tracer.card.kind for k in self._usable if k.tracer.card.id in self._found()}
        return not self._too_little() and (("group" in named.values()) if groups else bool(named))

    def _too_little(self) -> str:
        distinct = len(set(self._texts))
        pairs = max((t.distinct for t in self._tallies.values()), default=0)
        if said := worth.nothing_said(self._texts):
            return said
        if distinct < LEAST_ANSWERS:
            return f"the suspect gave {distinct} different answers, {LEAST_ANSWERS} are needed"
        if pairs < LEAST_PAIRS:
            return (
                worth.declined(self._texts)
                or f"the suspect's text has {pairs} different pairs of words, {LEAST_PAIRS} are needed"
            )
        return ""

    def report(self, *, suspect: str, model: str | None = None, survey: Summary | None = None) -> Report:
        """Say what was found."""
        verdict, because = self._verdict(survey, model)
        found = self._found() if verdict == "trained_on_marked_answers" else set()
        shown = [self._key_report(key, found) for key in self._keys if key.last]
        main = max(self._tallies.values(), key=lambda t: t.written, default=None)
        return Report(
            suspect=suspect,
            model=model,
            verdict=verdict,
            because=because,
            text=report.TextSeen(
                answers=len(self._texts),
                distinct_answers=len(set(self._texts)),
                tokens=main.written if main else 0,
                pairs=main.distinct if main else 0,
            ),
            ln_e=self._total() if self._taken else 0.0,
            error_control=report.ErrorControl(
                alpha=self._levels.alpha, fdr=self._levels.fdr, keys=len(self._keys), looks=self._taken,
                looks_planned=self._levels.looks,
            ),
            house=next((r for r in shown if r.kind == "house"), None),
            campaigns=sorted((r for r in shown if r.kind == "group"), key=lambda r: (not r.attributed, -r.ln_e)),
            references=list(self._references.names),
            reference_shares=[round(s, 6) for s in main.shares] if main else [],
            limits=report.LIMITS,
            survey=survey,
        )  # fmt: skip

    def _verdict(self, survey: Summary | None, model: str | None) -> tuple[Verdict, list[str]]:
        because = [survey.stopped] if survey and survey.stopped else []
        because += _names(survey.models if survey else (), model)
        if survey and not self._texts and survey.outcomes:
            told = ", ".join(f"{count:,} {outcome}" for outcome, count in survey.outcomes.items())
            because.append(f"what became of the questions: {told}")
        uncommitted = [k for k in self._keys if not k.commitment.committed]
        because += [f"key `{k.tracer.card.id}` is void: {k.commitment.because}" for k in uncommitted[:5]]
        if len(uncommitted) > 5:
            because.append(f"{len(uncommitted) - 5} more keys are void for the same kind of reason")
        too_little = self._too_little() if self._taken else "the suspect gave no answer"
        if too_little:
            return "undetermined", [too_little, *because]
        if not self._usable:
            return "void", ["no key was committed to in time, so that nothing follows", *because]
        bits = self._total() / math.log(2)
        if self._found():
            return "trained_on_marked_answers", [f"the text depends on our secret keys by {bits:.0f} bits", *because]
        needed = -math.log2(self._levels.alpha)
        because.insert(0, f"the evidence is {bits:.1f} bits, {needed:.1f} are needed")
        if doubt := self._doubt(uncommitted):
            return "undetermined", [doubt, *because]
        blur = min((key.last.lift_error for key in self._usable if key.last), default=math.inf)
        if blur > LEAST_SHARP:
            because.insert(0, f"the text is too little to clear it: a lift of {blur:.0%} would not show")
            return "undetermined", because
        return ("undetermined" if survey and survey.stopped else "no_trace"), because

    def _doubt(self, uncommitted: Sequence[_Standing]) -> str:
        """Say why a suspect that was not found is not cleared either."""
        if declined := worth.declined(self._texts):
            return declined
        loud = max(uncommitted, key=lambda key: key.looks.ln_e, default=None)
        if loud is not None and loud.looks.ln_e >= -math.log(self._levels.alpha):
            bits = loud.looks.ln_e / math.log(2)
            return f"the void key `{loud.tracer.card.id}` has {bits:.0f} bits: it accuses nobody, and clears nobody"
        return ""

    def _key_report(self, key: _Standing, found: set[str]) -> KeyReport:
        card, last, plan = key.tracer.card, key.last, key.plan
        if last is None or plan is None:
            raise UsageError("no look was taken")
        hit = card.id in found
        ranked = None
        if hit and self._levels.decoys:
            above, p = evidence.decoy_rank(plan, key.sums, self._levels.decoys, seed=len(self._texts))
            ranked = report.Decoys(count=self._levels.decoys, above=above, p=p)
        paths = []
        if key.commitment.committed:
            paths = [self._log.proof(key.tracer.leaf(s, self._ring.id)) for s in key.tracer.secrets]
        return KeyReport(
            key=card.id, kind=card.kind, group=card.group, attributed=hit,
            void="" if key.commitment.committed else key.commitment.because,
            ln_e=key.looks.ln_e, bits=key.looks.ln_e / math.log(2),
            p=10.0**key.log10_p,
            log10_p=key.log10_p,
            p_both=10.0**key.log10_p_both,
            direction="neutralised" if last.deficit else "inherited",
            lift=last.lift, lift_interval=(last.lift - last.lift_error, last.lift + last.lift_error),
            sigmas=last.sigmas, pairs=int((plan.weights != 0).any(axis=0).sum()), epochs=len(key.tracer.secrets),
            revoked=card.revoked is not None, commitment=key.commitment, inclusion=paths, decoys=ranked,
        )  # fmt: skip


def _names(given: Sequence[str], asked: str | None) -> list[str]:
    """Say when an endpoint calls itself more than one name, or another than it was asked for; a date may be added."""
    if len(given) > 1:
        return [f"the endpoint gave itself {len(given)} names: {', '.join(given)}"]
    if asked and given and not given[0].startswith(asked) and not given[0].endswith(asked):
        return [f"the endpoint was asked for `{asked}` and called itself `{given[0]}`"]
    return []
