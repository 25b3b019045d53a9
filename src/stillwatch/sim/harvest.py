"""Harvest: how much each campaign had on each day of a practice world."""

from __future__ import annotations

from pathlib import Path

import duckdb

from stillwatch.errors import SettingsError


def by_day(world: Path) -> dict[str, dict[int, int]]:
    """Count each campaign's exchanges on each day, from 0 for the day of the first exchange.

    Raises:
        SettingsError: when the directory is no practice world.
    """
    with duckdb.connect() as base:
        try:
            rows = base.execute(
                """
                with seen as (
                    select exchange, epoch_ms("at") // 86400000 as day
                    from read_parquet(?, hive_partitioning = false)),
                began as (select min(day) as zero from seen)
                select campaign, (day - zero)::int, count(*)
                from seen join read_parquet(?) using (exchange), began
                where campaign is not null group by all order by all
                """,
                [str(world / "traffic" / "*" / "*.parquet"), str(world / "truth.parquet")],
            ).fetchall()
        except duckdb.Error as mistake:
            raise SettingsError(
                f"cannot read the traffic and its truth: {mistake}", where=str(world),
                hint="name a directory that `stillwatch sim` wrote",
            ) from None  # fmt: skip
    found: dict[str, dict[int, int]] = {}
    for campaign, day, many in rows:
        found.setdefault(campaign, {})[int(day)] = int(many)
    return found
