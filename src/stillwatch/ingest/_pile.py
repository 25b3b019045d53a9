"""Pile: decoded blocks, gathered until there is enough to make columns of."""

from __future__ import annotations

import hashlib
from bisect import bisect_right

from stillwatch.ingest._decode import Decoded
from stillwatch.ingest._tree import Record


class Pile:
    """Records of several blocks, and where each came from."""

    def __init__(self) -> None:
        self.decoded: list[Decoded] = []
        self.records: list[Record] = []
        self.bytes = 0
        self._starts: list[int] = []

    def add(self, decoded: Decoded, size: int) -> None:
        self._starts.append(len(self.records))
        self.decoded.append(decoded)
        self.records += decoded.records
        self.bytes += size

    def clear(self) -> None:
        self.decoded, self.records, self.bytes, self._starts = [], [], 0, []

    def place(self, place: int) -> tuple[Decoded, int, bytes]:
        """Tell which block a record came from, on which line, and from which bytes."""
        decoded, index = self._find(place)
        return decoded, *decoded.place(index)

    def ordinal(self, place: int) -> int:
        """Tell which record of its line a record is."""
        decoded, index = self._find(place)
        own, ordinal = decoded.place(index), 0
        while index > 0 and decoded.place(index - 1)[1] is own[1]:
            index, ordinal = index - 1, ordinal + 1
        return ordinal

    def digest(self, place: int) -> str:
        """Make an id of a record from its bytes: the same record has the same id in every run."""
        own = self.ordinal(place)
        return hashlib.sha256(self.place(place)[2] + (f"#{own}".encode() if own else b"")).hexdigest()[:32]

    def _find(self, place: int) -> tuple[Decoded, int]:
        at = bisect_right(self._starts, place) - 1
        return self.decoded[at], place - self._starts[at]
