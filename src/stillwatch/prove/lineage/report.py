"""What an audit of lineage says: numbers, each with its standing, and one verdict with its reasons.

No secret of a key is in here: only its name, its commitment, and what it scored.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from stillwatch.prove.ask.survey import Summary
from stillwatch.prove.keys.commit import Standing

Verdict = Literal["trained_on_marked_answers", "no_trace", "undetermined", "void"]


class Decoys(msgspec.Struct, kw_only=True, frozen=True):
    """The independent check: how many keys that nobody used scored at least as much."""

    count: int
    above: int
    p: float


class KeyReport(msgspec.Struct, kw_only=True, frozen=True):
    """What one key scored.

    Attributes:
        attributed: whether it is among the findings, error control over all keys included.
        void: why its score may not be used; empty when it may.
        ln_e: evidence, natural logarithm; `bits` is the same to base 2.
        p, log10_p: exact p-value that green is too frequent; anytime-valid over the looks.
        p_both: the same for a deviation either way.
        direction: `inherited`, or `neutralised` when green is too rare.
        lift: how much likelier green words are than without our mark, with a 95 % interval.
        inclusion: the audit path of the commitment's Merkle tree, one per epoch.
    """

    key: str
    kind: Literal["house", "group"]
    group: str | None
    attributed: bool
    void: str
    ln_e: float
    bits: float
    p: float
    log10_p: float
    p_both: float
    direction: Literal["inherited", "neutralised"]
    lift: float
    lift_interval: tuple[float, float]
    sigmas: float
    pairs: int
    epochs: int
    revoked: bool
    commitment: Standing
    inclusion: list[list[str]]
    decoys: Decoys | None = None


class TextSeen(msgspec.Struct, kw_only=True, frozen=True):
    """How much of the suspect's text there was."""

    answers: int
    distinct_answers: int
    tokens: int
    pairs: int


class ErrorControl(msgspec.Struct, kw_only=True, frozen=True):
    """What the errors are bounded by, in one place."""

    alpha: float
    fdr: float
    keys: int
    looks: int
    looks_planned: int
    method: str = (
        "level 1: half the house key's e-value and half the mean of the group keys' reaches 1/alpha; "
        "level 2: e-BH over the group keys at `fdr`. Both hold for any text, any dependence between texts, and "
        "whatever else the suspect learnt from; they rest on the secrecy of the keys and on SipHash"
    )


class Report(msgspec.Struct, kw_only=True, frozen=True):
    """The outcome of one audit of lineage."""

    suspect: str
    model: str | None
    verdict: Verdict
    because: list[str]
    text: TextSeen
    ln_e: float
    error_control: ErrorControl
    house: KeyReport | None
    campaigns: list[KeyReport]
    references: list[str]
    reference_shares: list[float]
    limits: list[str]
    survey: Summary | None = None
    schema: int = 1


EXIT = {"trained_on_marked_answers": 10, "no_trace": 0, "undetermined": 4, "void": 5}
"""Exit codes of `stillwatch audit lineage`; 1 to 3 are errors."""

LIMITS = [
    "the test proves that the suspect depends on text marked with the key, not who gave it that text, nor why",
    "a key speaks for all accounts that it marked: if honest customers were among them, so they are here",
    "no trace is no acquittal: paraphrase, little of our text, later training or a wrong reference can hide it",
    "the date of a commitment is worth what its publication is worth",
]
