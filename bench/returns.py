"""Returns: over seeds, whether a closed campaign is seen to come back, how soon, and who else is named.

Each seed is a practice world of ten days with one campaign that is closed and comes back (`banned_and_back`), a firm
that moves its accounts (`moved_accounts`), and ordinary customers. A hunt ends where the first account is closed,
another begins there with `--previous`; `returns` compares them. Beside it the live side: the traffic after the
closure goes through the code that decides live, and whoever is recognised as a newcomer is counted. `template_alone`
is how many new accounts carry one of its templates, which by itself names nobody.

    python bench/returns.py --seeds 4000 4001 4002 4003 4004 4005
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stillwatch import ingest, sim
from stillwatch.hunt.read import Unheard
from stillwatch.hunt.request import Request
from stillwatch.hunt.run import run
from stillwatch.kit.intervals import clopper_pearson
from stillwatch.remedy.policy import policy
from stillwatch.remedy.replay import _Day, _read, _rows
from stillwatch.remedy.returns import Suspended, track
from stillwatch.settings import Watch
from stillwatch.store import key as keys
from stillwatch.store import live
from stillwatch.store.book import open_book
from stillwatch.watch.export import export

WORLD = """\
about = "One campaign that is closed and comes back, and a firm that moves its accounts."
days = 10
[[cast]]
actor = "ordinary"
accounts = 500
per_day = 2.2
[[cast]]
actor = "banned_and_back"
accounts = 60
per_day = 14
waves = 2
[[cast]]
actor = "moved_accounts"
accounts = 24
per_day = 5
"""


def one(seed: int, folder: Path) -> dict[str, Any]:
    (folder / "world.toml").write_text(WORLD)
    sim.make(str(folder / "world.toml"), seed=seed, out=folder / "w")
    truth = json.loads((folder / "w" / "truth.json").read_text())
    planted = set(truth["campaigns"][0]["accounts"])
    with (folder / "w" / "accounts.csv").open() as file:
        facts = [row for row in csv.DictReader(file) if row["account"] in planted]
    at = datetime.fromisoformat(min(row["closed_at"] for row in facts if row["closed_at"])).astimezone(UTC)
    after = {row["account"] for row in facts if datetime.fromisoformat(row["created_at"]).astimezone(UTC) >= at}
    edge = int(at.timestamp() * 1000)
    traffic, accounts = (str(folder / "w" / "traffic"),), folder / "w" / "accounts.csv"
    case = run(Request(traffic=traffic, case=folder / "before", accounts=accounts, until=edge, threads=1), Unheard())
    told: dict[str, Any] = {"seed": seed, "planted_after": len(after)}
    entry = next((entry for entry in case.campaigns if planted & set(entry.accounts)), None)
    if entry is None:
        return {**told, "found_before": False}
    request = Request(
        traffic=traffic, case=folder / "after", accounts=accounts, since=edge, previous=folder / "before", threads=1
    )
    run(request, Unheard())
    (back,) = track([Suspended(campaign=entry.id, at=at)], [folder / "before", folder / "after"]).campaigns
    named = {account.account for account in back.returned}
    told |= {
        "found_before": entry.finding, "named": len(named), "named_planted": len(named & planted),
        "hours": back.first_hours, "template_alone": back.echoes + len(named), "echoes_expected": back.echoes_expected,
    }  # fmt: skip
    return told | lived(folder, at, planted)


def lived(folder: Path, at: datetime, planted: set[str]) -> dict[str, Any]:
    export(folder / "before", folder / "state", keys.find())
    book = open_book(folder / "state")
    log = ingest.gather([str(folder / "w" / "traffic")], into=folder / "into")
    state = live.read(folder / "state", keys.find())
    day = _Day(policy("none", book, Watch(), datetime.now(UTC)), book, state, keys.find())
    seen: set[str] = set()
    for row in _rows(log):
        asked, instant, answered, good = _read(row)
        if instant >= at:
            day.meet(asked, instant.timestamp(), answered, good)
            seen.add(asked.account)
    return {
        "live": len(day.recognised),
        "live_planted": len(day.recognised & planted),
        "strangers": len(seen - planted),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[4000, 4001, 4002])
    asked = parser.parse_args()
    rows = []
    for seed in asked.seeds:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["STILLWATCH_KEY"] = str(Path(folder) / "key")
            rows.append(one(seed, Path(folder)))
        print(json.dumps(rows[-1]), flush=True)
    known = [row for row in rows if row["found_before"]]
    back = [row for row in known if row["named"]]
    wrong = sum(row["named"] - row["named_planted"] for row in known)
    live_wrong = sum(row["live"] - row["live_planted"] for row in known)
    strangers = sum(row["strangers"] for row in known)
    print(
        f"{len(known)} of {len(rows)} campaigns known when they were closed; {len(back)} seen to come back; "
        f"accounts named {sum(row['named'] for row in known)}, {wrong} of them strangers; "
        f"recognised live {sum(row['live'] for row in known)}, {live_wrong} strangers of {strangers} "
        f"(at most {clopper_pearson(live_wrong, strangers)[1]:.4f}, 95 %)"
    )


if __name__ == "__main__":
    main()
