"""Counting: fingerprints are counted as they are made, by the thread that has just made them."""

from __future__ import annotations

from threading import Lock
from typing import Any

import numpy.typing as npt

from stillwatch.engine.scan import Listener
from stillwatch.families.tally import Hand, Tally


class Counting:
    """A tally that is kept while a log is sketched.

    How many fingerprints there will be is guessed from the first that are seen; the size of the table changes no
    outcome.

    Args:
        rows: exchanges that will be sketched.
        bits: the table may have 2**bits bytes; where it would need more nothing is counted yet.
    """

    def __init__(self, rows: int, bits: int, threads: int) -> None:
        self._rows, self._bits, self._threads = rows, bits, threads
        self._lock = Lock()
        self._begun = False
        self._tally: Tally | None = None
        self._hands: list[Hand] = []

    def listener(self) -> Listener:
        """Make what hears the columns that one thread sketches."""
        mine: list[Hand] = []

        def hear(columns: dict[str, npt.NDArray[Any]]) -> None:
            if "marks" not in columns:
                return
            if not mine and (hand := self._hand(len(columns["marks"]) / len(columns["marks#"]))):
                mine.append(hand)
            if mine:
                mine[0].note(columns["marks"])

        return hear

    def _hand(self, each: float) -> Hand | None:
        with self._lock:
            if not self._begun:
                self._begun = True
                tally = Tally(int(each * self._rows) + 1, bits=self._bits, threads=self._threads)
                self._tally = tally if tally.parts == 1 else None
            if self._tally:
                self._hands.append(self._tally.hand())
            return self._hands[-1] if self._tally else None

    def close(self) -> Tally | None:
        """End counting; None where nothing was counted."""
        for hand in self._hands:
            hand.close()
        if self._tally:
            self._tally.next_part()
        return self._tally
