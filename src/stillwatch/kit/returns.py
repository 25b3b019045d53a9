"""Returns: texts that one party produced and another brought back, by their smallest fingerprints.

Two passes over fingerprints of produced texts (each with its producer and time) and of returned ones: the
first notes which fingerprints are ever returned, the second who produced those. A fingerprint that more than
one party produced says nothing. Memory: some 24 bytes for each distinct returned fingerprint.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stillwatch.kit.codes import Codes
from stillwatch.kit.jit import kernel

NOBODY, MANY = -1, -2
AGREE = 2
"""Fingerprints of a returned text that must name the same producer."""


@kernel
def _produced(
    codes: npt.NDArray[np.int32],
    owners: npt.NDArray[np.int32],
    times: npt.NDArray[np.int64],
    width: int,
    producer: npt.NDArray[np.int32],
    since: npt.NDArray[np.int64],
) -> None:
    for i in range(len(codes)):
        code = codes[i]
        if code < 0:
            continue
        row = i // width
        if producer[code] == NOBODY:
            producer[code] = owners[row]
            since[code] = times[row]
        elif producer[code] != owners[row]:
            producer[code] = MANY
        else:
            since[code] = min(since[code], times[row])


@kernel
def _returned(
    codes: npt.NDArray[np.int32],
    owners: npt.NDArray[np.int32],
    times: npt.NDArray[np.int64],
    width: int,
    producer: npt.NDArray[np.int32],
    since: npt.NDArray[np.int64],
    out: npt.NDArray[np.int32],
) -> None:
    for row in range(len(owners)):
        giver = NOBODY
        votes = 0
        own = False
        for lane in range(width):
            code = codes[row * width + lane]
            if code < 0 or producer[code] < 0:
                continue
            if producer[code] == owners[row]:
                own = True
            elif since[code] < times[row]:
                if giver == NOBODY or giver == producer[code]:
                    giver = producer[code]
                    votes += 1
                else:
                    votes = -width
        out[row] = giver if votes >= AGREE and not own else NOBODY


class Returns:
    """Finds the producer of returned texts."""

    def __init__(self) -> None:
        self._codes = Codes(1 << 14)
        self._producer = np.zeros(0, np.int32)
        self._since = np.zeros(0, np.int64)

    def __len__(self) -> int:
        return len(self._codes)

    def note(self, lanes: npt.NDArray[np.uint32]) -> None:
        """First pass: note the fingerprints of returned texts, shape (texts, width), 0 for none."""
        flat = lanes.reshape(-1)
        self._codes.encode(flat[flat != 0].astype(np.uint64))

    def produced(
        self, lanes: npt.NDArray[np.uint32], owners: npt.NDArray[np.int32], times: npt.NDArray[np.int64]
    ) -> None:
        """Second pass: tell who produced which text, and when."""
        if len(self._producer) < len(self._codes):
            self._producer = np.full(len(self._codes), NOBODY, np.int32)
            self._since = np.zeros(len(self._codes), np.int64)
        codes = self._codes.lookup(lanes.reshape(-1).astype(np.uint64))
        _produced(codes, owners, times, lanes.shape[1], self._producer, self._since)

    def givers(
        self, lanes: npt.NDArray[np.uint32], owners: npt.NDArray[np.int32], times: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int32]:
        """Third pass: who else, and he alone, produced what these rows bring back; NOBODY where none did."""
        codes = self._codes.lookup(lanes.reshape(-1).astype(np.uint64))
        out = np.full(len(owners), NOBODY, np.int32)
        _returned(codes, owners, times, lanes.shape[1], self._producer, self._since, out)
        return out
