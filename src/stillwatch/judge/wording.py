"""Wording: what the frames of a few kinds of extraction tend to say, in a dozen languages.

One weak covariate among structural ones, read on a few exemplars of a family and ranked among the log's own
control families; honest tutors, evaluators and rewriting tools say the same. No word here carries a finding.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

_REASONING = (
    r"step[- ]by[- ]step|\bsteps?\b|chain[- ]of[- ]thought|\bthink(?:ing)?\b|\bthoughts?\b|\breason(?:s|ed|ing)?\b|"
    r"\brationale|\bjustif|\bderiv(?:e|ation)|\bproof|\bprove\b|\bexplain|\bexplanation|"
    r"\bshow (?:all |your |the |every )*work|"
    r"work(?:ing)? (?:it |this |the \w+ )?(?:out|through)|articulate|deliberat|"
    "逐步|一步一步|思路|推理过程|推理|解题过程|详细步骤|思考过程|解释.{0,6}(?:原因|理由|步骤)|"
    "段階的|ステップ|推論|考え方|思考過程|途中(?:式|経過)|理由を|"
    "paso a paso|razon(?:a|amiento)|explica.{0,20}(?:paso|razon|por qu)|"
    "étape par étape|raisonn|justifi|explique.{0,20}(?:étape|raison|pourquoi)|"
    "schritt für schritt|schrittweise|begründ|gedankengang|rechenweg|lösungsweg|"
    "passo a passo|raciocín|ragiona|passaggi|"
    "шаг за шагом|пошагов|рассужд|обоснуй|объясни.{0,20}(?:шаг|почему|ход)|ход решения|"
    "단계별|단계적|추론|풀이 ?과정|사고 ?과정|"
    "خطوة بخطوة|خطوات|استدلال|علل|اشرح.{0,20}(?:لماذا|خطو|تفكير)|"
    "चरण ?(?:दर|-दर-)|कदम|तर्क|कारण बता|विस्तार से समझा|"
    "ทีละขั้น|ขั้นตอน|เหตุผล|อธิบายวิธี|"
    "adım adım|gerekçe|từng bước|suy luận|langkah demi langkah|penalaran"
)
_RUBRIC = (
    "rubric|criteri(?:on|a)|score|scor(?:ing|e each)|grade|grading|rate (?:the|each|on)|rating|evaluat|judge|assess|"
    "which (?:response|answer|one) is better|compare (?:the )?(?:two|both)|prefer|verdict|"
    "评分|打分|评估|评价|标准|更好|採点|評価|基準|スコア|puntú|puntuación|evalúa|criterio|évalu|note sur|critère|"
    "bewert|punktzahl|kriteri|avalie|pontua|valuta|punteggio|оцени|оценк|критери|балл|점수|채점|평가|기준|"
    "قيّم|تقييم|درجة|معيار|मूल्यांकन|अंक|मानदंड|ให้คะแนน|ประเมิน|เกณฑ์|puanla|değerlendir|chấm điểm|đánh giá"
)
_REWRITING = (
    "rewrite|rephrase|neutral(?:ly|ise|ize)?|sanit|safe(?:r)? (?:version|answer|wording)|avoid(?:ing)? (?:any )?"
    "(?:sensitive|politic|controvers)|without mention|comply|complian|acceptable (?:to|in)|censor|"
    "改写|重写|敏感|合规|审查|避免提及|安全的?(?:表述|版本)|書き換え|言い換え|検閲|reescrib|censur|réécri|umschreib|"
    "reescrev|riscriv|переписа|перефразир|цензур|다시 ?쓰|검열|"
    "أعد (?:كتابة|صياغة)|رقابة|पुनः ?लिख|เขียนใหม่|yeniden yaz|viết lại"
)
_HIDDEN = (
    r"system (?:prompt|message)|(?:initial|hidden|secret|previous|above|internal|original) "
    r"(?:instruction|prompt|message|reasoning|thought|polic|rule)|(?:before|above|preced\w+) (?:this|the|my) "
    r"(?:first )?(?:message|line|turn)|verbatim|word for word|scratchpad|without changing a (?:letter|word)|in base64|"
    r"ignore (?:all |any |the |your |previous )+|reveal|(?:repeat|print|output|reproduce) (?:the|everything|all|your)|"
    r"your (?:polic|instruction|rules|guideline)|developer mode|maintenance mode|debug mode|jailbreak|"
    "系统提示|忽略(?:之前|以上)|隐藏|原文输出|システムプロンプト|指示を無視|ignora (?:las|todas)|prompt del sistema|"
    "ignore(?:z)? (?:les|toutes)|invite système|ignoriere|systemprompt|ignore as|ignora le|игнорируй|"
    "системн\\w+ (?:промпт|инструкц)|"
    "시스템 ?프롬프트|무시하|تجاهل|تعليمات النظام|सिस्टम प्रॉम्प्ट|ละเว้นคำสั่ง"
)

WORDING: Final[dict[str, re.Pattern[str]]] = {
    "reasoning": re.compile(_REASONING),
    "rubric": re.compile(_RUBRIC),
    "rewriting": re.compile(_REWRITING),
    "hidden": re.compile(_HIDDEN),
}
"""Patterns by what they hint at; searched in at most LOOKED_AT characters of an exemplar, in lower case: to ignore case
in the search itself takes three times as long."""

LOOKED_AT: Final = 4000


_ANYWHERE: Final = {kind: pattern.pattern.replace(r"\w+", r"\S+") for kind, pattern in WORDING.items()}
"""The same patterns for an engine whose `\\w` and `\\b` know ASCII letters alone: each finds at least as much."""


def hints(texts: Sequence[str], kind: str) -> list[int]:
    """Count distinct hints of one kind in each of many texts, up to four.

    Most texts have none, which RE2 tells in one pass over all of them and at a twentieth of the cost. It also marks the
    hints in those that are ASCII alone, where both engines read a pattern alike; the others are searched one by one.
    """
    heads = [_head(text).lower() for text in texts]
    some = pc.match_substring_regex(_plain(heads), _ANYWHERE[kind]).to_pylist()
    counts = [0] * len(heads)
    plain = [
        place for place, there in enumerate(some) if there and heads[place].isascii() and _MARK not in heads[place]
    ]
    marked = pc.replace_substring_regex(_plain([heads[i] for i in plain]), WORDING[kind].pattern, _MARKED).to_pylist()
    for place, text in zip(plain, marked, strict=True):
        some[place], counts[place] = False, min(len(set(text.split(_MARK)[1::2])), MOST)
    for place, there in enumerate(some):
        if there:
            counts[place] = min(len({match.group(0) for match in WORDING[kind].finditer(heads[place])}), MOST)
    return counts


MOST: Final = 4
"""Hints of one kind that are counted in one text."""
_MARK: Final = "\0"
_MARKED: Final = rf"{_MARK}\0{_MARK}"


def _plain(heads: Sequence[str]) -> pa.Array:
    return pa.array([head.encode("utf-8", "replace") for head in heads], pa.binary()).cast(pa.large_string())


def _head(text: str) -> str:
    return text if len(text) <= LOOKED_AT else text[: LOOKED_AT // 2] + text[-LOOKED_AT // 2 :]
