"""Intent: its power by kind of campaign, and its false alarms on every innocent crowd, whatever links them.

Each actor's accounts are given to the judge as one group, so that nothing depends on how groups are found: all
campaigns together, and the crowds a few at a time beside them, since the families of those who are in no group are what
a group's are ranked among. Asked is only whether what a group asks looks like the making of training data. A crowd that
passes is no false accusation yet (deception and scale have to pass too), but a false alarm of this axis.

    python bench/intent.py --seeds 1000 1001 1002 --worlds full [--texts DIR]
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from stillwatch import sim
from stillwatch.hunt import weigh
from stillwatch.hunt.linked import Linked, link
from stillwatch.hunt.read import Unheard, declare, read
from stillwatch.hunt.request import Request, begin
from stillwatch.judge import axes
from stillwatch.judge.gather import Settled
from stillwatch.judge.look import LEAST
from stillwatch.kit import groups as sets
from stillwatch.kit.intervals import clopper_pearson
from stillwatch.store import key as keys

BESIDE = 4
"""Crowds that are groups at a time: few, as in a log."""


def groups(world: Path, folder: Path) -> Iterator[tuple[str, bool, axes.Axis]]:
    """Judge the intent of every actor of a world: its name, whether it extracts, and the axis."""
    truth = json.loads((world / "truth.json").read_text("utf-8"))
    actors = []
    for sort in ("campaigns", "crowds"):
        for actor in truth[sort]:
            extracts = sort == "campaigns" and actor["finding"] == "distillation_campaign"
            if extracts or sort == "crowds":
                actors.append((actor["id"].rsplit("-", 1)[0], extracts, actor["accounts"]))
    for name, extracts, axis, _ in judged(world, folder, actors, BESIDE):
        yield name, extracts, axis


def judged(
    world: Path, folder: Path, actors: Sequence[tuple[str, bool, Sequence[str]]], beside: int = 0
) -> Iterator[tuple[str, bool, axes.Axis, axes.Axis]]:
    """Judge the intent of groups of accounts in a world's traffic, each of at least LEAST owners.

    The second axis is that of the group's families alone, whose exemplars are read.

    Args:
        beside: crowds that are groups at a time; 0 for all.
    """
    request = Request(traffic=(str(world / "traffic"),), case=folder / "case", accounts=world / "accounts.csv")
    begin(request)
    log = read(request, declare(request), Unheard())
    linked = link(request, log, keys.find(folder / "key"), Unheard())
    crowd = linked.traces.crowd
    code = {name: number for number, name in enumerate(crowd.accounts)}
    campaigns, crowds = [], []
    for name, extracts, accounts in actors:
        members = np.unique(crowd.owner[[code[one] for one in accounts if one in code]]).astype(np.int32)
        if len(members) >= LEAST:
            group = Settled(members=members, ties={}, weights=shards(linked, members), total=0.0, seed=0)
            (campaigns if extracts else crowds).append((name, group))
    step = beside or max(len(crowds), 1)
    for start in range(0, max(len(crowds), 1), step):
        groups = [*campaigns, *crowds[start : start + step]]
        settled = [group for _, group in groups]
        told = weigh.weigh(log.scratch, log.tasks, linked.traces, replace(linked.joined, settled=settled))
        for number, (name, _) in enumerate(groups):
            extracts = number < len(campaigns)
            if extracts and start > 0:
                continue
            own = told.own[number]
            reads, sizes = [told.streams[number, one.family] for one in own], [one.exchanges for one in own]
            pool, whole = told.pools.get(number), told.wholes.get(number)
            yield name, extracts, axes.intent(reads, pool, whole, sizes), axes.intent(reads, pool, sizes=sizes)


def shards(linked: Linked, members: npt.NDArray[np.int32]) -> dict[str, float]:
    """Weigh whether the members avoid each other on one list; nothing where nothing links anybody."""
    look = linked.joined.looks.get("shards")
    return {"shards": float(look.sight.weigh(sets.of([members]))[0])} if look else {}


def main() -> None:
    """Make the worlds, judge them, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1000, 1001, 1002])
    parser.add_argument("--worlds", nargs="+", default=["full"])
    parser.add_argument("--texts", type=Path, help="real prompts in the normal form, instead of the ground's own")
    asked = parser.parse_args()
    found: dict[tuple[bool, str], list[float]] = defaultdict(list)
    for name in asked.worlds:
        for seed in asked.seeds:
            with tempfile.TemporaryDirectory() as folder:
                sim.make(name, seed=seed, out=Path(folder) / "world", texts=asked.texts)
                for actor, extracts, axis in groups(Path(folder) / "world", Path(folder)):
                    found[not extracts, actor].append(axis.bits if axis.passed else 0.0)
    for innocent in (False, True):
        print("\nfalse alarms of intent alone" if innocent else "power")
        print(f"{'actor':<28}{'groups':>8}{'passed':>8}{'share':>8}   95 % (exact)")
        every = [0, 0]
        for (side, actor), bits in sorted(found.items()):
            if side != innocent:
                continue
            hits = sum(one > 0 for one in bits)
            every[0] += hits
            every[1] += len(bits)
            low, high = clopper_pearson(hits, len(bits))
            print(f"{actor:<28}{len(bits):>8}{hits:>8}{hits / len(bits):>8.2f}   {low:.2f} to {high:.2f}")
        low, high = clopper_pearson(every[0], every[1])
        print(f"{'all':<28}{every[1]:>8}{every[0]:>8}{every[0] / max(every[1], 1):>8.2f}   {low:.2f} to {high:.2f}")


if __name__ == "__main__":
    main()
