"""What a peer's word adds to a hunt: one practice world, dealt out to two labs in several ways.

    python bench/leads.py [--deals 6]

Each lab hunts alone, tells what it found (families, networks), looks for what the other told, and hunts again with it.
For each it prints the planted accounts that it had, those found alone and with the other's word, those of them that are
innocent, and the accounts at which the other pointed. The floor is the hunt alone, in the same run.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.share.labs import Lab, divide
from tests.share.test_two_labs import DEALS, pointed_at

from stillwatch import sim
from stillwatch.share.files import write

HALF = {"reasoning_harvest-0": 0.5, "hydra_reseller-0": 0.5, "hydra_network-0": 0.5}


def say(lab: Lab, *arguments: object) -> None:
    verb = ["stillwatch", "share", *map(str, arguments), "--settings", str(lab.settings)]
    subprocess.run(verb, check=True, capture_output=True)


def exchange(labs: tuple[Lab, Lab], key: Path) -> None:
    for lab in labs:
        told = ("--traffic", lab.folder / "traffic.parquet", "--group-key", key, "--by", "Ada")
        say(lab, "export", lab.folder / "alone", "--format", "stix", *told, "--out", lab.folder / "told")
    for lab, peer in (labs, labs[::-1]):
        say(lab, "take", peer.folder / "told", "--peer", "peer")
        say(lab, "look", lab.folder / "traffic.parquet", "--group-key", key, "--on", "2026-05-10")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--deals", type=int, default=6)
    deals = [*DEALS, *((HALF, seed) for seed in range(8, 100))][: asked.parse_args().deals]
    print("deal | lab | planted | alone | with | innocent | pointed at, of them planted")
    with tempfile.TemporaryDirectory() as room:
        world, key = Path(room) / "world", Path(room) / "key"
        sim.make("demo", seed=3, out=world, scale=0.6, sets=["days=7"])
        write(key, bytes(range(32)))
        for number, (shares, seed) in enumerate(deals):
            place = Path(room) / str(number)
            labs = (Lab(place / "a", "A", "B", None), Lab(place / "b", "B", "A", None))  # type: ignore[arg-type]
            divide(world, *labs, shares, seed)
            alone = {lab: lab.found(lab.hunt("alone")) for lab in labs}
            exchange(labs, key)
            for lab in labs:
                found, told = lab.found(lab.hunt("with", leads=True)), pointed_at(lab)
                row = (
                    number,
                    lab.organisation,
                    len(lab.planted),
                    len(alone[lab]),
                    len(found),
                    len(found - lab.planted),
                )
                print(*row, f"{len(told)}, {len(told & lab.planted)}", sep=" | ", flush=True)


if __name__ == "__main__":
    main()
