"""Evasion: what an adversary who learns paid, from the rounds that `stillwatch sim --adversary` kept."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from scorecard.counting import Cell, table
from scorecard.picture import Line, chart


def _rounds(out: Path) -> list[Cell]:
    return [json.loads(path.read_bytes()) for path in sorted((out / "adversary").glob("round-*.json"))]


def picture(out: Path) -> str:
    rounds = _rounds(out)
    return "" if not rounds else _drawn(rounds)


def _drawn(rounds: list[Cell]) -> str:
    frontier: list[tuple[float, float]] = []
    best = 0.0
    for cost, harvested in sorted((one["cost"], one["harvested"]) for one in rounds):
        best = max(best, harvested)
        if frontier and frontier[-1][0] == cost:
            frontier[-1] = (cost, best)
        else:
            frontier.append((cost, best))
    most = max(2.0, *(one["cost"] for one in rounds))
    ticks = [tick for tick in (1, 2, 4, 8, 16, 32, 64) if tick <= most * 1.5]
    return chart(
        "What an adversary who learns harvests before the first alert", "cost: multiples of accounts × days",
        "harvested before the first alert",
        [
            Line(name="best at this cost", points=frontier),
            Line(name="a round", points=[(one["cost"], one["harvested"]) for one in rounds], joined=False),
        ],
        ticks, logarithmic=True, note=f"{len(rounds)} rounds; 1 is the naive campaign",
    )  # fmt: skip


def section(out: Path) -> str:
    rounds = _rounds(out)
    if not rounds:
        return ""
    half = [one for one in rounds if one["harvested"] >= 0.5]
    cheapest = min(half, key=lambda one: one["cost"], default=None)
    naive = rounds[0]
    told = "Half of the harvest was never made before the first alert."
    if cheapest is not None:
        told = (
            f"Half of the harvest was first made before the first alert in round {half[0]['round']}; the cheapest such"
            f" round cost **{_multiples(cheapest, naive)}**."
        )
    held = out / "adversary" / "confirmed.json"
    if held.exists():
        again = json.loads(held.read_bytes())
        told += (
            f" Played again in {len(again['worlds'])} fresh worlds, what held cost **{_multiples(again, naive)}**, and"
            f" {again['harvested']:.0%} was harvested before the first alert."
        )
    beaten = Counter(view for one in half for world in one["worlds"] for view in world["silent"])
    seen = Counter(view for one in rounds for world in one["worlds"] for view in world["views"])
    blind = ", ".join(f"`{view}` ({many})" for view, many in beaten.most_common(6))
    sharp = ", ".join(f"`{view}` ({many})" for view, many in seen.most_common(4))
    told += f"\n\nViews that gave it away, by how often: {sharp}."
    if half:
        told += f" Views that saw nothing of a campaign that evaded, by how often: {blind}."
    names = list(naive["tactics"])
    step = max(1, len(rounds) // 12)
    shown = [one for number, one in enumerate(rounds) if number % step == 0 or one is cheapest]
    rows = [
        (one["round"], f"{one['cost']:.1f}", f"{one['harvested']:.2f}", _days(one),
         *(f"{one['tactics'][name]:.3g}" for name in names))
        for one in shown
    ]  # fmt: skip
    return (
        f"## An adversary who learns\n\n{len(rounds)} rounds of `stillwatch sim --adversary`; see"
        f" [the practice ground](explanation/practice-ground.md#an-adversary-who-learns). The naive campaign harvested"
        f" {naive['harvested']:.0%} before its first alert. {told}\n\n"
        "![Harvest against cost to evade](images/cost-to-evade.svg)\n\n"
        + table(["round", "cost", "harvested", "alert on days", *names], rows)
    )


def _days(one: Cell) -> str:
    return ", ".join("never" if day is None else str(day) for day in one["alert_days"])


def _multiples(one: Cell, naive: Cell) -> str:
    accounts, days = (one["tactics"][name] / naive["tactics"][name] for name in ("accounts", "days"))
    cards = sum(w["cards"] for w in one["worlds"]) / len(one["worlds"])
    own = sum(w["cards"] for w in naive["worlds"]) / len(naive["worlds"])
    many = cards / max(own, 1)
    return f"{one['cost']:.1f} times ({accounts:.1f} x the accounts, {days:.1f} x the days; {many:.1f} x the cards)"
