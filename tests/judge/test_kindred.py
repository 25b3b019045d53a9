"""Whom a group's own frames let in: few are looked at, and another view must still tie them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from stillwatch.judge.kindred import kindred

GANG = np.arange(40, dtype=np.int32)
TAKEN = np.arange(600) < 40


class Tied:
    """A view in which some owners are tied to each other; whoever is not lacks three bits."""

    def __init__(self, *owners: int, devoted: tuple[int, ...] = ()) -> None:
        self.owners, self.users = set(owners), np.array(devoted, np.int32)
        self.view, self.sight = SimpleNamespace(CAP=20.0, ADMITS=True, LATE=False, WITHIN=""), self

    def admit(self, members: Any, candidates: Any) -> Any:
        others = {int(one) for one in members} & self.owners
        return np.array([4.0 if int(one) in self.owners and others - {int(one)} else -3.0 for one in candidates])

    def devoted(self, members: Any) -> Any:
        return self.users


def frames(*users: int) -> Tied:
    return Tied(*users, devoted=users)


def looks(**views: Tied) -> Any:
    return views


def test_who_sends_its_frames_and_has_another_tie_belongs_to_the_group() -> None:
    """40 and 41 lack what the others have in payment; 42 shows nothing but the frames."""
    seen = looks(
        repertoire=frames(*range(43)), payment=Tied(*range(40)), signup=Tied(*range(40), 40, 41, 590, 591)
    )  # fmt: skip
    assert kindred(seen, GANG, TAKEN).tolist() == [40, 41]


def test_whom_it_lets_in_lets_in_others() -> None:
    """41 is tied to 40 alone."""
    seen = looks(repertoire=frames(*range(42)), payment=Tied(*range(41)), client=Tied(40, 41))
    assert kindred(seen, GANG, TAKEN).tolist() == [40, 41]


def test_a_crowd_that_sends_its_frames_is_let_in_by_none() -> None:
    """Of 100 who use the frames nearly all show nothing else, and a tenth of all strangers are tied as they are."""
    alike = [*range(40), 40, 41, *range(150, 600, 10)]
    seen = looks(repertoire=frames(*range(140)), signup=Tied(*alike))
    assert kindred(seen, GANG, TAKEN).tolist() == []


def test_one_whose_template_was_copied_must_show_what_hardly_any_stranger_shows() -> None:
    """He was opened on a day of the gang's, and so were nine in a hundred."""
    days = Tied(*range(40), 40, *range(100, 600, 11))
    assert kindred(looks(repertoire=frames(*range(41)), signup=days), GANG, TAKEN).tolist() == []
    few = Tied(*range(40), 40, *range(100, 600, 40))
    assert kindred(looks(repertoire=frames(*range(41)), signup=few), GANG, TAKEN).tolist() == [40]


def test_who_is_taken_stays_where_he_is() -> None:
    taken = TAKEN.copy()
    taken[40] = True
    seen = looks(repertoire=frames(*range(42)), payment=Tied(*range(42)))
    assert kindred(seen, GANG, taken).tolist() == [41]


def test_without_frames_it_lets_in_nobody() -> None:
    assert kindred(looks(payment=Tied(*range(60))), GANG, TAKEN).tolist() == []
