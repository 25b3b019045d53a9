"""What answers are worth to a test: silence, one and the same answer, and refusals show nothing and clear nobody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from stillwatch.prove.profile.rules import refused

HOPELESS_AFTER = 200
"""Answers after which a suspect that says nothing, or always the same, is asked no more."""
MOST_ALIKE = 0.5
"""A larger share of one and the same answer is no text of a model."""
MOST_REFUSED = 0.5
"""A larger share of refusals clears nobody: who says little shows little."""


def one_answer(texts: Sequence[str]) -> bool:
    """Tell whether more than half of the answers are the same."""
    return len(texts) > 1 and Counter(texts).most_common(1)[0][1] > MOST_ALIKE * len(texts)


def hopeless(texts: Sequence[str], asked: int) -> bool:
    """Tell early that a suspect gives no answer, or one to everything, so that asking on is pointless."""
    return (len(texts) >= HOPELESS_AFTER and one_answer(texts)) or (not texts and asked >= HOPELESS_AFTER)


def nothing_said(texts: Sequence[str]) -> str:
    """Say why these are no answers; empty when they are."""
    if not texts:
        return "the suspect gave no answer"
    return "the suspect gave the same answer to more than half of the questions" if one_answer(texts) else ""


def declined(texts: Sequence[str]) -> str:
    """Say that most answers are refusals; empty when they are not."""
    count = sum(refused(text) for text in texts)
    return f"the suspect refused {count:,} of {len(texts):,} questions" if count > MOST_REFUSED * len(texts) else ""
