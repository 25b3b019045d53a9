"""Turns: what a conversation opened with, what was asked last, and which answer it brought along."""

from __future__ import annotations

from typing import Any

import numpy as np

from stillwatch.sketch import answer, system, turns

ASK = "Prove that the sum of two even numbers is even, and explain each step as you would to a reviewer."
REPLY = " ".join(f"First we note {n}, then we see why it follows from the line before." for n in range(12))


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def said(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def test_a_later_turn_names_the_turn_that_opened_its_conversation(make: Any, work: Any) -> None:
    rows = make({"messages": [user(ASK)]}, {"messages": [user(ASK), said(REPLY), user("And for odd ones?")]})
    columns = turns.columns(rows, work)
    assert columns["first"][1] == columns["last"][0] == columns["first"][0]
    assert columns["last"][1] != columns["last"][0]
    assert columns["answers"].tolist() == [0, 1]
    assert bytes(columns["ends"].tolist()) == b"uu"


def test_an_answer_is_known_again_when_it_comes_back_also_with_a_doubled_word(make: Any, work: Any) -> None:
    words = REPLY.split()
    doubled = " ".join([*words[:40], words[40], *words[40:]])
    given = answer.columns(make({"response": doubled}, {"response": "Something else altogether, said briefly."}), work)
    back = turns.columns(make({"messages": [user(ASK), said(REPLY), user("Go on")]}), work)["history"][0]
    shared = [len(set(back.tolist()) & set(lanes.tolist()) - {0}) for lanes in given["answer"]]
    assert shared[0] >= 2
    assert shared[1] == 0


def test_an_answer_of_tool_calls_alone_has_a_sketch(make: Any, work: Any) -> None:
    call = [{"name": "search", "arguments": '{"query": "' + REPLY[:200] + '"}'}]
    columns = answer.columns(make({"response": None, "tool_calls": call}, {"response": "", "tool_calls": None}), work)
    assert (columns["answer"][0] != 0).any()
    assert (columns["answer"][1] == 0).all()
    assert columns["answer_tokens"].tolist()[1] == 0


def test_the_last_user_turn_counts_and_not_what_a_tool_said_after_it(make: Any, work: Any) -> None:
    tool = {"role": "tool", "content": "a page of results " * 30}
    plain, agentic = turns.columns(make({"messages": [user(ASK)]}, {"messages": [user(ASK), tool]}), work)["last"]
    assert plain == agentic
    ends = turns.columns(make({"messages": [user(ASK), tool]}), work)["ends"]
    assert bytes(ends.tolist()) == b"t"


def test_numbers_are_slots_for_the_fingerprints_and_not_for_the_hash(make: Any, work: Any) -> None:
    text = "Compute the product of {} and {} and explain each step in full as a teacher would do it."
    columns = turns.columns(
        make({"messages": [user(text.format(17, 23))]}, {"messages": [user(text.format(901, 44))]}), work
    )
    assert columns["last"][0] != columns["last"][1]
    first, second = np.split(columns["marks"], [int(columns["marks#"][0])])
    assert set(first.tolist()) == set(second.tolist())


def test_a_system_text_is_the_same_in_its_column_and_in_front_of_the_messages(make: Any, work: Any) -> None:
    text = "You are a careful assistant of Example Robotics. Answer in two sentences and cite the manual."
    rows = make(
        {"system": text, "messages": [user(ASK)]},
        {"messages": [{"role": "system", "content": text}, user(ASK)]},
        {"messages": [{"role": "developer", "content": text}, user(ASK)]},
        {"messages": [user(text)]},
    )
    columns = system.columns(rows, work)
    assert len(set(columns["system"][:3].tolist())) == 1
    assert columns["system"][3] == 0
    assert set(columns["documents.hash"].tolist()) == {int(columns["system"][0])}


def test_a_system_text_and_a_turn_of_the_same_words_share_no_fingerprint(make: Any, work: Any) -> None:
    rows = make({"system": ASK, "messages": [user(ASK)]})
    apart = set(system.columns(rows, work)["documents.marks"].tolist()) & set(
        turns.columns(rows, work)["marks"].tolist()
    )
    assert not apart
