"""Two sides learn how many identifiers both hold, and nothing else; who enumerates learns nothing."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.errors import ShareError
from stillwatch.share.psi.canonical import canonical
from stillwatch.share.psi.curve import FEW, Blinder, hash_all, on_curve, padding
from stillwatch.share.psi.party import LEAST_SIZE, Party, _root, run

SHARED = [f"user{n}@example.com" for n in range(8)]


def sides(inviter: list[str], responder: list[str], **options: int) -> tuple[Party, Party]:
    return Party("inviter", "email", inviter, **options), Party("responder", "email", responder, **options)


def test_both_learn_the_count_and_after_the_release_their_own_names() -> None:
    told = run(*sides([*SHARED, "a@example.com"], ["USER3@example.com", *SHARED[4:], *SHARED[:3]]), release=True)
    assert told.count == 8
    assert told.inviter == sorted(SHARED)
    assert told.responder == sorted([*SHARED[:3], "USER3@example.com", *SHARED[4:]])


def test_without_a_release_nobody_is_named() -> None:
    told = run(*sides(SHARED, SHARED))
    assert (told.count, told.inviter, told.responder) == (8, [], [])


@settings(max_examples=5, deadline=None)
@given(st.sets(st.integers(0, 40)), st.sets(st.integers(0, 40)))
def test_the_result_is_exact(left: set[int], right: set[int]) -> None:
    told = run(*sides([f"u{n}@example.com" for n in left], [f"u{n}@example.com" for n in right], floor=1), release=True)
    assert (told.count or 0) == len(left & right)
    assert told.inviter == sorted(f"u{n}@example.com" for n in left & right)


def test_who_asks_for_one_person_learns_only_that_fewer_than_the_floor_matched() -> None:
    victims = [f"user{n}@example.com" for n in range(200)]
    for guess in ("user7@example.com", "nobody@example.com"):
        inviter, responder = sides([guess], victims)
        asked, answered = inviter.hello(), responder.hello()
        first, second = inviter.commit(answered), responder.commit(asked)
        mine = inviter.points(second)
        theirs = responder.points(first)
        responder.doubled(mine)
        assert responder.count(inviter.doubled(theirs)) is None
        with pytest.raises(ShareError, match="no names are told"):
            responder.places()


def test_no_dictionary_opens_what_crosses_the_wire() -> None:
    victims = [f"user{n}@example.com" for n in range(50)]
    inviter, responder = sides(SHARED, victims)
    asked, answered = inviter.hello(), responder.hello()
    first, second = inviter.commit(answered), responder.commit(asked)
    wire = responder.points(first)
    mine = inviter.points(second)
    doubled = responder.doubled(mine)
    dictionary = hash_all([canonical("email", one) for one in victims], inviter._session())
    seen = {wire[at : at + 32] for at in range(0, len(wire), 32)}
    assert not seen & set(dictionary)
    assert not seen & set(inviter._blinder.blind(dictionary))
    assert not any(point[:16] in doubled for point in (*dictionary, *seen))
    assert all(on_curve([int.from_bytes(point, "little") for point in seen]))


def test_two_runs_cannot_be_laid_side_by_side() -> None:
    def points() -> set[bytes]:
        one, other = sides(SHARED, SHARED)
        wire = one.points(other.commit(one.hello())) if one.commit(other.hello()) else b""
        return {wire[at : at + 32] for at in range(0, len(wire), 32)}

    assert not points() & points()


@pytest.mark.parametrize("count", [0, 1, 1000, 1024])
def test_how_many_there_are_is_hidden_up_to_a_power_of_two(count: int) -> None:
    party = Party("inviter", "email", [f"u{n}@example.com" for n in range(count)])
    assert msgspec.msgpack.decode(party.hello())["size"] == LEAST_SIZE


def test_more_than_the_quota_is_refused() -> None:
    big = Party("inviter", "email", [f"u{n}@example.com" for n in range(1500)])
    with pytest.raises(ShareError, match="`size`: the peer brings 2,048, and may bring 1,024"):
        Party("responder", "email", SHARED, quota=1024).commit(big.hello())


def test_points_other_than_those_committed_to_are_refused() -> None:
    inviter, responder = sides(SHARED, SHARED)
    first = inviter.commit(responder.hello())
    responder.commit(inviter.hello())
    responder.points(first)
    with pytest.raises(ShareError, match="committed to"):
        responder.doubled(b"".join(padding(LEAST_SIZE)))


@pytest.mark.parametrize("wrong", ["zero", "twice", "short"])
def test_hostile_points_are_refused(wrong: str) -> None:
    inviter, responder = sides(SHARED, SHARED)
    inviter.commit(responder.hello())
    responder.commit(inviter.hello())
    held = padding(LEAST_SIZE)
    if wrong == "zero":
        held[3] = bytes(32)
    elif wrong == "twice":
        held[3] = held[4]
    else:
        held.pop()
    responder.points(_root(b"".join(held)))
    with pytest.raises(ShareError, match=r"small subgroup|twice|expected 1,024"):
        responder.doubled(b"".join(held))


def with_torsion(point: bytes, number: int) -> bytes:
    """Give the u-coordinate of another point that multiplying by eight takes to the same: P and P + T."""
    p, a = 2**255 - 19, 486_662
    if number == 0:
        return (int.from_bytes(point, "little") | 1 << 255).to_bytes(32, "little")  # the bit that X25519 passes over
    u = int.from_bytes(point, "little")
    return pow(u, -1, p).to_bytes(32, "little") if (number, a) == (1, 486_662) else point


@pytest.mark.parametrize("form", [0, 1], ids=["encoding", "torsion"])
def test_one_guess_in_several_forms_does_not_reach_the_floor(form: int) -> None:
    inviter, responder = sides(SHARED, SHARED)
    inviter.commit(responder.hello())
    responder.commit(inviter.hello())
    held = padding(LEAST_SIZE)
    held[3] = with_torsion(held[4], form)
    assert held[3] != held[4]
    assert Blinder(bytes(32)).blind(held[3:4]) == Blinder(bytes(32)).blind(held[4:5])
    responder.points(_root(b"".join(held)))
    with pytest.raises(ShareError, match="twice"):
        responder.doubled(b"".join(held))


def test_a_run_goes_on_after_each_step_as_if_it_had_not_stopped() -> None:
    def again(party: Party) -> Party:
        return Party.thawed(party.frozen())

    inviter, responder = sides(SHARED, SHARED)
    asked, answered = inviter.hello(), responder.hello()
    inviter, responder = again(inviter), again(responder)
    first, second = inviter.commit(answered), responder.commit(asked)
    inviter, responder = again(inviter), again(responder)
    mine, theirs = inviter.points(second), responder.points(first)
    inviter, responder = again(inviter), again(responder)
    back, forth = inviter.doubled(theirs), responder.doubled(mine)
    inviter, responder = again(inviter), again(responder)
    assert (responder.count(back), inviter.count(forth)) == (8, 8)
    assert again(inviter).matched(again(responder).places()) == sorted(SHARED)


def test_a_peer_who_names_more_places_than_matched_is_refused() -> None:
    inviter, responder = sides(SHARED, SHARED)
    first, second = inviter.commit(responder.hello()), responder.commit(inviter.hello())
    mine, theirs = inviter.points(second), responder.points(first)
    back, again = inviter.doubled(theirs), responder.doubled(mine)
    assert (responder.count(back), inviter.count(again)) == (8, 8)
    with pytest.raises(ShareError, match="not as many"):
        inviter.matched(b"\xff\x01" + bytes(LEAST_SIZE // 8 - 2))
    with pytest.raises(ShareError, match="not as many"):
        inviter.matched(bytes(LEAST_SIZE // 8))
    with pytest.raises(ShareError, match="a bit for each"):
        inviter.matched(b"\xff")


@pytest.mark.parametrize("message", [b"", b"\xff" * 40, msgspec.msgpack.encode({"kind": "email"})])
def test_a_hello_that_cannot_be_read_is_refused(message: bytes) -> None:
    with pytest.raises(ShareError, match="`hello`"):
        Party("responder", "email", SHARED).commit(message)


def test_blinding_twice_is_the_same_in_either_order() -> None:
    points, one, other = hash_all([b"a", b"b"], b"s"), Blinder(), Blinder()
    assert one.blind(other.blind(points)) == other.blind(one.blind(points))


def test_many_points_are_told_apart_as_few_are() -> None:
    points = [int.from_bytes(bytes([n % 251, n % 7] * 15 + [n % 256, n % 128]), "little") for n in range(FEW + 1)]
    assert on_curve(points)[:300] == on_curve(points[:300])


# -- how identifiers are written


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        ("email", ["Jane.Doe+news@GMail.com", "janedoe@googlemail.com"]),
        ("email", ["Jane.Doe@Example.com", " jane.doe@example.com"]),
        ("phone", ["+44 20 7946 0958", "0044 (20) 7946-0958"]),
        ("card", ["411111|1111|2027-05|gb", "41111122 | 1111 | 2027-05 | GB"]),
        ("device", ["AB cd-12", "abcd-12"]),
    ],
)
def test_one_identifier_is_written_in_one_way(kind: str, texts: list[str]) -> None:
    assert len({canonical(kind, text) for text in texts}) == 1


def test_dots_and_tags_count_where_the_provider_counts_them() -> None:
    assert canonical("email", "jane.doe@example.com") != canonical("email", "janedoe@example.com")
    assert canonical("email", "a+b@example.com") != canonical("email", "a@example.com")


@pytest.mark.parametrize(
    ("kind", "text"),
    [("email", "jane"), ("phone", "020 7946 0958"), ("card", "4111111111111111"), ("device", "x"), ("ip", "192.0.2.1")],
)
def test_what_is_none_of_the_kind_is_refused_and_not_repeated(kind: str, text: str) -> None:
    with pytest.raises(ShareError) as refused:
        canonical(kind, text)
    assert text not in str(refused.value) or len(text) < 5
