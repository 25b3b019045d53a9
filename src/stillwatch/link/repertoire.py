"""Repertoire: owners that draw on the same set of frames.

One shared frame weighs almost nothing (a course, a viral prompt, one framework); it is the set that tells, so
the frame that most members share is set aside before the rest is weighed. Harness families do not count.

Looks the same when innocent: a prompt-engineering course, a shared prompt library, a team with several accounts.
Cost: linear in the streams. Source: as payment, with the modal frame left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stillwatch.kit import groups
from stillwatch.kit.groups import Groups
from stillwatch.kit.held import Held
from stillwatch.kit.urn import member_bits, modal_values, urn_bits
from stillwatch.link._urn import LEAST, UrnSight, mean_bits
from stillwatch.model.traces import Traces
from stillwatch.model.view import Framed, Most, Sight

NEEDS = ("messages",)
CAP = 20.0
HARD = False
LATE = False
ADMITS = True
JOINS = False
WITHIN = ""
ASIDE: tuple[str, ...] = ()
INNOCENT = "a course, a shared prompt library, or one team with several accounts"

SINGLE_CAP = 6.0
"""Bits that a single shared frame may weigh."""
OWN_CAP = 10.0
"""Bits that it may weigh where most of those who use it are members already: then nobody published it."""
OWN_SHARE = 0.6
MAINLY = 0.5
"""Share of an owner's use that goes to such frames, where he sends mainly these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepertoireSight(UrnSight):
    """Weighs groups by the frames that they share beyond the most common one."""

    families: Held
    firms: npt.NDArray[np.bool_]
    """Owners who sign the name of a firm: a template alone is no reason to ask whether they belong to a group."""

    def weigh(self, groups: Groups) -> npt.NDArray[np.float64]:
        """Average the e-value of the rest with the capped one of all."""
        every = np.minimum(urn_bits(groups, self.families), SINGLE_CAP)
        return mean_bits([every, urn_bits(groups, self.families, skips=modal_values(groups, self.families))])

    def admit(self, members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
        """As `weigh`, for one owner against the group."""
        modal = modal_values(groups.of([members]), self.families)[0]
        holders = self.families.holding(int(modal)) if modal >= 0 else members
        own = groups.inside(holders, members).mean() >= OWN_SHARE if len(holders) else False
        every = np.minimum(member_bits(members, candidates, self.families), OWN_CAP if own else SINGLE_CAP)
        return np.maximum(every, member_bits(members, candidates, self.families, skip=int(modal)))

    def followers(self, members: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """Find who uses a frame of which most users are members: he may be let in, if another view ties him too."""
        return self._users(self._own(members))

    def devoted(self, members: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """Find who uses mainly frames of which most users are members."""
        own = self._own(members)
        users = self._users(own)
        return users[self.families.given(users, own) >= MAINLY]

    def _own(self, members: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
        inside = np.bincount(self.families.spread(members)[1], minlength=self.families.size)
        own: npt.NDArray[np.bool_] = (inside >= LEAST) & (inside >= OWN_SHARE * np.diff(self.families.holder_offsets))
        return own

    def _users(self, own: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
        users = self.families.bearing(np.flatnonzero(own).astype(np.int32))
        return users[~self.firms[users]]

    def reach(self, members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
        """Give just what `admit` gives: with a frame left out, the rest weighs more than its ratio alone."""
        return self.admit(members, candidates)

    def tells(self, members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32]) -> bool:
        """Say that `reach` gives what `admit` gives."""
        del members, candidates
        return True

    def most(self) -> Most:
        """Give the frames."""
        return Most(framed=Framed(table=self.families, single=OWN_CAP, cap=CAP))


def look(traces: Traces) -> Sight | None:
    """Look at the families of every owner, harness left out."""
    held = traces.held.get("family")
    if held is None or held.size == 0:
        return None
    crowd = traces.crowd
    firms = np.zeros(crowd.owners, bool)
    firms[crowd.owner[crowd.domains_of_their_own()]] = True
    return RepertoireSight(columns=[held], proposing=[held], families=held, firms=firms, what="a frame")
