"""Two providers whom the same campaigns use: for tests of the whole way, and for `bench/leads.py`.

Either each has a practice world of its own, with the campaigns in both (`settle_in`), or one world is dealt out to both
(`divide`).
"""

from __future__ import annotations

import hashlib
import json
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from stillwatch import sim
from stillwatch.cli import main
from stillwatch.hunt.read import Unheard
from stillwatch.hunt.request import Request
from stillwatch.hunt.run import run
from stillwatch.model.case import Case
from stillwatch.share import peers
from stillwatch.share.taxii.answer import Server
from stillwatch.share.taxii.serve import bind
from stillwatch.share.taxii.store import Store

TOKEN = "token-of-the-peer-" + "z" * 40
HIDDEN = ("distillation_campaign", "account_network")


class Lab:
    """One installation: traffic, accounts, settings, a desk, and the cases of its hunts."""

    def __init__(self, folder: Path, organisation: str, peer: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.organisation, self._capsys = folder, organisation, capsys
        self.desk = folder / "desk"
        self.desk.mkdir(parents=True)
        self.settings = folder / "stillwatch.toml"
        self.settings.write_text(f'[share]\norganisation = "{organisation}"\ndirectory = "{self.desk}"\n')
        hashed = hashlib.sha256(TOKEN.encode()).hexdigest()
        (self.desk / "peers.toml").write_text(
            f'[[peer]]\nname = "peer"\norganisation = "{peer}"\nwrite = true\ntoken_sha256 = "{hashed}"\n'
        )
        self.token = folder / "token"
        self.token.write_text(TOKEN)
        self.planted: set[str] = set()

    def say(self, *arguments: str | Path) -> Any:
        """Run a verb of `share`; gives what it printed."""
        with pytest.raises(SystemExit) as left:
            main(["share", *map(str, arguments), "--settings", str(self.settings)])
        out = self._capsys.readouterr()
        assert (left.value.code or 0) == 0, out.err
        return json.loads(out.out) if "--json" in arguments else out.out

    def hunt(self, name: str, *, leads: bool = False) -> Case:
        """Hunt in its own log, with what peers told or without; with grants and declared owners where it has any."""
        grants, known = self.folder / "grants.toml", self.folder / "known.toml"
        return run(
            Request(
                traffic=(str(self.folder / "traffic.parquet"),), accounts=self.folder / "accounts.csv",
                case=self.folder / name, threads=1, leads=self.desk if leads else None,
                grants=grants if grants.exists() else None, known=known if known.exists() else None,
            ),
            Unheard(),
        )  # fmt: skip

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Serve the peer by TAXII on loopback; gives the address."""
        server = Server(Store(self.desk / "taxii.sqlite"), peers.read(self.desk / "peers.toml"), self.organisation)
        listening = bind(server, "127.0.0.1", 0)
        thread = threading.Thread(target=listening.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.server_address[1]}/taxii2/stillwatch/"
        finally:
            listening.shutdown()
            thread.join()
            listening.server_close()

    def pull(self, url: str) -> list[dict[str, Any]]:
        """Take in what the peer tells at an address; gives what became of each bulletin."""
        outcomes: list[dict[str, Any]] = self.say(
            "pull", url, "--peer", "peer", "--token-file", self.token, "--json"
        )["bulletins"]  # fmt: skip
        return outcomes

    def found(self, case: Case) -> set[str]:
        """Tell which accounts stand in a finding of hidden coordination."""
        return {account for entry in case.campaigns if entry.finding in HIDDEN for account in entry.accounts}


Deal = Callable[[str], float]
"""Tells which share of a campaign the first lab has."""


def settle_in(
    place: Path, labs: tuple[Lab, Lab], world: str, share: Deal, *, seeds: tuple[int, int], common: int,
    scale: float = 1.0, sets: Sequence[str] = (), campaigns: Sequence[str],
) -> date:  # fmt: skip
    """Give each lab a practice world of its own, in which the same campaigns run; gives the last day.

    The same hand opened some of its accounts at the one lab and the others at the other: the campaign has the same
    templates, tasks, cards, devices and hosts in both worlds, and of its accounts each lab keeps its part. Everybody
    else is another one in each.

    Args:
        campaigns: actors who are in both worlds.
        common: the seed of what both have in common.
    """
    both = [f"internet={common}", *(f"{actor}.seed={common}" for actor in campaigns), *sets]
    for number, (lab, seed) in enumerate(zip(labs, seeds, strict=True)):
        folder = place / f"world-{seed}"
        truth = sim.make(world, seed=seed, out=folder, scale=scale, sets=both)
        gone: set[str] = set()
        for campaign in truth.campaigns:
            names = list(campaign.accounts)
            random.Random(f"{common} {campaign.id}").shuffle(names)
            cut = round(share(campaign.id) * len(names))
            here, there = (names[:cut], names[cut:]) if number == 0 else (names[cut:], names[:cut])
            lab.planted |= set(here)
            gone |= set(there)
        lab.planted -= gone
        keep(folder, lab, lambda name, gone=gone: name not in gone)
    return date.fromisoformat(truth.from_) + timedelta(truth.days - 1)


def keep(world: Path, lab: Lab, mine: Callable[[str], bool]) -> None:
    """Write a lab's part of a world: its traffic and its accounts."""
    traffic = ds.dataset(world / "traffic", partitioning="hive").to_table()
    accounts = pcsv.read_csv(world / "accounts.csv")
    names = pa.array([name for name in accounts["account"].to_pylist() if mine(name)])
    pq.write_table(traffic.filter(pc.is_in(traffic["account"], names)), lab.folder / "traffic.parquet")
    pcsv.write_csv(accounts.filter(pc.is_in(accounts["account"], names)), lab.folder / "accounts.csv")


def divide(world: Path, one: Lab, other: Lab, shares: dict[str, float], seed: int) -> None:
    """Deal the accounts of a world out to two labs: of innocents half, of each campaign the first one gets a share."""
    truth = json.loads((world / "truth.json").read_text())
    rng = random.Random(seed)
    accounts = pcsv.read_csv(world / "accounts.csv")["account"].to_pylist()
    side = {name: one if rng.random() < 0.5 else other for name in accounts}
    for campaign in truth["campaigns"]:
        names = sorted(campaign["accounts"])
        rng.shuffle(names)
        for place, name in enumerate(names):
            side[name] = one if place < round(shares[campaign["id"]] * len(names)) else other
            side[name].planted.add(name)
    for lab in (one, other):
        keep(world, lab, lambda name, lab=lab: side[name] is lab)
