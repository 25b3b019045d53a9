"""What was blanked is put back to whom it was blanked for, within a bound."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stillwatch.serve.thoughts import Keeper, Kept

JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["role", "content", "type", "thinking", "signature", "delta", "index", "content_block"]),
        inner, max_size=5,
    ),
    max_leaves=12,
)  # fmt: skip


def said(signature: str, text: str) -> dict[str, Any]:
    return {"type": "thinking", "thinking": text, "signature": signature}


def message(*blocks: Any) -> list[Any]:
    return [{"role": "assistant", "content": list(blocks)}]


def test_a_block_that_was_changed_or_is_not_known_goes_on_as_it_came() -> None:
    kept = Kept()
    Keeper(kept, "a").whole([said("s", "why"), {"type": "text", "text": "4"}])
    for sent in (
        message(said("s", "other")),
        message(said("t", "")),
        "text",
        [{"role": "user", "content": [said("s", "")]}],
    ):
        assert kept.put_back("a", sent) == sent
    assert kept.put_back("a", message(said("s", ""))) == message(said("s", "why"))
    assert kept.put_back("b", message(said("s", ""))) == message(said("s", ""))


def test_what_was_not_asked_for_longest_is_forgotten_first() -> None:
    kept = Kept(3000)
    keeper = Keeper(kept, "a")
    for name in "abc":
        keeper.whole([said(name, name * 100)])
        keeper.put_back(message(said("a", "")))
    keeper.whole([said("d", "d" * 100), said("e", "e" * 100)])
    back = [keeper.put_back(message(said(name, "")))[0]["content"][0]["thinking"] for name in "abcde"]
    assert back[0] == "a" * 100
    assert back[1] == ""
    assert back[4] == "e" * 100
    keeper.whole([said("huge", "x" * 10_000)])
    assert keeper.put_back(message(said("huge", "")))[0]["content"][0]["thinking"] == ""


@given(st.lists(JUNK, max_size=4))
def test_whatever_comes_is_passed_on(told: list[Any]) -> None:
    keeper = Keeper(Kept(), "a")
    keeper.whole(told)
    for one in told:
        if isinstance(one, dict):
            keeper.event(one)
    keeper.put_back(told)
