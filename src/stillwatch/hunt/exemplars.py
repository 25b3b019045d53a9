"""Exemplars: a few prompts of each family that is attributed to an entry, for a person who has to judge it.

They are the only text of a log that a case keeps: bounded in number and length, in a file that only its owner can
read, and none where the hunt left the texts closed. What the accounts of a network asked otherwise is not sampled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.engine.scan import Task, reread
from stillwatch.engine.scratch import Scratch
from stillwatch.hunt.tell import instant, primary_of
from stillwatch.kit.arrow import numbers
from stillwatch.settings import Store

READ: Final = ("exchange", "account", "at", "messages")
LOOKED_AT: Final = 16
"""Pieces of the traffic in which exemplars are sought first."""

Exemplar = dict[str, Any]


def exemplars(
    scratch: Scratch, tasks: Sequence[Task], attributed: Sequence[tuple[str, npt.NDArray[np.uint32]]],
    names: Sequence[str], settings: Store,
) -> list[Exemplar]:  # fmt: skip
    """Take exemplars of every family of every entry, spread evenly over its time.

    Args:
        attributed: of each entry its id and the rows of its exchanges, ascending.
        names: ids of the families, by their number.

    Returns:
        by entry and family: `entry, family, exchange, account, at, prompt`; none where texts were not opened.
    """
    if settings.exemplars <= 0 or "last" not in scratch:
        return []
    looked = _looked_at(scratch)
    wanted: dict[int, list[tuple[str, str]]] = {}
    for entry, rows in attributed:
        for family, row in _spread(rows, primary_of(scratch, rows), settings.exemplars, looked):
            wanted.setdefault(row, []).append((entry, names[family]))
    found = []
    for numbers_of, batch in reread(tasks, scratch, np.array(sorted(wanted), np.int64), READ):
        for row, told in zip(numbers_of.tolist(), _told(batch), strict=True):
            told["prompt"] = told["prompt"][: settings.exemplar_characters]
            found += [{"entry": entry, "family": family, **told} for entry, family in wanted[row]]
    return sorted(found, key=lambda one: (one["entry"], one["family"], one["at"], one["exchange"]))


def _looked_at(scratch: Scratch) -> npt.NDArray[np.int64]:
    """Choose pieces of the traffic, evenly spread over it: the first row of each and the row after its last, in turn.

    To read one exchange again a whole piece is decoded, so exemplars are sought in a few pieces.
    """
    ends = np.cumsum([0, *(segment.rows for segment in scratch.segments)])
    pieces = np.unique(np.linspace(0, len(ends) - 2, min(LOOKED_AT, len(ends) - 1)).astype(np.int64))
    return np.stack([ends[pieces], ends[pieces + 1]], axis=1).reshape(-1)


def _spread(
    rows: npt.NDArray[np.uint32], families: npt.NDArray[np.int32], each: int, looked: npt.NDArray[np.int64]
) -> list[tuple[int, int]]:
    """Choose rows of every family, evenly spaced: (family, row) pairs; elsewhere than looked at only for want of them.

    Args:
        looked: where pieces that are looked at begin and end, ascending.
    """
    chosen = []
    near = np.searchsorted(looked.astype(np.uint32), rows, side="right") % 2 == 1
    for family in np.unique(families[families > 0]).tolist():
        own = rows[families == family]
        here = near[families == family]
        own = own[here] if np.count_nonzero(here) >= min(each, len(own)) else own
        places = np.unique(np.linspace(0, len(own) - 1, min(each, len(own))).astype(np.int64))
        chosen += [(family, int(row)) for row in own[places]]
    return chosen


def _told(batch: pa.RecordBatch) -> list[Exemplar]:
    at = numbers(batch.column("at"), np.int64, 0).tolist()
    talks = batch.column("messages").to_pylist() if "messages" in batch.schema.names else [None] * batch.num_rows
    exchanges, accounts = (batch.column(name).cast(pa.string()).to_pylist() for name in ("exchange", "account"))
    return [
        {"exchange": exchanges[i], "account": accounts[i], "at": instant(at[i]), "prompt": _question(talks[i])}
        for i in range(batch.num_rows)
    ]


def _question(talk: Sequence[Mapping[str, str | None] | None] | None) -> str:
    """Take the last user turn of a conversation."""
    for turn in reversed(talk or ()):
        if turn is not None and (turn["role"] or "")[:1] in ("u", "h"):
            return turn["content"] or ""
    return ""
