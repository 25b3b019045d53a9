"""Tell: count what each entry names, in the four units and by the day, and write which exchanges it names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.engine.scan import Task, reread
from stillwatch.engine.scratch import Scratch
from stillwatch.hunt.decide import Draft
from stillwatch.kit.arrow import numbers
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
    rows: npt.NDArray[np.int64]
    """Rows attributed to the entry, ascending."""


def count(scratch: Scratch, drafts: Sequence[Draft], accounts: int) -> list[Counted]:
    """Count the exchanges of every draft exactly, in one pass over the scratch."""
    chosen = [_mask(draft.accounts, accounts) for draft in drafts]
    anybody = np.logical_or.reduce([np.zeros(accounts, bool), *chosen])
    names = ["account", "who", "at", "primary"]
    names += [name for name in ("session", "first", "last", "output_tokens") if name in scratch]
    parts: list[list[dict[str, npt.NDArray[Any]]]] = [[] for _ in drafts]
    for start, piece in scratch.pieces(*names):
        somebody = np.flatnonzero(anybody[piece["who"]])
        piece = {name: values[somebody] for name, values in piece.items()}
        task = _tasks(piece)
        for draft, mask, found in zip(drafts, chosen, parts, strict=True):
            rows = mask[piece["who"]]
            if draft.families:
                rows &= np.isin(piece["primary"], draft.families)
            at = np.flatnonzero(rows)
            if len(at):
                found.append({
                    "rows": start + somebody[at], "task": task[at], "at": piece["at"][at],
                    "last": piece["last"][at] if "last" in piece else np.zeros(len(at), U64),
                    "tokens": piece["output_tokens"][at] if "output_tokens" in piece else np.zeros(len(at), np.int32),
                })  # fmt: skip
    return [_sum(found) for found in parts]


def _mask(accounts: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.bool_]:
    mask = np.zeros(count, bool)
    mask[accounts] = True
    return mask


def _tasks(piece: dict[str, npt.NDArray[Any]]) -> npt.NDArray[np.uint64]:
    """Name the conversation of each row: account and session, or account and first user turn."""
    opening = piece.get("first", np.zeros(len(piece["account"]), U64))
    session = piece.get("session", np.zeros(len(opening), U64))
    talk = np.where(session != 0, session ^ U64(0x5E55), opening)
    named: npt.NDArray[np.uint64] = piece["account"] * U64(0x9E3779B97F4A7C15) ^ talk
    return named


def _sum(parts: list[dict[str, npt.NDArray[Any]]]) -> Counted:
    if not parts:
        return Counted(
            exchanges=0, tasks=0, output_tokens=0, distinct_prompts=0, first=0, last=0, days={},
            rows=np.zeros(0, np.int64),
        )  # fmt: skip
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    prompts = joined["last"][joined["last"] != 0]
    return Counted(
        exchanges=len(joined["rows"]),
        tasks=len(np.unique(joined["task"])),
        output_tokens=int(joined["tokens"].sum(dtype=np.int64)),
        distinct_prompts=len(np.unique(prompts)),
        first=int(joined["at"].min()),
        last=int(joined["at"].max()),
        days=days([joined["at"]]),
        rows=joined["rows"],
    )


def write_exchanges(
    path: Path, scratch: Scratch, tasks: Sequence[Task], attributed: Sequence[tuple[str, npt.NDArray[np.int64]]],
    family_names: Sequence[str],
) -> None:  # fmt: skip
    """Write `exchanges.parquet`: every attributed exchange with its account, entry and primary family.

    Args:
        attributed: (entry id, rows) pairs; an exchange of two entries gives two rows.
    """
    row = np.concatenate([np.zeros(0, np.int64), *(rows for _, rows in attributed)])
    entry = np.repeat(np.arange(len(attributed), dtype=np.int32), [len(rows) for _, rows in attributed])
    order = np.argsort(row, kind="stable")
    row, entry = row[order], entry[order]
    every = np.unique(row)
    primary = primary_of(scratch, every)
    entries = pa.array([name for name, _ in attributed], pa.string())
    families = pa.array(family_names, pa.string())
    waiting: list[pa.Table] = []
    with pq.ParquetWriter(path, ATTRIBUTED, compression="zstd") as writer:
        for rows, batch in reread(tasks, scratch, every, ("exchange", "account", "at")):
            mine = slice(*np.searchsorted(row, (rows[0], rows[-1] + 1)))
            take = pa.array(np.searchsorted(rows, row[mine]))
            waiting.append(pa.table({
                "exchange": batch.column("exchange").cast(pa.string()).take(take),
                "account": batch.column("account").cast(pa.string()).take(take),
                "campaign": entries.take(pa.array(entry[mine])),
                "family": families.take(pa.array(primary[np.searchsorted(every, row[mine])])),
                "at": pa.array(numbers(batch.column("at"), np.int64, 0), AT).take(take),
            }, schema=ATTRIBUTED))  # fmt: skip
            if sum(len(table) for table in waiting) >= WRITTEN_ROWS:
                writer.write_table(pa.concat_tables(waiting))
                waiting = []
        if waiting:
            writer.write_table(pa.concat_tables(waiting))


def primary_of(scratch: Scratch, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    """Read the primary family of some rows, ascending."""
    out = np.zeros(len(rows), np.int32)
    for start, piece in scratch.pieces("primary"):
        low, high = np.searchsorted(rows, (start, start + len(piece["primary"])))
        out[low:high] = piece["primary"][rows[low:high] - start]
    return out


def days(parts: Iterable[npt.NDArray[np.int64]]) -> dict[str, int]:
    """Count exchanges by the day, UTC; where there are too many days, the fullest ones."""
    found: dict[int, int] = {}
    for at in parts:
        for day, count in zip(*np.unique(at // DAY_MS, return_counts=True), strict=True):
            found[int(day)] = found.get(int(day), 0) + int(count)
        if len(found) > 2 * DAYS_TOLD:
            found = _fullest(found)
    return {f"{instant(day * DAY_MS):%Y-%m-%d}": found[day] for day in sorted(_fullest(found))}


def _fullest(found: dict[int, int]) -> dict[int, int]:
    return dict(sorted(found.items(), key=lambda item: -item[1])[:DAYS_TOLD])


_LAST_MS: Final = 253_402_300_799_999
"""The last millisecond of the year 9999."""


def instant(ms: int) -> datetime:
    """Turn ms since 1970 into an aware time; a broken clock's time is bounded to the years that can be written."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=min(max(ms, 0), _LAST_MS))
