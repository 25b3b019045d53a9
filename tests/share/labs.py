"""Two providers, each with a practice world of its own, who share one campaign: for tests of the whole way."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from stillwatch.cli import main
from stillwatch.hunt.read import Unheard
from stillwatch.hunt.request import Request
from stillwatch.hunt.run import run
from stillwatch.model.case import Case
from stillwatch.share.desk import Desk
from stillwatch.share.formats import stix

HIDDEN = ("distillation_campaign", "account_network")


class Lab:
    """One installation: traffic, accounts, settings, a desk, and the cases of its hunts."""

    def __init__(self, folder: Path, organisation: str, peer: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.organisation, self._capsys = folder, organisation, capsys
        self.desk = folder / "desk"
        self.desk.mkdir(parents=True)
        self.settings = folder / "stillwatch.toml"
        self.settings.write_text(f'[share]\norganisation = "{organisation}"\ndirectory = "{self.desk}"\n')
        (self.desk / "peers.toml").write_text(f'[[peer]]\nname = "peer"\norganisation = "{peer}"\n')
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

    def publish(self, path: Path) -> None:
        """Write what peers pull: every released bulletin in its present version."""
        path.write_bytes(stix.write([one.bulletin for one in Desk(self.desk).records() if one.released]))

    def found(self, case: Case) -> set[str]:
        """Tell which accounts stand in a finding of hidden coordination."""
        return {account for entry in case.campaigns if entry.finding in HIDDEN for account in entry.accounts}


def divide(world: Path, one: Lab, other: Lab, shares: dict[str, float], seed: int) -> None:
    """Deal the accounts of a world out to two labs: of innocents half, of each campaign the first one gets a share."""
    truth = json.loads((world / "truth.json").read_text())
    rng = random.Random(seed)
    traffic = ds.dataset(world / "traffic", partitioning="hive").to_table()
    accounts = pcsv.read_csv(world / "accounts.csv")
    side = {name: one if rng.random() < 0.5 else other for name in accounts["account"].to_pylist()}
    for campaign in truth["campaigns"]:
        names = sorted(campaign["accounts"])
        rng.shuffle(names)
        for place, name in enumerate(names):
            side[name] = one if place < round(shares[campaign["id"]] * len(names)) else other
            side[name].planted.add(name)
    for lab in (one, other):
        mine = pa.array([name for name, held in side.items() if held is lab])
        pq.write_table(traffic.filter(pc.is_in(traffic["account"], mine)), lab.folder / "traffic.parquet")
        pcsv.write_csv(accounts.filter(pc.is_in(accounts["account"], mine)), lab.folder / "accounts.csv")
