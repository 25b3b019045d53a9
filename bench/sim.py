"""How fast practice worlds are written, beside the floor of writing the same bytes.

    python bench/sim.py [--scale 0.125] [--runs 3] [--threads 2]

Prints a row for the full schema (`first`), the benchmark profile (`bench`) and its variant with six turns to a
conversation (`bench_turns`): exchanges, MB of text, exchanges/s in all and without the start of the program, and the
same for the floor: Arrow batches of the same rows, built beforehand, written by the same number of threads with the
same Parquet settings. Generation can never beat that floor; the ratio is what to watch when the machine is busy.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.sim import _build, _days, _world
from stillwatch.sim._plan import plan_day
from stillwatch.sim._render import Bench


def rate(world: str, scale: float, threads: int, runs: int) -> tuple[int, float, float, float]:
    """Return exchanges, GB of text on the wire, and the best seconds of planting and of writing."""
    script = _world.read(world)
    best_plant, best_write, exchanges = 1e9, 1e9, 0
    for _ in range(runs):
        folder = Path(tempfile.mkdtemp())
        begin = time.perf_counter()
        planted = _world.plant(script, seed=1, scale=scale)
        middle = time.perf_counter()
        truth = _build.build(planted, script, folder / "world", scale=scale, threads=threads)
        end = time.perf_counter()
        exchanges = truth.exchanges
        best_plant, best_write = min(best_plant, middle - begin), min(best_write, end - middle)
        shutil.rmtree(folder)
    return exchanges, best_plant, best_write, floor(world, scale, threads, runs)


def floor(world: str, scale: float, threads: int, runs: int) -> float:
    """Return the best seconds per exchange of writing batches that are already built."""
    script = _world.read(world)
    planted = _world.plant(script, seed=1, scale=scale)
    folder = Path(tempfile.mkdtemp())
    writer = _days.Days(planted, script, folder, litellm=False, codec="zstd")
    size = _days.LEAN_CHUNK if script.lean else _days.CHUNK
    batches: list[pa.Table] = []
    for day in range(planted.days):
        for _, plan in plan_day(day, writer.timeline, planted.streams, writer.figures, planted.people):
            # a bench of its own keeps each batch's bytes alive
            batches += [pa.table(writer.columns.build(chunk, Bench())) for chunk in _days.chunks(plan, size)]
        if sum(b.num_rows for b in batches) > 6 * size or len(batches) > 40:
            break
    options = _days.parquet_settings("lz4" if script.lean else "zstd")
    rows = sum(b.num_rows for b in batches)

    def write(numbered: tuple[int, pa.Table]) -> None:
        pq.write_table(numbered[1], folder / f"{numbered[0]}.parquet", **options)

    best = 1e9
    for _ in range(runs):
        begin = time.perf_counter()
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(write, enumerate(batches)))
        best = min(best, time.perf_counter() - begin)
    shutil.rmtree(folder)
    return best / rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=0.125, help="of the bench worlds; `first` runs at 4")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--worlds", nargs="*", default=["first", "bench", "bench_turns"])
    told = parser.parse_args()
    print(
        "| world | exchanges | planting, s | writing, s | exchanges/s written | floor, exchanges/s | share of floor |"
    )
    print("|---|---|---|---|---|---|---|")
    for world in told.worlds:
        scale = 4.0 if world == "first" else told.scale
        exchanges, plant, write, least = rate(world, scale, told.threads, told.runs)
        print(
            f"| {world} | {exchanges:,} | {plant:.1f} | {write:.1f} | {exchanges / write:,.0f} |"
            f" {1 / least:,.0f} | {exchanges / write * least:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
