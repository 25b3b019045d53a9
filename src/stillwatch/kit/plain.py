"""Plain: hostile text made harmless for a terminal and a line of text.

Prompts, templates, ids and names come from logs, and so from anybody. A control character can move a cursor or
rewrite what was printed, a direction mark can turn a sentence round, an invisible one can make two ids look alike.
"""

from __future__ import annotations

import unicodedata
from typing import Final

_HIDDEN: Final = ("Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp")
_KEPT: Final = "\n\t"
_DRAWN: Final = "\ufffd"


def plain(text: str, most: int = 0) -> str:
    """Make text one plain line: what cannot be seen is drawn as `�`, white space is joined, long text is cut.

    Args:
        most: characters kept; 0 for all.
    """
    head = text[: 4 * most] if most else text
    seen = " ".join((head if head.isascii() and head.isprintable() else "".join(map(_seen, head))).split())
    return seen if not most or len(seen) <= most else seen[: most - 1] + "…"


def _seen(letter: str) -> str:
    if letter in _KEPT or unicodedata.category(letter) not in _HIDDEN:
        return letter
    return _DRAWN


def counted(count: int, noun: str) -> str:
    """Write a number of things.

    >>> counted(1, "account"), counted(1200, "account")
    ('1 account', '1,200 accounts')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
