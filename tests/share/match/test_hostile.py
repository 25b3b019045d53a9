"""A peer who does not follow the protocol of matching: refused with the rule, and what he learns is bounded."""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest
from tests.share.match.conftest import OURS, SHARED, THEIRS, TOKENS, There, asking
from tests.share.psi.test_party import with_torsion

from stillwatch.errors import ShareError
from stillwatch.share.front import Front
from stillwatch.share.link import Answer, Link
from stillwatch.share.match.ask import Asking
from stillwatch.share.match.runs import Runs
from stillwatch.share.match.work import PART
from stillwatch.share.psi.curve import padding
from stillwatch.share.psi.party import LEAST_SIZE, VERSION, Hello, Party, _root

RUNS = "match/v1/runs"


class Hostile:
    """A peer who says what he likes."""

    def __init__(self, there: There, front: Front, peer: str = "inviter") -> None:
        self._link, self._front, self.there = Link(there.url, TOKENS[peer]), front, there
        self.run = ""

    def ask(self, method: str, path: str, body: bytes | None = None) -> Answer:
        return self._link.ask(method, f"{RUNS}{path}", body, {})

    def hello(self, **change: Any) -> Answer:
        sent = Hello(**{"kind": "email", "size": LEAST_SIZE, "nonce": secrets.token_bytes(32), **change})
        answer = self.ask("POST", "", msgspec.msgpack.encode(sent))
        self.run = answer.headers.get("x-run", "")
        return answer

    def put(self, name: str, data: bytes, at: int = 0) -> Answer:
        return self.ask("PUT", f"/{self.run}/{name}?at={at}", data)

    def ended(self) -> str:
        """Wait until the run is over, and read the rule from what the peer is told."""
        self._front.matching.settle()
        answer = self.ask("GET", f"/{self.run}/doubled")
        assert answer.status == 403
        assert self.there.runs.read(self.run).ended is not None
        return rule(answer)


def rule(answer: Answer) -> str:
    told: str = json.loads(answer.body)["title"]
    return told


@pytest.fixture
def hostile(front: Front, there: There) -> Hostile:
    return Hostile(there, front)


@pytest.mark.parametrize(
    ("change", "status", "wanted"),
    [
        ({"kind": "phone"}, 403, "`kind`: no set of `phone` is offered"), ({"kind": "ip"}, 400, "`kind`: is none"),
        ({"size": 2048}, 403, "`size`: the peer brings 2,048, and may bring 1,000"),
        ({"size": 1000}, 403, "`size`: is no power of two"), ({"size": 0}, 403, "`size`: is no power of two"),
        ({"size": 1 << 40}, 403, "`size`: is no power of two"), ({"size": -1024}, 403, "`size`"),
        ({"version": VERSION - 1}, 403, "`hello`: expected kind"), ({"nonce": b"short"}, 403, "`hello`"),
    ],
)  # fmt: skip
def test_a_hello_that_asks_for_too_much_is_refused(
    hostile: Hostile, change: dict[str, Any], status: int, wanted: str
) -> None:
    answer = hostile.hello(**change)
    assert (answer.status, wanted in rule(answer)) == (status, True), rule(answer)
    assert hostile.there.runs.all() == []


def test_who_may_not_match_gets_nothing(front: Front, there: There) -> None:
    assert "`match_size`" in rule(Hostile(there, front, "nobody").hello())
    assert "no set of `email` is offered" in rule(Hostile(there, front, "other").hello())


def test_an_offer_ends_with_its_day(hostile: Hostile, there: There) -> None:
    there.offer(THEIRS, until="2026-01-01")
    assert "no set of `email`" in rule(hostile.hello())
    there.offer(THEIRS)
    assert there.runs.withdraw("inviter", "email")
    assert "no set of `email`" in rule(hostile.hello())


def test_a_hello_is_not_replayed(hostile: Hostile) -> None:
    nonce = secrets.token_bytes(32)
    assert hostile.hello(nonce=nonce).status == 201
    assert "`nonce`: was used" in rule(hostile.hello(nonce=nonce))


