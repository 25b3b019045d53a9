"""What a peer's word adds to a hunt, and what a lying peer's does: practice worlds, dealt out to two labs.

    python bench/leads.py [--world campaigns] [--scale 0.7] [--seeds 40 41] [--deals 2] [--uneven] [--own]
    python bench/leads.py --hostile [--world full] [--seeds 40 41]

Of innocents each lab gets half, of each campaign between a quarter and three quarters; with --uneven one lab gets a
tenth to a third of each, and the other the rest; with --own each has a world of its own, in which the same campaigns
run, and nobody is dealt out but their accounts. Each lab hunts alone, tells what it found (families, networks), looks
for what the other told, and hunts again with it. For each it prints the planted accounts that it had, those found
alone, those gained and lost with the other's word, innocent accounts in entries alone and with it, false entries with
it, the planted and innocent accounts that the other's word left to a person (undecided with it, and not alone), and
the accounts at which the other pointed (a whole AS set aside). The floor is the hunt alone, in the same run.

With --hostile nobody is dealt out: a peer lies about the whole world, one bulletin for each innocent crowd, that points
at all of it by a family and by networks, and one more that points at the crowd and at a campaign together; and one more
for each group of innocents that the hunt alone had cleared or left undecided, as if the liar had read the case. Printed
are the entries of the hunt alone and with it, and the innocent accounts in them.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pyarrow.dataset as ds
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.share.conftest import a_case, an_entry
from tests.share.labs import HIDDEN, Lab, divide, settle_in
from tests.share.test_two_labs import pointed_at

from stillwatch import sim
from stillwatch.model.case import Case
from stillwatch.share.compose import bulletin_id, compose
from stillwatch.share.exchange import IMPORTED, Imported
from stillwatch.share.files import write
from stillwatch.share.leads import Lead
from stillwatch.sim import _world

LEAST = 5
WIDE = 11
COLUMNS = (
    "world | deal | lab | planted | alone | gained | lost | innocent alone, with | false entries"
    " | to a person: planted, innocent | pointed at, planted"
)


def say(lab: Lab, *arguments: object) -> None:
    verb = ["stillwatch", "share", *map(str, arguments), "--settings", str(lab.settings)]
    subprocess.run(verb, check=True, capture_output=True)


def exchange(labs: tuple[Lab, Lab], key: Path, day: str) -> None:
    for lab in labs:
        told = ("--traffic", lab.folder / "traffic.parquet", "--group-key", key, "--by", "Ada")
        say(lab, "export", lab.folder / "alone", "--format", "stix", *told, "--out", lab.folder / "told")
    for lab, peer in (labs, labs[::-1]):
        if json.loads((peer.folder / "told").read_text()).get("objects"):
            say(lab, "take", peer.folder / "told", "--peer", "peer")
        say(lab, "look", lab.folder / "traffic.parquet", "--group-key", key, "--on", day)


def false_entries(case: Case, planted: set[str]) -> int:
    """Count entries of hidden coordination of whose accounts fewer than half were planted."""
    entries = [set(one.accounts) for one in case.campaigns if one.finding in HIDDEN]
    return sum(2 * len(accounts & planted) < len(accounts) for accounts in entries)


def campaigns_of(world: str) -> list[str]:
    return [part.actor for part in _world.read(world).cast if part.actor != "ordinary"]


def dealt(draw: random.Random, uneven: bool) -> float:
    """Draw the share of a campaign that the first lab gets."""
    if not uneven:
        return draw.uniform(0.25, 0.75)
    thin = draw.uniform(0.1, 0.35)
    return thin if draw.random() < 0.5 else 1 - thin


def left(case: Case) -> set[str]:
    return {account for one in case.undecided for account in one.accounts}


def two_labs(place: Path) -> tuple[Lab, Lab]:
    return Lab(place / "a", "A", "B", None), Lab(place / "b", "B", "A", None)  # type: ignore[arg-type]


def deal(place: Path, world: Path, name: str, number: int, key: Path, uneven: bool) -> list[int]:
    truth = json.loads((world / "truth.json").read_text())
    draw = random.Random(f"{name}-{number}")
    shares = {campaign["id"]: dealt(draw, uneven) for campaign in truth["campaigns"]}
    labs = two_labs(place)
    divide(world, *labs, shares, number)
    last = datetime.fromisoformat(truth["from"]) + timedelta(truth["days"] - 1)
    return gains(labs, name, number, key, f"{last:%Y-%m-%d}")


def own(place: Path, world: str, seed: int, scale: float, number: int, key: Path, uneven: bool) -> list[int]:
    """Give each lab a world of its own, in which the same campaigns run."""
    shares: dict[str, float] = {}
    draw = random.Random(f"{world} {seed}-{number}")
    labs = two_labs(place)
    last = settle_in(
        place, labs, world, lambda name: shares.setdefault(name, dealt(draw, uneven)), common=seed, scale=scale,
        seeds=(seed + 100 * number, seed + 100 * number + 50), campaigns=campaigns_of(world),
    )  # fmt: skip
    return gains(labs, f"{world} {seed}", number, key, f"{last:%Y-%m-%d}")


def gains(labs: tuple[Lab, Lab], name: str, number: int, key: Path, day: str) -> list[int]:
    first = {lab: lab.hunt("alone") for lab in labs}
    exchange(labs, key, day)
    sums = [0] * WIDE
    for lab in labs:
        case = lab.hunt("with", leads=True)
        alone, found, told = lab.found(first[lab]), lab.found(case), pointed_at(lab)
        person = left(case) - left(first[lab]) - alone - found
        row = [len(lab.planted), len(alone & lab.planted), len((found - alone) & lab.planted),
               len((alone - found) & lab.planted), len(alone - lab.planted), len(found - lab.planted),
               false_entries(case, lab.planted), len(person & lab.planted), len(person - lab.planted),
               len(told), len(told & lab.planted)]  # fmt: skip
        show(name, str(number), lab.organisation, row)
        sums = [one + other for one, other in zip(sums, row, strict=True)]
    return sums


def show(world: str, number: str, lab: str, row: list[int]) -> None:
    planted, alone, gained, lost, before, after, false, person, wrong, told, right = map(str, row)
    print(world, number, lab, planted, alone, gained, lost, f"{before}, {after}", false, f"{person}, {wrong}",
          f"{told}, {right}", sep=" | ", flush=True)  # fmt: skip


def crowds(world: Path) -> Iterator[tuple[str, set[str], bool]]:
    """Give the accounts of each actor's innocents, and of each campaign."""
    truth = json.loads((world / "truth.json").read_text())
    rows = pq.read_table(world / "truth.parquet", columns=["exchange", "actor"])
    sent = ds.dataset(world / "traffic", partitioning="hive").to_table(columns=["exchange", "account"])
    both = sent.join(rows, "exchange").group_by(["actor", "account"]).aggregate([]).to_pylist()
    guilty = {account for campaign in truth["campaigns"] for account in campaign["accounts"]}
    held: dict[str, set[str]] = {}
    for row in both:
        held.setdefault(row["actor"], set()).add(row["account"])
    for actor, accounts in sorted(held.items()):
        if len(accounts - guilty) >= LEAST and actor != "ordinary":
            yield actor, accounts - guilty, False
    for campaign in truth["campaigns"]:
        yield campaign["id"], set(campaign["accounts"]), True


