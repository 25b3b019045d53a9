"""Template: a family as text that a person can read, with its slots shown.

The tokens of one exemplar that most of the others share, in order, are the frame; what lies between is a slot.
Exemplars are hostile text: the template is bounded and made plain (no control characters), and whoever shows it
escapes it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Final

SLOT: Final = "{…}"
TOKENS: Final = 300
"""Tokens of an exemplar that are compared."""
SHOWN: Final = 600
"""Characters of a template that are shown."""
AGREE: Final = 0.6
"""Share of the other exemplars that must have a token for it to be frame."""
RUN: Final = 3
"""Tokens in a row that must agree: shorter agreements are chance."""

_TOKEN = re.compile(r"\w+|[^\w\s]", re.UNICODE)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


def plain(text: str, most: int = SHOWN) -> str:
    """Make hostile text plain: no control or direction characters, white space joined, bounded."""
    joined = " ".join(_CONTROL.sub(" ", text[: 4 * most]).split())
    return joined if len(joined) <= most else joined[: most - 1] + "…"


def template(exemplars: Sequence[str]) -> str:
    """Write the common frame of some texts of one family; one text alone is shown as it is."""
    texts = [_CONTROL.sub(" ", text)[:8000] for text in exemplars if text]
    if not texts:
        return ""
    if len(texts) == 1:
        return plain(texts[0])
    first = min(texts, key=len)
    spans = [match.span() for match in _TOKEN.finditer(first)][:TOKENS]
    words = [first[start:end].lower() for start, end in spans]
    shared = [0] * len(words)
    others = [text for text in texts if text is not first]
    for other in others:
        theirs = [token.lower() for token in _TOKEN.findall(other)][: 2 * TOKENS]
        for block in SequenceMatcher(None, words, theirs, autojunk=False).get_matching_blocks():
            if block.size >= RUN:
                for at in range(block.a, block.a + block.size):
                    shared[at] += 1
    out: list[str] = []
    at = 0
    open_slot = False
    for (start, end), count in zip(spans, shared, strict=True):
        if count >= AGREE * len(others):
            out.append(first[at:start] if not open_slot else " ")
            out.append(first[start:end])
            open_slot = False
        elif not open_slot:
            out.append(f" {SLOT}")
            open_slot = True
        at = end
    return plain("".join(out))
