"""Template: a family as text that a person can read, with its slots shown.

Runs of tokens of the most typical exemplar that half of the others have are the frame; what lies between is a slot.
Exemplars are hostile text: the template is bounded and made plain (no control characters), and whoever shows it
escapes it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

SLOT: Final = "{…}"
TOKENS: Final = 300
"""Tokens of an exemplar that are compared."""
SHOWN: Final = 600
"""Characters of a template that are shown."""
AGREE: Final = 0.5
"""Share of the other exemplars that must have a run for it to be frame."""
RUN: Final = 3
"""Tokens in a row that must agree: shorter agreements are chance."""

_ALONE = "\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
"""Scripts without spaces between words: each letter is a token."""
_MARKS = "\u0300-\u036f\u0900-\u0dff"
"""Marks that belong to the letter before, and the scripts that are full of them."""
_TOKEN = re.compile(rf"[{_ALONE}]|(?:[^\W{_ALONE}]|[{_MARKS}])+|[^\w\s]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


def plain(text: str, most: int = SHOWN) -> str:
    """Make hostile text plain: no control or direction characters, white space joined, bounded."""
    joined = " ".join(_CONTROL.sub(" ", text[: 4 * most]).split())
    return joined if len(joined) <= most else joined[: most - 1] + "…"


def template(exemplars: Sequence[str]) -> str:
    """Write the common frame of some texts of one family; one text alone is shown as it is.

    Cost: linear in the tokens.
    """
    texts = [_CONTROL.sub(" ", text)[:8000] for text in exemplars if text]
    if not texts:
        return ""
    if len(texts) == 1:
        return plain(texts[0])
    tokens = [list(_TOKEN.finditer(text))[:TOKENS] for text in texts]
    runs = [_runs([token.group().lower() for token in one]) for one in tokens]
    holders = Counter(run for one in runs for run in set(one))
    least = 1 + AGREE * (len(texts) - 1)
    typical = max(range(len(texts)), key=lambda i: (sum(holders[run] >= least for run in runs[i]), -len(texts[i])))
    framed = [False] * len(tokens[typical])
    for at, run in enumerate(runs[typical]):
        if holders[run] >= least:
            framed[at : at + RUN] = [True] * RUN
    return _write(texts[typical], [token.span() for token in tokens[typical]], framed)


def _runs(words: Sequence[str]) -> list[tuple[str, ...]]:
    return [tuple(words[at : at + RUN]) for at in range(len(words) - RUN + 1)]


def _write(text: str, spans: Sequence[tuple[int, int]], framed: Sequence[bool]) -> str:
    out: list[str] = []
    at = 0
    open_slot = False
    for (start, end), fits in zip(spans, framed, strict=True):
        if fits:
            out.append(text[at:start] if not open_slot else " ")
            out.append(text[start:end])
            open_slot = False
        elif not open_slot:
            out.append(f" {SLOT}")
            open_slot = True
        at = end
    return plain("".join(out))
