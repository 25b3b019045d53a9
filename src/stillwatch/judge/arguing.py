"""Arguing: whether answers give reasons for what they say, whatever words asked for it.

Who harvests reasoning can word his request in a thousand ways; what he is after is in the answers, and those are the
provider's own model's. An answer argues where at least SHARE of its sentences on average hold a mark of argument: a
conclusion, a condition, a derived number, an option ruled out. Answers that describe, advise or tell a story hold few.

The marks were chosen on answers of open models to public questions and on tuning worlds;
`python bench/arguing.py --texts DIR` prints what they find in each. They are measured in English only; what they find
in other languages is not known.

Cost: two searches by RE2 in at most LOOKED_AT characters of each answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

LOOKED_AT: Final = 6000
SHARE: Final = 0.3
"""Marks of argument to a sentence, from which an answer argues."""
LEAST_SENTENCES: Final = 2

_ENGLISH: Final = (
    r"\b(?:therefore|thus|hence|consequently|because|since|impl(?:y|ies)|follows|explains|"
    r"so (?:the|we|that|it|there|he|she|they|if|this|each|both|only|no)|let(?:'s| us| \w\b)|"
    r"we (?:have|get|can|need|know|see|find|obtain|begin|subtract|add|multiply|divide|note|write|sort|update|start|"
    r"then|must|are given)|(?:which|this|that|it) (?:gives|means|leaves|makes|yields|equals|contradicts|rules)|"
    r"gives|yields|leaves|remains?|equals|suppose|assum(?:e|ing)|contradict\w*|eliminat\w*|impossible|must be|cannot|"
    r"would be|given (?:that|the)|if .{1,60}(?: then|,)|answer is|to (?:solve|find|determine|calculate)|solving|"
    r"compare|the (?:difference|sum|product|ratio|total|edge case|invariant)|is (?:not )?supported)\b|\(?\b[a-j]\)|"
    r"[=≈]\s*-?[\d(\\$]|\d\s*[-+*/×÷]\s*\d|\b(?:is|of|by|about|are) -?\d"
)
_OTHERS: Final = (
    "por (?:lo )?tanto|porque|ya que|entonces|puesto que",
    "donc |parce qu|puisque|par conséquent",
    "deshalb|daher |weil |denn |folglich|somit",
    "portanto|já que|então|quindi|perché|poiché|dunque",
    "поэтому|значит|следовательно|потому что|так как|поскольку|итак",
    "因此|所以|因为|由于|那么|可得|于是|したがって|よって|なので|だから|ゆえに",
    "따라서|그러므로|때문에|이므로",
    "لذلك|إذن|لأن|وبالتالي|بما أن",
    "इसलिए|अतः|क्योंकि|चूँकि",
    "ดังนั้น|เพราะ|เนื่องจาก|จึง",
    "çünkü|dolayısıyla|do đó|suy ra|karena|sehingga",
)
_MARKS: Final = "|".join((_ENGLISH, *_OTHERS))
SENTENCES: Final = r"[.!?؟।]+(?:\s|$)|[。！？]+|\n+"
"""Ends of sentences; Chinese and Japanese put no space after them."""


def argues(answers: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Tell of each answer whether it argues; one of a single sentence never does."""
    heads = [answer[:LOOKED_AT].lower().encode("utf-8", "replace") for answer in answers]
    plain = pa.array(heads, pa.binary()).cast(pa.large_string())
    marks, sentences = (
        pc.count_substring_regex(plain, pattern).to_numpy(zero_copy_only=False) for pattern in (_MARKS, SENTENCES)
    )
    told: npt.NDArray[np.bool_] = (sentences >= LEAST_SENTENCES) & (marks >= SHARE * sentences)
    return told
