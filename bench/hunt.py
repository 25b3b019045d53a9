"""The whole hunt, beside one DuckDB scan of the columns that it reads, in the same run.

    python bench/hunt.py DIR [--worlds bench bench_turns] [--millions 1 4 16] [--memory 6GB] [--rounds 1]

Writes the practice worlds below DIR where they are missing (16 million exchanges: about 5 GB), hunts, and deletes
nothing but the case. Floor and hunt run as processes of their own, in turn, on two threads each. The floor hashes
every value of every column that the hunt opens, so that DuckDB touches each byte.

Wall-clock ratios hold on a machine with two free cores; `cpu` is user and system time and holds on a busy one too.
Memory is the peak of the resident set (VmHWM), with the pages of mapped files. Kernels are compiled before the clock
starts. The constants of `stillwatch.hunt.plan` and of the progress bar come from the lines below each row.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow.parquet as pq

from stillwatch.cli._values import Size
from stillwatch.hunt import plan
from stillwatch.hunt.read import Unheard, opened
from stillwatch.hunt.request import Request
from stillwatch.hunt.run import run

FULL: Final = 16
"""Millions of exchanges in a bench world at scale 1."""
THREADS: Final = 2


def cpu() -> float:
    """Give the CPU seconds of this process so far, of all its threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak() -> int:
    """Give the largest resident set of this process so far, in bytes."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) * 1024


class Watch(Unheard):
    """Notes when each stage began, what it used until then, and how large the scratch was."""

    def __init__(self, room: Path) -> None:
        self.room = room
        self.stages: list[tuple[str, float, float, int]] = []
        self.disk = 0

    def stage(self, name: str, total: int) -> None:
        del total
        self.stages.append((name, time.perf_counter(), cpu(), peak()))
        self.disk = max(self.disk, sum(path.stat().st_size for path in self.room.rglob("*") if path.is_file()))


def hunt(world: Path, memory: int) -> dict[str, Any]:
    """Hunt in this process, and tell what it took."""
    with tempfile.TemporaryDirectory(dir=world.parent) as folder:
        case = Path(folder) / "case"
        watch = Watch(case / ".scratch")
        begun, used = time.perf_counter(), cpu()
        found = run(
            Request(
                traffic=(str(world / "traffic"),), case=case, accounts=world / "accounts.csv", memory=memory,
                threads=THREADS,
            ),
            watch,
        )  # fmt: skip
        watch.stage("end", 0)
        kept = sum(path.stat().st_size for path in case.iterdir() if path.is_file())
    ends = watch.stages[1:]
    return {
        "exchanges": found.traffic.exchanges, "wall": time.perf_counter() - begun, "cpu": cpu() - used,
        "peak": peak(), "disk": watch.disk, "case": kept, "entries": len(found.campaigns),
        "accounts": sum(len(entry.accounts) for entry in found.campaigns),
        "stages": [
            (name, after[1] - wall, after[2] - busy, after[3])
            for (name, wall, busy, _), after in zip(watch.stages, ends, strict=False)
        ],
    }  # fmt: skip


def floor(world: Path) -> dict[str, Any]:
    """Scan with DuckDB the columns that the hunt opens."""
    file = next((world / "traffic").glob("*/*.parquet"))
    there = pq.read_schema(file).names
    names = [name for name in opened() if name in there]
    begun, used = time.perf_counter(), cpu()
    with duckdb.connect() as connection:
        connection.execute(f"set threads={THREADS}")
        every = ", ".join(f'bit_xor(hash("{name}"))' for name in names)
        connection.execute(f"select {every} from read_parquet('{world}/traffic/*/*.parquet', hive_partitioning=false)")
        connection.fetchall()
    return {"wall": time.perf_counter() - begun, "cpu": cpu() - used, "peak": peak(), "columns": len(names)}


def world(folder: Path, name: str, millions: float, seed: int) -> Path:
    """Write a practice world, unless it is there."""
    out = folder / f"{name}-{millions:g}m-{seed}"
    if not out.exists():
        scale = str(millions / FULL)
        command = [sys.executable, "-m", "stillwatch", "sim", name, "--seed", str(seed), "--scale", scale]
        subprocess.run([*command, "--out", str(out)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return out


def alone(what: str, place: Path, memory: int) -> dict[str, Any]:
    """Run `floor` or `hunt` in a process of its own."""
    command = [sys.executable, __file__, str(place), "--only", what, "--memory", str(memory)]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    found: dict[str, Any] = json.loads(told.stdout.splitlines()[-1])
    return found


def show(millions: float, scan: dict[str, Any], found: dict[str, Any], text: float) -> None:
    """Print what one hunt took, and beside it the scan."""
    rows = found["exchanges"]
    allowed = 1.5e9 + 200 * rows
    print(
        f"| {millions:g}M | {scan['wall']:.1f} / {scan['cpu']:.1f} | {found['wall']:.1f} / {found['cpu']:.1f} | "
        f"{found['wall'] / scan['wall']:.1f} x | {found['cpu'] / scan['cpu']:.1f} x | {found['peak'] / 1e9:.2f} of "
        f"{allowed / 1e9:.2f} GB |",
        flush=True,
    )
    for name, wall, busy, high in found["stages"]:
        print(
            f"    {name:<11}{wall:8.1f} s {busy:8.1f} s cpu {100 * busy / found['cpu']:4.0f} % "
            f"{busy / scan['cpu']:6.2f} x   peak {high / 1e9:.2f} GB"
        )
    print(
        f"    {rows:,} exchanges of {text:.0f} bytes; {found['disk'] / rows:.0f} bytes of scratch and "
        f"{found['case'] / rows:.1f} of case each; {found['entries']} entries, {found['accounts']:,} accounts",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--worlds", nargs="+", default=["bench", "bench_turns"])
    parser.add_argument("--millions", nargs="+", type=float, default=[1.0])
    parser.add_argument("--memory", type=lambda text: Size().convert(text, None, None), default="6GB")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=["floor", "hunt"], help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.only:
        print(json.dumps(floor(told.folder) if told.only == "floor" else hunt(told.folder, told.memory)))
        return
    told.folder.mkdir(parents=True, exist_ok=True)
    alone("hunt", world(told.folder, "bench", 0.05, told.seed), told.memory)  # compiles what is not in the cache
    for name in told.worlds:
        print(f"\n{name}, `--memory` {plan.size(told.memory)}, load {os.getloadavg()[0]:.1f}")
        print("| exchanges | scan, wall / cpu s | hunt, wall / cpu s | wall | cpu | peak memory |")
        print("|---|---|---|---|---|---|")
        times: list[tuple[float, float]] = []
        for millions in told.millions:
            place = world(told.folder, name, millions, told.seed)
            files = sorted((place / "traffic").glob("*/*.parquet"))
            text = plan.plan(files, place, told.memory).text
            rounds = []
            for _ in range(told.rounds):
                rounds.append((alone("floor", place, told.memory), alone("hunt", place, told.memory)))
                show(millions, *rounds[-1], text / rounds[-1][1]["exchanges"])
            times.append((rounds[0][1]["exchanges"], min(found["cpu"] for _, found in rounds)))
        if len(times) > 1:
            (few, short), (many, long) = times[0], times[-1]
            print(f"time against size: exponent {math.log(long / short) / math.log(many / few):.2f} (cpu)")


if __name__ == "__main__":
    main()
