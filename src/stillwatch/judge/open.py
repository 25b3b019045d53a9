"""Open: extraction by one customer in the open, a question of terms and not an attack.

One customer alone has no deception to lean on, and the false-accusation record is worst here: tutors, evaluators and
batch jobs look alike. So much more is asked than of a hidden group: a whole signature (not an edge of one), almost
nobody among the controls who looks as much like it, and a volume that few customers reach. No wording carries it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from stillwatch.judge.intent import Read

WHOLE: Final = 0.9
"""Least score of the signature, volume set aside: all of its ramps at or near their ends."""
RIVALS: Final = 2
"""Control families that may look as much like it."""
LARGE: Final = 1000
"""Exchanges of an owner's streams of one kind, taken together."""
KINDS: Final = ("reasoning", "rationale", "solutions")
"""Kinds that one customer can be named for. Honest evaluators grade all day, and honest products rewrite."""
DRIVEN: Final = ("solutions",)
"""Kinds of which no words tell: they name streams alone that a machine drives, one request right after the other.
Products hand out thousands of worked answers too, but to people, who come when they come."""
STREAM: Final = 200
"""Exchanges of a stream that is looked at."""
LEAST_CONTROLS: Final = 20
"""Control families without which nobody is named."""


def alike(read: Read) -> bool:
    """Tell whether a stream looks like something that one customer can be named for, however little of it."""
    return any(read.alike.get(kind, 0.0) >= WHOLE for kind in KINDS)


def stands_out(
    reads: Mapping[int, Read],
    exchanges: Mapping[int, int],
    controls: int,
    driven: Callable[[Sequence[int]], bool],
) -> list[int]:
    """Find the families in which a single owner extracts in the open.

    Args:
        reads: how each of the owner's large streams reads, by family.
        exchanges: of each.
        controls: how many control families there are.
        driven: tells whether a machine sends what is in some families, one request right after the other.
    """
    if controls < LEAST_CONTROLS:
        return []
    best: list[int] = []
    for kind in KINDS:
        of_kind = [family for family, read in reads.items() if read.alike.get(kind, 0.0) >= WHOLE]
        rare = any(kind in reads[family].kinds and reads[family].rivals[kind] <= RIVALS for family in of_kind)
        sent = sum(exchanges[family] for family in of_kind)
        large = sent >= LARGE and sent > sum(exchanges[family] for family in best)
        if rare and large and (kind not in DRIVEN or driven(of_kind)):
            best = of_kind
    return best
