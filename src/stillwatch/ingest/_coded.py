"""Coded: values that stand in a buffer under numbers, so that each distinct one is read once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stillwatch.kit import json_codes

Codes = npt.NDArray[np.int32]


class Coded:
    """The values of a field under numbers, from 1 by first sight; 0 for none."""

    def __init__(self, data: npt.NDArray[np.uint8], places: npt.NDArray[np.int32]) -> None:
        rows = len(places)
        self.codes, firsts = np.empty(rows, np.int32), np.empty(rows + 1, np.int32)
        count = json_codes.code(data, places, table(rows), self.codes, firsts)
        self.firsts = firsts[1 : count + 1]


def table(rows: int) -> Codes:
    """Give a table of zeros for the numbering of so many values."""
    return np.zeros(1 << (2 * max(rows, 1) - 1).bit_length(), np.int32)
