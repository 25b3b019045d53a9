"""Handover: an answer that was generated for one owner comes back as history from another."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from stillwatch.kit import groups
from stillwatch.link import handover
from stillwatch.model.traces import Handovers


def hops(town: Any, pairs: list[tuple[int, int]], seed: int = 3) -> Handovers:
    """Conversations that went from one owner to another, each once, among fifty answers of everybody."""
    rng = np.random.default_rng(seed)
    giver, taker = (np.array(column, np.int32) for column in zip(*pairs, strict=True))
    return Handovers(
        giver=giver, taker=taker, conversation=rng.integers(1, 2**63, len(pairs)).astype(np.uint64),
        at=np.full(len(pairs), town.begin), answers=np.full(town.owners, 50), returns=np.full(town.owners, 20),
    )  # fmt: skip


def balanced(count: int = 120, seed: int = 5) -> list[tuple[int, int]]:
    """A load balancer over the gang."""
    rng = np.random.default_rng(seed)
    return [tuple(rng.choice(12, 2, replace=False).tolist()) for _ in range(count)]


def look(town: Any, events: Handovers) -> Any:
    sight = handover.look(replace(town.traces(), handovers=events))
    assert sight is not None
    return sight


def test_a_load_balancer_over_a_gang_is_proposed_weighed_and_let_in(town: Any) -> None:
    sight = look(town, hops(town, balanced()))
    (found,) = sight.propose()
    assert found.tolist() == town.gang.tolist()
    assert sight.weigh(groups.of([town.gang]))[0] > 20
    assert (sight.admit(town.gang, town.gang) == handover.CAP).all()
    assert (sight.admit(town.gang, town.others) == 0).all()
    assert "between 12 of 12 owners" in sight.because(town.gang)


def test_two_people_who_move_their_conversations_are_no_group(town: Any) -> None:
    sight = look(town, hops(town, [(0, 1), (1, 0)] * 10))
    assert len(sight.propose()) == 0


def test_one_conversation_alone_lets_nobody_in(town: Any) -> None:
    sight = look(town, hops(town, [*balanced(), (0, 100)]))
    assert sight.admit(town.gang, np.array([100], np.int32))[0] < handover.CAP


def test_hops_all_over_the_town_weigh_nothing_in_any_group(town: Any) -> None:
    rng = np.random.default_rng(9)
    sight = look(town, hops(town, [tuple(rng.choice(town.owners, 2, replace=False).tolist()) for _ in range(400)]))
    bits = sight.weigh(groups.of(town.strangers(400)))
    assert (bits >= np.log2(20)).mean() <= 0.05


def test_a_conversation_proposes_or_weighs_and_never_both(town: Any) -> None:
    events = hops(town, balanced())
    sight = look(town, events)
    assert 0 < sight.half.sum() < len(sight.half)
    proposing = replace(sight, half=np.ones(len(sight.half), bool))
    assert proposing.weigh(groups.of([town.gang]))[0] == 0


def test_a_published_example_is_set_aside(town: Any) -> None:
    events = hops(town, balanced(60))
    text = np.arange(60, dtype=np.uint32) + 10
    text[:20] = 1  # one text that came back in twenty conversations
    kept = handover.without_examples(events, text)
    assert len(kept.giver) == 40
    assert not np.isin(kept.conversation, events.conversation[:20]).any()


@pytest.mark.parametrize("events", [None, "empty"])
def test_without_answers_it_is_silent(town: Any, events: str | None) -> None:
    nothing = replace(hops(town, balanced()), giver=np.zeros(0, np.int32), taker=np.zeros(0, np.int32))
    assert handover.look(replace(town.traces(), handovers=nothing if events else None)) is None


def test_who_only_takes_from_a_pool_is_no_member_of_it(town: Any) -> None:
    """A reseller's customer goes on with what the pool told him; an account of the pool gives as well."""
    customer = [(giver, 100) for giver in range(12)]
    member = [(giver, 101) for giver in range(6)] + [(101, taker) for taker in range(6)]
    sight = look(town, hops(town, [*balanced(), *customer, *member]))
    assert sight.admit(town.gang, np.array([100, 101], np.int32)).tolist() == [0.0, handover.CAP]


def test_where_few_conversations_hop_one_direction_is_enough(town: Any) -> None:
    chain = [(owner, owner + 1) for owner in range(11)] * 2
    sight = look(town, hops(town, chain))
    assert sight.admit(town.gang, np.array([11], np.int32))[0] == handover.CAP
