"""View: one independent way in which owners can be seen to act together.

The views themselves are the members of the `link` room; here stands what they promise, so that the judge can
weigh what they see without knowing them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from stillwatch.kit.groups import Groups
from stillwatch.kit.held import Held
from stillwatch.model.traces import Traces

Owners = npt.NDArray[np.int32]
Bits = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Framed:
    """What a view of frames could give: as `kit.urn.member_bits`, also with the commonest frame set aside."""

    table: Held
    single: float
    """Bits that all frames together give at the most, the commonest one included."""
    cap: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Most:
    """What a view could give anybody, told before it looks at a group; `admit` never gives more."""

    each: Bits | float = float("inf")
    """Bits for each owner, whatever the group: of a view that has neither tables nor frames."""
    woken: npt.NDArray[np.bool_] | None = None
    """Owners of whom a group must have one before the view speaks at all; then it may give its cap."""
    columns: Sequence[Held] = ()
    """Tables whose ratios it averages, as `kit.urn.member_bits`."""
    framed: Framed | None = None


class Sight(Protocol):
    """What one view sees in one log. All bits are log2 of e-values or likelihood ratios."""

    def propose(self) -> Groups:
        """Groups that hang together in this view alone; to be confirmed by others."""

    def weigh(self, groups: Groups) -> Bits:
        """Weigh each group: log2 of an e-value against "its members have nothing to do with each other"."""

    def admit(self, members: Owners, candidates: Owners) -> Bits:
        """Weigh each candidate against a group: how much likelier what he shows is inside it than outside."""

    def reach(self, members: Owners, candidates: Owners) -> Bits:
        """Bound what `admit` gives each candidate from above; cheaper where that can be."""

    def tells(self, members: Owners, candidates: Owners) -> bool:
        """Say whether `reach` gives these candidates just what `admit` gives them, so that nobody asks twice."""

    def most(self) -> Most:
        """Bound what `admit` gives anybody in any group; asked once."""

    def near(self, members: Owners) -> Owners:
        """Owners, members or not, who share anything telling with the members."""

    def followers(self, members: Owners) -> Owners:
        """Owners who show what hardly anybody but the members shows; nobody, for most views."""

    def devoted(self, members: Owners) -> Owners:
        """Owners most of whose use shows what hardly anybody but the members shows; nobody, for most views."""

    def joints(self, members: Owners) -> tuple[Owners, Owners]:
        """Links between members, as positions in `members`: enough of them to show what hangs together."""

    def because(self, members: Owners) -> str:
        """Say in one sentence what this view sees in a group."""


class View(Protocol):
    """A member of the `link` room."""

    __name__: str
    NEEDS: tuple[str, ...]
    """Columns of the traffic or of the accounts that it looks at; without all of them it is silent."""
    CAP: float
    """Bits that it may add to the judgement of a group, so that one spoofable field never decides."""
    HARD: bool
    """Whether a link in it is hard evidence of one hand; deception asks for some."""
    LATE: bool
    """Whether it looks only at owners in groups that have passed: it lets in and confirms, and proposes nothing."""
    ADMITS: bool
    """Whether a tie in it counts as one of the two that let an owner into a group."""
    WITHIN: str
    """A view that looks at the same facts, where there is one: ties in both are one tie. Who was opened the day after a
    closure was opened on that day; seen twice it would be two reasons."""
    ASIDE: tuple[str, ...]
    """Views that look at what it proposes by, and therefore do not weigh its proposals."""
    JOINS: bool
    """Whether its links join people one by one; a template or a popular build does not."""
    INNOCENT: str
    """What the same picture looks like when nobody hides."""

    def look(self, traces: Traces) -> Sight | None:
        """Look at a log; None when the columns are not there."""
