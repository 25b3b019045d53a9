"""What a hunt needs: disk and memory for each exchange, and how its time divides over the stages.

The constants of `stillwatch.hunt.plan` and of the progress bar come from here.

    stillwatch sim bench --scale 0.06 --out /tmp/bench
    python bench/needs.py /tmp/bench
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

from stillwatch.hunt import plan
from stillwatch.hunt.read import Unheard
from stillwatch.hunt.request import Request
from stillwatch.hunt.run import run


class Watch(Unheard):
    """Notes when each stage began, and how large the scratch was."""

    def __init__(self, room: Path) -> None:
        self.room = room
        self.began: dict[str, float] = {}
        self.disk = 0

    def stage(self, name: str, total: int) -> None:
        del total
        self.began[name] = time.perf_counter()
        self.disk = max(self.disk, sum(path.stat().st_size for path in self.room.rglob("*.bin")))


def main(world: Path) -> None:
    """Hunt over a practice world and print what it took."""
    files = sorted((world / "traffic").glob("*/*.parquet"))
    with tempfile.TemporaryDirectory() as folder:
        case = Path(folder) / "case"
        watch = Watch(case / ".scratch")
        told = plan.plan(files, Path(folder), 6 << 30)
        case_told = run(Request(traffic=(str(world / "traffic"),), case=case, accounts=world / "accounts.csv"), watch)
        end = time.perf_counter()
        kept = sum(path.stat().st_size for path in case.iterdir() if path.is_file())
    exchanges = case_told.traffic.exchanges
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"{exchanges:,} exchanges, {told.text / exchanges:.0f} bytes of conversation each")
    print(f"disk    {watch.disk / exchanges:6.0f} bytes each; told before: {told.disk / exchanges:.0f}")
    print(f"memory  {plan.size(peak)} at the peak; told before: {plan.size(told.memory)}")
    print(f"case    {kept / exchanges:6.1f} bytes each")
    times = [*watch.began.values(), end]
    for (name, begun), after in zip(watch.began.items(), times[1:], strict=True):
        print(f"{name:<12}{after - begun:8.1f} s  {100 * (after - begun) / (end - times[0]):5.1f} %")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