def test_who_enumerates_learns_a_few_bits_a_week(front: Front, there: There, here: Runs) -> None:
    """The worst that is left: the floor less one of members he knows, and one guess in each run."""
    known, guesses = SHARED[:4], ["only-there@example.com", "nobody@example.com", *SHARED[5:]]
    learned: list[int | None] = []
    refused: list[str] = []
    for guess in guesses:
        ask = asking(here, there.url)
        try:
            learned.append(ask.go(ask.begin("b", there.url, "email", [*known, guess])).count)
        except ShareError as no:
            refused.append(no.what)
    assert refused == ["the peer says no: `match_runs_per_week`: 3 are used up"] * (len(guesses) - 3)
    assert learned == [5, None, 5]
    assert len(there.runs.all()) == 3


def test_the_run_of_another_is_not_there(hostile: Hostile, front: Front, there: There) -> None:
    hostile.hello()
    other = Hostile(there, front, "other")
    for path in (f"/{hostile.run}", f"/{hostile.run}/points", "/" + "0" * 16, "/../../peers.toml", "/..%2f..%2fx"):
        assert other.ask("GET", path).status == 404


def lists(change: Callable[[list[bytes]], None]) -> bytes:
    held = padding(LEAST_SIZE)
    change(held)
    return b"".join(held)


def low(held: list[bytes]) -> None:
    held[7] = (1).to_bytes(32, "little")


def twice(held: list[bytes]) -> None:
    held[7] = held[8]


def torsion(held: list[bytes]) -> None:
    held[7] = with_torsion(held[8], 1)


@pytest.mark.parametrize(
    ("change", "wanted"),
    [(low, "small subgroup"), (twice, "twice"), (torsion, "twice")],
    ids=["low", "twice", "torsion"],
)
def test_points_that_open_something_end_the_run(
    hostile: Hostile, change: Callable[[list[bytes]], None], wanted: str
) -> None:
    points = lists(change)
    hostile.hello()
    hostile.put("commit", _root(points))
    hostile.put("points", points)
    assert wanted in hostile.ended()
    assert hostile.put("doubled", b"x").status == 403
    assert not (hostile.there.runs.folder / hostile.run / "state").exists()


def test_points_other_than_those_committed_to_end_the_run(hostile: Hostile) -> None:
    hostile.hello()
    hostile.put("commit", bytes(32))
    hostile.put("points", b"".join(padding(LEAST_SIZE)))
    assert "`points`: not those" in hostile.ended()


def test_ours_are_not_shown_before_the_peer_has_committed(hostile: Hostile) -> None:
    hostile.hello()
    assert hostile.ask("GET", f"/{hostile.run}/points").status == 202
    assert hostile.put("points", b"".join(padding(LEAST_SIZE))).status == 200
    assert hostile.ask("GET", f"/{hostile.run}/points").status == 202


def test_made_up_doubles_reach_no_floor(hostile: Hostile) -> None:
    points = b"".join(padding(LEAST_SIZE))
    hostile.hello()
    hostile.put("commit", _root(points))
    hostile.put("points", points)
    hostile.put("doubled", secrets.token_bytes(LEAST_SIZE * 16))
    assert "`floor`" in hostile.ended()


def test_parts_are_held_to_their_sizes_and_not_changed(hostile: Hostile) -> None:
    hostile.hello()
    assert "`commit`: at most 32 bytes" in rule(hostile.put("commit", bytes(33)))
    assert "`points`: at most" in rule(hostile.put("points", bytes(PART + 1)))
    assert "`places`: at most 128 bytes" in rule(hostile.put("places", bytes(129)))
    assert hostile.put("points", bytes(64)).status == 200
    assert hostile.put("points", bytes(64)).status == 200, "sent again it changes nothing"
    for data, at in ((b"\x01" * 64, 0), (bytes(64), 70), (bytes(200), 0)):
        answer = hostile.put("points", data, at)
        assert (answer.status, answer.headers["x-held"]) == (409, "64")
    assert hostile.put("points", bytes(9), 10**8).status == 413
    assert hostile.put("hello", bytes(9)).status == 404


