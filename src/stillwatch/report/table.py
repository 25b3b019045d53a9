"""Table: a case on a terminal, in 100 columns; colour only where it is one, and `NO_COLOR` is honoured."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from io import StringIO
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from stillwatch.kit.plain import counted, plain
from stillwatch.model.case import GRAVITY, Axis, Case, Cleared, Entry, Evidence, Undecided

WIDTH: Final = 100
SHOWN: Final = 12
"""Entries that are shown in detail; the report has all of them."""
EVIDENCE: Final = {"deception": 7, "intent": 2}
"""Bars that are shown of each axis."""
BAR: Final = 16
BAR_BITS: Final = 24.0
COLOURS: Final = {
    "distillation_campaign": "red", "account_network": "magenta", "grant_exceeded": "yellow", "open_extraction": "cyan",
}  # fmt: skip


def show(case: Case, page: str) -> None:
    """Print a case on stdout.

    Args:
        page: where the report is.
    """
    console = Console(file=sys.stdout, highlight=False)
    if not console.is_terminal:
        sys.stdout.write(text(case, page))
        return
    console.width = min(WIDTH, console.width)
    for part in parts(case, page):
        console.print(part)


def text(case: Case, page: str) -> str:
    """Write a case as plain text."""
    return _plain(parts(case, page))


def _plain(shown: Sequence[RenderableType]) -> str:
    out = StringIO()
    console = Console(file=out, width=WIDTH, highlight=False, color_system=None, force_terminal=False)
    for part in shown:
        console.print(part)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def parts(case: Case, page: str) -> list[RenderableType]:
    """Give the parts of the table in their order."""
    entries = sorted(case.campaigns, key=lambda entry: (-GRAVITY[entry.finding], -entry.exchanges))
    shown: list[RenderableType] = [_traffic(case), ""]
    if entries:
        shown += [_findings(entries), ""]
        for entry in entries[:SHOWN]:
            shown += [_entry(entry), ""]
        if len(entries) > SHOWN:
            shown += [Text(f"and {len(entries) - SHOWN} more findings in the report"), ""]
    else:
        shown += [Text("Nothing was found.", style="bold"), ""]
    shown += _others(case)
    shown.append(_lines([case.error_control.guarantee], style="dim"))
    shown.append(Text.assemble("report: ", (plain(page), "bold")))
    return shown


def _traffic(case: Case) -> RenderableType:
    traffic = case.traffic
    told = f"{traffic.exchanges:,} exchanges of {traffic.accounts:,} accounts"
    if traffic.from_ and traffic.to:
        told += f", {day(traffic.from_)} to {day(traffic.to)}"
    lines = [told]
    counts = [
        f"{count:,} {what}"
        for count, what in ((traffic.rejected, "lines rejected"), (traffic.duplicates, "duplicates left out"))
        if count
    ]
    if counts:
        lines.append(", ".join(counts))
    control = case.error_control
    lines.append(f"{control.groups_examined:,} groups examined, {control.groups_passed:,} of them linked beyond chance")
    return _lines(lines)


def _findings(entries: Sequence[Entry]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", show_edge=False)
    table.add_column("finding", no_wrap=True)
    table.add_column("id", no_wrap=True, overflow="ellipsis", max_width=18)
    for name in ("accounts", "exchanges", "scale", "deception", "intent"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for entry in entries:
        table.add_row(
            Text(name_of(entry.finding), style=COLOURS[entry.finding]), Text(plain(entry.id)),
            f"{len(entry.accounts):,}", f"{entry.exchanges:,}", *(_axis(axis) for axis in axes(entry)),
            Text(_since(entry), style="dim"),
        )  # fmt: skip
    return table


def axes(entry: Entry) -> tuple[Axis, Axis, Axis]:
    """Give the three axes of an entry in their order."""
    return entry.scale, entry.deception, entry.intent


def _axis(axis: Axis) -> Text:
    return Text(f"{axis.bits:.1f}", style="bold" if axis.passed else "dim")


def _since(entry: Entry) -> str:
    if entry.since_previous == "grown":
        return f"grown by {entry.grown_by:,}"
    return entry.since_previous


def _entry(entry: Entry) -> Group:
    head = Text.assemble(
        (plain(entry.id), "bold"), "  ", (name_of(entry.finding), COLOURS[entry.finding]),
        f"  {day(entry.from_)} to {day(entry.to)}",
    )  # fmt: skip
    lines: list[RenderableType] = [head]
    about = [amounts(entry)]
    if entry.part_of:
        about.append(f"part of {plain(entry.part_of)}")
    if entry.merged:
        about.append(f"merged with {', '.join(plain(one) for one in entry.merged)}")
    if entry.split_from:
        about.append(f"split from {plain(entry.split_from)}")
    if entry.grant:
        about.append(f"{entry.beyond_grant or 0:,} exchanges beyond grant {plain(entry.grant)}")
    if entry.targets:
        about.append(f"after {', '.join(entry.targets)}")
    lines += [_indented(line) for line in about]
    lines.append(_evidence([one for axis, most in EVIDENCE.items() for one in _of(entry, axis)[:most]]))
    lines += [_indented(because) for because in entry.deception.because[-1:]]
    for family in [one for one in entry.families if one.template][:2]:
        lines.append(_indented(f"“{plain(family.template, 240)}”", style="italic"))
    return Group(*lines)


def amounts(entry: Entry) -> str:
    """Say how much an entry holds; prompts only where there was content to look at."""
    told = f"{counted(entry.tasks, 'task')}, {entry.output_tokens:,} output tokens"
    return f"{told}, {counted(entry.distinct_prompts, 'distinct prompt')}" if entry.distinct_prompts else told


def _of(entry: Entry, axis: str) -> list[Evidence]:
    return [one for one in entry.evidence if one.axis == axis]


def _evidence(bars: Sequence[Evidence]) -> Padding:
    """Draw the bars, each with its sentence beside it."""
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(width=10, no_wrap=True)
    table.add_column(width=6, justify="right", no_wrap=True)
    table.add_column(width=BAR, no_wrap=True)
    table.add_column()
    for one in bars:
        style = "dim" if not one.counted else "blue" if one.axis == "deception" else "green"
        bits = f"{one.bits:.1f}" if one.counted else f"({one.bits:.1f})"
        drawn = Text(bar(one.bits), style=style)
        table.add_row(Text(plain(one.view, 10)), bits, drawn, Text(plain(one.because, 400), style="dim"))
    return Padding(table, (0, 0, 0, 2), expand=False)


def bar(bits: float) -> str:
    """Draw bits as a bar of eighths."""
    eighths = round(max(0.0, min(bits, BAR_BITS)) / BAR_BITS * BAR * 8)
    return "█" * (eighths // 8) + ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")[eighths % 8]


def _others(case: Case) -> list[RenderableType]:
    shown: list[RenderableType] = []
    if case.cleared:
        shown.append(Text(f"cleared: {len(case.cleared):,}", style="bold"))
        shown += [
            _indented(f"{_size(one)}: {plain(one.explanation)}")
            for one in sorted(case.cleared, key=lambda c: -len(c.accounts))[:SHOWN]
        ]
        shown.append("")
    if case.undecided:
        shown.append(Text(f"undecided: {len(case.undecided):,}", style="bold"))
        shown += [
            _indented(f"{_size(group)}: missing {plain(group.missing, 200)}")
            for group in sorted(case.undecided, key=lambda u: -len(u.accounts))[:SHOWN]
        ]
        shown.append("")
    for grant in case.grants:
        cap = f" of {grant.exchanges:,}" if grant.exchanges else ""
        told = f"grant {plain(grant.id)} ({plain(grant.holder)}): {grant.used + grant.carried:,}{cap} exchanges used"
        shown.append(Text(told))
    return shown


def _size(group: Cleared | Undecided) -> str:
    return f"{counted(len(group.accounts), 'account')}, {counted(group.exchanges, 'exchange')}"


def _indented(line: str, style: str = "") -> Padding:
    return Padding(Text(line, style=style), (0, 0, 0, 2))


def _lines(lines: Sequence[str], style: str = "") -> Text:
    return Text("\n".join(lines), style=style)


def day(when: datetime) -> str:
    """Write a day for a person."""
    return f"{when.day} {when:%b %Y}"


def name_of(finding: str) -> str:
    """Write a finding for a person."""
    return finding.replace("_", " ")
