"""Tell: count what each entry names, and write the case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.engine.scan import Task, reread
from stillwatch.engine.scratch import Scratch
from stillwatch.hunt.decide import Draft
from stillwatch.kit.codes import Codes

U64 = np.uint64
ATTRIBUTED: Final = pa.schema(
    [("exchange", pa.string()), ("account", pa.string()), ("campaign", pa.string()), ("family", pa.string())]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What an entry names, in four units."""

    exchanges: int
    tasks: int
    output_tokens: int
    distinct_prompts: int
    first: int
    last: int
    rows: npt.NDArray[np.int64]
    """Rows attributed to the entry, ascending."""


def count(scratch: Scratch, codes: Codes, drafts: Sequence[Draft], accounts: int) -> list[Counted]:
    """Count the exchanges of every draft exactly, in one pass over the scratch."""
    chosen = [_mask(draft.accounts, accounts) for draft in drafts]
    names = ["account", "at", "primary"]
    names += [name for name in ("session", "first", "last", "output_tokens") if name in scratch]
    parts: list[list[dict[str, npt.NDArray[Any]]]] = [[] for _ in drafts]
    for start, piece in scratch.pieces(*names):
        account = codes.lookup(piece["account"])
        task = _tasks(piece)
        for draft, mask, found in zip(drafts, chosen, parts, strict=True):
            rows = mask[account]
            if draft.families:
                rows &= np.isin(piece["primary"], draft.families)
            at = np.flatnonzero(rows)
            if len(at):
                found.append({
                    "rows": start + at, "task": task[at], "at": piece["at"][at],
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
            exchanges=0, tasks=0, output_tokens=0, distinct_prompts=0, first=0, last=0, rows=np.zeros(0, np.int64)
        )
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    prompts = joined["last"][joined["last"] != 0]
    return Counted(
        exchanges=len(joined["rows"]),
        tasks=len(np.unique(joined["task"])),
        output_tokens=int(joined["tokens"].sum(dtype=np.int64)),
        distinct_prompts=len(np.unique(prompts)),
        first=int(joined["at"].min()),
        last=int(joined["at"].max()),
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
    every = np.unique(np.concatenate([rows for _, rows in attributed])) if attributed else np.zeros(0, np.int64)
    primary = _pick(scratch, every)
    with pq.ParquetWriter(path, ATTRIBUTED, compression="zstd") as writer:
        for rows, batch in reread(tasks, scratch, every, ("exchange", "account")):
            names = pa.array([family_names[f] for f in primary[np.searchsorted(every, rows)]], pa.string())
            for entry, mine in attributed:
                here = np.flatnonzero(np.isin(rows, mine, assume_unique=True))
                if len(here):
                    take = pa.array(here)
                    writer.write_table(pa.table({
                        "exchange": batch.column("exchange").cast(pa.string()).take(take),
                        "account": batch.column("account").cast(pa.string()).take(take),
                        "campaign": pa.array([entry] * len(here), pa.string()),
                        "family": names.take(take),
                    }, schema=ATTRIBUTED))  # fmt: skip


def _pick(scratch: Scratch, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    out = np.zeros(len(rows), np.int32)
    for start, piece in scratch.pieces("primary"):
        low, high = np.searchsorted(rows, (start, start + len(piece["primary"])))
        out[low:high] = piece["primary"][rows[low:high] - start]
    return out


def instant(ms: int) -> datetime:
    """Turn ms since 1970 into an aware time."""
    return datetime.fromtimestamp(ms / 1000, UTC)