def test_places_that_were_not_counted_end_the_run(front: Front, here: Runs, there: There) -> None:
    ask = asking(here, there.url)
    ours = ask.go(ask.begin("b", there.url, "email", OURS))
    theirs = there.runs.all()[-1]
    there.runs.released(theirs, "Cy")
    peer = Hostile(there, front)
    peer.run = ours.remote
    peer.put("released", b"1")
    peer.put("places", b"\xff" * 128)
    front.matching.settle()
    assert there.runs.read(theirs.id).because.startswith("`places`: not as many")
    with pytest.raises(ShareError, match="no names are told"):
        there.runs.names(theirs)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None), ("PUT", "", b""), ("POST", "/x", b""), ("POST", "", b""), ("POST", "", b"\xff" * 99),
        ("POST", "", msgspec.msgpack.encode([1])), ("DELETE", "/" + "a" * 16, None),
        ("GET", "/" + "a" * 16 + "/x?at=1", None),
    ],
)  # fmt: skip
def test_junk_is_refused_and_breaks_nothing(hostile: Hostile, method: str, path: str, body: bytes | None) -> None:
    assert 400 <= hostile.ask(method, path, body).status < 500


def test_a_place_that_is_none_is_refused(hostile: Hostile) -> None:
    hostile.hello()
    for at in ("-1", "x", "9" * 30, "%00"):
        assert hostile.ask("GET", f"/{hostile.run}/points?at={at}").status == 400


# -- a responder who does not follow it


class Twisted(Link):
    """A peer's server whose answers to one kind of request are changed."""

    def __init__(self, url: str, where: str, change: Callable[[Answer], Answer]) -> None:
        super().__init__(url, TOKENS["inviter"])
        self._where, self._change = where, change

    def ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        found = super().ask(method, path, body, headers)
        hit = f"{method} {path.partition('?')[0].rpartition('/')[2]}" == self._where and found.status < 202
        return self._change(found) if hit else found


@pytest.mark.parametrize(
    ("where", "change", "wanted"),
    [
        ("POST runs", lambda told: told._replace(body=b"junk"), "`hello`: cannot be read"),
        ("POST runs", lambda told: told._replace(headers={}), "none to a hello"),
        ("GET commit", lambda told: told._replace(body=b""), "`commit`: expected 32"),
        ("GET commit", lambda told: told._replace(body=bytes(32)), "not those that the peer committed to"),
        ("GET points", lambda told: told._replace(body=bytes(len(told.body))), "not those that the peer committed to"),
        ("GET points", lambda told: told._replace(body=told.body * 2), "`points`: expected"),
        ("GET doubled", lambda told: told._replace(body=told.body + b"x"), "`doubled`: expected"),
        ("PUT points", lambda told: told._replace(status=403, body=b'{"title": "no more"}'), "ended the run: no more"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("front")
def test_a_responder_who_breaks_a_rule_is_told_so(
    here: Runs, there: There, where: str, change: Callable[[Answer], Answer], wanted: str
) -> None:
    ask = Asking(here, Twisted(there.url, where, change), 30, sleep=lambda seconds: None)
    with pytest.raises(ShareError) as told:
        ask.go(ask.begin("b", there.url, "email", OURS))
    assert wanted in told.value.what
    with contextlib.suppress(IndexError):
        assert here.all()[0].step == "refused"


@pytest.mark.usefixtures("front")
def test_doubles_that_a_responder_made_up_match_nothing(here: Runs, there: There) -> None:
    twisted = Twisted(there.url, "GET doubled", lambda told: told._replace(body=secrets.token_bytes(len(told.body))))
    ask = Asking(here, twisted, 30, sleep=lambda seconds: None)
    assert ask.go(ask.begin("b", there.url, "email", OURS)).step == "below"


def test_a_set_that_holds_what_is_none_of_the_kind_is_refused_by_its_line(here: Runs, there: There) -> None:
    with pytest.raises(ShareError) as told:
        there.offer(["a@example.com", "not an address"])
    assert (told.value.where, "not an address" in str(told.value)) == ("line 2", False)
    assert Party("inviter", "email", SHARED).size == LEAST_SIZE
