"""Open: extraction by one customer in the open, a question of terms and not an attack.

One customer alone has no deception to lean on, and the false-accusation record is worst here: tutors, evaluators and
batch jobs look alike. So much more is asked than of a hidden group: a whole signature (not an edge of one), almost
nobody among the controls who looks as much like it, and a volume that few customers reach. No wording carries it.
"""

from __future__ import annotations

from math import log2
from typing import Final

from stillwatch.judge.intent import Read

WHOLE: Final = 0.9
"""Least score of the signature: all of its ramps at or near their ends."""
RIVALS: Final = 2
"""Control families that may look as much like it."""
LARGE: Final = 1000
"""Exchanges of a stream that is looked at."""
KINDS: Final = ("reasoning", "rationale", "sampling", "languages", "hidden", "rewriting")
"""Kinds that one customer can be named for; grading is what honest evaluators do all day."""


def stands_out(read: Read, controls: int) -> bool:
    """Tell whether a single owner's stream is open extraction, given how many control families there are."""
    enough = read.bits >= log2((controls + 1) / (RIVALS + 1)) - 1e-9
    return read.score >= WHOLE and enough and controls >= 20 and bool(read.kinds) and read.kinds[0] in KINDS