def lie(lab: Lab, name: str, accounts: set[str]) -> None:
    """Write a bulletin that points at accounts by a family and by networks in which hardly anybody else is."""
    bulletin = compose(an_entry(), a_case(an_entry()), producer=f"Liar {name}")
    bulletin = msgspec.structs.replace(bulletin, id=bulletin_id("Liar", name))
    pairs = enumerate(sorted(accounts))
    leads = [
        Lead(account=one, bits=8.0, by=["f-0123456789ab", f"192.0.{n // 2}.0/24"], exchanges=9) for n, one in pairs
    ]
    at = datetime(2026, 6, 1, tzinfo=UTC)
    held = Imported(bulletin=bulletin, digest="", peer="peer", at=at, leads=leads, looked_at=at)
    write(lab.desk / IMPORTED / f"{bulletin.id}.json", msgspec.json.encode(held))


def hostile(place: Path, world: Path, name: str) -> None:
    lab = Lab(place, "A", "B", None)  # type: ignore[arg-type]
    every = list(crowds(world))
    sent = ds.dataset(world / "traffic", partitioning="hive").to_table()
    pq.write_table(sent, lab.folder / "traffic.parquet")
    for file in ("accounts.csv", "grants.toml", "known.toml"):
        (lab.folder / file).write_bytes((world / file).read_bytes() if (world / file).exists() else b"")
    guilty = set().union(*(accounts for _, accounts, planted in every if planted))
    campaigns = [accounts for _, accounts, planted in every if planted]
    for number, (crowd, accounts, planted) in enumerate(every):
        if not planted:
            lie(lab, crowd, accounts)
            if campaigns:
                lie(lab, f"{crowd} and more", accounts | campaigns[number % len(campaigns)])
    told, alone = [], lab.hunt("alone")
    for number, one in enumerate([*alone.cleared, *alone.undecided]):  # the worst liar knows what was nearly a finding
        if len(one.accounts) >= LEAST and not guilty & set(one.accounts):
            lie(lab, f"group {number}", set(one.accounts))
    for case in (alone, lab.hunt("with", leads=True)):
        entries = sum(one.finding in HIDDEN for one in case.campaigns)
        told += [entries, len(lab.found(case) - guilty), false_entries(case, guilty)]
    print(name, sum(not planted for _, _, planted in every), *told, sep=" | ", flush=True)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--world", default="campaigns")
    asked.add_argument("--scale", type=float, default=0.7)
    asked.add_argument("--seeds", type=int, nargs="+", default=[40, 41])
    asked.add_argument("--deals", type=int, default=2)
    asked.add_argument("--uneven", action="store_true")
    asked.add_argument("--own", action="store_true")
    asked.add_argument("--hostile", action="store_true")
    given = asked.parse_args()
    print("world | crowds lied about | entries, innocent accounts and false entries alone | the same with the lies"
          if given.hostile else COLUMNS)  # fmt: skip
    sums, both = [0] * WIDE, []
    for seed in given.seeds:
        with tempfile.TemporaryDirectory() as room:
            world, key, name = Path(room) / "world", Path(room) / "key", f"{given.world} {seed}"
            write(key, bytes(range(32)))
            if not given.own:
                sim.make(given.world, seed=seed, out=world, scale=given.scale)
            if given.hostile:
                hostile(Path(room) / "lab", world, name)
                continue
            for number in range(1, given.deals + 1):
                place = Path(room) / str(number)
                row = (
                    own(place, given.world, seed, given.scale, number, key, given.uneven) if given.own
                    else deal(place, world, name, number, key, given.uneven)
                )  # fmt: skip
                sums = [one + other for one, other in zip(sums, row, strict=True)]
                both.append(row)
    if not given.hostile:
        show("all", str(len(both)), "both", sums)


if __name__ == "__main__":
    main()
