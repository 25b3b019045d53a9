"""Axes: scale, deception and intent; each passes on its own, and they are never summed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log2
from typing import Final

import numpy as np
import numpy.typing as npt

from stillwatch.judge.intent import Read
from stillwatch.judge.readings import CLAN, HARD, TRAITS, Weighed, best
from stillwatch.model.case import Axis
from stillwatch.model.items import Meeting, deficit_bits

SCALE_BITS: Final = 4.0
"""Bits from which a stream is large: at most one ordinary owner in 16 sends as much."""
SCALE_FLOOR: Final = 200
"""Exchanges below which nothing is large."""
INTENT_BITS: Final = 3.0
"""Bits from which families look like extraction: at most one control family in 8 looks as much like it."""
DIVIDED_BITS: Final = 8.0
"""Bits from which a list that many hands go through, none of them meeting another, is extraction."""
FRAME_BITS: Final = 2.0
"""Bits from which a frame belongs to that list."""
MARGIN_BITS: Final = 3.0
"""Bits by which a hidden reading must beat the best honest one."""
FAMILY_BITS: Final = 8.0
"""The same where relatives could be behind it: a group no larger than they are, tied by cards, machines and telephones
alone. Relatives came up to 6, and most pieces of campaigns beyond (tuning worlds, and report seeds 8200 to 8203)."""
RELATIVES: Final = ("purse", "device", "chained")
"""Keys of the hidden readings that families come close to."""
HARD_SHARE: Final = 0.25
AT_HOME: Final = ("purse", "device")
"""Hard evidence that a household shows too; it counts where it ties more owners than one has."""
HARD_LEAST: Final = 3
"""Members who must show one kind of hard evidence, as a share and as a number."""
PURSES_LEAST: Final = 4
"""Members who share small purses, beside the largest: two more than the household that is in any group by chance."""


def scale(exchanges: int, tasks: int, output_tokens: int, distinct: int, owners: npt.NDArray[np.int64]) -> Axis:
    """Rank a stream's exchanges among what ordinary owners send in all."""
    above = int(np.count_nonzero(owners >= exchanges))
    bits = -log2((above + 1) / (len(owners) + 1))
    return Axis(
        bits=round(bits, 1),
        because=[
            f"{exchanges:,} exchanges in {tasks:,} tasks, {output_tokens:,} output tokens",
            f"{distinct:,} distinct prompts",
            f"{above:,} of {len(owners):,} other owners send as much",
        ],
        passed=bits >= SCALE_BITS and exchanges >= SCALE_FLOOR,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Deception:
    """The axis, and the readings that stand behind it."""

    axis: Axis
    hidden: Weighed
    honest: Weighed
    margin: float
    """Bits by which the hidden reading beats the honest one."""


def deception(
    bits: float, readings: Sequence[Weighed], shares: Mapping[str, float], members: int, vouched: str = ""
) -> Deception:
    """Ask whether a linked group hides it: hard evidence, and a hidden reading that beats every honest one.

    Args:
        bits: of the group's link, as it passed the error control.
        vouched: the peer who told of its template. He found it in no ordinary customer's traffic, so that those who
            share a purse or a machine are no households that happen to use the same public template.
    """
    hidden, honest, beaten = best(readings)
    shown = [
        trait for trait in HARD
        if shares.get(trait, 0.0) >= HARD_SHARE and shares.get(trait, 0.0) * members >= HARD_LEAST - 0.5
    ]  # fmt: skip
    strict = [trait for trait in shown if _beyond_a_home(trait, shares, members)]
    told = strict or (shown if vouched else [])
    hard = [f"{round(shares[trait] * 100)} % of {members} owners {TRAITS[trait]}" for trait in told]
    if hard and not strict:
        hard.append(f"{vouched} found the template in no ordinary customer's traffic, so these are no households")
    family = members <= CLAN and hidden.reading.key in RELATIVES and not vouched
    needed = FAMILY_BITS if family else MARGIN_BITS
    because = [
        *hard,
        f"`{hidden.reading.name}` beats `{honest.reading.name}` by {beaten:.1f} bits"
        + (f", of {needed:.0f} that {'so few must show' if family else 'it must'}" if beaten < needed else "")
        if beaten >= 0
        else f"`{honest.reading.name}` explains it {-beaten:.1f} bits better than `{hidden.reading.name}`",
    ]
    passed = bool(hard) and beaten >= needed
    axis = Axis(bits=round(bits, 1), because=because, passed=passed)
    return Deception(axis=axis, hidden=hidden, honest=honest, margin=beaten)


def _beyond_a_home(trait: str, shares: Mapping[str, float], members: int) -> bool:
    """Tell whether a hard trait ties more owners than a household has."""
    if trait not in AT_HOME or shares.get("block", 1.0) >= HARD_SHARE:
        return True
    return trait == "purse" and _many_purses(shares, members)


def _many_purses(shares: Mapping[str, float], members: int) -> bool:
    """Tell whether one purse after another is shared: one household may be in a group by chance, and not one more."""
    beside = shares.get("purses", 0.0)
    return beside >= HARD_SHARE and beside * members >= PURSES_LEAST - 0.5


def intent(
    reads: Sequence[Read], pool: Read | None = None, whole: Read | None = None, sizes: Sequence[int] | None = None
) -> Axis:
    """Join what a group asks: its families by Simes, its families as one, or its whole traffic.

    Each way of looking costs its share of the false alarms (Bonferroni, weighted): half of them are laid on the
    families, which costs one bit, and half on the other ways.

    Args:
        sizes: exchanges of each family. Simes weighs families by their squares (weights of mean one, as in Benjamini
            and Hochberg 1997): the stream that a pool serves one buyer is the largest beside a hundred small families
            of its other customers, and must not pay for each of them.
    """
    squares = [size * size for size in sizes] if sizes else [1] * len(reads)
    weights = [square * len(reads) / max(sum(squares), 1) for square in squares]
    weighed = [(one.bits + log2(max(weight, 1e-9)), one) for one, weight in zip(reads, weights, strict=True)]
    ordered = sorted(weighed, key=lambda one: -one[0])
    ways = [(bits - log2(len(ordered) / rank), one) for rank, (bits, one) in enumerate(ordered, start=1)]
    best = [max(ways, key=lambda way: way[0])] if ways else []
    best += [(pool.bits, pool)] if pool is not None and len(ordered) > 1 else []
    best += [(whole.bits, whole)] if whole is not None and whole.score > 0 else []
    if not best:
        return Axis(bits=0.0, because=["no family of its own, and nothing in the whole of its traffic"])
    cost = [log2(2 * (len(best) - 1)) if len(best) > 1 else 0.0] * len(best)
    if ways:
        cost[0] = min(1.0, cost[0])
    bits, told = max(
        ((bits - paid, told) for (bits, told), paid in zip(best, cost, strict=True)), key=lambda way: way[0]
    )
    bits = max(0.0, bits)
    return Axis(bits=round(bits, 1), because=[told.because], passed=bits >= INTENT_BITS)


def divided(frames: Sequence[Meeting]) -> Axis:
    """Say that a group goes through one list: its members meet on far fewer items than outsiders in the same frames."""
    met, expected = sum(one.met for one in frames), sum(one.expected for one in frames)
    return Axis(
        bits=round(deficit_bits(met, expected), 1),
        because=[
            "goes through one list of tasks with many hands",
            f"pairs of them met on {met:,.0f} items, and as many outsiders in the same frames on {expected:,.0f}",
        ],
        passed=True,
    )
