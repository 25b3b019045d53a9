"""How fast practice worlds are written, beside the floor of writing the same bytes.

    python bench/sim.py [--scale 0.125] [--runs 3] [--threads 2]

Prints a row for the full schema (`first`), the benchmark profile (`bench`) and its variant with six turns to a
conversation (`bench_turns`). Wall-clock rates depend on who else is on the machine, so CPU time stands beside them:
`per core` is exchanges per second of CPU, and a rate on two free cores is about twice that. The floor is the same
Arrow batches, built beforehand, written by as many threads with the same Parquet settings in the same run; generation
cannot beat it.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.sim import _build, _days, _world
from stillwatch.sim._plan import plan_day
from stillwatch.sim._render import Bench


def timed(work: Callable[[], int], runs: int) -> tuple[int, float, float]:
    """Return what the work counts, and the fewest seconds of wall clock and of CPU."""
    wall, cpu, count = 1e9, 1e9, 0
    for _ in range(runs):
        begin, used = time.perf_counter(), time.process_time()
        count = work()
        wall, cpu = min(wall, time.perf_counter() - begin), min(cpu, time.process_time() - used)
    return count, wall, cpu


def generation(world: str, scale: float, threads: int, runs: int) -> tuple[int, float, float]:
    """Plant and write a world."""
    script = _world.read(world)
    planted = _world.plant(script, seed=1, scale=scale)

    def write() -> int:
        folder = Path(tempfile.mkdtemp())
        truth = _build.build(planted, script, folder / "world", scale=scale, threads=threads)
        shutil.rmtree(folder)
        return truth.exchanges

    write()  # compiles what is not in the cache
    return timed(write, runs)


def floor(world: str, scale: float, threads: int, runs: int) -> tuple[int, float, float]:
    """Write batches that are already built."""
    script = _world.read(world)
    planted = _world.plant(script, seed=1, scale=scale)
    folder = Path(tempfile.mkdtemp())
    days = _days.Days(planted, script, folder, litellm=False, codec="zstd")
    size = _days.LEAN_CHUNK if script.lean else _days.CHUNK
    batches: list[pa.Table] = []
    for day in range(planted.days):
        for _, plan in plan_day(day, days.timeline, planted.streams, days.figures, planted.people):
            # a bench of its own keeps each batch's bytes alive
            batches += [pa.table(days.columns.build(chunk, Bench())) for chunk in _days.chunks(plan, size)]
        if sum(b.num_rows for b in batches) > 8 * size:
            break
    settings = _days.parquet_settings("lz4" if script.lean else "zstd")

    def write() -> int:
        with ThreadPoolExecutor(threads) as pool:
            tasks = [pool.submit(pq.write_table, b, folder / f"{k}.parquet", **settings) for k, b in enumerate(batches)]
            for task in tasks:
                task.result()
        return sum(b.num_rows for b in batches)

    result = timed(write, runs)
    shutil.rmtree(folder)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=0.125, help="of the bench worlds; `first` runs at 4")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--worlds", nargs="*", default=["first", "bench", "bench_turns"])
    told = parser.parse_args()
    print("| world | exchanges | exchanges/s | per core | floor, exchanges/s | floor, per core | CPU over floor |")
    print("|---|---|---|---|---|---|---|")
    for world in told.worlds:
        scale = 4.0 if world == "first" else told.scale
        many, wall, cpu = generation(world, scale, told.threads, told.runs)
        few, floor_wall, floor_cpu = floor(world, scale, told.threads, told.runs)
        print(
            f"| {world} | {many:,} | {many / wall:,.0f} | {many / cpu:,.0f} | {few / floor_wall:,.0f} |"
            f" {few / floor_cpu:,.0f} | {cpu / many / (floor_cpu / few):.1f} x |",
            flush=True,
        )
    print(f"\npeak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB")


if __name__ == "__main__":
    main()
