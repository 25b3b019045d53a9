"""Groups: what settles must itself weigh what its proposal passed by."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from stillwatch.judge.examine import examine
from stillwatch.judge.gather import gather
from stillwatch.judge.look import Look
from stillwatch.kit import groups
from stillwatch.kit.groups import Groups
from stillwatch.model.view import Most

CROWD, CORE = 40, 6
OWNERS = 4000


@dataclass
class Sees:
    """A sight that proposes the crowd or not, ties the core, and weighs crowd and core as it is told."""

    crowd: float
    core: float
    proposes: bool = False
    tie: float = 10.0
    NEEDS: tuple[str, ...] = ()
    CAP: float = 24.0
    HARD: bool = False
    LATE: bool = False
    ADMITS: bool = True
    JOINS: bool = True
    WITHIN: str = ""
    ASIDE: tuple[str, ...] = ()
    INNOCENT: str = ""
    nobody: npt.NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))

    def propose(self) -> Groups:
        return groups.of([np.arange(CROWD, dtype=np.int32)] if self.proposes else [])

    def weigh(self, some: Groups) -> npt.NDArray[np.float64]:
        return np.array([self.crowd if len(members) == CROWD else self.core for members in some])

    def admit(self, members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
        del members
        return np.where(candidates < CORE, self.tie, 0.0)

    def reach(self, members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
        return self.admit(members, candidates)

    def tells(self, members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32]) -> bool:
        del members, candidates
        return True

    def most(self) -> Most:
        return Most()

    def devoted(self, members: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        return members[:0]

    def followers(self, members: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        del members
        return self.nobody

    def near(self, members: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        del members
        return self.nobody

    def joints(self, members: npt.NDArray[np.int32]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        del members
        return self.nobody, self.nobody

    def because(self, members: npt.NDArray[np.int32]) -> str:
        return f"{len(members)}"


def settled(core: float) -> list[Any]:
    sights = {"one": Sees(0.0, 12.0, proposes=True), "two": Sees(30.0, core), "three": Sees(1.0, 1.0)}
    looks = {name: Look(view=sight, sight=sight) for name, sight in sights.items()}
    return gather(looks, examine(looks, 0.05), np.zeros(OWNERS, bool))


@pytest.mark.parametrize(("core", "stands"), [(28.0, True), (0.0, False)])
def test_a_few_do_not_stand_on_what_the_crowd_they_came_from_weighed(core: float, stands: bool) -> None:
    assert [group.members.tolist() for group in settled(core)] == ([list(range(CORE))] if stands else [])


def test_a_group_tells_its_own_weights_and_counts_neither_its_proposer_nor_more_than_a_cap() -> None:
    (group,) = settled(28.0)
    assert group.weights == {"one": 12.0, "two": 24.0, "three": 1.0}
    assert group.total == 25.0


@pytest.mark.parametrize(("by", "stands"), [("chain", True), ("one", False)])
def test_who_hangs_in_a_chain_is_told_from_the_others_of_the_chain(by: str, stands: bool) -> None:
    """Four bits in each of two views are too few to stand out from the whole log, and enough among forty."""
    proposer = Sees(0.0, 0.0, proposes=True, tie=0.0, ASIDE=("two",))
    sights = {by: proposer, "two": Sees(99.0, 99.0, tie=4.0), "three": Sees(30.0, 28.0, tie=4.0)}
    looks = {name: Look(view=sight, sight=sight) for name, sight in sights.items()}
    proposals = examine(looks, 0.05)
    assert proposals.bits["two"].tolist() == [0.0], "the view that looks at the same does not weigh it"
    settled = gather(looks, proposals, np.zeros(OWNERS, bool))
    assert [one.members.tolist() for one in settled] == ([list(range(CORE))] if stands else [])
