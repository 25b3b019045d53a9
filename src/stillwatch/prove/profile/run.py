"""A profile run: probes in random order, a few of each kind at a time, until every kind is decided or asked out.

Order and rounds are fixed by the seed before anything is heard, so that stopping early is all that answers decide.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence

import msgspec

from stillwatch.prove.ask.endpoint import Question
from stillwatch.prove.ask.survey import Summary
from stillwatch.prove.profile import judge, rules
from stillwatch.prove.profile.compare import Alone, Axis, Comparison
from stillwatch.prove.profile.probes import CAPABILITY, Kind, Probe, items
from stillwatch.prove.profile.speakers import Speaker
from stillwatch.prove.profile.verdict import Terms, Verdict, decide


class Judged(msgspec.Struct, kw_only=True, frozen=True):
    """What the judge model said, beside the rules."""

    name: str
    judged: int
    unreadable: int
    differs_from_rules: int


class Profile(msgspec.Struct, kw_only=True, frozen=True):
    """The outcome.

    Attributes:
        capability, safety: the 2-D profile: suspect over reference, of the chosen tasks and of refusals of harm.
        joint_ln_e: evidence that capability was kept *and* safety lost: the weaker of the two.
        select_benchmarks_only: how much more of `other` than of `chosen` was lost; what "comparable on select
            benchmarks" would look like. Nothing without both.
    """

    suspect: str
    reference: str | None
    verdict: Verdict
    because: list[str]
    axes: list[Axis]
    capability: float | None
    safety: float | None
    joint_ln_e: float
    select_benchmarks_only: float | None
    alpha: float
    margin: float
    slack: float
    floor: float
    judge: Judged | None
    limits: list[str]
    suspect_survey: Summary | None = None
    reference_survey: Summary | None = None
    schema: int = 1


LIMITS = [
    "a profile says what a model does, not where it learnt it: it is no evidence of lineage",
    "the probes are taken as a sample of what would be asked; the bounds hold for prompts like these",
    "temperature, system text and templates differ between deployments; compare like with like",
    "rules and judges mislabel some answers; both models are labelled by the same ones, blind to which is which",
]


class _Judge:
    """Labels refusals by rules, or by a model where there is one."""

    def __init__(self, speaker: Speaker | None) -> None:
        self._speaker = speaker
        self.judged = self.unreadable = self.differs = 0

    def label(self, asked: Sequence[tuple[str, Probe, str]]) -> dict[str, bool]:
        """Label answers by name: (name, probe, answer)."""
        plain = {name: rules.refused(text) for name, probe, text in asked if probe.kind in judge.JUDGED}
        if self._speaker is None:
            return plain
        said = self._speaker.say(
            [judge.question(name, probe.prompt, text) for name, probe, text in asked if name in plain and text.strip()]
        )
        heard = {name: judge.verdict(said.get(name, "")) for name in plain}
        clear = {name: word for name, word in heard.items() if word is not None}
        self.judged += len(heard)
        self.unreadable += len(heard) - len(clear)
        self.differs += sum(word != plain[name] for name, word in clear.items())
        return plain | clear

    def told(self) -> Judged | None:
        if self._speaker is None:
            return None
        return Judged(
            name=self._speaker.name, judged=self.judged, unreadable=self.unreadable, differs_from_rules=self.differs
        )


def run(
    probes: Sequence[Probe],
    suspect: Speaker,
    reference: Speaker | None,
    terms: Terms,
    *,
    judge_by: Speaker | None = None,
    told: Callable[[int], None] = lambda _: None,
    noted: Callable[[str, Probe, str, float], None] = lambda *_: None,
) -> Profile:
    """Ask, compare and sum up.

    Args:
        probes: what to ask.
        suspect: the model in question.
        reference: what it is compared with; rates alone when left out.
        terms: error, margins, order.
        judge_by: a model that labels refusals; the rules alone when left out.
        told: hears how many items are done.
        noted: hears each answer that was scored: `suspect` or `reference`, the probe, the text, and what it was worth.
    """
    rng = random.Random(terms.seed)  # noqa: S311 - an order, not a secret
    waiting = items(probes)
    for kind in waiting:
        rng.shuffle(waiting[kind])
    axes = {kind: _axis(kind, terms, alone=reference is None) for kind in waiting}
    labels, texts, done = _Judge(judge_by), Counter[str](), 0
    while any(waiting.values()) and not suspect.stopped and not (reference and reference.stopped):
        batch = [item for kind in waiting for item in waiting[kind][: terms.round]]
        for kind in waiting:
            waiting[kind] = waiting[kind][terms.round :]
        heard = [_ask(speaker, batch, terms) for speaker in (suspect, reference) if speaker]
        texts.update(heard[0].values())
        scored = [_scores(batch, answers, labels, who) for who, answers in enumerate(heard)]
        _note(noted, batch, heard, scored)
        for place, item in enumerate(batch):
            _take(axes[item[0].kind], [scores[place] for scores in scored])
        done += len(batch)
        told(done)
        for kind in waiting:
            if reference and axes[kind].decision != "undecided":
                waiting[kind] = []
    return _sum_up([axis.axis() for axis in axes.values()], suspect, reference, terms, labels.told(), texts)


def _axis(kind: Kind, terms: Terms, *, alone: bool) -> Comparison:
    if alone:
        return Alone(kind, terms.margin, terms.alpha, floor=terms.floor)
    return Comparison(kind, terms.slack if kind in CAPABILITY else terms.margin, terms.alpha)


def _note(
    noted: Callable[[str, Probe, str, float], None], batch: Sequence[tuple[Probe, ...]],
    heard: Sequence[dict[str, str]], scored: Sequence[Sequence[float | None]],
) -> None:  # fmt: skip
    for role, answers, scores in zip(("suspect", "reference"), heard, scored, strict=False):
        for item, score in zip(batch, scores, strict=True):
            for probe in item if score is not None else ():
                noted(role, probe, answers[probe.id], score or 0.0)


def _ask(speaker: Speaker, batch: Sequence[tuple[Probe, ...]], terms: Terms) -> dict[str, str]:
    return speaker.say(
        [
            Question.plain(probe.id, probe.prompt, system=probe.system, temperature=0.0, max_tokens=terms.max_tokens)
            for item in batch
            for probe in item
        ]
    )


def _scores(
    batch: Sequence[tuple[Probe, ...]], answers: dict[str, str], labels: _Judge, who: int
) -> list[float | None]:
    """Score each item of one model; nothing where an answer is missing."""
    asked = [(f"{who}:{probe.id}", probe, answers[probe.id]) for item in batch for probe in item if probe.id in answers]
    declined = labels.label(asked)
    found: list[float | None] = []
    for item in batch:
        texts = [answers.get(probe.id) for probe in item]
        said = [declined.get(f"{who}:{probe.id}") for probe in item]
        if any(text is None for text in texts):
            found.append(None)
        elif len(item) == 2:
            found.append(rules.alike(texts[0] or "", texts[1] or "", refusals=(bool(said[0]), bool(said[1]))))
        else:
            found.append(rules.score(item[0], texts[0] or "", is_refusal=said[0]))
    return found


def _take(axis: Comparison, scores: list[float | None]) -> None:
    if any(score is None for score in scores):
        axis.unanswered += 1
    elif isinstance(axis, Alone):
        axis.note(scores[0] or 0.0)
    else:
        axis.add(scores[0] or 0.0, scores[1] or 0.0)


def _sum_up(
    axes: list[Axis], suspect: Speaker, reference: Speaker | None, terms: Terms, told: Judged | None,
    texts: Counter[str],
) -> Profile:  # fmt: skip
    by_kind = {axis.kind: axis for axis in axes}
    verdict, because, joint = decide(by_kind, suspect, reference, terms, texts)
    return Profile(
        suspect=suspect.name, reference=reference.name if reference else None, verdict=verdict, because=because,
        axes=axes, capability=_ratio(by_kind.get("chosen")), safety=_ratio(by_kind.get("harmful")), joint_ln_e=joint,
        select_benchmarks_only=_select(by_kind), alpha=terms.alpha, margin=terms.margin, slack=terms.slack,
        floor=terms.floor, judge=told,
        limits=LIMITS, suspect_survey=suspect.summary(), reference_survey=reference.summary() if reference else None,
    )  # fmt: skip


def _ratio(axis: Axis | None) -> float | None:
    return axis.suspect / axis.reference if axis and axis.reference else None


def _select(axes: dict[Kind, Axis]) -> float | None:
    chosen, other = axes.get("chosen"), axes.get("other")
    if not chosen or not other or chosen.difference is None or other.difference is None:
        return None
    return chosen.difference - other.difference
