"""Distinct: how many different values each of many sets has, in 256 bytes a set.

HyperLogLog with 2^8 registers (Flajolet et al. 2007): standard error 6.5 %, small counts by linear counting.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stillwatch.kit.jit import kernel
from stillwatch.kit.mix import mix

U64 = np.uint64
REGISTERS = 256


@kernel
def _add(sets: npt.NDArray[np.int32], values: npt.NDArray[np.uint64], registers: npt.NDArray[np.uint8]) -> None:
    for i in range(len(sets)):
        if sets[i] <= 0:
            continue
        hashed = mix(values[i])
        place = np.int64(hashed & U64(REGISTERS - 1))
        rest = hashed >> U64(8)
        rank = np.uint8(1)
        while rank < 57 and (rest & U64(1)) == U64(0):
            rest >>= U64(1)
            rank += np.uint8(1)
        if rank > registers[sets[i], place]:
            registers[sets[i], place] = rank


class Distinct:
    """Counters of distinct values for sets numbered from 1; set 0 is nobody's."""

    def __init__(self, sets: int) -> None:
        self._registers = np.zeros((sets, REGISTERS), np.uint8)

    def add(self, sets: npt.NDArray[np.int32], values: npt.NDArray[np.uint64]) -> None:
        """Add `values[i]` to set `sets[i]`."""
        _add(np.ascontiguousarray(sets), values, self._registers)

    def counts(self) -> npt.NDArray[np.int64]:
        """Estimate the distinct values of each set."""
        out = np.zeros(len(self._registers), np.int64)
        for start in range(0, len(out), 4096):
            part = self._registers[start : start + 4096]
            raw = 0.7213 / (1 + 1.079 / REGISTERS) * REGISTERS**2 / np.exp2(-part.astype(np.float64)).sum(axis=1)
            empty = np.count_nonzero(part == 0, axis=1)
            small = REGISTERS * np.log(REGISTERS / np.maximum(empty, 1))
            out[start : start + 4096] = np.rint(np.where((raw < 2.5 * REGISTERS) & (empty > 0), small, raw))
        return out
