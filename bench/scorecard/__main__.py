"""Measure stillwatch and its rivals on the practice ground, and write the page.

    python bench/scorecard run --out DIR [--seeds 20] [--groups main quiet first month sweeps] [--only hunt ...]
                               [--minutes M] [--processes P]
    python bench/scorecard page --out DIR [--docs docs]
    python bench/scorecard left --out DIR

`run` goes through the plan seed by seed, writes one JSON file to a cell, and goes on where it stopped; a cell that was
measured with other code is measured again. `page` writes `scorecard.md` and its pictures from whatever cells there are.
`left` counts the cells that are not there yet.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scorecard import page, plan, work


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def _do(unit: plan.Unit, out: Path, until: float) -> None:
    if time.time() < until:
        work.do(unit, out, _say)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["run", "page", "left"])
    parser.add_argument("--out", type=Path, required=True, help="where the cells are")
    parser.add_argument("--seeds", type=int, default=20, help="of the main table; the other groups follow")
    parser.add_argument("--first", type=int, default=plan.REPORT, help="first seed; below 1000 for tuning")
    parser.add_argument("--groups", nargs="*", default=[], choices=["main", "quiet", "first", "month", "sweeps"])
    parser.add_argument("--only", nargs="*", default=[], help="only these variants, such as hunt rivals replay")
    parser.add_argument("--minutes", type=float, default=1e6, help="begin no unit after so many minutes")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--docs", type=Path, default=Path(__file__).resolve().parents[2] / "docs")
    told = parser.parse_args()
    if told.what == "page":
        page.write(told.out, told.docs)
        return
    units = plan.thinned(plan.units(seeds=told.seeds, first=told.first, groups=told.groups), told.only)
    if told.what == "left":
        missing = [len(work.todo(unit, told.out)) for unit in units]
        print(f"{sum(missing)} of {sum(len(u.variants) for u in units)} cells in {sum(map(bool, missing))} worlds")
        return
    os.environ.setdefault("STILLWATCH_KEY", str(told.out.resolve() / "key"))
    told.out.mkdir(parents=True, exist_ok=True)
    until = time.time() + 60 * told.minutes
    if told.processes == 1:
        for unit in units:
            _do(unit, told.out, until)
        return
    with ProcessPoolExecutor(told.processes) as pool:
        for future in [pool.submit(_do, unit, told.out, until) for unit in units]:
            future.result()


if __name__ == "__main__":
    main()
