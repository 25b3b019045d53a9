"""How the lab's cells are shown: one line each, and one line over the seeds of each question, in Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
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


def over_seeds(found: Sequence[tuple[Cell, Result | None]]) -> str:
    """Show each question once, over its seeds: medians with least and most, and how many seeds there were."""
    parts = []
    for kind, (head, line) in _OVER_SEEDS.items():
        grouped: dict[str, list[Result]] = {}
        for cell, result in found:
            if cell.kind == kind and result is not None:
                grouped.setdefault(_settings(cell, seed=False), []).append(result)
        rows = [f"| {name} | {len(results)} | {line(results)} |" for name, results in grouped.items()]
        if rows:
            parts += [head, "|".join(["", *["---"] * (head.count("|") - 1), ""]), *rows, ""]
    return "\n".join(parts).rstrip()


def _spread(results: Sequence[Result], way: Callable[[Result], float], form: str = "{:.1f}") -> str:
    values = sorted(way(result) for result in results)
    told = [form.format(value) for value in (statistics.median(values), values[0], values[-1])]
    return told[0] if told[1] == told[2] else f"{told[0]} ({told[1]} to {told[2]})"


def _curves(results: Sequence[Result]) -> str:
    crossed = sum(result["best"]["log10_p"]["stays"] is not None for result in results)
    return " | ".join(
        (
            _spread(results, lambda r: r["looks"][-1]["tokens"], "{:,.0f}"),
            _spread(results, lambda r: r["looks"][-1]["ln_e"]),
            _spread(results, lambda r: r["looks"][-1]["log10_p"], "1e{:.1f}"),
            f"{crossed} of {len(results)}",
            _part([result["looks"][-1] for result in results], "log10_p_both", "1e{:.1f}"),
            _spread(results, lambda r: r["looks"][-1]["sigmas"], "{:+.1f}"),
            _spread(results, lambda r: r["looks"][-1].get("grouped_log10_p", 0.0), "1e{:.1f}"),
            _spread(results, lambda r: r["best"]["distinct_log10_p"]["lowest"], "1e{:.1f}"),
        )
    )


def _hardened(results: Sequence[Result]) -> str:
    return " | ".join(
        (
            _part(results, "student_sums", "{:.0%}"),
            _part(results, "student_nats", "{:.3f}"),
            _part(results, "teacher_sums", "{:.0%}"),
            _part(results, "teacher_nats", "{:.3f}"),
            _part(results, "withheld", "{:.0%}"),
            _part(results, "questions", "{:,.0f}"),
            _part(results, "ln_e", "{:.1f}"),
        )
    )


def _part(results: Sequence[Result], name: str, form: str) -> str:
    there = all(name in result for result in results)
    return _spread(results, lambda result: float(result[name]), form) if there else "-"


def _settings(cell: Cell, *, seed: bool = True) -> str:
    left_out = () if cell.kind == "twins" else ("documents",)
    told = {name: value for name, value in cell.settings.items() if name not in left_out and (seed or name != "seed")}
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


def _harden(result: Result) -> str:
    return _hardened([result])


def _exact(result: Result) -> str:
    ks = result["ks"]
    return (
        f"{result['keys']:,} | {result['tokens']:,} | {ks['p']:.2f} | {result['below_5_percent']:.4f} |"
        f" {result['below_1_percent']:.4f} | {result['mean_e']:.2f} | {result['largest_ln_e']:.1f}"
    )


def _twins(result: Result) -> str:
    ways = ("log_probability", "against_base", "text_only_once", "text_only")
    return " | ".join(
        f"1e{result[way]['log10_p']:.1f}, effect {result[way]['effect']:+.3f}{_by_sign(result[way])}"
        if way in result
        else "-"
        for way in ways
    )


def _by_sign(found: Result) -> str:
    return f"; by sign 1e{found['sign_log10_p']:.1f}; {found['tokens']:,} tokens" if "tokens" in found else ""


def _open(result: Result) -> str:
    return f"{result['contexts']:,} | {result['ln_e']:.1f} | 1e{result['log10_p']:.1f}"


def _quality(result: Result) -> str:
    return " | ".join(
        f"{result[name]['mean']:.3f} ± {result[name]['sd']:.3f}"
        for name in ("nats_per_token", "sums_solved", "variety")
    )


_HARDEN = (
    "student: sums | its nats on our stories | teacher: sums | nats of its answers | tokens withheld | questions |"
    " ln e of the audit"
)
_KINDS = {
    "curve": (
        "| student | tokens | ln e | p | p < 1e-5 from | distinct pairs: best p | from | with its filter: from |",
        _curve,
    ),
    "keys": ("| student | keys x sets | found | accused wrongly | FDR | ln e true | ln e of best decoy |", _keys),
    "exact": ("| text | decoys | tokens | KS p | p < .05 | p < .01 | mean e | largest ln e |", _exact),
    "twins": (
        "| student | log-probability | against its base | text only, asked once | asked eight times |",
        _twins,
    ),
    "open": ("| student | contexts | ln e | p |", _open),
    "quality": ("| mark | nats per token | sums solved | variety |", _quality),
    "harden": (f"| rung | {_HARDEN} |", _harden),
}
_OVER_SEEDS: dict[str, tuple[str, Callable[[Sequence[Result]], str]]] = {
    "curve": (
        "| what was done | seeds | tokens | ln e | p | p < 1e-5 in | two-sided | sigmas | groups: p | pairs: p |",
        _curves,
    ),
    "harden": (f"| rung | seeds | {_HARDEN} |", _hardened),
}
