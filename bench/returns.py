"""Returns: over seeds, whether a closed campaign is seen to come back, how soon, and who else is named.

Each seed is a practice world of ten days with one campaign that is closed and comes back (`banned_and_back`), a firm
that moves its accounts (`moved_accounts`), and ordinary customers. A hunt ends where the first account is closed,
another begins there with `--previous`; `returns` compares them. `template_alone` is how many new accounts carry one of
its templates, which by itself names nobody.

Beside it the live side: the traffic after the closure goes, request by request, through the code that decides live,
once as it is and once beside each crowd of innocents who took the campaign's own template over (`crowds`), while the
campaign comes back and while it does not. Whoever is recognised as a newcomer is counted, and after how many requests.

    python bench/returns.py --seeds 4000 4001 4002 4003 4004 4005
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import tempfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import crowds
from stillwatch import ingest, sim
from stillwatch.hunt.read import Unheard
from stillwatch.hunt.request import Request
from stillwatch.hunt.run import run
from stillwatch.kit.intervals import clopper_pearson
from stillwatch.remedy.replay import asked_of, rows_of
from stillwatch.remedy.returns import Suspended, track
from stillwatch.settings import Watch as Settings
from stillwatch.store import key as keys
from stillwatch.store import live
from stillwatch.watch.export import export
from stillwatch.watch.live import Watch
from stillwatch.watch.standing import Standing

WORLD = """\
about = "One campaign that is closed and comes back, and a firm that moves its accounts."
days = 10
[[cast]]
actor = "ordinary"
accounts = {ordinary}
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
FIRST = 30
"""Requests of an account within which it is to be recognised."""


def one(seed: int, folder: Path, ordinary: int = 500) -> dict[str, Any]:
    """Make a world, hunt before and after the closure, and let the days after it pass live."""
    (folder / "world.toml").write_text(WORLD.format(ordinary=ordinary))
    sim.make(str(folder / "world.toml"), seed=seed, out=folder / "w")
    planted, at, after = truth(folder)
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
    return told | {"live": lived(folder, seed)}


def truth(folder: Path) -> tuple[set[str], datetime, set[str]]:
    """Read who was planted, when the first of them was closed, and who was opened after that."""
    planted = set(json.loads((folder / "w" / "truth.json").read_text())["campaigns"][0]["accounts"])
    with (folder / "w" / "accounts.csv").open() as file:
        facts = [row for row in csv.DictReader(file) if row["account"] in planted]
    at = datetime.fromisoformat(min(row["closed_at"] for row in facts if row["closed_at"])).astimezone(UTC)
    after = {row["account"] for row in facts if datetime.fromisoformat(row["created_at"]).astimezone(UTC) >= at}
    return planted, at, after


def lived(folder: Path, seed: int) -> list[dict[str, Any]]:
    """Let the days after the closure pass, as they are and beside each crowd."""
    export(folder / "before", folder / "state", keys.find())
    planted, at, after = truth(folder)
    log = ingest.gather([str(folder / "w" / "traffic")], into=folder / "into")
    days = [(*asked_of(row)[:2],) for row in rows_of(log)]
    days = [(asked, instant) for asked, instant in days if instant >= at]
    told = [passed(folder, days, planted, after, set(), "as it is")]
    for name, crowd in crowds.CROWDS.items():
        for comes_back in (True, False):
            mixed, innocent = crowd(days, planted, after, seed)
            kept = mixed if comes_back else [one for one in mixed if one[0].account not in planted]
            told.append(passed(folder, kept, planted, after, innocent, name, comes_back=comes_back))
    return told


def passed(
    folder: Path, days: crowds.Days, planted: set[str], after: set[str], innocent: set[str], crowd: str, *,
    comes_back: bool = True,
) -> dict[str, Any]:  # fmt: skip
    """Decide about every request; gives who was recognised, and after how many requests of its own."""
    key = keys.find()
    now = [0.0]
    watch = Watch(key, live.read(folder / "state", key), Standing(), Settings(), enforce=True, clock=lambda: now[0])
    requests: Counter[str] = Counter()
    first: dict[str, int] = {}
    for asked, instant in days:
        now[0] = instant.timestamp()
        requests[asked.account] += 1
        if any(why.startswith("recognised") for why in watch.decide(asked).because):
            first.setdefault(asked.account, requests[asked.account])
    came, found = after & requests.keys(), after & first.keys()
    others = requests.keys() - planted - innocent
    return {
        "crowd": crowd, "comes_back": comes_back, "returned": len(came), "recognised": len(found),
        "early": sum(first[account] <= FIRST for account in found), "requests": sorted(first[a] for a in found),
        "strangers": len(others), "strangers_taken": len(others & first.keys()),
        "copied": len(innocent & requests.keys()), "copied_taken": len(innocent & first.keys()),
    }  # fmt: skip


def bound(taken: int, of: int) -> str:
    """Write a share with its exact upper bound."""
    return f"{taken} of {of} (at most {100 * clopper_pearson(taken, of)[1]:.2f} %, 95 %)"


def summary(rows: list[dict[str, Any]]) -> str:
    """Tell all seeds together, by crowd."""
    lines = []
    for number, first in enumerate(rows[0]["live"]):
        each = [row["live"][number] for row in rows]
        total = {name: sum(one[name] for one in each) for name in (
            "returned", "recognised", "early", "strangers", "strangers_taken", "copied", "copied_taken")}  # fmt: skip
        counts = [count for one in each for count in one["requests"]]
        told = f"{first['crowd']}{'' if first['comes_back'] else ', the campaign does not come back'}: "
        if total["returned"]:
            told += (
                f"{total['recognised']} of {total['returned']} new accounts recognised, {total['early']} within their "
                f"first {FIRST} requests (median {median(counts) if counts else '-'}); "
            )
        told += f"strangers {bound(total['strangers_taken'], total['strangers'])}"
        if total["copied"]:
            told += f"; of those who copied {bound(total['copied_taken'], total['copied'])}"
        lines.append(told)
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[4000, 4001, 4002])
    parser.add_argument("--ordinary", type=int, default=500, help="ordinary accounts of each world")
    asked = parser.parse_args()
    rows = []
    for seed in asked.seeds:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["STILLWATCH_KEY"] = str(Path(folder) / "key")
            rows.append(one(seed, Path(folder), asked.ordinary))
        print(json.dumps(rows[-1]), flush=True)
    known = [row for row in rows if row["found_before"]]
    back = [row for row in known if row["named"]]
    wrong = sum(row["named"] - row["named_planted"] for row in known)
    print(
        f"{len(known)} of {len(rows)} campaigns known when they were closed; {len(back)} seen to come back; "
        f"accounts named {sum(row['named'] for row in known)}, {wrong} of them strangers"
    )
    if known:
        print(summary(known))


if __name__ == "__main__":
    main()
