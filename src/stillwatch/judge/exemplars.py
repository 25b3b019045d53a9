"""Exemplars: what can only be read in the texts themselves, on a few exchanges of a family.

All of it is bounded: a few exemplars a family, a few thousand characters of each.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from stillwatch.judge.arguing import SENTENCES, argues
from stillwatch.judge.wording import hints

LOOKED_AT: Final = 6000
_STEP = re.compile(
    r"^\s*(?:\(?\d{1,2}[.):、．]|[-*•·]\s|(?:step|paso|étape|schritt|passo|шаг|단계|步骤|第.步|ステップ))",
    re.IGNORECASE | re.MULTILINE,
)
_SENTENCE = re.compile(SENTENCES)
_REFUSAL = re.compile(
    r"\b(?:I (?:can(?:no|['’])t|won['’]t|will not|am not able|['’]m (?:not able|unable))|"
    r"(?:isn['’]t|not) something I can|sorry)\b|"
    r"no puedo|je ne peux pas|ich kann (?:das |dies )?nicht|não posso|не могу|无法|不能|できません|할 수 없|"
    r"لا أستطيع|नहीं कर सकता|ไม่สามารถ",
    re.IGNORECASE,
)
_TOLD = re.compile(
    r"(?:^|[\n\"'`«「<>:*#(\[])\s*(?:(?:You are|You['’]re|Your name is) (?:an? |the |[A-Z]\w)|Du bist|Tu es|Vous êtes|"
    r"Eres|Você é|Sei un|Jij bent|Jesteś|Ты [—-]|Вы [—-]|你是|您是|あなたは|당신은|أنت|आप एक|คุณคือ|Bạn là|Sen bir|"
    r"Anda adalah)"
)
"""An answer in which an assistant is told who it is."""
_NUMBER = re.compile(r"\d")
_CHOICE = re.compile(
    r"(?:^|[\s:\[(\"'*])(?:[A-E]|(?i:tie|draw|both|neither|pass|fail|yes|no|better|worse|correct|incorrect))[\])\"'*.]*\s*$"
)
"""An answer that ends with the choice that it makes: `[[A]]`, `Verdict: B`, `fail`."""
_WORD = re.compile(r"\w+", re.UNICODE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemplar:
    """One exchange of a family, as text; it lives only while its family is weighed."""

    prompt: str
    """The text that the family is of: a user turn or a system text."""
    question: str
    """The last user turn."""
    system: str
    response: str
    reasoning: str
    brings_answer: bool
    """Whether the question holds an answer that the model gave earlier."""


READ: Final = (
    "says_reasoning", "says_rubric", "says_rewriting", "says_hidden", "steps", "sentences", "verdict", "leak",
    "rewrites", "brings_answer", "refuses", "instructed", "argues",
)  # fmt: skip
"""What `read` returns, in order: mean hints by kind; share of answers in steps; log2 of sentences; share of
answers that are a bare verdict; that give away the system text or the hidden reasoning; that say the question
again in other words; share of questions that bring an earlier answer; share of answers that refuse, that read like
what an assistant is told, and that argue."""


def read(families: Sequence[Sequence[Exemplar]]) -> npt.NDArray[np.float64]:
    """Read the exemplars of many families: shape (families, len(READ)), zeros where there are none."""
    every = [one for exemplars in families for one in exemplars]
    out = np.zeros((len(families), len(READ)))
    if every:
        prompts = [one.prompt for one in every]
        says = [hints(prompts, kind) for kind in ("reasoning", "rubric", "rewriting", "hidden")]
        argued = argues([one.response for one in every])
        rows = np.concatenate([np.array(says, np.float64).T, [_row(one) for one in every], argued[:, None]], axis=1)
        sizes = np.array([len(exemplars) for exemplars in families])
        there = sizes > 0
        starts = (np.cumsum(sizes) - sizes)[there]
        out[there] = np.add.reduceat(rows, starts, axis=0) / sizes[there, None]
    return out


def _row(one: Exemplar) -> list[float]:
    """Read what is no wording of one exemplar."""
    answer = one.response[:LOOKED_AT]
    sentences = len(_SENTENCE.findall(answer))
    words = len(_WORD.findall(answer[:2000]))
    return [
        float(len(_STEP.findall(answer)) >= 3),
        float(np.log2(1 + sentences)),
        float(bool(answer) and words <= 30 and len(answer) <= 240 and _decides(answer)),
        leak(one.system, one.reasoning, answer),
        rewriting(one.question[:LOOKED_AT], answer),
        float(one.brings_answer),
        float(len(answer) <= 400 and bool(_REFUSAL.search(answer[:160]))),
        float(len(answer) >= 40 and bool(_TOLD.search(answer[:200]))),
    ]


def _decides(answer: str) -> bool:
    return "{" in answer or bool(_NUMBER.search(answer) or _CHOICE.search(answer))


def _shingles(text: str, size: int) -> set[tuple[str, ...]]:
    tokens = [token.lower() for token in _WORD.findall(text[:LOOKED_AT])]
    if len(tokens) < 2 * size and len(text) > 2 * size:  # a script without spaces
        tokens = list("".join(tokens))
    return {tuple(tokens[i : i + size]) for i in range(len(tokens) - size + 1)}


def leak(system: str, reasoning: str, answer: str) -> float:
    """Tell whether an answer gives away a third of the system text, or of the hidden reasoning."""
    every = [held for held in (_shingles(hidden, 5) for hidden in (system, reasoning) if hidden) if len(held) >= 8]
    said = _shingles(answer, 5) if every else set()
    return float(any(len(held & said) >= len(held) / 3 for held in every))


def rewriting(question: str, answer: str) -> float:
    """Tell how far an answer says the question again: shared words over all, where the lengths are alike."""
    if not 0.4 <= len(answer) / max(len(question), 1) <= 2.0:
        return 0.0
    asked, said = _shingles(question, 1), _shingles(answer, 1)
    if len(asked) < 12:
        return 0.0
    return len(asked & said) / len(asked | said)
