"""Charts: small drawings for the page, as inline SVG; colours and type come from the page's style."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from markupsafe import Markup, escape

from stillwatch.model.case import Axis, Evidence

BAR_WIDTH: Final = 240.0
BAR_HEIGHT: Final = 14
LINE_WIDTH, LINE_HEIGHT = 900.0, 120.0
COLUMNS: Final = 120
"""Columns of a timeline at the most; more days are drawn together."""


@dataclass(frozen=True, slots=True)
class Step:
    """One bar of a waterfall, with what it stands for."""

    evidence: Evidence
    drawing: Markup


def waterfall(axis: Axis, evidence: Sequence[Evidence], kind: str) -> list[Step]:
    """Draw the bars of an axis.

    Evidence of deception adds up, so each bar begins where the last one ended; evidence of intent is joined and
    not summed, so each begins at nothing. What is told and not counted comes last, hollow. The dashed line is what
    the axis needs to pass.
    """
    summed = kind == "deception"
    evidence = sorted(evidence, key=lambda one: not one.counted)
    ends = [0.0]
    for one in evidence:
        ends.append((ends[-1] if summed else 0.0) + (one.bits if one.counted else 0.0))
    low = min(0.0, *ends)
    high = max(axis.bits, axis.needs, *ends, *(one.bits for one in evidence), 1.0) * 1.04
    scale = BAR_WIDTH / (high - low)
    steps = []
    for number, one in enumerate(evidence):
        begin = ends[number] if summed and one.counted else 0.0
        style = kind if one.counted else f"{kind} aside"
        steps.append(Step(one, _bar(begin - low, begin + one.bits - low, axis.needs - low, scale, style)))
    return steps


def balance(bits: float, most: float, side: str) -> Markup:
    """Draw how much better or worse an explanation does, from the middle to the right or to the left."""
    half = BAR_WIDTH / 2
    reach = half * min(abs(bits) / max(most, 1.0), 1.0)
    x = half if bits >= 0 else half - reach
    return _svg(
        BAR_WIDTH, BAR_HEIGHT,
        Markup('<line class="zero" x1="{0:.1f}" x2="{0:.1f}" y1="0" y2="{1}"/>').format(half, BAR_HEIGHT)
        + Markup('<rect class="{}" x="{:.1f}" y="3" width="{:.1f}" height="8" rx="2"/>').format(side, x, max(reach, 1)),
        "bar",
    )  # fmt: skip


def _bar(begin: float, end: float, needs: float, scale: float, kind: str) -> Markup:
    left, width = min(begin, end) * scale, abs(end - begin) * scale
    drawn = Markup('<line class="track" x1="0" x2="{}" y1="7" y2="7"/>').format(BAR_WIDTH)
    drawn += Markup('<rect class="{}{}" x="{:.1f}" y="2" width="{:.1f}" height="10" rx="2"/>').format(
        kind, " against" if end < begin else "", left, max(width, 1.5)
    )
    if needs > 0:
        drawn += Markup('<line class="needs" x1="{0:.1f}" x2="{0:.1f}" y1="0" y2="{1}"/>').format(
            needs * scale, BAR_HEIGHT
        )
    return _svg(BAR_WIDTH, BAR_HEIGHT, drawn, "bar")


def _svg(width: float, height: float, inside: Markup, style: str) -> Markup:
    return Markup(
        '<svg class="{}" viewBox="0 0 {:g} {:g}" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
        "{}</svg>"
    ).format(style, width, height, inside)


def timeline(own: Mapping[str, int], every: Mapping[str, int]) -> Markup:
    """Draw the exchanges of an entry by the day, against the line of the whole log; each to its own scale."""
    if not own:
        return Markup("")
    days = sorted({*own, *every})
    columns = _columns(days)
    mine = [sum(own.get(day, 0) for day in column) for column in columns]
    log = [sum(every.get(day, 0) for day in column) for column in columns]
    step = LINE_WIDTH / len(columns)
    top = LINE_HEIGHT - 6
    bars = Markup("").join(
        _column(number * step, step, top * count / max(mine), _said(column, count, total))
        for number, (column, count, total) in enumerate(zip(columns, mine, log, strict=True))
        if count
    )
    points = " ".join(
        f"{number * step + step / 2:.1f},{LINE_HEIGHT - top * total / max(*log, 1):.1f}"
        for number, total in enumerate(log)
    )
    label = (
        f"{sum(mine):,} exchanges of this entry from {min(own)} to {max(own)}, at most {max(mine):,} "
        f"{'a day' if len(columns) == len(days) else 'in one column'}; the line is the whole log, at most {max(log):,}"
    )
    return Markup(
        '<svg class="timeline" viewBox="0 0 {:g} {:g}" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<polyline class="log" points="{}"/>{}</svg>'
        '<div class="ends"><span>{}</span><span class="said">{}</span><span>{}</span></div>'
    ).format(LINE_WIDTH, LINE_HEIGHT, escape(label), points, bars, days[0], label, days[-1])


def _column(left: float, step: float, height: float, said: str) -> Markup:
    return Markup(
        '<rect class="own" x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}"><title>{}</title></rect>'
    ).format(left + step * 0.12, LINE_HEIGHT - height, step * 0.76, height, said)


def _columns(days: Sequence[str]) -> list[list[str]]:
    """Put days into columns that stand for equal times; days without any exchange have their place too."""
    first, last = date.fromisoformat(days[0]), date.fromisoformat(days[-1])
    span = (last - first).days + 1
    if span > 40 * COLUMNS:  # a broken clock: leave the gaps out
        size = -(-len(days) // COLUMNS)
        return [list(days[start : start + size]) for start in range(0, len(days), size)]
    width = -(-span // COLUMNS)
    starts = range(0, span, width)
    return [[str(first + timedelta(days=start + step)) for step in range(width)] for start in starts]


def _said(column: Sequence[str], count: int, total: int) -> str:
    when = column[0] if len(column) == 1 else f"{column[0]} to {column[-1]}"
    return f"{when}: {count:,} of {total:,} exchanges"
