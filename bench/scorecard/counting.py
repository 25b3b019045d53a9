"""Counting: what the sections of the page share, from cells to shares with their limits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from stillwatch.kit.intervals import clopper_pearson

Cell = dict[str, Any]


def of(cells: Iterable[Cell], group: str, variant: str = "hunt", label: str = "") -> list[Cell]:
    return [
        cell for cell in cells
        if cell["group"] == group and cell["variant"] == variant and (not label or cell["label"] == label)
    ]  # fmt: skip


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(str(value) for value in row) + " |" for row in rows), ""])


def share(hits: float, of_all: float) -> str:
    return f"{hits / of_all:.3f}" if of_all else "-"


def limits(hits: int, trials: int) -> str:
    low, high = clopper_pearson(hits, trials)
    return f"{low:.2f} to {high:.2f}"


def exactly(hits: int, trials: int) -> str:
    return f"{share(hits, trials)} ({hits} of {trials}; {limits(hits, trials)})"


def campaigns(cells: Iterable[Cell]) -> list[Cell]:
    return [campaign for cell in cells for campaign in cell["score"]["campaigns"]]


def pooled(some: Iterable[Cell], what: str) -> tuple[int, int, int]:
    """Add up (right, named, planted): `what` is `account` or `exchange`."""
    counts = [one[f"{what}_counts"] for one in some if one[f"{what}_counts"] is not None]
    return tuple(sum(count[name] for count in counts) for name in ("right", "named", "planted"))  # type: ignore[return-value]


def bounded(cells: Iterable[Cell]) -> tuple[int, int]:
    """Count false entries and all entries among those that the rate bounds."""
    false = every = 0
    for cell in cells:
        score = cell["score"]
        every += score["entries_bounded"]
        false += sum(one["finding"] in ("distillation_campaign", "account_network") for one in score["false_campaigns"])
    return false, every
