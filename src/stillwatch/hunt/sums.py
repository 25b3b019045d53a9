"""Sums: what the exchanges of each label have in common, added up piece by piece in one pass over the scratch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from stillwatch.engine.scratch import Limit
from stillwatch.engine.spill import Distinct
from stillwatch.judge import intent, tally
from stillwatch.kit.several import deal_out

Numbers = npt.NDArray[np.float64]

COLUMNS: Final[dict[str, Any]] = {
    "answers": np.uint8, "ends": np.uint8, "tokens": np.uint32, "script": np.uint8, "answer_tokens": np.uint32,
    "input_tokens": np.int32, "output_tokens": np.int32, "reasoning_tokens": np.int32, "flags": np.uint8,
    "last": np.uint64, "sum": np.uint64, "first": np.uint64, "system": np.uint64,
}  # fmt: skip
"""Columns of the scratch that are added up."""
VALUES: Final = ("last", "sum", "first", "system")
"""Columns of which the distinct values under each label are counted."""


@dataclass(slots=True, kw_only=True)
class Sums:
    """Sums over the exchanges of each label."""

    labels: int
    limit: Limit
    tallies: Numbers = field(init=False)
    _seen: dict[str, Distinct] = field(init=False)
    _counts: dict[str, npt.NDArray[np.int64]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tallies = np.zeros((self.labels, tally.SIZE))
        self._seen = {name: Distinct(self.labels, self.limit) for name in VALUES}

    def add(self, label: npt.NDArray[np.int32], columns: dict[str, npt.NDArray[Any]]) -> None:
        """Add the rows of a piece; label 0 is nobody's."""
        here = np.flatnonzero(label)
        if not len(here):
            return
        mine = label[here]
        own = {name: columns[name][here] for name in columns if name not in VALUES}
        later = (own["answers"] > 0) & (own["ends"] == ord("u"))
        places = np.stack([np.where(later, 0, mine), np.where(later, mine, 0)], axis=1).astype(np.int32)
        usage = np.stack([own[f"{kind}_tokens"] for kind in ("input", "output", "reasoning")], axis=1)
        tally.tally(
            places, 1, own["answers"], own["ends"], own["tokens"], own["script"], own["answer_tokens"],
            usage.astype(np.int32), own["flags"], np.ones(len(here), np.bool_), self.tallies,
        )  # fmt: skip
        lots = deal_out(mine, self.labels)
        lots = lots._replace(rows=here[lots.rows])
        for name, seen in self._seen.items():
            seen.note(lots, columns[name])

    def distinct(self, name: str) -> npt.NDArray[np.int64]:
        """Count the distinct values of a column under each label, exactly."""
        if name not in self._counts:
            self._counts[name] = self._seen.pop(name).close()
        return self._counts[name]

    def statistics(self, marks: Numbers, turns: npt.NDArray[np.bool_], hands: Numbers) -> Numbers:
        """Make the statistics of every label.

        Args:
            marks: what its exemplars say.
            turns: whether its family is of user turns.
            hands: how many owners share its exchanges; see `hands`.
        """
        return intent.statistics(
            self.tallies, distinct=self.distinct("last"), unordered=self.distinct("sum"),
            conversations=self.distinct("first"), contexts=self.distinct("system"), read=marks, turns=turns,
            hands=hands,
        )  # fmt: skip


def hands(
    label: npt.NDArray[np.int32], owner: npt.NDArray[np.integer], exchanges: npt.NDArray[Any], labels: int
) -> Numbers:
    """Tell how many owners share the exchanges of each label: the entropy of their shares, in bits.

    Args:
        label: of each stream, 0 for none; an exchange has the label of its stream.
        owner: who sends it.
        exchanges: how many it has.
    """
    there = np.flatnonzero((label > 0) & (exchanges > 0))
    owners = int(owner.max(initial=0)) + 1
    pairs, place = np.unique(label[there].astype(np.int64) * owners + owner[there], return_inverse=True)
    sent, shared = np.bincount(place, weights=exchanges[there]), pairs // owners
    share = sent / np.bincount(shared, weights=sent, minlength=labels)[shared]
    entropy: Numbers = np.bincount(shared, weights=-share * np.log2(share), minlength=labels).astype(np.float64)
    return entropy


def columns(piece: dict[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """Take the columns that are added up; one that the log does not have is zero."""
    rows = len(piece["who"])
    return {name: piece[name] if name in piece else np.zeros(rows, kind) for name, kind in COLUMNS.items()}
