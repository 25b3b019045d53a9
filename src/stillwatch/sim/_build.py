"""Build: write a planted world to disk, day by day, in bounded memory and on any number of threads.

Nothing half-written is left: everything goes to a directory beside the goal, which takes its place at the
end.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq

from stillwatch import __version__
from stillwatch.errors import ResourceError, UsageError
from stillwatch.sim._days import Days, Tally, parquet_settings
from stillwatch.sim._truth import Truth
from stillwatch.sim._world import Script
from stillwatch.sim.stage import World

CODES: Final = pa.dictionary(pa.int32(), pa.string())
TRUTH: Final = pa.schema([("exchange", pa.string()), ("actor", CODES), ("campaign", CODES)])  # read back as strings


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
        raise ResourceError(
            f"cannot write the world: {mistake}",
            where=str(out),
            hint="see whether the place can be written to and has room",
        ) from mistake
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
    days = Days(world, script, aside, litellm=litellm, codec=codec)
    tally = days.tally()
    truth_file = aside / "truth.parquet"
    with (
        pq.ParquetWriter(truth_file, TRUTH, **parquet_settings(codec)) as writer,
        ThreadPoolExecutor(max_workers=threads or min(8, os.cpu_count() or 1)) as pool,
    ):
        for number, part in enumerate(pool.map(days.write, range(script.written))):
            tally.add(part)
            for rows in part.truths:
                writer.write_table(rows)
            part.truths.clear()
            if progress is not None:
                progress(number + 1, script.written)
    csv.write_csv(_plain_times(world.people.table(world.grammar, world.start_ms)), aside / "accounts.csv")
    names = world.people.names().to_pylist()
    (aside / "grants.toml").write_text(_grants(world, names), encoding="utf-8")
    if world.known:
        (aside / "known.toml").write_text(_known(world, names), encoding="utf-8")
    truth = _truth(world, script, tally, names, scale, texts)
    (aside / "truth.json").write_bytes(msgspec.json.format(msgspec.json.encode(truth), indent=1))
    return truth


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


def _written(world: World, campaign: int, days: int) -> float:
    """Tell the share of a campaign's lists that falls into the days that are written."""
    quotas = [
        stream.items.quota for stream in world.streams if stream.campaign == campaign and stream.items.quota.sum()
    ]
    every = sum(int(quota.sum()) for quota in quotas)
    return sum(int(quota[:days].sum()) for quota in quotas) / every if every else days / world.days


def _truth(world: World, script: Script, tally: Tally, names: list[str], scale: float, texts: str | None) -> Truth:
    def moment(ms: int) -> str:
        return datetime.fromtimestamp((world.start_ms + ms) / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    for number, campaign in enumerate(world.campaigns):
        many, first, last, days = tally.campaigns.get(number, [0, 0, 0, 0])
        campaign.accounts = sorted(names[a] for a in world.campaign_accounts[number])
        if campaign.finding == "account_network":  # a network is its accounts, whatever they ask
            many = int(tally.accounts[world.campaign_accounts[number]].sum())
        campaign.exchanges, campaign.days = many, days.bit_count()
        campaign.written = _written(world, number, script.written)
        campaign.from_, campaign.to = (moment(first), moment(last)) if last else (None, None)
    for crowd, accounts in zip(world.crowds, world.crowd_accounts, strict=True):
        crowd.accounts = sorted(names[a] for a in accounts)
        crowd.exchanges = int(tally.accounts[accounts].sum())
    return Truth(
        world=world.name,
        seed=world.seed,
        report=world.report,
        scale=scale,
        stillwatch=__version__,
        from_=script.start.isoformat(),
        days=world.days,
        exchanges=tally.exchanges,
        accounts=int((tally.accounts > 0).sum()),
        checksum=f"{tally.exchanges}-{tally.checksum:016x}",
        texts=texts,
        campaigns=world.campaigns,
        crowds=world.crowds,
    )
