"""Scripts of the world: one table that folds every code point for comparison.

A folded text compares equal under case, width, compatibility forms, accents, zero-width characters and the
common homoglyphs. Scripts that are written without spaces give one token for each code point.

Source: Unicode Standard Annex 15 (normalisation), Technical Standard 39 (confusables; of those only the
Greek, Cyrillic and Armenian letters that look like Latin ones).
"""

from __future__ import annotations

import functools
import unicodedata
from typing import Final

import numpy as np
import numpy.typing as npt

SEPARATOR: Final = 0
"""What a separating code point folds to."""
DROPPED: Final = 1
"""What a code point without a shape of its own folds to: combining marks, zero-width characters."""

CODE: Final = (1 << 21) - 1
"""Mask of the folded code point."""
SINGLE: Final = 1 << 21
"""Flag: each code point is a token of its own."""
SCRIPT_SHIFT: Final = 24

SCRIPTS: Final = (
    "none", "latin", "cyrillic", "greek", "arabic", "hebrew", "indic", "southeast_asian", "han", "kana",
    "hangul", "other",
)  # fmt: skip
"""Names of the scripts, by the number in the table; digits and signs are `none`."""
_LATIN, _CYRILLIC, _GREEK, _ARABIC, _HEBREW, _INDIC, _THAI, _HAN, _KANA, _HANGUL, _OTHER = range(1, 12)

_RANGES: Final = (
    (0x0041, 0x024F, _LATIN), (0x1E00, 0x1EFF, _LATIN), (0x0370, 0x03FF, _GREEK), (0x1F00, 0x1FFF, _GREEK),
    (0x0400, 0x052F, _CYRILLIC), (0x0590, 0x05FF, _HEBREW), (0x0600, 0x077F, _ARABIC),
    (0x08A0, 0x08FF, _ARABIC), (0xFB50, 0xFDFF, _ARABIC), (0xFE70, 0xFEFE, _ARABIC), (0x0900, 0x0DFF, _INDIC),
    (0x0E00, 0x0EFF, _THAI), (0x1000, 0x109F, _THAI), (0x1780, 0x17FF, _THAI), (0x3041, 0x30FF, _KANA),
    (0x31F0, 0x31FF, _KANA), (0xFF66, 0xFF9F, _KANA), (0x2E80, 0x2FDF, _HAN), (0x3005, 0x3007, _HAN),
    (0x3400, 0x4DBF, _HAN), (0x4E00, 0x9FFF, _HAN), (0xF900, 0xFAFF, _HAN), (0x1100, 0x11FF, _HANGUL),
    (0x3130, 0x318F, _HANGUL), (0xAC00, 0xD7A3, _HANGUL),
)  # fmt: skip
_UNSPACED: Final = (_HAN, _KANA, _THAI)

_LOOKALIKES: Final = {
    "а": "a", "в": "b", "е": "e", "к": "k", "м": "m", "н": "h", "о": "o", "р": "p", "с": "c", "т": "t",
    "у": "y", "х": "x", "ѕ": "s", "і": "i", "ј": "j", "ѵ": "v", "ԁ": "d", "ԛ": "q", "ԝ": "w", "һ": "h",
    "ӏ": "l", "α": "a", "β": "b", "ε": "e", "ι": "i", "κ": "k", "ν": "v", "ο": "o", "ρ": "p", "τ": "t",
    "υ": "u", "χ": "x", "օ": "o", "ո": "n", "ս": "u", "հ": "h", "ց": "g", "ı": "i", "ɡ": "g",
}  # fmt: skip

LETTERLIKE: Final = (0x1D400, 0x1D800)
"""The astral block of mathematical letters, a popular disguise; it has its own part of the table."""


@functools.cache
def fold_table() -> npt.NDArray[np.uint32]:
    """Build the table: the basic plane, then the mathematical letters; shape (65536 + 1024,).

    An entry is SEPARATOR, DROPPED, or a folded code point with its flags and its script's number above
    SCRIPT_SHIFT. Costs some 60 ms, once.
    """
    points = [*range(0x10000), *range(*LETTERLIKE)]
    scripts = np.zeros(0x10000, np.uint8)
    for low, high, script in _RANGES:
        scripts[low : high + 1] = script
    return np.fromiter((_fold(point, scripts) for point in points), np.uint32, len(points))


def _fold(point: int, scripts: npt.NDArray[np.uint8]) -> int:
    character = chr(point)
    category = unicodedata.category(character)
    if category in ("Mn", "Me", "Cf") or point == 0x034F:
        return DROPPED
    if category in ("Nd", "No") and (digit := unicodedata.digit(character, None)) is not None:
        return ord("0") + digit
    if not (category[0] in "LN" or category == "Mc" or character == "_"):
        return SEPARATOR
    base = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", character).casefold())[:1]
    whole = 0xAC00 <= point <= 0xD7A3  # Hangul syllables stay whole
    folded = ord(character if whole else _LOOKALIKES.get(base, base))
    shape = point if whole else ord(base)  # a letter's script is that of its own shape, whatever it looks like
    script = int(scripts[shape]) if shape < 0x10000 else _OTHER
    script = script or (_OTHER if shape > 0x7F else 0)
    return folded | (SINGLE if script in _UNSPACED else 0) | (script << SCRIPT_SHIFT)
