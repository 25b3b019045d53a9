"""Picture: lines with error bars as SVG, drawn from numbers alone, readable on light and dark pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from math import log10

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 62, 190, 34, 54
COLOURS = ("#1b6ca8", "#c4561b", "#4d8b31", "#7a4fa3", "#8a6d1d", "#666666")
DASHES = ("", "7 4", "2 3", "9 3 2 3", "4 4", "1 3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line: points (x, y), and for each its lowest and highest plausible y where known."""

    name: str
    points: Sequence[tuple[float, float]]
    limits: Sequence[tuple[float, float]] = field(default_factory=tuple)
    joined: bool = True


def chart(
    title: str, across: str, up: str, lines: Sequence[Line], ticks: Sequence[float], *, marks: str = "{:g}",
    logarithmic: bool = False, note: str = "",
) -> str:  # fmt: skip
    """Draw lines; y runs from 0 to 1."""
    low, high = min(ticks), max(ticks)

    def x(value: float) -> float:
        share = (log10(value / low) / log10(high / low)) if logarithmic else (value - low) / (high - low)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return TOP + (1 - value) * (HEIGHT - TOP - BOTTOM)

    middle, half = (LEFT + WIDTH - RIGHT) / 2, (TOP + HEIGHT - BOTTOM) / 2
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
    out = [
        head + 'font-family="system-ui, sans-serif" font-size="12">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        _text(LEFT, 20, title, 'font-size="14" font-weight="600"'),
        *(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(share):.1f}" y2="{y(share):.1f}" stroke="#dddddd"/>'
            + _text(LEFT - 8, y(share) + 4, f"{share:.0%}", 'text-anchor="end"')
            for share in (0, 0.25, 0.5, 0.75, 1)
        ),
        *(_text(x(tick), HEIGHT - BOTTOM + 18, marks.format(tick), 'text-anchor="middle"') for tick in ticks),
        _text(middle, HEIGHT - BOTTOM + 38, across, 'text-anchor="middle"'),
        _text(16, half, up, f'text-anchor="middle" transform="rotate(-90 16 {half:.1f})"'),
    ]
    for number, line in enumerate(lines):
        colour, dash = COLOURS[number % len(COLOURS)], DASHES[number % len(DASHES)]
        for (at, _), (least, most) in zip(line.points, line.limits, strict=False):
            out.append(
                f'<line x1="{x(at):.1f}" x2="{x(at):.1f}" y1="{y(least):.1f}" y2="{y(most):.1f}" '
                f'stroke="{colour}" stroke-opacity="0.45" stroke-width="2"/>'
            )
        if line.joined and len(line.points) > 1:
            path = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in line.points)
            out.append(
                f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>'
            )
        out += [f'<circle cx="{x(at):.1f}" cy="{y(value):.1f}" r="3.2" fill="{colour}"/>' for at, value in line.points]
        row = TOP + 14 + 20 * number
        out.append(
            f'<line x1="{WIDTH - RIGHT + 14}" x2="{WIDTH - RIGHT + 38}" y1="{row}" y2="{row}" stroke="{colour}" '
            f'stroke-width="2" stroke-dasharray="{dash}"/><circle cx="{WIDTH - RIGHT + 26}" cy="{row}" r="3.2" '
            f'fill="{colour}"/>' + _text(WIDTH - RIGHT + 44, row + 4, line.name)
        )
    if note:
        out.append(_text(LEFT, HEIGHT - 4, note, 'font-size="10.5"'))
    return "\n".join([*out, "</svg>", ""])


def _text(across: float, down: float, says: str, how: str = "") -> str:
    return f'<text x="{across:.1f}" y="{down:.1f}" fill="#333333" {how}>{escape(says)}</text>'
