"""Days: the traffic of a world, one day at a time, as partitions of Parquet and rows of truth.

One object serves all threads; what it returns adds up in any order.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.model.exchange import EXCHANGES
from stillwatch.sim import _checksum
from stillwatch.sim._clock import DAY_MS
from stillwatch.sim._columns import Columns, Release
from stillwatch.sim._litellm import LiteLLMWriter
from stillwatch.sim._plan import Plan, SceneFigures, Timeline, figures, plan_day
from stillwatch.sim._render import Bench
from stillwatch.sim._world import Script
from stillwatch.sim.stage import World

CHUNK: Final = 16_384
LEAN_CHUNK: Final = 65_536


@dataclass(slots=True)
class Tally:
    """What was written: in all, by campaign and by account, with the rows of truth that are still to be written."""

    accounts: npt.NDArray[np.int64]
    exchanges: int = 0
    checksum: int = 0
    campaigns: dict[int, list[int]] = field(default_factory=dict)  # exchanges, first, last, bits of the days
    truths: list[pa.Table] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Add another tally; the order does not matter."""
        self.exchanges += other.exchanges
        self.checksum = (self.checksum + other.checksum) % (1 << 64)
        self.accounts += other.accounts
        for number, (many, first, last, days) in other.campaigns.items():
            self._campaign(number, many, first, last, days)

    def _campaign(self, number: int, many: int, first: int, last: int, days: int) -> None:
        mine = self.campaigns.get(number, [0, first, last, 0])
        self.campaigns[number] = [mine[0] + many, min(mine[1], first), max(mine[2], last), mine[3] | days]

    def count(self, chunk: Plan, campaign: npt.NDArray[np.int32]) -> None:
        """Count a chunk, given the campaign of each of its rows."""
        self.exchanges += len(chunk.at)
        self.accounts += np.bincount(chunk.account, minlength=len(self.accounts))
        rows = np.flatnonzero(campaign >= 0)
        rows = rows[np.argsort(campaign[rows], kind="stable")]
        edges = np.append(np.flatnonzero(np.diff(campaign[rows], prepend=-1)), len(rows))
        for head, after in pairwise(edges):
            at = chunk.at[rows[head:after]]
            days = 0
            for day in np.unique(at // DAY_MS):
                days |= 1 << int(day)
            self._campaign(int(campaign[rows[head]]), len(at), int(at.min()), int(at.max()), days)


class Days:
    """Writes one day at a time; one object serves all threads."""

    def __init__(self, world: World, script: Script, aside: Path, *, litellm: bool, codec: str) -> None:
        self.world, self.aside, self.codec, self.lean = world, aside, codec, script.lean
        self.figures: SceneFigures = figures(world.scenes)
        self.timeline = Timeline(
            seed=world.seed, days=world.days, weekday=script.start.weekday(), outages=world.outages
        )
        release = None
        if script.release is not None and world.release_ms is not None:
            release = Release(tier=script.release.tier, at=world.release_ms)
        world.people.column("created")  # settle the register before threads read it
        self.columns = Columns(
            seed=world.seed,
            start_ms=world.start_ms,
            grammar=world.grammar,
            scenes=world.scenes,
            streams=world.streams,
            people=world.people,
            network=world.network,
            clients=(world.clients.user_agents, world.clients.ja4s),
            release=release,
            lean=script.lean,
        )
        self.actors = pa.array(world.actors)
        self.campaigns = pa.array([c.id for c in world.campaigns] or [""])
        self.stream_actor = np.array([s.actor for s in world.streams], np.int32)
        self.stream_campaign = np.array([s.campaign for s in world.streams], np.int32)
        self.names = self.columns.names
        self.litellm = LiteLLMWriter() if litellm else None
        self._mine = threading.local()

    def tally(self) -> Tally:
        """Begin to count."""
        return Tally(accounts=np.zeros(len(self.world.people), np.int64))

    def write(self, day: int) -> Tally:
        """Write everything that begins on a day."""
        bench = getattr(self._mine, "bench", None) or Bench()
        self._mine.bench, tally = bench, self.tally()
        for reached, plan in plan_day(day, self.timeline, self.world.streams, self.figures, self.world.people):
            self._partition(day, reached, plan, bench, tally)
        return tally

    def _partition(self, day: int, reached: int, plan: Plan, bench: Bench, tally: Tally) -> None:
        date = (datetime.fromtimestamp(self.world.start_ms / 1000, UTC) + timedelta(days=reached)).date().isoformat()
        folder = self.aside / "traffic" / f"day={date}"
        folder.mkdir(parents=True, exist_ok=True)
        name = f"part-{day:04d}"
        writer: pq.ParquetWriter | None = None
        try:
            for chunk in chunks(plan, LEAN_CHUNK if self.lean else CHUNK):
                built = self.columns.build(chunk, bench)
                tally.checksum = (tally.checksum + _checksum.rows(built)) % (1 << 64)
                batch = pa.table(built)
                if writer is None:
                    writer = pq.ParquetWriter(folder / f"{name}.parquet", batch.schema, **parquet_settings(self.codec))
                writer.write_table(batch)
                if self.litellm is not None:
                    self.litellm.write(self.aside / "litellm" / f"day={date}" / f"{name}.ndjson", _plain(batch))
                tally.truths.append(self._truth_of(chunk, built["exchange"]))
                tally.count(chunk, self.stream_campaign[chunk.stream])
        finally:
            if writer is not None:
                writer.close()

    def _truth_of(self, chunk: Plan, exchange: pa.Array) -> pa.Table:
        actor = pa.DictionaryArray.from_arrays(pa.array(self.stream_actor[chunk.stream]), self.actors)
        code = self.stream_campaign[chunk.stream]
        campaign = pa.DictionaryArray.from_arrays(pa.array(code, mask=code < 0), self.campaigns)
        return pa.table({"exchange": exchange, "actor": actor, "campaign": campaign})


def parquet_settings(codec: str) -> dict[str, Any]:
    """Settle how Parquet is written."""
    return {
        "compression": codec,
        "compression_level": 1 if codec == "zstd" else None,
        "store_schema": False,  # readers see the canonical types, not the dictionaries used on the way
        "write_statistics": ["at", "account"],
        "use_dictionary": [
            "account",
            "key",
            "channel",
            "model",
            "operation",
            "system",
            "messages.list.element.role",
            "tools_hash",
            "tools.list.element",
            "finish_reason",
            "user_agent",
            "ja4",
            "reasoning_effort",
            "actor",
            "campaign",
        ],
    }


def chunks(plan: Plan, size: int) -> Iterator[Plan]:
    """Cut a plan into chunks."""
    for begin in range(0, len(plan.at), size):
        yield plan.take(slice(begin, begin + size))


def _plain(batch: pa.Table) -> pa.Table:
    """Give a chunk the canonical schema, without dictionaries."""
    return pa.table(
        [batch[f.name].cast(f.type) for f in EXCHANGES if f.name in batch.column_names],
        schema=pa.schema([f for f in EXCHANGES if f.name in batch.column_names]),
    )
