"""Tell: count what each entry names, in the four units and by the day, and write which exchanges it names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.engine.scan import Task, reread
from stillwatch.engine.scratch import Scratch
from stillwatch.engine.spill import Distinct
from stillwatch.hunt.decide import Draft
from stillwatch.kit.arrow import numbers, places
from stillwatch.model.exchange import AT

U64 = np.uint64
ATTRIBUTED: Final = pa.schema(
    [
        ("exchange", pa.string()), ("account", pa.string()), ("campaign", pa.string()), ("family", pa.string()),
        ("at", AT),
    ]
)  # fmt: skip
DAY_MS: Final = 86_400_000
WRITTEN_ROWS: Final = 1 << 17
"""Rows that are written at once, as one row group."""
STRETCH_ROWS: Final = 1 << 18
"""Rows of a column that are read at once where some of them are wanted."""
DAYS_TOLD: Final = 4000
"""Days that are told of one log at the most; a log of broken clocks has no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What an entry names, in four units."""

    exchanges: int
    tasks: int
    output_tokens: int
    distinct_prompts: int
    first: int
    last: int
    days: dict[str, int]
    """Exchanges on each day, UTC."""
    rows: npt.NDArray[np.uint32]
    """Rows attributed to the entry, ascending."""


@dataclass(slots=True, kw_only=True)
class _Running:
    """What an entry names, as far as it is counted."""

    exchanges: int = 0
    output_tokens: int = 0
    first: int = 0
    last: int = 0
    days: dict[int, int] = field(default_factory=dict)
    rows: list[npt.NDArray[np.uint32]] = field(default_factory=list)

    def add(self, rows: npt.NDArray[np.int64], at: npt.NDArray[np.int64], tokens: npt.NDArray[np.int32] | None) -> None:
        """Count some rows."""
        first, last = int(at.min()), int(at.max())
        self.first = min(self.first, first) if self.exchanges else first
        self.last = max(self.last, last) if self.exchanges else last
        self.exchanges += len(rows)
        self.output_tokens += int(tokens.sum(dtype=np.int64)) if tokens is not None else 0
        _note_days(self.days, at)
        self.rows.append(rows.astype(np.uint32))  # a scratch has fewer than 2**32 rows

    def close(self, tasks: int, distinct_prompts: int) -> Counted:
        """End the counting."""
        rows = np.concatenate([np.zeros(0, np.uint32), *self.rows])
        self.rows = []
        return Counted(
            exchanges=self.exchanges, tasks=tasks, output_tokens=self.output_tokens,
            distinct_prompts=distinct_prompts, first=self.first, last=self.last, days=_named(self.days), rows=rows,
        )  # fmt: skip


def count(scratch: Scratch, drafts: Sequence[Draft], accounts: int) -> list[Counted]:
    """Count the exchanges of every draft exactly, in one pass over the scratch."""
    entitled = _Entitled(drafts, accounts)
    names = ["account", "who", "at", "primary"]
    names += [name for name in ("session", "first", "last", "output_tokens") if name in scratch]
    sums = [_Running() for _ in drafts]
    tasks, prompts = (Distinct(len(drafts), scratch.limit(4)) for _ in range(2))  # to fold one takes as much again
    with ThreadPoolExecutor(1) as pool:
        for start, piece in scratch.pieces(*names):
            somebody = np.flatnonzero(entitled.anybody[piece["who"]])
            piece = {name: values[somebody] for name, values in piece.items()}
            here, number = entitled.of(piece["who"], piece["primary"])
            talks = pool.submit(_note, tasks, number, _tasks(piece)[here])
            if "last" in piece:
                _note(prompts, number, piece["last"][here])
            order = np.argsort(number, kind="stable")
            ends = np.cumsum(np.bincount(number, minlength=len(drafts)))
            for running, mine in zip(sums, np.split(here[order], ends[:-1]), strict=False):
                if len(mine):
                    tokens = piece["output_tokens"][mine] if "output_tokens" in piece else None
                    running.add(start + somebody[mine], piece["at"][mine], tokens)
            talks.result()
    counted = zip(sums, tasks.close().tolist(), prompts.close().tolist(), strict=True)
    return [one.close(conversations, asked) for one, conversations, asked in counted]


class _Entitled:
    """Tells which exchanges each draft names; an account may be in several."""

    def __init__(self, drafts: Sequence[Draft], accounts: int) -> None:
        account = np.concatenate([np.zeros(0, np.int64), *(draft.accounts for draft in drafts)])
        self._draft = np.repeat(np.arange(len(drafts), dtype=np.int32), [len(draft.accounts) for draft in drafts])
        order = np.argsort(account, kind="stable")
        self._draft, self._times = self._draft[order], np.bincount(account, minlength=accounts)
        self._first = np.cumsum(self._times) - self._times
        self.anybody = self._times > 0
        self._whole = np.array([not draft.families for draft in drafts], np.bool_)
        self._size = 1 + max((family for draft in drafts for family in draft.families), default=0)
        self._named = np.array(
            [number * self._size + family for number, draft in enumerate(drafts) for family in draft.families], np.int64
        )

    def of(
        self, who: npt.NDArray[np.int32], primary: npt.NDArray[np.int32]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
        """List (row, number of the draft) of rows of accounts that are in a draft."""
        times = self._times[who]
        rows = np.repeat(np.arange(len(who)), times)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(times) - times, times)
        number = self._draft[np.repeat(self._first[who], times) + within]
        family = primary[rows].astype(np.int64)
        key = np.where(family < self._size, number * np.int64(self._size) + family, -1)
        fits = self._whole[number] | np.isin(key, self._named)
        return rows[fits], number[fits]


def _note(seen: Distinct, draft: npt.NDArray[np.int32], values: npt.NDArray[np.uint64]) -> None:
    """Note values, each under its draft; 0 is none."""
    seen.note(draft, values)


def _tasks(piece: dict[str, npt.NDArray[Any]]) -> npt.NDArray[np.uint64]:
    """Name the conversation of each row: account and session, or account and first user turn."""
    opening = piece.get("first", np.zeros(len(piece["account"]), U64))
    session = piece.get("session", np.zeros(len(opening), U64))
    talk = np.where(session != 0, session ^ U64(0x5E55), opening)
    named: npt.NDArray[np.uint64] = piece["account"] * U64(0x9E3779B97F4A7C15) ^ talk
    return named


def write_exchanges(
    path: Path, scratch: Scratch, tasks: Sequence[Task], attributed: Sequence[tuple[str, npt.NDArray[np.uint32]]],
    family_names: Sequence[str],
) -> None:  # fmt: skip
    """Write `exchanges.parquet`: every attributed exchange with its account, entry and primary family.

    Args:
        attributed: (entry id, rows) pairs, rows ascending; an exchange of two entries gives two rows.
    """
    entries = pa.array([name for name, _ in attributed], pa.string())
    families = pa.array(family_names, pa.string())
    waiting: list[pa.Table] = []
    repeated = [name for name in ATTRIBUTED.names if name != "exchange"]  # each id stands once, or twice
    with pq.ParquetWriter(path, ATTRIBUTED, compression="zstd", use_dictionary=repeated) as writer:
        for rows, batch in reread(tasks, scratch, _anybodys(attributed, scratch.rows), ("exchange", "account", "at")):
            row, entry = _whose(attributed, int(rows[0]), int(rows[-1]) + 1)
            place = np.searchsorted(rows, row)
            take = pa.array(place)
            waiting.append(pa.table({
                "exchange": batch.column("exchange").cast(pa.string()).take(take),
                "account": batch.column("account").cast(pa.string()).take(take),
                "campaign": entries.take(pa.array(entry)),
                "family": families.take(pa.array(primary_of(scratch, rows)[place])),
                "at": pa.array(numbers(batch.column("at"), np.int64, 0), AT).take(take),
            }, schema=ATTRIBUTED))  # fmt: skip
            if sum(len(table) for table in waiting) >= WRITTEN_ROWS:
                writer.write_table(pa.concat_tables(waiting))
                waiting = []
        if waiting:
            writer.write_table(pa.concat_tables(waiting))


def _anybodys(attributed: Sequence[tuple[str, npt.NDArray[np.uint32]]], rows: int) -> npt.NDArray[np.uint32]:
    """List the rows that are attributed to any entry, ascending."""
    there = np.zeros(rows, bool)
    for _, mine in attributed:
        there[mine] = True
    return np.flatnonzero(there).astype(np.uint32)


def _whose(
    attributed: Sequence[tuple[str, npt.NDArray[np.uint32]]], start: int, stop: int
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int32]]:
    """List (row, number of the entry) of the rows of a stretch, ascending."""
    parts = [rows[slice(*places(rows, start, stop))] for _, rows in attributed]
    row = np.concatenate(parts)
    order = np.argsort(row, kind="stable")
    return row[order], np.repeat(np.arange(len(parts), dtype=np.int32), [len(part) for part in parts])[order]


def primary_of(scratch: Scratch, rows: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
    """Read the primary family of some rows, ascending; a stretch of the column at a time."""
    out = np.zeros(len(rows), np.int32)
    at = 0
    while at < len(rows):
        first = int(rows[at])
        (end,) = places(rows, first + STRETCH_ROWS)
        out[at:end] = scratch.slice("primary", first, int(rows[end - 1]) + 1)[rows[at:end].astype(np.int64) - first]
        at = end
    return out


def days(parts: Iterable[npt.NDArray[np.int64]]) -> dict[str, int]:
    """Count exchanges by the day, UTC; where there are too many days, the fullest ones."""
    found: dict[int, int] = {}
    for at in parts:
        _note_days(found, at)
    return _named(found)


def _note_days(found: dict[int, int], at: npt.NDArray[np.int64]) -> None:
    for day, many in zip(*np.unique(at // DAY_MS, return_counts=True), strict=True):
        found[int(day)] = found.get(int(day), 0) + int(many)
    if len(found) > 2 * DAYS_TOLD:
        kept = _fullest(found)
        found.clear()
        found.update(kept)


def _named(found: dict[int, int]) -> dict[str, int]:
    return {f"{instant(day * DAY_MS):%Y-%m-%d}": found[day] for day in sorted(_fullest(found))}


def _fullest(found: dict[int, int]) -> dict[int, int]:
    return dict(sorted(found.items(), key=lambda item: -item[1])[:DAYS_TOLD])


_LAST_MS: Final = 253_402_300_799_999
"""The last millisecond of the year 9999."""


def instant(ms: int) -> datetime:
    """Turn ms since 1970 into an aware time; a broken clock's time is bounded to the years that can be written."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=min(max(ms, 0), _LAST_MS))
