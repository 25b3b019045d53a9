"""Build: write a planted world to disk, day by day, in bounded memory and on any number of threads.

Nothing half-written is left: everything goes to a directory beside the goal, which takes its place at the
end.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq

from stillwatch import __version__
from stillwatch.errors import ResourceError, UsageError
from stillwatch.model.exchange import EXCHANGES
from stillwatch.sim import _checksum
from stillwatch.sim._clock import DAY_MS
from stillwatch.sim._columns import Columns, Release
from stillwatch.sim._litellm import LiteLLMWriter
from stillwatch.sim._plan import Plan, SceneFigures, Timeline, figures, plan_day
from stillwatch.sim._render import Bench
from stillwatch.sim._truth import Truth
from stillwatch.sim._world import Script
from stillwatch.sim.stage import World

CHUNK: Final = 16_384
LEAN_CHUNK: Final = 65_536
TRUTH: Final = pa.schema([("exchange", pa.string()), ("actor", pa.string()), ("campaign", pa.string())])


@dataclass(slots=True)
class Tally:
    """What was written, by campaign and by account."""

    exchanges: int = 0
    checksum: int = 0
    campaigns: dict[int, list[int]] = field(default_factory=dict)  # exchanges, first, last, bits of the days
    accounts: dict[int, int] = field(default_factory=dict)

    def add(self, other: Tally) -> None:
        """Add another tally; the order does not matter."""
        self.exchanges += other.exchanges
        self.checksum = (self.checksum + other.checksum) % (1 << 64)
        for number, (many, first, last, days) in other.campaigns.items():
            mine = self.campaigns.get(number)
            self.campaigns[number] = (
                [many, first, last, days]
                if mine is None
                else [mine[0] + many, min(mine[1], first), max(mine[2], last), mine[3] | days]
            )
        for account, many in other.accounts.items():
            self.accounts[account] = self.accounts.get(account, 0) + many


def build(
    world: World,
    script: Script,
    out: Path,
    *,
    scale: float = 1.0,
    threads: int | None = None,
    litellm: bool = False,
    codec: str | None = None,
    texts: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Truth:
    """Write a world to `out` and return its truth.

    Raises:
        UsageError: when `out` is neither new, nor empty, nor an earlier practice world.
        ResourceError: when the disk is full.
    """
    _check_place(out)
    aside = out.with_name(f".{out.name}.{os.getpid()}.partial")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        aside.mkdir(parents=True)
        truth = _write(
            world,
            script,
            aside,
            scale,
            threads,
            litellm,
            codec or ("lz4" if script.lean else "zstd"),
            texts,
            progress,
        )
        _put_in_place(aside, out)
    except OSError as mistake:
        raise ResourceError(f"cannot write the world: {mistake}", where=str(out), hint="free some disk") from mistake
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return truth


def _check_place(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise UsageError(f"`{out}` is a file", hint="name a directory with `--out`")
    if out.is_dir() and any(out.iterdir()) and not (out / "truth.json").is_file():
        raise UsageError(f"`{out}` holds something that is not a practice world", hint="name a new directory")


def _put_in_place(aside: Path, out: Path) -> None:
    old = out.with_name(f".{out.name}.{os.getpid()}.old")
    if out.exists():
        out.rename(old)
    aside.rename(out)
    shutil.rmtree(old, ignore_errors=True)


def _write(
    world: World,
    script: Script,
    aside: Path,
    scale: float,
    threads: int | None,
    litellm: bool,
    codec: str,
    texts: str | None,
    progress: Callable[[int, int], None] | None,
) -> Truth:
    day_writer = _Days(world, script, aside, litellm=litellm, codec=codec)
    tally = Tally()
    with ThreadPoolExecutor(max_workers=threads or min(8, os.cpu_count() or 1)) as pool:
        for number, part in enumerate(pool.map(day_writer.write, range(world.days))):
            tally.add(part)
            if progress is not None:
                progress(number + 1, world.days)
    _join_truth(aside, codec)
    csv.write_csv(_plain_times(world.people.table(world.grammar, world.start_ms)), aside / "accounts.csv")
    names = world.people.names().to_pylist()
    (aside / "grants.toml").write_text(_grants(world, names), encoding="utf-8")
    if world.known:
        (aside / "known.toml").write_text(_known(world, names), encoding="utf-8")
    truth = _truth(world, script, tally, names, scale, texts)
    (aside / "truth.json").write_bytes(msgspec.json.format(msgspec.json.encode(truth), indent=1))
    return truth


class _Days:
    """Writes one day at a time; one object serves all threads."""

    def __init__(self, world: World, script: Script, aside: Path, *, litellm: bool, codec: str) -> None:
        self.world, self.aside, self.codec, self.lean = world, aside, codec, script.lean
        self.figures: SceneFigures = figures(world.scenes)
        self.timeline = Timeline(
            seed=world.seed, days=world.days, weekday=script.start.weekday(), outages=world.outages
        )
        release = None
        if script.release is not None and world.release_ms is not None:
            release = Release(tier=str(script.release.get("tier", "large")), at=world.release_ms)
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

    def write(self, day: int) -> Tally:
        """Write everything that begins on a day."""
        bench = getattr(self._mine, "bench", None) or Bench()
        self._mine.bench, tally = bench, Tally()
        for reached, plan in plan_day(day, self.timeline, self.world.streams, self.figures, self.world.people):
            self._partition(day, reached, plan, bench, tally)
        return tally

    def _partition(self, day: int, reached: int, plan: Plan, bench: Bench, tally: Tally) -> None:
        date = (datetime.fromtimestamp(self.world.start_ms / 1000, UTC) + timedelta(days=reached)).date().isoformat()
        folder = self.aside / "traffic" / f"day={date}"
        folder.mkdir(parents=True, exist_ok=True)
        (self.aside / "truth").mkdir(exist_ok=True)
        name = f"part-{day:04d}"
        writer: pq.ParquetWriter | None = None
        truths = []
        try:
            for chunk in _chunks(plan, LEAN_CHUNK if self.lean else CHUNK):
                built = self.columns.build(chunk, bench)
                tally.checksum = (tally.checksum + _checksum.rows(built)) % (1 << 64)
                batch = pa.table(built)
                if writer is None:
                    writer = pq.ParquetWriter(folder / f"{name}.parquet", batch.schema, **_parquet(self.codec))
                writer.write_table(batch)
                if self.litellm is not None:
                    self.litellm.write(self.aside / "litellm" / f"day={date}" / f"{name}.ndjson", _plain(batch))
                truths.append(self._truth_of(chunk, built["exchange"]))
                self._count(chunk, tally)
        finally:
            if writer is not None:
                writer.close()
        pq.write_table(
            pa.concat_tables(truths),
            self.aside / "truth" / f"{reached:04d}-{day:04d}.parquet",
            **_parquet(self.codec),
        )

    def _truth_of(self, chunk: Plan, exchange: pa.Array) -> pa.Table:
        actor = pa.DictionaryArray.from_arrays(pa.array(self.stream_actor[chunk.stream]), self.actors)
        code = self.stream_campaign[chunk.stream]
        campaign = pa.DictionaryArray.from_arrays(pa.array(code, mask=code < 0), self.campaigns)
        return pa.table({"exchange": exchange, "actor": actor, "campaign": campaign})

    def _count(self, chunk: Plan, tally: Tally) -> None:
        tally.exchanges += len(chunk.at)
        part = Tally()
        accounts, many = np.unique(chunk.account, return_counts=True)
        part.accounts = dict(zip(accounts.tolist(), many.tolist(), strict=True))
        code = self.stream_campaign[chunk.stream]
        for number in np.unique(code[code >= 0]):
            at = chunk.at[code == number]
            days = 0
            for day in np.unique(at // DAY_MS):
                days |= 1 << int(day)
            part.campaigns[int(number)] = [len(at), int(at.min()), int(at.max()), days]
        tally.add(part)


def _parquet(codec: str) -> dict[str, Any]:
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


def _chunks(plan: Plan, size: int) -> Iterator[Plan]:
    for begin in range(0, len(plan.at), size):
        yield plan.take(slice(begin, begin + size))


def _plain(batch: pa.Table) -> pa.Table:
    """Give a chunk the canonical schema, without dictionaries."""
    return pa.table(
        [batch[f.name].cast(f.type) for f in EXCHANGES if f.name in batch.column_names],
        schema=pa.schema([f for f in EXCHANGES if f.name in batch.column_names]),
    )


def _join_truth(aside: Path, codec: str) -> None:
    parts = sorted((aside / "truth").glob("*.parquet")) if (aside / "truth").is_dir() else []
    with pq.ParquetWriter(aside / "truth.parquet", TRUTH, compression=codec) as writer:
        for part in parts:
            writer.write_table(pq.read_table(part).cast(TRUTH))
    shutil.rmtree(aside / "truth", ignore_errors=True)


def _plain_times(accounts: pa.Table) -> pa.Table:
    import pyarrow.compute as pc

    for name in ("created_at", "closed_at"):
        text = pc.strftime(accounts[name], format="%Y-%m-%dT%H:%M:%SZ")
        accounts = accounts.set_column(accounts.column_names.index(name), name, text)
    return accounts


def _toml(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _grants(world: World, names: list[str]) -> str:
    lines = ["# Permissions to distil in this practice world (CONTRACT: grants).\n"]
    for grant in world.grants:
        lines.append("[[grant]]")
        for field_name, value in grant.items():
            if field_name == "accounts":
                value = sorted(names[a] for a in value)
            lines.append(f"{field_name} = {value.isoformat() if hasattr(value, 'isoformat') else _toml(value)}")
        lines.append("")
    return "\n".join(lines) + "\n"


def _known(world: World, names: list[str]) -> str:
    expires = datetime.fromtimestamp(world.start_ms / 1000, UTC).date() + timedelta(days=365)
    lines = ["# Owners that the operator of this practice world was told about.\n"]
    for known in world.known:
        lines += [
            "[[owner]]",
            f"name = {_toml(known['owner'])}",
            f"accounts = {_toml(sorted(names[a] for a in known['accounts']))}",
            f"reason = {_toml(known['reason'])}",
            f"expires = {expires.isoformat()}",
            "",
        ]
    return "\n".join(lines) + "\n"


def _truth(world: World, script: Script, tally: Tally, names: list[str], scale: float, texts: str | None) -> Truth:
    def moment(ms: int) -> str:
        return datetime.fromtimestamp((world.start_ms + ms) / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    for number, campaign in enumerate(world.campaigns):
        many, first, last, days = tally.campaigns.get(number, [0, 0, 0, 0])
        campaign.accounts = sorted(names[a] for a in world.campaign_accounts[number])
        if campaign.finding == "account_network":  # a network is its accounts, whatever they ask
            many = sum(tally.accounts.get(int(a), 0) for a in world.campaign_accounts[number])
        campaign.exchanges, campaign.days = many, days.bit_count()
        campaign.from_, campaign.to = (moment(first), moment(last)) if last else (None, None)
    for crowd, accounts in zip(world.crowds, world.crowd_accounts, strict=True):
        crowd.accounts = sorted(names[a] for a in accounts)
        crowd.exchanges = sum(tally.accounts.get(int(a), 0) for a in accounts)
    return Truth(
        world=world.name,
        seed=world.seed,
        report=world.report,
        scale=scale,
        stillwatch=__version__,
        from_=script.start.isoformat(),
        days=world.days,
        exchanges=tally.exchanges,
        accounts=len(tally.accounts),
        checksum=f"{tally.exchanges}-{tally.checksum:016x}",
        texts=texts,
        campaigns=world.campaigns,
        crowds=world.crowds,
    )
