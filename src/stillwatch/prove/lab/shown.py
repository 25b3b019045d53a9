"""How the lab's cells are shown: one line each, in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stillwatch.prove.lab.cells import Cell

Result = dict[str, Any]


def table(found: Sequence[tuple[Cell, Result | None]]) -> str:
    """Show cells as tables of Markdown, one per kind; an open cell says so."""
    parts = []
    for kind in dict.fromkeys(cell.kind for cell, _ in found):
        rows = [(cell, result) for cell, result in found if cell.kind == kind]
        head, line = _KINDS[kind]
        parts += [head, "|".join(["", *["---"] * (head.count("|") - 1), ""])]
        width = head.count("|") - 2
        for cell, result in rows:
            shown = line(result) if result else "not run yet" + " |" * (width - 1)
            parts.append(f"| {_settings(cell)} | {shown} |")
        parts.append("")
    return "\n".join(parts).rstrip()


def _settings(cell: Cell) -> str:
    told = {name: value for name, value in cell.settings.items() if name != "documents"}
    return ", ".join(f"{name} {value}" for name, value in told.items()) or "all"


def _tokens(value: int | None) -> str:
    return "never" if value is None else f"{value:,}"


def _curve(result: Result) -> str:
    best, last = result["best"], result["looks"][-1]
    ours, plain, filtered = (best[way] for way in ("log10_p", "distinct_log10_p", "filtered_log10_p"))
    return " | ".join(
        (
            f"{last['tokens']:,}", f"{last['ln_e']:.1f}", f"1e{last['log10_p']:.1f}", _tokens(ours["stays"]),
            f"1e{plain['lowest']:.1f}", _tokens(plain["stays"]), _tokens(filtered["stays"]),
        )
    )  # fmt: skip


def _keys(result: Result) -> str:
    return (
        f"{result['keys']:,} x {result['sets']} | {result['found']} of {result['sets']} | {result['wrongly_accused']}"
        f" | {result['fdr']:.3f} | {result['ln_e_true']:.1f} | {result['ln_e_of_best_decoy']:.1f}"
    )


def _exact(result: Result) -> str:
    ks = result["ks"]
    return (
        f"{result['keys']:,} | {result['tokens']:,} | {ks['p']:.2f} | {result['below_5_percent']:.4f} |"
        f" {result['below_1_percent']:.4f} | {result['mean_e']:.2f} | {result['largest_ln_e']:.1f}"
    )


def _twins(result: Result) -> str:
    ways = ("log_probability", "against_base", "text_only")
    return " | ".join(
        f"1e{result[way]['log10_p']:.1f}, effect {result[way]['effect']:+.3f}" if way in result else "-" for way in ways
    )


def _open(result: Result) -> str:
    return f"{result['contexts']:,} | {result['ln_e']:.1f} | 1e{result['log10_p']:.1f}"


def _quality(result: Result) -> str:
    return " | ".join(
        f"{result[name]['mean']:.3f} ± {result[name]['sd']:.3f}"
        for name in ("nats_per_token", "sums_solved", "variety")
    )


_KINDS = {
    "curve": (
        "| student | tokens | ln e | p | p < 1e-5 from | distinct pairs: best p | from | with its filter: from |",
        _curve,
    ),
    "keys": ("| student | keys x sets | found | accused wrongly | FDR | ln e true | ln e of best decoy |", _keys),
    "exact": ("| text | decoys | tokens | KS p | p < .05 | p < .01 | mean e | largest ln e |", _exact),
    "twins": ("| student | log-probability | against its base | text only |", _twins),
    "open": ("| student | contexts | ln e | p |", _open),
    "quality": ("| mark | nats per token | sums solved | variety |", _quality),
}
