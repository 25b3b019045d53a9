"""What the pointing of a peer changes: how many are looked at, and never who has ties."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from stillwatch.judge.examine import Told
from stillwatch.judge.pointed import core, pointed, thin, vouched

NOBODY = np.zeros(300, bool)


class Tied:
    """A view in which some owners are tied to each other, by as many bits as a test says, and nobody else."""

    def __init__(self, *owners: int, bits: float = 4.0) -> None:
        self.owners, self.bits = set(owners), bits
        self.view, self.sight = SimpleNamespace(CAP=20.0, ADMITS=True, LATE=False, WITHIN=""), self

    def admit(self, members: Any, candidates: Any) -> Any:
        others = {int(one) for one in members} & self.owners
        return np.array([self.bits if int(one) in self.owners and others - {int(one)} else -1.0 for one in candidates])


def told(*members: int, by: str = "repertoire") -> Told:
    return Told(members=np.array(sorted(members), np.int32), aside=frozenset(by.split("+")), label="Other Lab")


def looks(*ties: tuple[str, Tied]) -> Any:
    return dict(ties)


def test_whoever_holds_together_among_those_pointed_at_is_the_core() -> None:
    seen = looks(("repertoire", Tied(*range(8))), ("payment", Tied(0, 1, 2, 3)))
    assert core(seen, told(*range(8), 100, 101), NOBODY, 3).tolist() == [0, 1, 2, 3]


def test_too_few_for_a_group_are_shown_to_a_person() -> None:
    seen = looks(("repertoire", Tied(*range(8))), ("payment", Tied(0, 1, 2, 3)), ("client", Tied(0, 1)))
    (found,) = thin(seen, [told(*range(8), 100), told(0, 1, 2, by="network")], NOBODY)
    assert (found.members.tolist(), found.tied) == ([0, 1, 2, 3], ("repertoire", "payment"))
    grouped = NOBODY.copy()
    grouped[:2] = True
    assert thin(seen, [told(*range(8), 100)], grouped) == []  # two are left
    assert thin(looks(("repertoire", Tied(*range(8)))), [told(*range(8))], NOBODY) == []  # one view is not enough


def test_whom_a_network_points_at_must_be_rarer_than_whom_a_template_points_at() -> None:
    strangers = set(range(200, 203))
    members, pool = np.arange(11, dtype=np.int32), told(*range(12), by="network")
    tied = looks(
        ("network", Tied(*range(12), *strangers)), ("repertoire", Tied(*range(12))),
        ("signup", Tied(*range(12), *strangers)),
    )  # fmt: skip
    assert {name: held.tolist() for name, held in pointed(tied, members, [pool], NOBODY).items()} == {"Other Lab": [11]}
    alike = looks(("network", Tied(*range(12), *strangers)), ("signup", Tied(*range(12), *strangers)))
    assert pointed(alike, members, [pool], NOBODY) == {}
    by_template = looks(("repertoire", Tied(*range(12))), ("signup", Tied(*range(12), *strangers)))
    assert pointed(by_template, members, [told(*range(12))], NOBODY)["Other Lab"].tolist() == [11]


def test_a_peer_vouches_for_a_template_that_hardly_anybody_else_sends_here() -> None:
    members = np.arange(8, dtype=np.int32)
    grouped = NOBODY.copy()
    grouped[:8] = True
    seven = told(*range(7), 100)
    assert vouched(members, [told(*range(8), by="network"), seven], grouped) is seven
    assert vouched(members, [told(*range(8), by="network+repertoire")], grouped) is None
    assert vouched(members, [told(*range(7), *range(100, 110))], grouped) is None  # a template of many others
    assert vouched(members, [told(*range(4))], grouped) is None  # of fewer than a group
    assert vouched(np.arange(20, dtype=np.int32), [seven], grouped) is None  # most members do not send it
    grouped[100:110] = True  # the others are another operation
    assert vouched(members, [told(*range(7), *range(100, 110))], grouped) is not None
