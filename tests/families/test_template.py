"""Templates: what many prompts have in common, with slots that a person can see, and nothing hostile in it."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.families.template import SHOWN, SLOT, template

FRAME = "You are an expert in {}. Explain each step of your reasoning, then state the result. Question: {} Answer:"
FILLINGS = [
    ("algebra", "what is the sum of the first ten odd numbers?"), ("law", "may a tenant sublet a single room?"),
    ("chemistry", "why does salt lower the freezing point?"), ("music", "how is a fugue built?"),
]  # fmt: skip


def test_what_varies_is_a_slot_and_what_stays_is_not() -> None:
    told = template([FRAME.format(*filling) for filling in FILLINGS])
    assert "You are an expert in" in told
    assert "Explain each step of your reasoning, then state the result. Question:" in told
    assert SLOT in told
    assert not any(word in told for word in ("algebra", "tenant", "salt", "fugue"))


def test_one_text_alone_is_shown_as_it_is() -> None:
    assert template(["just this"]) == "just this"
    assert template([]) == template([""]) == ""


@pytest.mark.parametrize("count", [2, 5])
def test_texts_without_anything_in_common_show_nothing_of_any(count: int) -> None:
    told = template([f"{'abcdefgh'[n] * 5} {'mnopqrst'[n] * 7} {n}" for n in range(count)])
    assert told.replace(SLOT, "").strip() == ""


@settings(deadline=None, max_examples=100)
@given(texts=st.lists(st.text(max_size=200), max_size=5))
def test_whatever_was_asked_the_template_is_short_and_has_nothing_hidden(texts: list[str]) -> None:
    told = template(texts)
    assert len(told) <= SHOWN
    assert not any(unicodedata.category(letter) == "Cc" for letter in told)
    assert not set(told) & set("\u200b\u202e\u2066\ufeff")
