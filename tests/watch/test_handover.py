"""An answer that was given to a member and comes back as somebody else's history."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.watch.conftest import Clock

from stillwatch.model.answer import Asked
from stillwatch.model.case import Entry
from stillwatch.settings import Settings
from stillwatch.watch.handed import Handed
from stillwatch.watch.heard import Heard
from stillwatch.watch.newcomers import NOTHING, Bits, rate_bits
from stillwatch.watch.room import Room

ANSWER = "The reference gives the area as twelve, the worked answer multiplies the wrong sides and so loses two marks;"
OTHER = (
    "A poem about the sea that nobody has asked for, with seven verses of which the last one rhymes with itself here."
)


def turn(account: str, answer: str, question: str = "and now the next one, please, as before") -> Asked:
    messages = [
        {"role": "user", "content": "first"}, {"role": "assistant", "content": answer},
        {"role": "user", "content": question},
    ]  # fmt: skip
    return Asked(account=account, body={"messages": messages})


def test_answers_to_a_member_that_come_back_from_another_account_are_seen(room: Room, campaign: Entry) -> None:
    given = [f"{ANSWER} item {n}: {word * 3} is what counts there" for n, word in enumerate(("red", "blue", "green"))]
    for answer in given:
        room.watch.answered(campaign.accounts[0], answer)
    told = [room.watch.decide(turn("fresh", answer)) for answer in given]
    assert "recognised" in " ".join(told[-1].because)
    assert not room.watch.decide(turn("stranger", OTHER)).because


def test_answers_to_strangers_are_not_remembered_and_ones_own_do_not_count(room: Room, campaign: Entry) -> None:
    room.watch.answered("stranger", OTHER)
    assert not room.watch.remembers("stranger")
    for n in range(4):
        assert not room.watch.decide(turn(f"x{n}", OTHER)).because
    room.watch.answered(campaign.accounts[0], ANSWER)
    assert not room.watch.decide(turn(campaign.accounts[0], ANSWER)).because


def test_one_view_alone_recognises_nobody_but_handover() -> None:
    assert not Bits(family=60.0).recognised(20)
    assert not Bits(network=60.0, client=3.0).recognised(20)
    assert Bits(family=12.0, network=9.0).recognised(20)
    assert Bits(handover=24.0).recognised(20)
    assert not NOTHING.recognised(8)


def test_the_rate_is_an_e_process_its_mean_under_the_null_stays_at_one() -> None:
    from math import comb

    for rate in (0.01, 0.05, 0.2):
        for requests in (1, 7, 40):
            mean = sum(
                comb(requests, hits)
                * rate**hits
                * (1 - rate) ** (requests - hits)
                * 2 ** rate_bits(hits, requests, rate)
                for hits in range(requests + 1)
            )
            assert mean <= 1 + 1e-9, (rate, requests)


# -- answers that are nobody's alone


def lanes(n: int) -> list[int]:
    return [4 * n + k for k in range(1, 5)]


def test_an_answer_that_was_given_to_two_is_nobodys() -> None:
    handed = Handed()
    handed.gave("c", "member", lanes(1))
    handed.gave("c", "another member", lanes(1))
    assert handed.brought("fresh", lanes(1), met=False) == []
    handed.gave("c", "member", lanes(2))
    handed.told("stranger", lanes(2))
    assert handed.brought("fresh", lanes(2), met=False) == []


def test_who_was_met_before_is_listened_to_first_and_only_what_comes_later_counts() -> None:
    handed = Handed()
    handed.gave("c", "member", lanes(1))
    handed.gave("c", "member", lanes(2))
    assert handed.brought("student", lanes(1), met=True) == [], "the same words may have been said to it"
    assert handed.listens("student")
    assert handed.brought("student", lanes(2), met=True) == [], "given before we listened"
    handed.told("student", lanes(3))
    handed.gave("c", "member", lanes(3))
    assert handed.brought("student", lanes(3), met=True) == [], "it was given that itself"
    handed.brought("student", lanes(4), met=True)
    handed.gave("c", "member", lanes(4))
    assert handed.brought("student", lanes(4), met=True) == [], "it brought that before the member was given it"
    handed.gave("c", "member", lanes(5))
    assert handed.brought("student", lanes(5), met=True) == ["c"]
    assert handed.brought("student", lanes(5), met=True) == [], "one answer counts once"


def test_a_first_request_that_brings_a_members_answer_counts_at_once() -> None:
    handed = Handed()
    assert not handed.meet("fresh")
    assert handed.meet("fresh")
    handed.gave("c", "member", lanes(1))
    assert handed.brought("fresh", lanes(1), met=False) == ["c"]
    handed.gave("c", "member", lanes(2))
    assert handed.brought("fresh", lanes(2), met=True) == ["c"]
    assert handed.brought("member", lanes(2), met=True) == [], "its own"


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stillwatch.watch.handed.ANSWERS", 8)
    monkeypatch.setattr("stillwatch.watch.handed.LISTENED", 2)
    handed = Handed()
    for n in range(50):
        handed.gave("c", "member", lanes(n))
        handed.brought(f"a{n}", lanes(n), met=True)
    assert len(handed._answers) == 8
    assert len(handed._listened) == 2


def test_replicas_tell_each_other_whom_they_listen_to_and_what_was_given(
    room: Room, place: Path, clock: Clock, campaign: Entry
) -> None:
    other = Room(place, Settings(), enforce=True, clock=clock)
    room.watch.heard, other.watch.heard = Heard("one"), Heard("two")

    def tell() -> None:
        for source, target in ((room, other), (other, room)):
            assert source.watch.heard is not None
            source.watch.heard.gather(source.watch.content)
            batches = source.watch.heard.unsent(9)
            source.watch.heard.sent(batches)
            for batch in batches:
                target.watch.hear(batch)

    same = f"{ANSWER} and the same words are said to a member"
    room.watch.decide(Asked(account="student"))
    other.watch.decide(Asked(account="student"))
    room.watch.answered(campaign.accounts[0], ANSWER)
    tell()
    room.watch.decide(turn("student", ANSWER))
    tell()
    assert other.watch.remembers("student"), "the other replica listens too"
    other.watch.answered("student", same)
    room.watch.answered(campaign.accounts[0], same)
    tell()
    for each in (room, other):
        assert not each.watch.decide(turn("student", same)).because, "it was given that itself, by the other replica"
