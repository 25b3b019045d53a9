"""Compared: stillwatch beside its rivals, on worlds where all of them were run."""

from __future__ import annotations

from collections import defaultdict

from scorecard import plan
from scorecard.counting import Cell, limits, of, share, table
from scorecard.picture import Line, chart
from stillwatch.kit.intervals import clopper_pearson

PUBLISHED = ((0.5, 1.0), (0.25, 1.0), (0.1, 0.937), (0.05, 0.59))
"""Recall of the MMD window test by mix share: LabRAI's own figures, windows of 1,500 queries, 0.3 % false positives."""
RIVALS = ("stillwatch", "mmd account", "mmd cluster", "volume and keywords", "exact template (SQL)", "honeypotllm")
OPTIONAL = "honeypotllm"


def flagged_by(cells: list[Cell], group: str, label: str = "") -> dict[str, list[Cell]]:
    """Gather what each rival flagged, on worlds where all of them were run."""
    found: dict[str, list[Cell]] = {name: [] for name in RIVALS}
    ours = {(c["label"], c["seed"]): c["held"] for c in of(cells, group, "hunt", label)}
    for cell in of(cells, group, "rivals", label):
        if (cell["label"], cell["seed"]) in ours:
            found["stillwatch"].append(ours[cell["label"], cell["seed"]])
            for name in cell["rivals"]:
                found[name].append(cell["rivals"][name])
    return found


def operations(some: list[Cell]) -> tuple[int, int]:
    """Count campaigns of which at least half of the accounts were flagged."""
    every = [pair for held in some for pair in held["campaigns"].values()]
    return sum(2 * flagged >= planted for flagged, planted in every), len(every)


def section(cells: list[Cell]) -> str:
    rows = []
    for name, some in flagged_by(cells, "main").items():
        if not some and name == OPTIONAL:
            continue
        if not some:
            return ""
        flagged, right, planted, innocent = (
            sum(held[key] for held in some) for key in ("flagged", "right", "planted", "innocent")
        )
        caught, every = operations(some)
        rows.append((
            name, f"{caught}/{every}", limits(caught, every), share(right, planted), share(right, flagged),
            f"{1000 * (flagged - right) / innocent:.1f}",
        ))  # fmt: skip
    head = [
        "who", "hidden operations caught", "95 % interval", "account recall", "account precision",
        "innocent accounts flagged, of 1,000",
    ]  # fmt: skip
    return (
        "## Rivals on the same worlds\n\nCaught: at least half of the accounts of an operation were flagged. What each"
        " rival does, and what it is told that stillwatch is not, stands in `bench/scorecard/rivals.py`.\n\n"
        + table(head, rows)
    )


def picture(cells: list[Cell]) -> str:
    lines: dict[str, list[tuple[float, float]]] = defaultdict(list)
    bars: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for mix in sorted(plan.MIXES):
        for name, some in flagged_by(cells, "mix", f"{100 * mix:g} %").items():
            caught, every = operations(some)
            if every:
                lines[name].append((100 * mix, caught / every))
                bars[name].append(clopper_pearson(caught, every))
    if not lines:
        return ""
    drawn = [Line(name=name, points=points, limits=bars[name]) for name, points in lines.items()]
    drawn.append(Line(name="MMD as published", points=[(100 * mix, value) for mix, value in PUBLISHED][::-1]))
    return chart(
        "Operations caught, by the share of extraction in the traffic", "extraction, % of the accounts' traffic",
        "caught", drawn, [2, 5, 10, 25, 50], logarithmic=True,
        note="bars: exact 95 % intervals. MMD as published: windows of 1,500 queries, other data",
    )  # fmt: skip
