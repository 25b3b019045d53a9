"""Late sights: views that confirm a group and let owners in, and propose nothing."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stillwatch.kit import groups
from stillwatch.kit.groups import Groups
from stillwatch.model.view import Most


class LateSight:
    """What late sights have in common."""

    def propose(self) -> Groups:
        """Propose nothing."""
        return groups.of([])

    def reach(self, members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
        """Bound what `admit` gives: by nothing but the view's cap."""
        del members
        return np.full(len(candidates), np.inf)

    def tells(self, members: npt.NDArray[np.int32], candidates: npt.NDArray[np.int32]) -> bool:
        """Say that `reach` only bounds."""
        del members, candidates
        return False

    def most(self) -> Most:
        """Bound what `admit` gives: by nothing but the view's cap."""
        return Most()

    def near(self, members: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """Bring nobody near."""
        return members[:0]

    def followers(self, members: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """Know nobody by what he shows alone."""
        return members[:0]

    def devoted(self, members: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """Know nobody by what he mainly does."""
        return members[:0]

    def joints(self, members: npt.NDArray[np.int32]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Join nobody."""
        return members[:0], members[:0]


def calibrated(p: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Turn p-values into bits of an e-value: log2 of 1 / (2 sqrt p), at least -1.

    Source: Vovk and Wang 2021, "E-values: calibration, combination and applications" (kappa = 1/2).
    """
    bits: npt.NDArray[np.float64] = -1.0 - 0.5 * np.log2(np.maximum(p, 1e-300))
    return bits
