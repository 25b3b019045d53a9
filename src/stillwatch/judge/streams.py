"""Streams: the families that belong to a group, counted by owners and not by rows.

Inside mixed accounts the extraction is a small stream beside the traffic of ordinary people. What gives it away
is that many of the group's owners carry the same family and hardly anybody else does.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log2
from typing import Final

import numpy as np
import numpy.typing as npt

from stillwatch.kit.odds import surplus_bits
from stillwatch.model.traces import Families, Streams

LEAST_OWNERS: Final = 3
ENRICHED_BITS: Final = 10.0
"""Bits, beyond the number of families looked at, from which a family is enriched in a group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Enriched:
    """A family that belongs to a group."""

    family: int
    owners: int
    exchanges: int
    bits: float


class Carried:
    """Which owners carry which families: (family, owner) pairs, and how many exchanges each is."""

    def __init__(self, streams: Streams, owner: npt.NDArray[np.int32], owners: int, families: Families) -> None:
        self._families, self._owners = families, owners
        key = streams.family.astype(np.int64) * owners + owner[streams.account]
        pairs, place = np.unique(key, return_inverse=True)
        self._family, self._owner = pairs // owners, pairs % owners
        self._exchanges = np.bincount(place, weights=streams.exchanges)
        self._every = np.bincount(self._family, minlength=len(families))

    def enriched(self, members: npt.NDArray[np.int32]) -> list[Enriched]:
        """Find the families enriched in a group, the largest first; harness families never are.

        The owners of a family inside the group are weighed against the rate outside (a beta-binomial e-value), less
        the log of the number of families looked at.
        """
        inside = np.zeros(self._owners, bool)
        inside[members] = True
        mine = np.flatnonzero(inside[self._owner])
        count = len(self._families)
        held = np.bincount(self._family[mine], minlength=count)
        rows_in = np.bincount(self._family[mine], weights=self._exchanges[mine], minlength=count)
        looked = np.flatnonzero(held >= LEAST_OWNERS)
        within, beyond = held[looked].astype(np.float64), (self._every - held)[looked]
        chance = (beyond + 1.0) / max(self._owners - len(members) + 1, 1)
        bits = surplus_bits(within, len(members), chance) - log2(max(len(looked), 1))
        fits = (bits >= ENRICHED_BITS) & ~self._families.harness[looked] & (looked > 0)
        found = [
            Enriched(family=int(f), owners=int(held[f]), exchanges=int(rows_in[f]), bits=float(weighed))
            for f, weighed in zip(looked[fits].tolist(), bits[fits].tolist(), strict=True)
        ]
        return sorted(found, key=lambda one: -one.exchanges)
