"""Hostile text made plain."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from stillwatch.kit.plain import plain


@given(st.text())
def test_what_is_plain_holds_nothing_that_cannot_be_seen(text: str) -> None:
    seen = plain(text)
    assert not [letter for letter in seen if unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")]
    assert plain(seen) == seen


@given(st.text(), st.integers(1, 40))
def test_long_text_is_cut(text: str, most: int) -> None:
    assert len(plain(text, most)) <= most


def test_ordinary_text_of_any_script_stays() -> None:
    for text in ("How many apples?", "次の文を自然な日本語に", "مرحبا بالعالم", "ไทย", "naïve café – “quoted”"):
        assert plain(text) == text
