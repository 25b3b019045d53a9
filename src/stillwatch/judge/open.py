"""Open: extraction by one customer in the open, a question of terms and not an attack.

One customer alone has no deception to lean on, and the false-accusation record is worst here: tutors, evaluators and
batch jobs look alike. So much more is asked than of a hidden group: a whole signature (not an edge of one), almost
nobody among the controls who looks as much like it, and a volume that few customers reach. No wording carries it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from stillwatch.judge.intent import Read

WHOLE: Final = 0.9
"""Least score of the signature, volume set aside: all of its ramps at or near their ends."""
RIVALS: Final = 2
"""Control families that may look as much like it."""
LARGE: Final = 1000
"""Exchanges of an owner's streams of one kind, taken together."""
KINDS: Final = ("reasoning", "rationale")
"""Kinds that one customer can be named for. Honest evaluators grade all day, honest products rewrite, and some hand out
thousands of worked answers: named by volume and structure alone (`solutions`), one world in forty without a campaign
had a product accused."""
STREAM: Final = 200
"""Exchanges of a stream that is looked at."""
LEAST_CONTROLS: Final = 20
"""Control families without which nobody is named."""


def stands_out(reads: Mapping[int, Read], exchanges: Mapping[int, int], controls: int) -> list[int]:
    """Find the families in which a single owner extracts in the open.

    Args:
        reads: how each of the owner's large streams reads, by family.
        exchanges: of each.
        controls: how many control families there are.
    """
    if controls < LEAST_CONTROLS:
        return []
    best: list[int] = []
    for kind in KINDS:
        alike = [family for family, read in reads.items() if read.alike.get(kind, 0.0) >= WHOLE]
        rare = any(kind in reads[family].kinds and reads[family].rivals[kind] <= RIVALS for family in alike)
        sent = sum(exchanges[family] for family in alike)
        if rare and sent >= LARGE and sent > sum(exchanges[family] for family in best):
            best = alike
    return best
