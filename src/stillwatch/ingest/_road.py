"""Road: a file of one record per line, read into one buffer and given to the lane while it is in the cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np

from stillwatch.ingest._lane import Lane, Lap, handed
from stillwatch.kit.json_walk import MARGIN

BUFFER: Final = 16 << 20
"""Bytes held at a time; a longer line is not for the road."""
CHUNK: Final = 2 << 20
"""Bytes read at a time."""


class Road:
    """Lines of a file, from an offset on.

    Args:
        end: lines that begin at this offset or later belong to somebody else; 0 where all are ours.
        told: is told how many bytes were read.

    Attributes:
        at: up to where lines have been given.
        ended: there is no more to give; else a line is longer than the buffer.
    """

    def __init__(self, lane: Lane, stream: Any, offset: int, end: int, told: Callable[[int], None]) -> None:
        self._lane = lane
        self._stream = stream
        self._end = end
        self._told = told
        self._buffer = lane.buffer(BUFFER + MARGIN)
        self._data = np.frombuffer(memoryview(self._buffer).toreadonly(), np.uint8)  # as of bytes: kernels compile once
        self._filled = 0
        self._begin = offset
        self.at = offset
        self.ended = bool(end) and offset >= end
        stream.seek(offset)

    def laps(self) -> Iterator[tuple[int, Lap]]:
        """Give laps, each with the offset from which its lines are counted, from 0."""
        while not self.ended:
            yield from self._round()
            left = self.at - self._begin
            if not left:
                return
            self._buffer[: self._filled - left] = self._buffer[left : self._filled]
            self._begin, self._filled = self.at, self._filled - left

    def _round(self) -> Iterator[tuple[int, Lap]]:
        """Fill the buffer, and give the lines in it."""
        at = number = count = 0
        while not self.ended and self._filled < BUFFER:
            stop = self._read(at)
            while at < stop:
                place, number, count = self._lane.walk(self._data, at, stop, number, fresh=not count)
                if place < stop and count:
                    yield self._given(place, self._lane.lap(self._buffer, self._data))
                    count = 0
                elif place == at:
                    place = self._buffer.find(b"\n", at, stop) + 1
                    yield self._given(place, handed(number, bytes(self._buffer[at:place])))
                    number += 1
                at = place
        if count:
            yield self._given(at, self._lane.lap(self._buffer, self._data))
        if self.ended and at < self._filled:
            yield self._given(self._filled, handed(number, bytes(self._buffer[at : self._filled])))
        self.at = max(self.at, self._begin + at)

    def _given(self, place: int, lap: Lap) -> tuple[int, Lap]:
        self.at = self._begin + place
        return self._begin, lap

    def _read(self, at: int) -> int:
        """Read more; tell where the last whole line of ours ends."""
        took = self._stream.readinto(memoryview(self._buffer)[self._filled : min(self._filled + CHUNK, BUFFER)])
        self._told(took)
        self._filled += took
        self.ended = not took
        if self._end and self._begin + self._filled >= self._end:
            last = self._buffer.find(b"\n", max(self._end - 1 - self._begin, 0), self._filled) + 1
            if last:
                self._filled, self.ended = last, True
        return max(self._buffer.rfind(b"\n", at, self._filled) + 1, at)
